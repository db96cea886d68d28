"""The training step beside its formula, text by text; negatives, batches, killed runs, and what it comes to."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize
from training.runs import Killed, assert_one_pass, killed_at

from engine.errors import InputError
from engine.index.beam import beam_search
from engine.losses import entity_mass, entity_mass_regularisation
from engine.methods.pearl import steps
from engine.methods.pearl.config import PearlConfig
from engine.methods.pearl.docids import DocidConfig, cluster
from engine.methods.pearl.learning import new_model
from engine.methods.pearl.model import PearlModel, TreeModel
from engine.methods.pearl.training import EmrConfig, PclConfig, PearlTraining, Row, Siblings, collate, train_model
from engine.training.blending import blend
from engine.training.gradients import Workers
from engine.training.state import read_curve
from methods.pearl.plots import Plot, grown, random_vectors, ranked
from methods.pearl.rows import PASSAGES, made, passages, rows, trained, weights
from methods.pearl.tiny_backbones import HIDDEN, save_bert, save_t5

PUBLISHED = PearlTraining(pcl=PclConfig(temperature=20), dtype="float32")  # .05 saturates with these large states
OURS = PearlTraining(
    emr=EmrConfig(weight=0.7, cap=0.5, relative=True),
    pcl=PclConfig(weight=1.3, temperature=0.5, surfaces=True, normalise=True, masked=True, refresh=True, beta=1.0),
    dtype="float32",
)
SHORT = OURS.model_copy(
    update={"batch_size": 16, "chunk_size": 7, "epochs": 2, "validation": 0.2, "checkpoint_steps": 2}
)


@pytest.fixture(scope="module")
def backbones(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("backbones")
    bert, t5 = save_bert(folder / "bert"), save_t5(folder / "t5")
    return {"tree": bert, "digits": t5, "bert": bert, "t5": t5}


@pytest.fixture(scope="module")
def tree_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tree")
    grown(HIDDEN, PASSAGES).save(folder)
    return folder


# --- siblings


def same_digits(tree: Any, one: int, other: int) -> int:
    """How many digits two passages' ids begin with in common."""
    a, b = (tree.docid(int(tree.leaves[passage])) for passage in (one, other))
    return next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


@pytest.mark.parametrize("seed", [0, 5])
def test_a_sibling_shares_the_longest_prefix_that_any_other_passage_shares(seed: int) -> None:
    tree = grown(8, 60, seed)
    drawn = [Siblings(tree, draw, False) for draw in range(8)]
    several = 0
    for passage in range(60):
        others = {other: same_digits(tree, passage, other) for other in range(60) if other != passage}
        nearest = {other for other, same in others.items() if same == max(others.values())}
        found = {siblings.of(passage) for siblings in drawn}
        assert found <= nearest
        several += len(found) > 1
    assert several > 20  # by lot where there are several


def test_negatives_are_drawn_anew_each_epoch_or_once() -> None:
    tree = grown(8, 60)
    anew, once = Siblings(tree, 3, True), Siblings(tree, 3, False)
    lists = []
    for siblings in (anew, once):
        for epoch in (0, 1, 0):
            siblings.epoch = epoch
            lists.append([siblings.of(passage) for passage in range(60)])
    assert lists[0] == lists[2] != lists[1]
    assert lists[3] == lists[4] == lists[5] == lists[0]
    assert [Siblings(tree, 4, False).of(passage) for passage in range(60)] != lists[3]


def test_a_passage_that_is_alone_stands_against_itself() -> None:
    assert Siblings(cluster(random_vectors(1, 0, 8), DocidConfig()), 0, True).of(0) == 0


def test_the_shared_part_is_of_the_shorter_id() -> None:
    tree = grown(8, 60)
    siblings = Siblings(tree, 0, False)
    for one, other in [(0, 1), (3, 40), (7, siblings.of(7)), (12, 12)]:
        shorter = min(tree.depths[tree.leaves[one]], tree.depths[tree.leaves[other]])
        assert siblings.shared(one, other) == same_digits(tree, one, other) / shorter
    assert siblings.shared(12, 12) == 1


# --- batches


def batch_of(model: PearlModel, config: PearlTraining, some: Sequence[Row]) -> dict[str, Any]:
    return collate(model, passages(), Siblings(model.tree, config.seed, config.pcl.refresh), config, some)


def some_rows(model: PearlModel) -> list[Row]:
    """Questions and passages, the same question of two passages, one row twice, and a passage beside its question."""
    every = rows()
    extra = Row(every[0].text, 9, "person 1")
    return [*random.Random(2).sample(every, 9), every[0], every[0], extra, every[1], every[80], every[5 * 2]]


@pytest.mark.parametrize("chunk", [1, 4, 100])
def test_each_text_is_read_once_and_found_again(backbones: dict[str, Path], chunk: int) -> None:
    config = OURS.model_copy(update={"chunk_size": chunk})
    model = made(backbones["tree"], config)
    some = some_rows(model)
    batch = batch_of(model, config, some)
    texts: dict[int, str] = {}
    decoded = Counter[tuple[str, int]]()
    for piece in batch["pieces"]:
        read = piece["features"]["input_ids"]
        assert len(read) == len(piece["texts"]) <= chunk
        for place, row in zip(piece["texts"].tolist(), read, strict=True):
            assert place not in texts
            texts[place] = " ".join(
                token for token in model.tokenizer.convert_ids_to_tokens(row.tolist()) if token != "[PAD]"
            )
        for at, leaf in zip(piece["rows"].tolist(), piece["leaves"], strict=True):
            decoded[texts[piece["texts"].tolist()[at]], leaf] += 1
    assert sorted(texts) == list(range(int(batch["texts"]))) and len(set(texts.values())) == len(texts)

    def as_read(text: str) -> str:
        return " ".join(model.tokenizer.convert_ids_to_tokens(model.tokenizer(text)["input_ids"]))

    leaves = model.tree.leaves.tolist()
    assert decoded == Counter((as_read(row.text), leaves[row.passage]) for row in some)
    siblings = Siblings(model.tree, config.seed, True)
    others = [siblings.of(row.passage) for row in some]
    wanted = {
        "x": [row.text for row in some],
        "positive": [passages()[row.passage] for row in some],
        "negative": [passages()[other] for other in others],
    }
    for name, expected in wanted.items():
        assert [texts[place] for place in batch[name].tolist()] == [as_read(text) for text in expected]
    named = batch["owners"].tolist() + batch["negative_owners"].tolist()  # numbers of any kind
    asked_for = [row.passage for row in some] + others
    assert len(set(zip(named, asked_for, strict=True))) == len(set(named)) == len(set(asked_for))
    assert batch["counts"].tolist() == [float(not row.is_passage) for row in some]
    shared = [siblings.shared(row.passage, other) for row, other in zip(some, others, strict=True)]
    assert batch["weights"].tolist() == pytest.approx([1 + part for part in shared])


# --- the step, beside the formula


def formula(model: PearlModel, some: Sequence[Row], config: PearlTraining) -> Tensor:
    """CE + lambda1 EMR + lambda2 PCL with a graph through all, each text read alone: no padding, no pieces."""
    siblings = Siblings(model.tree, config.seed, config.pcl.refresh)
    pcl = config.pcl

    def read(text: str) -> Any:
        return model.encode(model.tokens([text]), attention=True)

    def h(text: str) -> Tensor:
        vector = model.represent(read(text), pcl.gamma, pcl.surfaces)[0]
        return normalize(vector, dim=0) if pcl.normalise else vector

    ce, emr = [], []
    for row in some:
        own = read(row.text)
        ce.append(model.nll(own, [int(model.tree.leaves[row.passage])]))
        entity = model.marks.entity_tokens(own.ids, own.mask)
        cap = config.emr
        emr.append(entity_mass_regularisation(own.attention, entity, own.mask, cap.cap, cap.relative))
    queries, positives = [h(row.text) for row in some], [h(passages()[row.passage]) for row in some]
    others = [siblings.of(row.passage) for row in some]
    negatives = [h(passages()[other]) for other in others]
    contrasts = []
    for i, row in enumerate(some):
        if pcl.masked and row.is_passage:
            continue
        own, terms = queries[i] @ positives[i] / pcl.temperature, []
        for j, other in enumerate(some):
            if j == i or not pcl.masked or other.passage != row.passage:
                terms.append(queries[i] @ positives[j] / pcl.temperature)
            if not pcl.masked or others[j] != row.passage:
                weight = 1 + pcl.beta * siblings.shared(row.passage, others[i]) if i == j else 1.0
                terms.append(queries[i] @ negatives[j] / pcl.temperature + float(np.log(weight)))
        contrasts.append(torch.logsumexp(torch.stack(terms), 0) - own)
    total = len(some)
    return (
        torch.cat(ce).sum() + config.emr.weight * torch.cat(emr).sum() + pcl.weight * torch.stack(contrasts).sum()
    ) / total


def learned(model: PearlModel, some: Sequence[Row], config: PearlTraining) -> Callable[[Workers], Tensor]:
    batch = batch_of(model, config, some)
    return lambda workers: steps.learn(model, batch, len(some), config=config, bfloat16=False, workers=workers)


@pytest.mark.parametrize("decoder", ["tree", "digits"])
@pytest.mark.parametrize("config", [PUBLISHED, OURS], ids=["published", "ours"])
@pytest.mark.parametrize("chunk", [1, 4, 100])
def test_a_step_is_the_formula_and_defect_6_pieces_padding_and_order_change_nothing(
    backbones: dict[str, Path], decoder: str, config: PearlTraining, chunk: int
) -> None:
    config = config.model_copy(update={"chunk_size": chunk})
    model = made(backbones[decoder], config, decoder=decoder)
    some = some_rows(model)
    wanted = formula(model, some, config)
    shuffled = random.Random(chunk).sample(some, len(some))
    assert_one_pass(model, wanted, learned(model, shuffled, config))


def gradients(model: PearlModel, some: Sequence[Row], config: PearlTraining) -> dict[str, Tensor]:
    """Of each trained parameter; zero where there is none."""
    model.zero_grad()
    workers = Workers(cpu=True)
    learned(model, some, config)(workers)
    workers.close()
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    return {name: torch.zeros_like(p) if p.grad is None else p.grad.clone() for name, p in named}


def without(config: PearlTraining, *names: str) -> PearlTraining:
    return config.model_copy(update={name: getattr(config, name).model_copy(update={"weight": 0.0}) for name in names})


@pytest.mark.parametrize("decoder", ["tree", "digits"])
@pytest.mark.parametrize("config", [PUBLISHED, OURS], ids=["published", "ours"])
def test_each_loss_has_a_gradient_of_its_own_and_weight_0_leaves_it_out(
    backbones: dict[str, Path], monkeypatch: pytest.MonkeyPatch, decoder: str, config: PearlTraining
) -> None:
    """A toy would have both coded, and neither felt."""
    model = made(backbones[decoder], config, decoder=decoder)
    some = some_rows(model)
    whole, plain = gradients(model, some, config), gradients(model, some, without(config, "emr", "pcl"))
    added = []
    for other in ("pcl", "emr"):
        one = gradients(model, some, without(config, other))
        part = {name: one[name] - plain[name] for name in one}
        moved = [name for name, value in part.items() if float(value.abs().max()) > 1e-4]
        assert len(moved) > 8, moved
        assert all("lm_head" not in name for name in moved)
        added.append(part)
    for name, value in whole.items():
        torch.testing.assert_close(value, plain[name] + added[0][name] + added[1][name], atol=1e-4, rtol=1e-3)

    def refused(*_: Any, **__: Any) -> Any:
        raise AssertionError("weight 0 computes it still")

    monkeypatch.setattr(steps, "entity_mass_regularisation", refused)
    monkeypatch.setattr(steps, "prefix_contrastive", refused)
    gradients(model, some, without(config, "emr", "pcl"))
    assert int(batch_of(model, without(config, "pcl"), some)["texts"]) == len({row.text for row in some})


def descended(backbone: Path, config: PearlTraining, some: Sequence[Row]) -> PearlModel:
    """After a few steps."""
    model = made(backbone, config)
    optimiser = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=2e-3)
    workers = Workers(cpu=True)
    for _ in range(12):
        optimiser.zero_grad()
        learned(model, some, config)(workers)
        optimiser.step()
    workers.close()
    return model


def mass(model: PearlModel, some: Sequence[Row]) -> float:
    with torch.no_grad():
        read = model.encode(model.tokens([row.text for row in some]), attention=True)
        assert read.attention is not None
        found = entity_mass(read.attention, model.marks.entity_tokens(read.ids, read.mask), read.mask)
    return float(found.sum())


def margin(model: PearlModel, some: Sequence[Row], config: PearlTraining) -> float:
    """How much more a question resembles its passage than the passage's sibling."""
    siblings = Siblings(model.tree, config.seed, config.pcl.refresh)

    def h(texts: list[str]) -> Tensor:
        with torch.no_grad():
            return normalize(model.represent(model.encode(model.tokens(texts)), config.pcl.gamma, True), dim=1)

    x, near = h([row.text for row in some]), h([passages()[row.passage] for row in some])
    far = h([passages()[siblings.of(row.passage)] for row in some])
    return float(((x * near).sum(1) - (x * far).sum(1)).mean())


def test_emr_lowers_what_entities_receive(backbones: dict[str, Path]) -> None:
    some = [row for row in rows() if row.is_passage][:12]
    heavy = without(OURS, "pcl").model_copy(update={"emr": EmrConfig(weight=20, cap=0.005)})
    before = mass(made(backbones["tree"], heavy), some)
    after = mass(descended(backbones["tree"], heavy, some), some)
    alone = mass(descended(backbones["tree"], without(heavy, "emr"), some), some)
    assert after < 0.5 * before and after < 0.6 * alone


def test_pcl_brings_questions_to_their_passages(backbones: dict[str, Path]) -> None:
    some = [row for row in rows() if not row.is_passage][:16]
    heavy = without(OURS, "emr").model_copy(update={"pcl": OURS.pcl.model_copy(update={"weight": 10.0})})
    before = margin(made(backbones["tree"], heavy), some, heavy)
    after = margin(descended(backbones["tree"], heavy, some), some, heavy)
    alone = margin(descended(backbones["tree"], without(heavy, "pcl"), some), some, heavy)
    assert after > before + 0.1 and after > alone + 0.1


# --- whole trainings


@pytest.mark.integration
@pytest.mark.parametrize(
    ("decoder", "backbone"), [("tree", "bert"), ("tree", "t5"), ("digits", "t5"), ("digits", "bert")]
)
def test_a_training_killed_twice_ends_with_the_same_bytes(
    backbones: dict[str, Path],
    tree_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    decoder: str,
    backbone: str,
) -> None:
    """Inside the first epoch, then inside the second; negatives are drawn anew, the best epoch is kept.

    Some weights of a T5 have several names, which no checkpoint can hold.
    """
    config = SHORT.model_copy(update={"keep": "best", "decoder_learning_rate": 1e-3 if decoder == "tree" else None})
    outcome = trained(backbones[backbone], tree_folder, tmp_path / "whole", config, decoder=decoder)
    assert outcome["steps"] == 12 and outcome["held_out"] == 16
    for count in (4, 5):  # the first run's fourth step; the next one goes on from the second, to the seventh
        with monkeypatch.context() as patch, pytest.raises(Killed):
            killed_at(patch, count)
            trained(backbones[backbone], tree_folder, tmp_path / "broken", config, decoder=decoder)
    again = trained(backbones[backbone], tree_folder, tmp_path / "broken", config, decoder=decoder)
    assert again == outcome
    assert weights(tmp_path / "broken" / "made") == weights(tmp_path / "whole" / "made") != {}


@pytest.mark.integration
def test_a_run_goes_on_only_with_what_it_was_begun_with(
    backbones: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(some: Sequence[Row]) -> None:
        model = made(backbones["tree"], SHORT)
        (tmp_path / "out").mkdir(exist_ok=True)
        train_model(model, some, passages(), tmp_path / "out", SHORT, tmp_path / "state", inputs={})

    with monkeypatch.context() as patch, pytest.raises(Killed):
        killed_at(patch, 5)
        run(rows())
    assert (tmp_path / "state" / "checkpoint-4").exists()
    other = [Row(row.text, row.passage, f"{row.group[:-1]}{(row.passage // 5) % 5}", row.is_passage) for row in rows()]
    with monkeypatch.context() as patch, pytest.raises(Killed):
        killed_at(patch, 1)  # other people: others are held out
        run(other)
    assert not (tmp_path / "state" / "checkpoint-4").exists()


@pytest.mark.slow
@pytest.mark.parametrize("decoder", ["tree", "digits"])
def test_two_processes_train_as_one(
    backbones: dict[str, Path], tree_folder: Path, tmp_path: Path, decoder: str
) -> None:
    config = SHORT.model_copy(update={"learning_rate": 1e-4})
    curves = []
    for count in (1, 2):
        out = tmp_path / str(count)
        outcome = trained(backbones[decoder], tree_folder, out, config, gpus=count, decoder=decoder)
        assert outcome["steps"] == 12
        found = read_curve(out / "made" / "curve.jsonl")
        curves.append([row[key] for row in found for key in ("loss", "nll") if key in row])
    assert len(curves[0]) == 15
    assert curves[0] == pytest.approx(curves[1], abs=1e-4)


def test_there_must_be_something_to_learn(backbones: dict[str, Path], tmp_path: Path) -> None:
    model = made(backbones["tree"], SHORT)
    with pytest.raises(InputError, match="no question to learn from"):
        train_model(model, [], passages(), tmp_path, SHORT, tmp_path / "state", inputs={})


def test_a_blend_lies_between(backbones: dict[str, Path], tree_folder: Path, tmp_path: Path) -> None:
    """Of the encoder alone: the decoder was nothing before."""
    from safetensors.torch import load_file

    found = {}
    for share in (1.0, 0.25):
        out = tmp_path / str(share)
        trained(backbones["tree"], tree_folder, out, SHORT.model_copy(update={"blend": share, "epochs": 1}))
        found[share] = {
            part: load_file(out / "made" / part) for part in ("encoder/model.safetensors", "decoder.safetensors")
        }
    untrained = TreeModel(backbones["tree"], grown(HIDDEN, PASSAGES), SHORT.length).transformer.state_dict()
    moved = 0
    for name, weight in found[1.0]["encoder/model.safetensors"].items():
        wanted = 0.25 * weight + 0.75 * untrained[name]
        torch.testing.assert_close(found[0.25]["encoder/model.safetensors"][name], wanted)
        moved += not weight.equal(untrained[name])
    assert moved > 20
    decoders = [found[share]["decoder.safetensors"] for share in (1.0, 0.25)]
    assert all(weight.equal(decoders[1][name]) for name, weight in decoders[0].items())


def test_weights_of_two_names_are_blended_once(backbones: dict[str, Path]) -> None:
    """T5's embeddings are `shared` and the encoder's own."""
    model = TreeModel(backbones["digits"], grown(HIDDEN, PASSAGES)).encoder
    before = {name: weight.detach().clone() for name, weight in model.state_dict().items()}
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1)
    blend(model, before, 0.5)
    for name, weight in model.state_dict().items():
        torch.testing.assert_close(weight, before[name] + 0.5, msg=name)


@pytest.mark.integration
def test_64_passages_are_learned_by_heart(tmp_path: Path) -> None:
    """A BERT of two layers from scratch: the raw search finds what each of 128 questions asks for."""
    from transformers import set_seed

    tree = cluster(random_vectors(64, 0, 64), DocidConfig(k=4, c=4, iterations=10, restarts=1))
    config = OURS.model_copy(
        update={"learning_rate": 3e-3, "epochs": 40, "batch_size": 48, "validation": 0.0, "checkpoint_steps": 10_000}
    )
    set_seed(config.seed)
    model = new_model(str(save_bert(tmp_path / "bert", hidden=64, spread=0.05)), PearlConfig(training=config), tree)
    outcome = train_model(
        model, rows(64), passages(64), tmp_path, config, tmp_path / "state", inputs={"backbone": "tiny"}
    )
    assert outcome["steps"] == 160
    above = tree.parents[tree.leaves]
    nodes = np.where(tree.ends[above], above, tree.leaves)
    digits = np.where(tree.ends[above], tree.leaves - tree.starts[above], 1)
    forest = Plot(tree, tree.vectors[tree.leaves], [None] * 64, nodes, digits).planted(model.written)
    questions = [row for row in rows(64) if not row.is_passage]
    model.eval()
    with torch.no_grad():
        score = model.scorer(model.encode(model.tokens([row.text for row in questions])), forest, True)
        found = beam_search(forest.trie, forest.trie.roots.expand(len(questions)), score, 10, certain=False)
    first = [answers[0][0] for answers in ranked(found, forest)]
    assert np.mean([one == row.passage for one, row in zip(first, questions, strict=True)]) >= 0.95
