"""Both decoders beside every id's probability, written out from the definitions; and what must change nothing."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from engine.errors import InputError
from engine.index.beam import beam_search
from engine.methods.pearl.digit_decoder import LARGEST, DigitModel
from engine.methods.pearl.docids import DocidTree
from engine.methods.pearl.forest import Forest
from engine.methods.pearl.model import DECODER, PearlModel, TreeModel
from methods.pearl.plots import Plot, digit_steps, grown, ranked
from methods.pearl.tiny_backbones import HIDDEN, TEXTS, save_bert, save_t5

KINDS = ["tree", "narrow tree", "tree on T5", "T5", "encoder only", "bytes"]
LENGTH = 48


@pytest.fixture(scope="module")
def backbones(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("backbones")
    bert, t5, bytes_ = save_bert(folder / "bert"), save_t5(folder / "t5"), save_t5(folder / "bytes", bytewise=True)
    return dict(zip(KINDS, [bert, bert, t5, t5, bert, bytes_], strict=True))


def made(kind: str, backbones: dict[str, Path]) -> PearlModel:
    """A model as training leaves it: nothing about it is special."""
    tree = grown(20 if kind == "narrow tree" else HIDDEN)
    torch.manual_seed(1)
    if "tree" not in kind:
        return DigitModel(backbones[kind], tree, LENGTH).eval()
    model = TreeModel(backbones[kind], tree, LENGTH)
    with torch.no_grad():
        for parameter in model.decoder.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
        model.decoder.log_scale.fill_(math.log(4))
    return model.eval()


@pytest.fixture(scope="module", params=KINDS)
def model(request: pytest.FixtureRequest, backbones: dict[str, Path]) -> PearlModel:
    return made(request.param, backbones)


def search(
    model: PearlModel, forest: Forest, texts: Sequence[str], store: str, full: bool, beams: int = 100
) -> list[list[tuple[int, float]]]:
    with torch.no_grad():
        score = model.scorer(model.encode(model.tokens(texts)), forest, full)
        roots = torch.tensor([forest.stores[store]] * len(texts))
        return ranked(beam_search(forest.trie, roots, score, beams, certain=not full), forest)


# --- the definitions, in numpy, one text and one node at a time


def states_of(model: PearlModel, text: str) -> np.ndarray:
    ids = model.tokenizer(text, truncation=True, max_length=LENGTH, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        return np.float64(model.encoder(input_ids=ids).last_hidden_state[0].numpy())


def looked_for(model: TreeModel, states: np.ndarray, node: int) -> np.ndarray:
    """What the decoder says at a node: its docstring, without batches."""
    w = {name: np.float64(value.numpy()) for name, value in model.decoder.state_dict().items()}

    def linear(name: str, x: np.ndarray) -> np.ndarray:
        return x @ w[f"{name}.weight"].T + w.get(f"{name}.bias", 0)

    def norm(name: str, x: np.ndarray) -> np.ndarray:
        return (x - x.mean()) / np.sqrt(x.var() + 1e-5) * w[f"{name}.weight"] + w[f"{name}.bias"]

    mean = states.mean(axis=0)
    mean = mean / np.linalg.norm(mean)
    depth = len(model.tree.path(node))
    x = start = linear("node", np.float64(model.tree.vectors[node])) + w["level.weight"][depth] + mean
    for number, block in enumerate(model.decoder.blocks):
        of = f"blocks.{number}."
        heads = block.heads  # type: ignore[union-attr]
        q = linear(f"{of}query", norm(f"{of}before", x)).reshape(heads, -1)
        k, v = (linear(f"{of}{part}", states).reshape(len(states), heads, -1) for part in ("key", "value"))
        asked = np.einsum("hd,lhd->hl", q, k) / math.sqrt(q.shape[1])
        p = np.exp(asked - asked.max(axis=1, keepdims=True))
        seen = np.einsum("hl,lhd->hd", p / p.sum(axis=1, keepdims=True), v).reshape(-1)
        x = x + linear(f"{of}out", seen)
        wide = linear(f"{of}wide", norm(f"{of}between", x))
        gelu = np.array([0.5 * z * (1 + math.erf(z / math.sqrt(2))) for z in wide])
        x = x + linear(f"{of}narrow", gelu)
    wanted = mean + x - start
    return math.exp(w["log_scale"]) * linear("out", wanted / np.linalg.norm(wanted))


def brute_force(model: PearlModel, plot: Plot, text: str, rows: Sequence[int], full: bool) -> dict[int, list[float]]:
    """p of each digit of the id of each of `rows`, which are a store."""
    states = states_of(model, text)
    if isinstance(model, TreeModel):
        at = {node: looked_for(model, states, node) for node in range(len(model.tree.vectors))}
        return {row: plot.tree_steps(row, rows, full, at.__getitem__) for row in rows}
    assert isinstance(model, DigitModel)
    net: Any = model.net
    known: dict[tuple[int, ...], np.ndarray] = {}

    def logits(before: Sequence[int]) -> np.ndarray:
        if tuple(before) not in known:
            ids = torch.tensor([[net.config.decoder_start_token_id, *before]])
            encoded = (torch.tensor(states[None], dtype=torch.float32),)
            with torch.no_grad():
                known[tuple(before)] = net(encoder_outputs=encoded, decoder_input_ids=ids).logits[0, -1].numpy()
        return known[tuple(before)]

    written = {row: model.written(plot.docid(row)) for row in rows}
    end = written[rows[0]][-1][-1]
    writable = sorted({t for digit in range(LARGEST + 1) for part in model.written([digit]) for t in part} | {end})
    return {row: digit_steps(written[row], list(written.values()), full, writable, logits) for row in rows}


@pytest.mark.parametrize("full", [False, True], ids=["legal", "full"])
def test_the_ranked_list_is_that_of_all_ids_scored_one_by_one(model: PearlModel, full: bool) -> None:
    plot = Plot.of(model.tree)
    forest = plot.planted(model.written)
    texts = TEXTS[:4]
    for store in ("ann", "bob"):
        rows = plot.of_store(store)
        for text, found in zip(texts, search(model, forest, texts, store, full), strict=True):
            wanted = {row: math.log(math.prod(p)) for row, p in brute_force(model, plot, text, rows, full).items()}
            assert sorted(row for row, _ in found) == rows
            assert dict(found) == pytest.approx(wanted, abs=1e-4)
            scores = [wanted[row] for row, _ in found]
            assert all(a >= b - 1e-4 for a, b in itertools.pairwise(scores))
            total = math.fsum(math.exp(value) for value in wanted.values())
            assert total < 1 - 1e-3 if full else total == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("full", [False, True], ids=["legal", "full"])
def test_the_steps_told_are_those_of_the_search(model: PearlModel, full: bool) -> None:
    plot = Plot.of(model.tree)
    forest = plot.planted(model.written)
    for store, text in (("ann", TEXTS[0]), ("bob", TEXTS[1])):
        rows = plot.of_store(store)
        (found,) = search(model, forest, [text], store, full)
        wanted = brute_force(model, plot, text, rows, full)
        with torch.no_grad():
            score = model.scorer(model.encode(model.tokens([text])), forest, full)
            steps = forest.steps(forest.stores[store], rows, score, certain=not full)
            backwards = forest.steps(forest.stores[store], rows[::-1], score, certain=not full)
        for row, own, other in zip(rows, steps, backwards[::-1], strict=True):
            assert [digit for digit, _ in forest.ids[row]] == list(plot.docid(row)) and len(own) == len(plot.docid(row))
            assert own == pytest.approx(wanted[row], abs=1e-4) and own == pytest.approx(other, abs=1e-6)
            assert math.log(math.prod(own)) == pytest.approx(dict(found)[row], abs=1e-4)


@pytest.mark.parametrize("full", [False, True], ids=["legal", "full"])
def test_defect_6_padding_and_companions_change_nothing(model: PearlModel, full: bool) -> None:
    """The published mean counts padding, so that an id depends on the longest question beside it."""
    plot = Plot.of(model.tree)
    forest = plot.planted(model.written)
    together = search(model, forest, TEXTS, "bob", full)
    for text, among in zip(TEXTS, together, strict=True):
        (alone,) = search(model, forest, [text], "bob", full)
        assert dict(among) == pytest.approx(dict(alone), abs=1e-4)
        assert [score for _, score in among] == pytest.approx([score for _, score in alone], abs=1e-4)


def test_defect_6_vectors_of_texts_do_not_depend_on_companions(model: PearlModel) -> None:
    with torch.no_grad():
        for surfaces in (False, True):
            together = model.represent(model.encode(model.tokens(TEXTS)), 0.5, surfaces)
            alone = torch.cat([model.represent(model.encode(model.tokens([text])), 0.5, surfaces) for text in TEXTS])
            torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)


def test_h_of_a_text_is_its_mean_and_half_the_mean_of_its_tags(model: PearlModel) -> None:
    text = "<PER> anna </PER> met the <TIM>"
    read = model.encode(model.tokens([text]))
    states = torch.from_numpy(states_of(model, text)).float()
    tokens = model.tokenizer.convert_ids_to_tokens(read.ids[0].tolist())
    tags = [n for n, token in enumerate(tokens) if token in ("<PER>", "</PER>", "<TIM>")]
    if tokens[0] == "[CLS]":  # words: the entity is one token more
        assert tags == [1, 3, 6]
        with_surfaces = states.mean(0) + 0.5 * states[[1, 2, 3, 6]].mean(0)
        torch.testing.assert_close(model.represent(read, 0.5, True)[0], with_surfaces, atol=1e-5, rtol=1e-4)
    published = states.mean(0) + 0.5 * states[tags].mean(0)
    torch.testing.assert_close(model.represent(read, 0.5, False)[0], published, atol=1e-5, rtol=1e-4)


def test_attention_of_the_last_layer_is_there_for_emr(model: PearlModel) -> None:
    read = model.encode(model.tokens(TEXTS), attention=True)
    assert read.attention is not None and read.attention.shape == (*read.mask.shape, read.mask.shape[1])
    rows = read.attention.sum(2)[read.mask.bool()]
    torch.testing.assert_close(rows, torch.ones_like(rows), atol=1e-5, rtol=0)
    torch.testing.assert_close(read.states, model.encode(model.tokens(TEXTS)).states)


def test_the_loss_of_an_id_is_its_log_p_among_all_that_can_be_written(model: PearlModel) -> None:
    """A tree's steps are judged against all children; a passage is a leaf, so its own vector is the last step's."""
    tree = model.tree
    leaves = tree.leaves[[0, 7, 20, 33, 11]].tolist()
    with torch.no_grad():
        together = model.nll(model.encode(model.tokens(TEXTS)), leaves).tolist()
        alone = [
            float(model.nll(model.encode(model.tokens([text])), [leaf]))
            for text, leaf in zip(TEXTS, leaves, strict=True)
        ]
    assert together == pytest.approx(alone, abs=1e-4)
    if isinstance(model, TreeModel):
        for text, leaf, loss in zip(TEXTS, leaves, together, strict=True):
            states, total = states_of(model, text), 0.0
            way = [0, *tree.path(leaf)]
            for node, child in itertools.pairwise(way):
                logits = np.float64(tree.vectors[tree.parents == node]) @ looked_for(model, states, node)
                own = np.float64(tree.vectors[child]) @ looked_for(model, states, node)
                total += math.log(np.exp(logits).sum()) - own
            assert loss == pytest.approx(total, abs=1e-4)
    else:
        rows = np.arange(len(tree.leaves))
        ends, digits = tree.parents[tree.leaves], [tree.digit(leaf) for leaf in tree.leaves.tolist()]
        plot = Plot(tree, tree.vectors[tree.leaves], [None] * len(rows), ends, np.asarray(digits))
        for text, leaf, loss in zip(TEXTS, leaves, together, strict=True):
            row = tree.leaves.tolist().index(leaf)
            steps = brute_force(model, plot, text, rows.tolist(), True)[row]
            assert loss == pytest.approx(-math.log(math.prod(steps)), abs=1e-4)


@pytest.mark.parametrize("kind", ["tree", "tree on T5", "T5", "encoder only", "bytes"])
def test_a_saved_model_ranks_alike(kind: str, backbones: dict[str, Path], tmp_path: Path) -> None:
    model = made(kind, backbones)
    with torch.no_grad():  # trained: embeddings of tags too
        for parameter in model.parameters():
            parameter.mul_(1.1)
    forest = Plot.of(model.tree).planted(model.written)
    before = search(model, forest, TEXTS, "bob", True)
    model.save(tmp_path)
    again = type(model).load(tmp_path, model.tree, LENGTH, 2)  # type: ignore[attr-defined]
    assert not again.training and again.marks == model.marks
    assert [again.written([digit]) for digit in range(30)] == [model.written([digit]) for digit in range(30)]
    for one, other in zip(search(again, forest, TEXTS, "bob", True), before, strict=True):
        assert [row for row, _ in one] == [row for row, _ in other]
        assert dict(one) == pytest.approx(dict(other), abs=1e-5)


@pytest.mark.parametrize("kind", ["tree", "T5"])
@pytest.mark.parametrize("harm", ["noise", "short", "lacking"])
def test_a_damaged_model_is_told(kind: str, harm: str, backbones: dict[str, Path], tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    model = made(kind, backbones)
    model.save(tmp_path)
    for path in sorted(tmp_path.rglob("*.safetensors")):
        raw = path.read_bytes()
        if harm == "lacking":
            tensors = load_file(path)
            name = next(name for name in tensors if name.endswith("weight") and "embed" not in name)
            save_file({key: value for key, value in tensors.items() if key != name}, path, metadata={"format": "pt"})
        else:
            path.write_bytes(b"\x07" * 64 if harm == "noise" else raw[: len(raw) // 2])
        with pytest.raises(InputError):
            type(model).load(tmp_path, model.tree, LENGTH, 2)  # type: ignore[attr-defined]
        path.write_bytes(raw)
    type(model).load(tmp_path, model.tree, LENGTH, 2)  # type: ignore[attr-defined]


# --- the tree decoder


def test_untrained_the_tree_is_walked_towards_the_mean_of_the_question(backbones: dict[str, Path]) -> None:
    tree: DocidTree = grown(HIDDEN)
    model = TreeModel(backbones["tree"], tree, LENGTH)
    above = tree.parents[tree.leaves]  # a passage beside an inner node is a place of its own
    nodes = np.where(tree.ends[above], above, tree.leaves)
    digits = np.where(tree.ends[above], tree.leaves - tree.starts[above], 1)
    every = Plot(tree, tree.vectors[tree.leaves], [None] * 40, nodes, digits)
    forest = every.planted(model.written)
    for text in TEXTS:
        mean = states_of(model, text).mean(axis=0)
        with torch.no_grad():
            score = model.scorer(model.encode(model.tokens([text])), forest, False)
            ((first, _), *_) = ranked(beam_search(forest.trie, forest.trie.roots, score, 1), forest)[0]
        end = int(tree.walk((mean / np.linalg.norm(mean)).astype(np.float32)[None])[0])
        assert every.nodes[first] == end
        here = [row for row in range(40) if every.nodes[row] == end]
        assert first == max(here, key=lambda row: float(every.own[row] @ mean))


def test_only_the_decoder_s_last_layers_begin_at_zero(backbones: dict[str, Path]) -> None:
    model = TreeModel(backbones["tree"], grown(HIDDEN), LENGTH)
    model.nll(model.encode(model.tokens(TEXTS)), model.tree.leaves[:5].tolist()).sum().backward()
    moved = {name for name, p in model.decoder.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}
    assert {"blocks.0.out.weight", "blocks.1.narrow.weight", "out.weight", "log_scale"} <= moved
    encoder = [p for _, p in model.transformer.named_parameters() if p.requires_grad]
    assert encoder and all(p.grad is not None for p in encoder)


def test_a_missing_backbone_is_told(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    for kind in (TreeModel, DigitModel):
        with pytest.raises(InputError):
            kind(tmp_path, grown(HIDDEN))


# --- the digits


def test_defect_5_digits_stay_apart_as_tokens(model: PearlModel) -> None:
    """1 12, 11 2 and 112: a tokenizer of characters would write all three alike."""
    ids = [(1, 12), (11, 2), (112,), (1, 1, 2), (12, 1), (1, 2, 1), (121,), (1,), (2,), (12,)]
    flat = [tuple(token for digit in model.written(one) for token in digit) for one in ids]
    assert len(set(flat)) == len(ids)
    assert [len(model.written(one)) for one in ids] == [len(one) for one in ids]


def test_every_digit_is_written_differently(model: PearlModel) -> None:
    written = [tuple(token for part in model.written([digit]) for token in part) for digit in range(1, 201)]
    assert len(set(written)) == 200


def test_a_digit_that_cannot_be_written_is_told(backbones: dict[str, Path]) -> None:
    model = made("T5", backbones)
    with pytest.raises(InputError, match=str(LARGEST)):
        model.written([3, LARGEST + 1])


def test_a_tokenizer_without_digits_is_told(tmp_path: Path) -> None:
    from training.texts_to_texts import save_t5 as without_digits

    with pytest.raises(InputError, match="digits"):
        DigitModel(without_digits(tmp_path), grown(HIDDEN))


def test_all_of_a_model_is_in_what_it_saves(backbones: dict[str, Path], tmp_path: Path) -> None:
    model = made("tree", backbones)
    model.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [DECODER, "encoder"]
    assert not [name for name, _ in nn.Module.named_buffers(model.decoder)]
    assert not [path for path in tmp_path.rglob("*") if path.suffix in (".bin", ".pt", ".pkl")]
