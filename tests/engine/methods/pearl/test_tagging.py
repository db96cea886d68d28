"""Entities of personal texts: exact offsets, partial labels, a tagger that learns and keeps what it learnt."""

from __future__ import annotations

import itertools
import json
import math
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.datasets.reader import Dataset
from engine.errors import InputError
from engine.methods.pearl import labelled, partial_crf, tagging
from engine.methods.pearl.tagging import Entity, Sentence, Tagger, TaggerConfig
from engine.methods.pearl.word_features import CASE, SHAPE, WINDOW, shapes, windows, without_case, words_of

ROOT = Path(__file__).parents[4]
CONFIG = TaggerConfig(epochs=12, hidden=48, dropout=0.1, lowercase=0.0, batch_size=8, patience=12)
AWKWARD = [
    "Juan , Sofia | @Grill-Masters' Park 7pm :)",
    "Maria Q | conductor | maria@quaysingers.example 😀🇵🇹 é e\u0301",
    "",
    " \t\n",
    "\x00\x01",
    "\u200b\ufe0f\ufffd",
    "x" * 3000 + " Ann",
    "seven words about Ann at the Mill. " * 200,
    "9 " * 700,
    "Où est Zoë ? 你好，李雷。",
]


def sentence(text: str, *surfaces: tuple[str, str]) -> Sentence:
    """A text whose entities are (surface, type), each at its first place."""
    return Sentence(text, tuple(sorted((text.index(s), text.index(s) + len(s), kind) for s, kind in surfaces)))


def forty() -> list[Sentence]:
    made = []
    people, places = ["Ann", "Bear", "Mrs Toft", "Juan", "O'Neil"], ["Old Mill", "Blue Door", "Kiosk", "Harbour"]
    for i, (person, place) in enumerate(itertools.islice(itertools.product(people, places), 20)):
        time, event = ["last May", "7pm", "on Tuesday"][i % 3], ["choir practice", "dentist", "regatta"][i % 3]
        text = f"{event} with {person} | the {place}, {time}"
        made.append(sentence(text, (event, "EVT"), (person, "PER"), (place, "LOC"), (time, "TIM")))
        made.append(sentence(f"what did {person}'s note from the {place} say?", (person, "PER"), (place, "LOC")))
    return made


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Small matrices gain nothing from threads, and lose much beside other processes."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tagger")
    outcome = tagging.train_tagger(forty(), folder / "out", CONFIG, folder / "state", forty())
    assert outcome["types"] == labelled.TYPES and outcome["validation"]["f1"] >= 0.95
    return folder / "out"


@pytest.fixture(scope="module")
def tagger(trained: Path) -> Tagger:
    return Tagger(trained)


def test_forty_sentences_are_learnt_and_kept(tagger: Tagger) -> None:
    scores = tagging.f1(forty(), tagger.tag([s.text for s in forty()]))
    assert min(row["f1"] for row in scores.values()) >= 0.95
    assert scores["micro"]["support"] == sum(len(s.entities or ()) for s in forty()) == 120


def test_the_folder_holds_no_transformer_and_no_pickle(trained: Path) -> None:
    assert sorted(path.name for path in trained.iterdir()) == ["model.safetensors", "tagger.json"]
    assert (trained / "model.safetensors").stat().st_size < 5e6
    card = json.loads((trained / "tagger.json").read_text("utf-8"))
    assert card["types"] == list(labelled.TYPES) and set(card["versions"]) == {"flair", "torch", "transformers"}


def assert_sound(text: str, entities: tuple[Entity, ...]) -> None:
    last = 0
    for start, end, kind in entities:
        assert last <= start < end <= len(text) and kind in labelled.TYPES
        assert text[start:end] == text[start:end].strip()
        last = end


def test_awkward_texts(tagger: Tagger) -> None:
    for text, entities in zip(AWKWARD, tagger.tag(AWKWARD), strict=True):
        assert_sound(text, entities)
    assert tagger.tag([]) == [] and tagger.tag(["", " "]) == [(), ()]


@given(st.lists(st.text(max_size=60), max_size=3))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text(tagger: Tagger, texts: list[str]) -> None:
    found = tagger.tag(texts)
    assert len(found) == len(texts)
    for text, entities in zip(texts, found, strict=True):
        assert_sound(text, entities)
        tagging.tagged(text, entities)
        tagging.verbalised(text, entities)


def test_a_text_is_tagged_alike_whatever_stands_beside_it(tagger: Tagger) -> None:
    texts = [s.text for s in forty()[:6]] + ["", AWKWARD[7]]
    assert tagger.tag(texts) == [tagger.tag([text])[0] for text in texts]


@given(st.text(max_size=400))
@settings(max_examples=100, deadline=None)
def test_words_are_where_they_are(text: str) -> None:
    words = words_of(text)
    assert all(a <= b for (_, a), (b, _) in itertools.pairwise(words))
    assert not any(c.isspace() for start, end in words for c in text[start:end])
    assert [word for window in windows(text, words) for word in window] == words
    assert shapes(text, words).shape == (len(words), SHAPE)


def test_long_texts_are_cut_after_a_sentence() -> None:
    text = "one two three four. " * 100
    pieces = list(windows(text, words_of(text)))
    assert all(len(piece) <= WINDOW for piece in pieces) and len(pieces) == 4
    assert all(text[piece[-1][0]] == "." for piece in pieces)


def test_capitals_can_be_hidden() -> None:
    upper, lower = (shapes(text, words_of(text)) for text in ("Ann met BOB", "ann met bob"))
    assert not torch.equal(upper, lower)
    both = torch.stack([upper, upper])
    hidden = without_case(both, torch.tensor([True, False]))
    assert torch.equal(hidden[0], lower) and torch.equal(hidden[1], upper)
    assert not lower[:, :CASE].any()


# What partial labels teach


def tiny(types: tuple[str, ...], seed: int = 3) -> Tagger:
    return Tagger.untrained(TaggerConfig(hidden=4, dropout=0.0, seed=seed), types)


def brute_force(tagger: Tagger, text: str, possible: torch.Tensor) -> float:
    """The loss by listing every tagging."""
    words = words_of(text)
    scores, _ = tagger.scores(tagger.features.of([text], [words]))
    names, transitions = tagger.network.label_dictionary, tagger.network.crf.transitions
    start, stop = names.get_idx_for_item("<START>"), names.get_idx_for_item("<STOP>")
    sums: dict[bool, list[float]] = {True: [], False: []}
    for tags in itertools.product(range(possible.shape[1]), repeat=len(words)):
        path = (start, *tags)
        total = sum(scores[0, i, path[i + 1], path[i]].item() for i in range(len(tags)))
        total += transitions[stop, tags[-1]].item()
        sums[all(possible[i, tag] for i, tag in enumerate(tags))].append(total)
    inside = torch.tensor(sums[True]).double().logsumexp(0).item()
    return torch.tensor(sums[True] + sums[False]).double().logsumexp(0).item() - inside


@pytest.mark.parametrize("known", [frozenset({"PER"}), frozenset({"PER", "TIM"})])
def test_the_loss_sums_over_the_taggings_that_the_labels_allow(known: frozenset[str]) -> None:
    tagger = tiny(("PER", "TIM"))
    tagger.network.eval()
    text, words = "Ann left now", words_of("Ann left now")
    masks = partial_crf.allowed(words, [(0, 3, "PER")], known, tagger.types)
    with torch.no_grad():
        scores, lengths = tagger.scores(tagger.features.of([text], [words]))
        ours = partial_crf.loss(tagger.network, scores, lengths, masks[None]).item()
        assert math.isclose(ours, brute_force(tagger, text, masks), rel_tol=1e-4, abs_tol=1e-3)


def test_what_nobody_looked_for_is_not_taught_as_nothing() -> None:
    words = words_of("Ann left at seven")
    tags = partial_crf.tags_of(("PER", "TIM"))
    masks = partial_crf.allowed(words, [(0, 3, "PER")], frozenset({"PER"}), ("PER", "TIM"))
    assert [tag for tag, may in zip(tags, masks[0], strict=True) if may] == ["S-PER"]
    for row in masks[1:]:  # any time, but no person
        assert [tag for tag, may in zip(tags, row, strict=True) if may] == ["O", "S-TIM", "B-TIM", "E-TIM", "I-TIM"]
    everything = partial_crf.allowed(words, [(0, 3, "PER"), (9, 17, "TIM")], frozenset(("PER", "TIM")), ("PER", "TIM"))
    assert everything.sum(1).tolist() == [1, 1, 1, 1]
    assert [tags[row.int().argmax()] for row in everything] == ["S-PER", "O", "B-TIM", "E-TIM"]


def test_padding_changes_no_loss() -> None:
    tagger = tiny(("PER",))
    tagger.network.eval()
    texts = ["Ann was not at home today", "Ann left"]
    words = [words_of(text) for text in texts]
    masks = [partial_crf.allowed(w, [(0, 3, "PER")], frozenset({"PER"}), ("PER",)) for w in words]
    with torch.no_grad():
        features = tagger.features.of(texts, words)
        padded = torch.nn.utils.rnn.pad_sequence(masks, batch_first=True, padding_value=True)
        together = partial_crf.loss(tagger.network, *tagger.scores(features), padded).item()
        alone = [
            partial_crf.loss(tagger.network, *tagger.scores([f]), m[None]).item()
            for f, m in zip(features, masks, strict=True)
        ]
    assert math.isclose(together, sum(alone), rel_tol=1e-4)


def test_partial_labels_leave_other_types_alone(tmp_path: Path) -> None:
    """Half of the texts know persons only; times are still found in texts like theirs."""
    full = forty()
    half = [
        Sentence(s.text, tuple(e for e in s.entities or () if e[2] == "PER"), frozenset({"PER"})) if i % 4 == 2 else s
        for i, s in enumerate(full)
    ]
    tagging.train_tagger(half, tmp_path / "out", CONFIG, tmp_path / "state", full)
    scores = tagging.f1(full, Tagger(tmp_path / "out").tag([s.text for s in full]))
    assert scores["TIM"]["f1"] >= 0.95 and scores["LOC"]["recall"] >= 0.9


def test_a_tagger_knows_the_types_that_its_texts_know(tmp_path: Path) -> None:
    known = frozenset({"PER"})
    people = [Sentence(s.text, tuple(e for e in s.entities or () if e[2] == "PER"), known) for s in forty()]
    quick = CONFIG.model_copy(update={"epochs": 1})
    assert tagging.train_tagger(people, tmp_path / "out", quick, tmp_path / "state")["types"] == ("PER",)
    assert Tagger(tmp_path / "out").types == ("PER",)


# Kept, resumed, damaged


def test_the_same_seed_gives_the_same_weights(tmp_path: Path) -> None:
    quick = CONFIG.model_copy(update={"epochs": 2, "lowercase": 0.5})
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        config = quick.model_copy(update={"seed": seed})
        torch.rand(len(name) * ord(name))  # whatever was drawn before
        tagging.train_tagger(forty()[:12], tmp_path / name, config, tmp_path / f"{name}.state", forty()[:4])
    weights = [(tmp_path / name / "model.safetensors").read_bytes() for name in "abc"]
    assert weights[0] == weights[1] != weights[2]


def test_a_killed_run_goes_on_to_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.methods.pearl import tagger_training

    quick = CONFIG.model_copy(update={"epochs": 3, "lowercase": 0.5, "dropout": 0.3})
    tagging.train_tagger(forty()[:20], tmp_path / "whole", quick, tmp_path / "whole.state", forty()[:6])
    judge, judged = tagger_training.Trained._judge, itertools.count()

    def killed(trained: tagger_training.Trained) -> dict[str, float]:
        if next(judged) == 2:
            raise KeyboardInterrupt
        return judge(trained)

    monkeypatch.setattr(tagger_training.Trained, "_judge", killed)
    with pytest.raises(KeyboardInterrupt):
        tagging.train_tagger(forty()[:20], tmp_path / "out", quick, tmp_path / "state", forty()[:6])
    monkeypatch.setattr(tagger_training.Trained, "_judge", judge)
    assert list((tmp_path / "state").glob("checkpoint-*"))
    tagging.train_tagger(forty()[:20], tmp_path / "out", quick, tmp_path / "state", forty()[:6])
    names = ("out", "whole")
    assert len({(tmp_path / name / "model.safetensors").read_bytes() for name in names}) == 1


def test_a_fine_tuned_tagger_brings_its_transformer(tmp_path: Path) -> None:
    config = TaggerConfig(fine_tune=True, epochs=1, learning_rate=1e-4, batch_size=8)
    tagging.train_tagger(forty()[:8], tmp_path / "out", config, tmp_path / "state", forty()[:8])
    assert (tmp_path / "out" / "transformer" / "model.safetensors").exists()
    texts = [s.text for s in forty()[:4]]
    before = Tagger(tmp_path / "out").tag(texts)
    shutil.move(tmp_path / "out", tmp_path / "moved")
    assert Tagger(tmp_path / "moved").tag(texts) == before
    (tmp_path / "moved" / "transformer" / "config.json").write_text("{}", "utf-8")
    with pytest.raises(InputError, match="Train the tagger again"):
        Tagger(tmp_path / "moved")


@pytest.mark.parametrize("damage", ["card", "cut", "weights", "types", "config", "nothing"])
def test_a_damaged_folder_is_one_line(trained: Path, tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "tagger"
    shutil.copytree(trained, folder)
    card = json.loads((folder / "tagger.json").read_text("utf-8"))
    if damage == "card":
        (folder / "tagger.json").write_text("{", "utf-8")
    elif damage == "cut":
        whole = (folder / "model.safetensors").read_bytes()
        (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    elif damage == "weights":
        (folder / "model.safetensors").unlink()
    elif damage == "types":
        (folder / "tagger.json").write_text(json.dumps({**card, "types": ["PER"]}), "utf-8")
    elif damage == "config":
        (folder / "tagger.json").write_text(json.dumps({**card, "config": {"layer": 1}}), "utf-8")
    else:
        shutil.rmtree(folder)
    with pytest.raises(InputError) as told:
        Tagger(folder)
    assert "\n" not in str(told.value) and "Train the tagger again" in str(told.value)


def test_another_transformer_is_refused(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained, tmp_path / "tagger")
    card = json.loads((trained / "tagger.json").read_text("utf-8"))
    (tmp_path / "tagger" / "tagger.json").write_text(json.dumps({**card, "transformer": "0" * 64}), "utf-8")
    with pytest.raises(InputError, match="trained over another 'minilm'"):
        Tagger(tmp_path / "tagger")


def test_one_tagger_a_process_until_its_files_change(trained: Path, tmp_path: Path) -> None:
    shutil.copytree(trained, tmp_path / "tagger")
    first = tagging.shared_tagger(tmp_path / "tagger")
    assert tagging.shared_tagger(tmp_path / "tagger") is first
    (tmp_path / "tagger" / "tagger.json").touch()
    assert tagging.shared_tagger(tmp_path / "tagger") is not first
    with pytest.raises(InputError, match="there is no tagger here"):
        tagging.shared_tagger(tmp_path / "none")


def test_nothing_labelled_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no text is labelled"):
        tagging.train_tagger([Sentence("Ann", None)], tmp_path / "out", CONFIG, tmp_path / "state")


# Labelled texts


def test_f1_by_hand() -> None:
    gold = [
        Sentence("Ann at the Mill", ((0, 3, "PER"), (11, 15, "LOC"))),
        Sentence("Bob in May", ((0, 3, "PER"), (7, 10, "TIM")), frozenset({"PER"})),  # TIM is not judged
        Sentence("Cleo", None),  # nor is this
    ]
    predicted = [[(0, 3, "PER"), (7, 15, "LOC")], [(0, 3, "LOC"), (7, 10, "TIM")], [(0, 4, "PER")]]
    scores = tagging.f1(gold, predicted)
    assert scores["PER"] == {"precision": 1.0, "recall": 0.5, "f1": 2 / 3, "support": 2}
    assert scores["LOC"] == {
        "precision": 0.0,
        "recall": 0.0,
        "f1": 0.0,
        "support": 1,
    }  # the end was right, not the span
    assert scores["TIM"]["support"] == scores["EVT"]["support"] == 0
    assert scores["micro"]["precision"] == 1 / 2 and scores["micro"]["recall"] == 1 / 3


def test_conll_as_running_text(tmp_path: Path) -> None:
    file = tmp_path / "some.conll"
    rows = "@ann\tO\nsaw\tO\nJohn\tB-person\nLee\tI-person\n,\tO\n"
    rows += "Bob\tB-person\n's\tO\nNew\tB-location\nYork\tI-location\n"
    rows += "(\tO\nUSA\tB-location\n)\tO\nApple\tB-corporation\n\n\nhi\tO\n.\tO\n"
    file.write_text(rows, "utf-8")
    first, second = tagging.read_conll(file)
    assert first.text == "@ann saw John Lee, Bob's New York (USA) Apple" and second.text == "hi."
    assert [(first.text[s:e], kind) for s, e, kind in first.entities or ()] == [
        ("John Lee", "PER"), ("Bob", "PER"), ("New York", "LOC"), ("USA", "LOC"),
    ]  # fmt: skip
    assert first.known == {"PER", "LOC"}
    file.write_text("word without a tag\n", "utf-8")
    with pytest.raises(InputError, match=r"some\.conll:1"):
        tagging.read_conll(file)
    with pytest.raises(InputError, match="not readable"):
        tagging.read_conll(tmp_path / "none.conll")


def test_wnut_is_read_whole(collection: Callable[[str], Path]) -> None:
    folder = collection("ner_wnut17")
    for name, count in (("train", 3394), ("dev", 1009), ("test", 1287)):
        sentences = tagging.read_conll(folder / f"{name}.conll")
        assert len(sentences) == count
        tags = (folder / f"{name}.conll").read_text("utf-8").count("\tB-person\n")
        assert sum(kind == "PER" for s in sentences for _, _, kind in s.entities or ()) == tags
        for s in sentences:
            assert_sound(s.text, s.entities or ())


def test_the_bundled_lives_have_hand_labels() -> None:
    dataset = Dataset(ROOT / "data" / "lives")
    sentences = tagging.of_dataset(dataset)
    assert len(sentences) == 735 + 417 and all(s.entities is not None for s in sentences)
    cut = [
        (s.text, s.text[a:b])
        for s in sentences
        for a, b, _ in s.entities or ()
        if not {a, b} <= {x for word in words_of(s.text) for x in word}
    ]
    assert len(cut) <= 4  # lolos, Aunties, Iness: a plural's s outside of the name
    assert len(tagging.of_dataset(dataset, "test")) == 297 * 2


@pytest.mark.parametrize("entities", [[[0, 9, "PER"]], [[0, 2, "PER"], [1, 3, "PER"]], [[0, 1, "DOG"]], "x", [[0, 1]]])
def test_entities_that_are_none(world: Path, entities: object) -> None:
    row = {"_id": "q9", "user": "ann", "text": "Ann", "entities": entities}
    with (world / "queries.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
    with pytest.raises(InputError, match="query q9"):
        tagging.of_dataset(Dataset(world))


# Written out


def test_tagged_and_verbalised() -> None:
    text = "Ann, (Ann's) dinner at O'Neil's @ 7pm. Ann!"
    entities = [(0, 3, "PER"), (6, 9, "PER"), (13, 19, "EVT"), (23, 29, "LOC"), (34, 37, "TIM"), (39, 42, "PER")]
    assert tagging.tagged(text, entities) == (
        "<PER> Ann </PER>, (<PER> Ann </PER>'s) <EVT> dinner </EVT> at <LOC> O'Neil </LOC>'s @ <TIM>. <PER> Ann </PER>!"
    )
    assert "@ <TIM> 7pm </TIM>." in tagging.tagged(text, entities, mask_time=False)
    assert tagging.verbalised(text, entities) == (
        "[Ann is person], ([Ann is person]'s) [dinner is event] at [O'Neil is location]'s @ [7pm is time]. "
        "[Ann is person]!"
    )
    assert tagging.tagged(text, []) == tagging.verbalised(text, reversed([])) == text
    assert tagging.tagged(text, reversed(entities)) == tagging.tagged(text, entities)
    with pytest.raises(ValueError, match="overlap"):
        tagging.tagged(text, [(0, 3, "PER"), (2, 4, "LOC")])
