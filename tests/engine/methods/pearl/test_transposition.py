"""Pairs with two entities exchanged: what is exchanged, by whose attention, and that nothing else changes."""

from __future__ import annotations

import json
import random
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.encoder import find_model
from engine.errors import InputError
from engine.methods.pearl import labelled
from engine.methods.pearl.labelled import Sentence, tagged
from engine.methods.pearl.transposition import TYPES, CrossAttention, Transposed, masses, swapped, transposed
from methods.pearl.texts import sentence

SURFACES = ["Ann", "Bob", "O'Neil", "Mrs. Toft", "the Old Mill", "A", "São Paulo", "7pm", "(x)", "李雷", "Ann"]
GLUE = ["", " ", ", ", "'s ", " met ", " (", ") ", "! Ann ", " Annabel "]
PAIRS = [
    (
        sentence("what did Ann say at the Mill?", ("Ann", "PER"), ("Mill", "LOC")),
        sentence("Bob, Cleo at the Kiosk, May", ("Bob", "PER"), ("Cleo", "PER"), ("Kiosk", "LOC"), ("May", "TIM")),
    ),
    (
        sentence("when is the regatta with Mrs Toft in May?", ("regatta", "EVT"), ("Mrs Toft", "PER"), ("May", "TIM")),
        sentence("dentist; Ann in the harbour, then 7pm", ("dentist", "EVT"), ("Ann", "PER"), ("7pm", "TIM")),
    ),
    (sentence("in May?", ("May", "TIM")), sentence("May, Bob", ("May", "TIM"), ("Bob", "PER"))),  # no typed match
    (sentence("Ann?", ("Ann", "PER")), sentence("x " * 30 + "Bob", ("Bob", "PER"))),
    (sentence("Ann?", ("Ann", "PER")), Sentence("nobody has labelled Bob", None)),
    (sentence("Ann?", ("Ann", "PER")), sentence("")),
    (sentence("who is this"), sentence("Bob", ("Bob", "PER"))),
]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random BERT with a head of one output; its attention is far from uniform."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    folder = tmp_path_factory.mktemp("tiny")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "ann", "mill", "kiosk", "##gatta", "re", "mrs", "toft", "'"]
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    words += [*letters, *(f"##{letter}" for letter in letters), *"?,.;()<>/!"]
    (folder / "vocab.txt").write_text("\n".join(dict.fromkeys(words)), "utf-8")
    BertTokenizerFast(str(folder / "vocab.txt"), padding_side="left").save_pretrained(folder)
    torch.manual_seed(3)
    config = BertConfig(
        vocab_size=len(words), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=256, initializer_range=0.6, num_labels=1,
    )  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def reader(tiny: Path) -> CrossAttention:
    return CrossAttention(tiny)


class Fixed(CrossAttention):
    """Masses that a test has written down."""

    def __init__(self, *rows: object) -> None:
        self.rows = [np.array(mass, dtype=np.float64) for mass in rows]

    def masses(self, pairs: object) -> list[np.ndarray]:
        return self.rows


def some(rng: random.Random) -> Sentence:
    """Up to five entities among glue, at the very start and end too, touching each other and punctuation."""
    text, entities = rng.choice(GLUE), list[tuple[int, int, str]]()
    for _ in range(rng.randint(0, 5)):
        surface = rng.choice(SURFACES)
        entities.append((len(text), len(text) + len(surface), rng.choice(labelled.TYPES)))
        text += surface + rng.choice(GLUE)
    return Sentence(text, tuple(entities), frozenset(labelled.TYPES))


def surfaces(some: Sentence) -> list[tuple[str, str]]:
    return [(some.text[start:end], kind) for start, end, kind in some.entities or ()]


def balanced(some: Sentence) -> bool:
    """Whether each opening tag is followed by its own closing one, and no other."""
    tags = re.findall(r"</?(?:PER|LOC|EVT)>", tagged(some.text, some.entities or ()))
    kinds = [kind for _, _, kind in some.entities or () if kind != "TIM"]
    return tags == [tag for kind in kinds for tag in (f"<{kind}>", f"</{kind}>")]


@pytest.mark.parametrize("seed", range(40))
def test_swapping_is_an_involution_and_touches_nothing_else(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(10):
        question, memory = some(rng), some(rng)
        for s, (mine, kind) in enumerate(surfaces(question)):
            for t, (other, other_kind) in enumerate(surfaces(memory)):
                if kind != other_kind or kind not in TYPES:
                    with pytest.raises(ValueError, match="cannot change places"):
                        swapped(question, memory, s, t)
                    continue
                made = swapped(question, memory, s, t)
                for new, old, number, surface in ((made.question, question, s, other), (made.memory, memory, t, mine)):
                    expected = surfaces(old)
                    expected[number] = (surface, kind)
                    assert surfaces(new) == expected
                    assert gaps(new) == gaps(old) and new.known == old.known and balanced(new)
                assert swapped(made.question, made.memory, s, t) == Transposed(question, memory)


def gaps(some: Sentence) -> list[str]:
    """What stands between the entities."""
    ends = [0, *(end for _, end, _ in some.entities or ())]
    starts = [*(start for start, _, _ in some.entities or ()), len(some.text)]
    return [some.text[end:start] for end, start in zip(ends, starts, strict=True)]


def test_an_entity_that_is_not_there() -> None:
    ann = sentence("Ann", ("Ann", "PER"))
    for question, memory in ((ann, Sentence("Bob", None)), (sentence("Bob"), ann)):
        with pytest.raises(IndexError):
            swapped(question, memory, 0, 0)


def test_defect_12_punctuation_and_repeats() -> None:
    """A surface is exchanged where it is marked, not wherever its letters occur."""
    question = Sentence("Ann, (Ann's) dinner? Annabel!", ((6, 9, "PER"),))
    memory = Sentence("Bob@Bob: Bob's.", ((4, 7, "PER"), (9, 12, "PER")))
    made = swapped(question, memory, 0, 1)
    assert made.question == Sentence("Ann, (Bob's) dinner? Annabel!", ((6, 9, "PER"),))
    assert made.memory == Sentence("Bob@Bob: Ann's.", ((4, 7, "PER"), (9, 12, "PER")))
    longer = swapped(Sentence("Mrs. Toft?", ((0, 9, "PER"),)), memory, 0, 0)
    assert longer.question == Sentence("Bob?", ((0, 3, "PER"),))
    assert longer.memory == Sentence("Bob@Mrs. Toft: Bob's.", ((4, 13, "PER"), (15, 18, "PER")))
    assert tagged(longer.memory.text, longer.memory.entities or ()) == (
        "Bob@<PER> Mrs. Toft </PER>: <PER> Bob </PER>'s."
    )


def test_masses_by_hand() -> None:
    attention = np.array(
        [
            [0.1, 0.2, 0.3, 0.4],
            [0.5, 0.1, 0.25, 0.15],
            [0.0, 0.9, 0.05, 0.05],
            [0.7, 0.1, 0.1, 0.1],
        ]
    )
    found = masses(attention, [[0], [0, 1], []], [[2], [2, 3], [3]])
    np.testing.assert_allclose(
        found,
        [
            [0.3, 0.7, 0.4],  # piece 0 to 2, to both, to 3: rows attend, not columns
            [0.55, 1.1, 0.55],  # a raw sum: 0.3 + 0.25, then 0.7 + 0.4
            [0.0, 0.0, 0.0],  # a span that was not read
        ],
    )
    assert masses(attention, [], [[1]]).shape == (0, 1) and masses(attention, [[1]], []).shape == (1, 0)


def test_each_entity_of_the_question_has_its_own_copy_from_the_threshold_on() -> None:
    question, memory = PAIRS[0]  # Ann, Mill; Bob, Cleo, Kiosk, May
    mass = [[0.05, 0.07, 0, 0], [0, 0, 0.06, 0]]
    by_person = swapped(question, memory, 0, 1)  # Cleo: more than Bob
    by_place = swapped(question, memory, 1, 2)
    assert by_person.question.text == "what did Cleo say at the Mill?"
    assert by_person.memory.text == "Bob, Ann at the Kiosk, May"
    assert transposed([PAIRS[0]], Fixed(mass)) == [[by_person, by_place]]
    assert transposed([PAIRS[0]], Fixed(mass), 0.07) == [[by_person]]  # at least
    assert transposed([PAIRS[0]], Fixed(mass), 0.0701) == [[]]
    tie = [[0.07, 0.07, 0, 0], [0, 0, 0, 0]]  # and a place that was not read
    assert transposed([PAIRS[0]], Fixed(tie), 0) == [[swapped(question, memory, 0, 0)]]


def test_equal_surfaces_make_no_pair() -> None:
    pair = sentence("Ann?", ("Ann", "PER")), sentence("Ann, Bob", ("Ann", "PER"), ("Bob", "PER"))
    assert transposed([pair], Fixed([[0.5, 0.4]])) == [[]]  # nor with the second best
    assert len(transposed([pair], Fixed([[0.4, 0.5]]))[0]) == 1


@pytest.mark.parametrize("model", ["tiny", "minilm"])
def test_the_same_as_from_the_model_itself(tiny: Path, model: str) -> None:
    """Each pair alone, without padding; pieces found character by character."""
    from transformers import AutoModel, AutoTokenizer

    path = str(tiny if model == "tiny" else find_model("minilm"))
    network: Any = AutoModel.from_pretrained(path, attn_implementation="eager").eval()
    tokenizer = AutoTokenizer.from_pretrained(path)
    found = CrossAttention(tiny if model == "tiny" else "minilm").masses(PAIRS)
    positive = 0
    for (question, memory), mass in zip(PAIRS, found, strict=True):
        encoded = tokenizer(question.text, memory.text, return_tensors="pt")
        attentions = network(**encoded, output_attentions=True).attentions
        attention = attentions[1 if model == "tiny" else 5].detach()
        mean = sum(attention[0, head] for head in range(attention.shape[1])) / attention.shape[1]
        assert mass.shape == (len(question.entities or ()), len(memory.entities or ()))
        for s, (start, end, kind) in enumerate(question.entities or ()):
            for t, (other_start, other_end, other_kind) in enumerate(memory.entities or ()):
                rows = {encoded.char_to_token(0, c, 0) for c in range(start, end)} - {None}
                columns = {encoded.char_to_token(0, c, 1) for c in range(other_start, other_end)} - {None}
                total = sum(float(mean[i, j]) for i in rows for j in columns)
                typed = kind == other_kind and kind != "TIM"
                assert mass[s, t] == pytest.approx(total if typed else 0, abs=1e-6)
                positive += mass[s, t] > 0
    assert positive == 6


def test_only_one_type_and_never_a_time(reader: CrossAttention) -> None:
    text, other = "Ann Mill re 7", "Bob Kiosk fete 8"
    kinds = ("PER", "LOC", "EVT", "TIM")
    question = sentence(text, *zip(text.split(), kinds, strict=True))
    memory = sentence(other, *zip(other.split(), kinds, strict=True))
    np.testing.assert_array_equal(reader.masses([(question, memory)])[0] > 0, np.diag([True, True, True, False]))
    made = transposed([(question, memory)], reader, 0)[0]
    assert [(m.question.text, m.memory.text) for m in made] == [
        ("Bob Mill re 7", "Ann Kiosk fete 8"),
        ("Ann Kiosk re 7", "Bob Mill fete 8"),
        ("Ann Mill fete 7", "Bob Kiosk re 8"),
    ]


def test_no_typed_match_no_pair(reader: CrossAttention) -> None:
    assert transposed([PAIRS[2], *PAIRS[4:]], reader, 0) == [[], [], [], []]
    assert transposed([], reader) == [] and reader.masses([]) == []


def test_padding_and_company_change_nothing(reader: CrossAttention) -> None:
    pairs = PAIRS * 12  # more than a batch
    together = reader.masses(pairs)
    order = random.Random(1).sample(range(len(pairs)), len(pairs))
    for number, shuffled in zip(order, reader.masses([pairs[number] for number in order]), strict=True):
        np.testing.assert_allclose(together[number], shuffled, atol=1e-5)
    for pair, mass in zip(PAIRS, together[: len(PAIRS)], strict=True):
        np.testing.assert_allclose(reader.masses([pair])[0], mass, atol=1e-5)


def test_what_was_cut_off_has_no_mass(tiny: Path) -> None:
    question = sentence("Ann?", ("Ann", "PER"))
    memory = sentence("Bob " + "x " * 30 + "Cleo", ("Bob", "PER"), ("Cleo", "PER"))
    short, whole = (CrossAttention(tiny, length).masses([(question, memory)])[0] for length in (16, 128))
    assert short[0, 0] > 0 and short[0, 1] == 0 and (whole > 0).all()
    late = sentence("x " * 30 + "Ann", ("Ann", "PER")), sentence("Bob", ("Bob", "PER"))
    assert transposed([late], CrossAttention(tiny, 16), 0) == [[]]
    assert len(transposed([late], CrossAttention(tiny), 0)[0]) == 1


def test_defect_11_no_tags_are_read(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The published code shows the cross-encoder tags whose embeddings are random; here it reads the texts alone."""
    reader = CrossAttention(tiny)
    network, tokenizer = reader._model, reader._tokenizer
    sizes = json.loads((tiny / "config.json").read_text("utf-8"))
    assert len(tokenizer) <= network.get_input_embeddings().num_embeddings == sizes["vocab_size"]  # none was added
    read: list[Any] = []
    forward = network.forward

    def spy(**features: Any) -> Any:
        read.append(features["input_ids"])
        return forward(**features)

    monkeypatch.setattr(network, "forward", spy)
    question, memory = PAIRS[1]
    mass = reader.masses([(question, memory)])[0]
    assert read[0].tolist() == [tokenizer(question.text, memory.text)["input_ids"]]
    # What is labelled beside a span, a time too, does not change what is read.
    alone = only(question, 0), only(memory, 0)
    np.testing.assert_array_equal(reader.masses([alone])[0], mass[:1, :1])


def only(some: Sentence, *kept: int) -> Sentence:
    return Sentence(some.text, tuple((some.entities or ())[number] for number in kept))


def test_the_transformer_inside_a_sentence_transformers_folder(
    tiny: Path, reader: CrossAttention, tmp_path: Path
) -> None:
    shutil.copytree(tiny, tmp_path / "0_Transformer")
    (tmp_path / "modules.json").write_text('[{"path": "0_Transformer"}, {"path": "1_Pooling"}]', "utf-8")
    np.testing.assert_array_equal(
        CrossAttention(tmp_path).masses(PAIRS[:1])[0],
        reader.masses(PAIRS[:1])[0],
    )


def test_the_bundled_encoder_finds_pairs() -> None:
    made = transposed(PAIRS, CrossAttention("minilm"), 1e-4)
    assert [len(some) for some in made] == [2, 2, 0, 1, 0, 0, 0]


@pytest.mark.parametrize("damage", ["config", "cut", "weights", "absent", "decoder"])
def test_a_model_that_cannot_be_read_is_one_line(tiny: Path, tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny, folder)
    weights = folder / "model.safetensors"
    if damage == "config":
        (folder / "config.json").write_text("{}", "utf-8")
    elif damage == "cut":
        weights.write_bytes(weights.read_bytes()[:1000])
    elif damage == "weights":
        from safetensors.torch import load_file, save_file

        kept = {name: value for name, value in load_file(weights).items() if "layer.1." not in name}
        save_file(kept, weights, {"format": "pt"})
    elif damage == "decoder":
        config = json.loads((folder / "config.json").read_text("utf-8"))
        (folder / "config.json").write_text(json.dumps({**config, "is_decoder": True}), "utf-8")
    else:
        shutil.rmtree(folder)
    with pytest.raises(InputError) as told:
        CrossAttention(folder)
    assert "\n" not in str(told.value) and "Name a" in str(told.value)
    expected = {"weights": "more weights are not in it", "decoder": "does not see"}.get(damage, "")
    assert expected in str(told.value)
