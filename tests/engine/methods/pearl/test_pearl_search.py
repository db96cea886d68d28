"""PEARL from a dataset of people to answers for others: trained once, searched, explained, changed, damaged."""

from __future__ import annotations

import itertools
import json
import math
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine import experiment
from engine.artifacts import Workspace
from engine.datasets.reader import Dataset
from engine.encoder import Encoder
from engine.errors import InputError, QuintetError
from engine.methods.pearl import learning, method, training
from engine.methods.pearl.config import PearlOptions
from engine.methods.pearl.search import PearlSearcher
from engine.records import DecodedId, Document, Request, Run
from methods.pearl.worlds import QUESTIONS, TAGGED, TEXTS, Place, ids_of, memories, write_store

pytestmark = pytest.mark.integration
EVERYTHING = PearlOptions(beams=100)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    made = Place(tmp_path_factory.mktemp("place"))
    made.train("mine")
    return made


@pytest.fixture(scope="module")
def digits(place: Place) -> str:
    place.train("digits", "build.decoder=digits")
    return "digits"


@pytest.fixture(scope="module")
def tagged(place: Place) -> str:
    place.train("tagged", *TAGGED)
    return "tagged"


@pytest.fixture
def opened(place: Place, request: pytest.FixtureRequest) -> Callable[..., PearlSearcher]:
    """A searcher over the 21 memories of a collection that is this test's alone."""
    name = re.sub(r"\W+", "-", request.node.name)

    def make(model: str = "mine", *settings: str) -> PearlSearcher:
        folder = place.root / name
        return place.opened(place.target(folder if folder.exists() else write_store(folder)), model, *settings)

    return make


def answers(run: Run) -> list[dict[str, float]]:
    return [dict(zip(ids, scores.tolist(), strict=True)) for _, ids, scores in run.lists()]


def assert_same(one: Run, other: Run, atol: float = 1e-5) -> None:
    assert one.requests == other.requests
    for a, b in zip(answers(one), answers(other), strict=True):
        assert list(a) == list(b)
        assert list(a.values()) == pytest.approx(list(b.values()), abs=atol)


# --- trained on some, searched by others


def test_strangers_are_searched_without_training(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any, **__: Any) -> Any:
        raise AssertionError("something is trained")

    monkeypatch.setattr(training, "train_model", refused)
    monkeypatch.setattr(learning, "fit_model", refused)
    chosen = experiment.contestant("pearl", None, ("search.beams=100",), "mine")
    saved = experiment.evaluate(chosen, place.workspace, place.strangers, "dev", metrics=["hit@1", "mrr@100"])
    assert saved.info["model"] == "mine" and saved.info["trained_on"] == "people"
    judged = {j.request for j in place.strangers.judgements("dev")}
    assert len(judged) == 6
    target = experiment.target(place.workspace, place.strangers)
    requests = place.strangers.requests("dev")
    run = place.opened(target, "mine").search(requests, 100, EVERYTHING)
    for i, asked in enumerate(requests):
        own = {document.id for document in target.collection.documents() if document.user == asked.user}
        assert set(run.documents(i)) == own  # as many beams as memories: all of hers, none of others


def test_what_a_model_says_of_itself(place: Place) -> None:
    manifest = place.train("mine")  # is there, and is not trained again
    figures = manifest.outputs["pearl"]
    assert figures["passages"] <= 50 and figures["people"] <= 3 and figures["steps"] > 0
    model = learning.Trained(place.workspace.model("pearl", "mine"))
    assert model.tagger is None and len(model.topics) == len(model.tree.vectors) == figures["nodes"]
    assert not [path for path in model.folder.rglob("*") if path.suffix in (".pkl", ".bin", ".pt")]
    assert not list(model.folder.parent.glob(".*.state"))


@pytest.mark.parametrize("model", ["mine", "digits", "tagged"])
@pytest.mark.parametrize("normalise", ["full", "legal"])
def test_with_beams_for_all_the_list_is_that_of_every_id_scored(
    opened: Callable[..., PearlSearcher], request: pytest.FixtureRequest, model: str, normalise: Any
) -> None:
    if model != "mine":
        request.getfixturevalue(model)
    searcher = opened(model)
    options = PearlOptions(beams=100, normalise=normalise)
    run = searcher.search(QUESTIONS, 100, options)
    for i, asked in enumerate(QUESTIONS):
        live = [d.id for d in searcher.collection.documents() if asked.user in (None, d.user)]
        scored = {}
        for hit in searcher.explain(asked, live, options):
            (why,) = hit.why
            assert isinstance(why, DecodedId)
            scored[hit.document.id] = why.log_probability
        found = answers(run)[i]
        assert found == pytest.approx(scored, abs=1e-4)
        assert all(a >= b for a, b in itertools.pairwise(found.values()))
        total = math.fsum(math.exp(value) for value in scored.values())
        assert not live or total == pytest.approx(1, abs=1e-4) or (normalise == "full" and total < 1)
    assert [len(run.documents(i)) for i in range(5)] == [10, 10, 21, 0, 10]


def test_more_beams_find_no_less(opened: Callable[..., PearlSearcher]) -> None:
    searcher = opened()
    exact = answers(searcher.search(QUESTIONS, 100, EVERYTHING))
    found = [answers(searcher.search(QUESTIONS, 100, PearlOptions(beams=beams))) for beams in (1, 4, 16)]
    for few in found:
        for some, every in zip(few, exact, strict=True):
            assert some == pytest.approx({document: every[document] for document in some}, abs=1e-5)
    assert all(len(a) <= len(b) for one, two in itertools.pairwise(found) for a, b in zip(one, two, strict=True))
    assert max(found[0][0].values()) <= max(exact[0].values()) + 1e-5


# --- why


@pytest.mark.parametrize("normalise", ["full", "legal"])
def test_steps_multiply_to_the_score_and_branches_have_names(
    opened: Callable[..., PearlSearcher], normalise: Any
) -> None:
    searcher = opened()
    asked, options = QUESTIONS[0], PearlOptions(beams=2, normalise=normalise)
    run = searcher.search([asked], 100, options)
    hers = [d.id for d in searcher.collection.documents() if d.user == "ann"]
    hits = searcher.explain(asked, hers, options)
    assert [hit.document.id for hit in hits] == hers
    dropped = 0
    for hit in hits:
        (why,) = hit.why
        assert isinstance(why, DecodedId) and why.beams == 2
        node, digit = ids_of(searcher)[hit.document.id]
        assert why.id == "-".join(map(str, (*searcher.model.tree.docid(node), digit)))
        names = [searcher.model.topics[step] for step in searcher.model.tree.path(node)]
        assert [about for _, about, _ in why.steps] == [*names, ""]
        assert all(0 < p <= 1 for _, _, p in why.steps)
        assert math.fsum(math.log(p) for _, _, p in why.steps) == pytest.approx(hit.score, abs=1e-4)
        assert why.log_probability == pytest.approx(hit.score, abs=1e-4)
        assert why.found == (hit.document.id in run.documents(0))
        dropped += not why.found
        assert ("none of the 2" in why.line) == (not why.found)
    assert 0 < dropped < len(hers)
    assert dict(zip(hers, [hit.score for hit in hits], strict=True)).items() >= answers(run)[0].items()


def test_the_order_of_what_is_explained_is_the_caller_s(opened: Callable[..., PearlSearcher]) -> None:
    searcher = opened()
    hers = [d.id for d in searcher.collection.documents() if d.user == "ann"]
    forth, back = searcher.explain(QUESTIONS[0], hers), searcher.explain(QUESTIONS[0], hers[::-1])
    assert [hit.document.id for hit in back] == hers[::-1]
    assert [hit.score for hit in back[::-1]] == pytest.approx([hit.score for hit in forth], abs=1e-5)
    assert searcher.explain(QUESTIONS[0], []) == []


def test_what_is_another_s_has_no_id_in_this_store(opened: Callable[..., PearlSearcher]) -> None:
    searcher = opened()
    every = [document.id for document in searcher.collection.documents()]
    for asked in QUESTIONS:
        for hit in searcher.explain(asked, every):
            theirs = asked.user in (None, hit.document.user)
            assert bool(hit.why) == theirs and (theirs or hit.score == 0)


# --- what a store is


def test_excluded_memories_are_left_out_and_make_room(opened: Callable[..., PearlSearcher]) -> None:
    searcher = opened()
    every = searcher.search(QUESTIONS[:1], 100, EVERYTHING).documents(0)
    few = PearlOptions(beams=3)
    spared = Request("q1", QUESTIONS[0].text, user="ann", exclude=(every[0], every[4], "unknown"))
    exact = [document for document in every if document not in spared.exclude]
    assert searcher.search([spared], 100, EVERYTHING).documents(0) == exact
    assert len(searcher.search([spared], 100, few).documents(0)) >= 3


def test_what_one_excludes_changes_no_other_answer(opened: Callable[..., PearlSearcher]) -> None:
    searcher = opened()
    few = PearlOptions(beams=1)
    many = Request("many", "boats", user="ann", exclude=tuple(d.id for d in memories("x")))
    alone = searcher.search([QUESTIONS[0]], 100, few)
    beside = searcher.search([many, QUESTIONS[0]], 100, few)
    assert beside.documents(1) == alone.documents(0)


def test_a_store_without_memories_and_a_stranger_find_nothing(opened: Callable[..., PearlSearcher]) -> None:
    searcher = opened()
    searcher.remove([d.id for d in searcher.collection.documents() if d.user == "bob"])
    run = searcher.search(QUESTIONS, 10)
    assert run.documents(1) == run.documents(3) == [] and run.documents(0) and run.documents(4)
    assert searcher.search([], 10).requests == ()
    assert searcher.search([QUESTIONS[3]], 10).documents(0) == []


def test_nobody_in_particular_searches_everything(opened: Callable[..., PearlSearcher]) -> None:
    searcher = opened()
    run = searcher.search([Request("q", "lunch")], 100, EVERYTHING)
    assert sorted(run.documents(0)) == sorted(d.id for d in searcher.collection.documents())
    found = answers(run)[0]
    text = {d.id: d.text for d in searcher.collection.documents()}
    pairs: dict[str, list[float]] = {}
    for document, score in found.items():
        pairs.setdefault(text[document], []).append(score)
    assert all(len(scores) in (1, 2, 4) for scores in pairs.values())
    assert all(scores == pytest.approx([scores[0]] * len(scores), abs=1e-4) for scores in pairs.values())


@pytest.mark.parametrize("beams", [2, 100])
def test_the_order_of_requests_changes_nothing(opened: Callable[..., PearlSearcher], beams: int) -> None:
    searcher, words = opened(), " ".join(TEXTS).split()
    draw = random.Random(0)
    asked = [
        Request(
            f"q{n}", " ".join(draw.choices(words, k=1 + n % 9)), user=("ann", "bob", None, "zoe")[n % 4],
            exclude=tuple(draw.sample([d.id for d in searcher.collection.documents()], n % 3)),
        )
        for n in range(80)
    ]  # fmt: skip
    shuffled = draw.sample(asked, len(asked))
    options = PearlOptions(beams=beams)
    one, other = searcher.search(asked, 10, options), searcher.search(shuffled, 10, options)
    found = dict(zip([r.id for r in shuffled], answers(other), strict=True))
    for request, own in zip(asked, answers(one), strict=True):
        assert list(found[request.id]) == list(own)
        assert found[request.id] == pytest.approx(own, abs=1e-4)


# --- what changes


def test_a_new_memory_leaves_all_other_ids_and_costs_itself_alone(
    opened: Callable[..., PearlSearcher], monkeypatch: pytest.MonkeyPatch
) -> None:
    searcher = opened()
    before, run = ids_of(searcher), searcher.search(QUESTIONS, 100, EVERYTHING)
    encoded: list[str] = []
    encode = Encoder.encode_documents

    def counted(self: Encoder, texts: Any) -> np.ndarray:
        encoded.extend(texts)
        return encode(self, texts)

    monkeypatch.setattr(Encoder, "encode_documents", counted)
    twin = next(d for d in searcher.collection.documents() if d.user == "ann")
    searcher.add([Document("new1", "A picnic with Zoe", "", "ann"), Document("new2", twin.text, "", "ann")])
    assert encoded == ["A picnic with Zoe"]  # the other text is known
    after = ids_of(searcher)
    assert {name: after[name] for name in before} == before
    assert after["new2"][0] == before[twin.id][0] and after["new2"][1] > before[twin.id][1]
    again = searcher.search(QUESTIONS, 100, EVERYTHING)
    assert {"new1", "new2"} <= set(again.documents(0)) and again.documents(1) == run.documents(1)


def test_deleted_memories_are_not_found_and_the_rest_keep_their_ids(opened: Callable[..., PearlSearcher]) -> None:
    searcher = opened()
    before = ids_of(searcher)
    gone = [name for name in before if name.endswith(("ann1", "ann4", "bob0"))]
    searcher.remove(gone)
    run = searcher.search(QUESTIONS, 100, EVERYTHING)
    assert not {document for _, ids, _ in run.lists() for document in ids} & set(gone)
    assert ids_of(searcher) == {name: own for name, own in before.items() if name not in gone}
    assert [len(run.documents(i)) for i in range(5)] == [8, 9, 18, 0, 8]
    hits = searcher.explain(QUESTIONS[0], run.documents(0), EVERYTHING)
    assert [hit.score for hit in hits] == pytest.approx(run.scores_of(0).tolist(), abs=1e-4)


@pytest.mark.parametrize("beams", [3, 100])
def test_compaction_changes_no_answer(opened: Callable[..., PearlSearcher], beams: int) -> None:
    searcher, options = opened(), PearlOptions(beams=beams)
    searcher.add([Document("new1", "A picnic with Zoe", "", "ann"), Document("new2", "A boat for sale", "", "zoe")])
    searcher.remove(["new1", next(name for name in ids_of(searcher) if name.endswith("ann2"))])
    before = searcher.search(QUESTIONS, 100, options)
    assert before.documents(3) == ["new2"]
    searcher.compact()
    assert len(searcher.collection.segments) == 1 and not searcher.collection.deleted.any()
    assert_same(searcher.search(QUESTIONS, 100, options), before)


def test_ids_that_the_model_makes(opened: Callable[..., PearlSearcher], digits: str) -> None:
    for model in ("mine", digits):
        searcher = opened(model, "build.ids=model")
        found, tree = ids_of(searcher), searcher.model.tree
        walked = ids_of(opened(model))
        assert found != walked and found.keys() == walked.keys()
        for user in ("ann", "bob"):
            nodes = [own[0] for name, own in found.items() if user in name]
            assert len(set(nodes)) == len(nodes) == 10  # unique where free: there are more places than memories
            assert all(own[1] == 1 for name, own in found.items() if user in name)
        assert all(node in searcher.model.model.places for node, _ in found.values())
        assert not (tree.ends[tree.parents[[node for node, _ in found.values()]]].any() and model == "mine")
        shutil.rmtree(searcher.target.folder("pearl", "x").parent)
        again = opened(model, "build.ids=model")
        assert ids_of(again) == found  # deterministic
        run = again.search(QUESTIONS, 100, EVERYTHING)
        assert [len(run.documents(i)) for i in range(5)] == [10, 10, 21, 0, 10]
        scores = [hit.score for hit in again.explain(QUESTIONS[0], run.documents(0), EVERYTHING)]
        assert scores == pytest.approx(run.scores_of(0).tolist(), abs=1e-4)
        again.add([Document(f"{model}-new", "A picnic with Zoe", "", "ann")])
        after = ids_of(again)
        assert {name: after[name] for name in found} == found
        again.remove([f"{model}-new"])


# --- models


def test_a_copy_of_a_model_elsewhere_ranks_alike(
    place: Place, opened: Callable[..., PearlSearcher], tmp_path: Path
) -> None:
    searcher = opened()
    run = searcher.search(QUESTIONS, 100, EVERYTHING)
    assert_same(opened().search(QUESTIONS, 100, EVERYTHING), run, atol=0)
    elsewhere = Workspace(tmp_path / "elsewhere")
    shutil.copytree(searcher.model.folder, elsewhere.model("pearl", "copied"))
    folder = write_store(tmp_path / "store", list(searcher.collection.documents()))
    again = place.opened(experiment.target(elsewhere, Dataset(folder)), "copied")
    assert_same(again.search(QUESTIONS, 100, EVERYTHING), run)


def test_the_newest_model_is_taken_where_none_is_named(place: Place, digits: str, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    for name, created in (
        ("old", "2020-01-01T00:00:00"),
        ("new", "2030-01-01T00:00:00"),
        ("mid", "2025-01-01T00:00:00"),
    ):
        folder = workspace.model("pearl", name)
        shutil.copytree(place.workspace.model("pearl", "mine"), folder)
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        (folder / "manifest.json").write_text(json.dumps({**manifest, "created": created}), "utf-8")
    assert learning.newest(workspace) == workspace.model("pearl", "new")
    (workspace.model("pearl", "new") / "topics.json").write_text("[]", "utf-8")  # cut short
    assert learning.newest(workspace) == workspace.model("pearl", "mid")


def test_without_a_model_the_command_is_named(place: Place, tmp_path: Path) -> None:
    empty = experiment.target(Workspace(tmp_path / "empty"), Dataset(write_store(tmp_path / "store")))
    chosen = experiment.contestant("pearl")
    with pytest.raises(InputError, match=r"no model of pearl.*admin train pearl") as absent:
        experiment.open_searcher(chosen, empty)
    assert "\n" not in str(absent.value)
    assert chosen.method.folders(empty, chosen.build) == [] and not method.lives_on(
        empty.workspace, empty.dataset_digest
    )
    assert method.lives_on(place.workspace, place.target(place.root / "people").dataset_digest)
    for unknown in ("yours", "../mine"):
        with pytest.raises(InputError):
            experiment.open_searcher(experiment.contestant("pearl", None, (), unknown), empty)
    there = place.target(write_store(tmp_path / "there"))
    with pytest.raises(InputError, match=r"pearl has no model 'yours'.*There are .*mine"):
        place.opened(there, "yours")


FILES = [  # of a model with either decoder
    "pearl.json", "topics.json", "tree/vectors.npy", "tree/starts.npy", "tree/leaves.npy", "encoder/config.json",
    "encoder/tokenizer.json", "encoder/model.safetensors", "decoder.safetensors", "model/config.json",
    "model/tokenizer.json", "model/model.safetensors",
]  # fmt: skip


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("harm", ["noise", "short", "absent", "empty list"])
def test_a_damaged_model_is_one_line(place: Place, digits: str, tmp_path: Path, name: str, harm: str) -> None:
    workspace = Workspace(tmp_path / "w")
    folder = workspace.model("pearl", "hurt")
    shutil.copytree(place.workspace.model("pearl", digits if name.startswith("model/") else "mine"), folder)
    raw = (folder / name).read_bytes()
    if harm == "absent":
        (folder / name).unlink()
    else:
        bad = {"noise": b"\x07" * len(raw), "short": raw[: len(raw) // 2], "empty list": b"[]" + b" " * (len(raw) - 2)}
        (folder / name).write_bytes(bad[harm])
    target = experiment.target(workspace, Dataset(write_store(tmp_path / "store")))
    with pytest.raises(QuintetError) as error:
        searcher = place.opened(target, "hurt")
        searcher.explain(QUESTIONS[0], searcher.search(QUESTIONS, 10).documents(0))
    assert isinstance(error.value, InputError) and "\n" not in str(error.value) and error.value.remedy


# --- any text


def test_a_tag_that_somebody_wrote_is_none(opened: Callable[..., PearlSearcher], tagged: str) -> None:
    for model in ("mine", tagged):
        searcher = opened(model)
        text = "where is <PER> Maria </PER> of the <TIM>?"
        (read,) = searcher.model.read([text])
        rendered = searcher.model.rendered(read)
        ids = searcher.model.model.tokens([rendered])["input_ids"]
        tags = searcher.model.model.marks.tag_tokens(ids)
        own = sum(1 if kind == "TIM" else 2 for _, _, kind in read.entities or ())
        assert own > 0 or model == "mine"
        assert int(tags.sum()) == own
        asked = [Request("q", text, user="ann")]
        run = searcher.search(asked, 100, EVERYTHING)
        assert len(run.documents(0)) == 10
        searcher.add([Document(f"{model}-tag", "</LOC> <EVT> a party", "", "ann")])
        assert f"{model}-tag" in searcher.search(asked, 100, EVERYTHING).documents(0)
        searcher.remove([f"{model}-tag"])


@pytest.mark.parametrize("model", ["mine", "digits", "tagged"])
def test_any_question_is_answered(
    opened: Callable[..., PearlSearcher], request: pytest.FixtureRequest, model: str
) -> None:
    if model != "mine":
        request.getfixturevalue(model)
    searcher = opened(model)
    searcher.warm()
    texts = [
        "",
        " \t\n",
        "😀🇵🇹👩‍👩‍👧",
        "\x00\u200b\ufffd",
        "boat " * 2000,
        "x" * 20_000,
        "你好，李雷。",
        "</s> [SEP] [CLS]",
    ]
    run = searcher.search([Request(str(n), text, user="ann") for n, text in enumerate(texts)], 100, EVERYTHING)
    for n, text in enumerate(texts):
        assert len(run.documents(n)) == 10 and np.isfinite(run.scores_of(n)).all()
        assert searcher.explain(Request("q", text, user="ann"), run.documents(n)[:2])[0].why


def test_memories_may_be_anything(opened: Callable[..., PearlSearcher]) -> None:
    searcher = opened()
    texts = ["", "😀", "x" * 20_000, "boat " * 5000, "\x00"]
    searcher.add([Document(f"odd{n}", text, "", "ann") for n, text in enumerate(texts)])
    run = searcher.search(QUESTIONS[:1], 100, EVERYTHING)
    assert {f"odd{n}" for n in range(5)} <= set(run.documents(0)) and np.isfinite(run.scores).all()


def test_the_tagger_comes_with_the_model(place: Place, tagged: str) -> None:
    made = learning.Trained(place.workspace.model("pearl", tagged))
    assert made.tagger is not None and made.tagger_digest != "none"
    assert place.workspace.trained("tagger", tagged)
    stamp = (place.workspace.model("tagger", tagged) / "manifest.json").stat().st_mtime_ns
    place.train("tagged", *TAGGED)
    assert (place.workspace.model("tagger", tagged) / "manifest.json").stat().st_mtime_ns == stamp
    shutil.move(place.workspace.model("tagger", tagged), place.root / "aside")
    try:  # a search needs the model's own folder alone
        searcher = place.opened(experiment.target(place.workspace, place.strangers), tagged)
        requests = place.strangers.requests("dev")
        assert len(searcher.search(requests, 5).documents(0)) == 5
    finally:
        shutil.move(place.root / "aside", place.workspace.model("tagger", tagged))
