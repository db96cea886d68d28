"""The listwise loss by hand, a cross-encoder that learns, its exact resume, and that search loads what came of it."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from crash import tiny as worlds

from engine.config import RerankOptions
from engine.errors import InputError
from engine.rerank import reranker
from engine.training import CrossEncoderConfig, Group, train_cross_encoder
from engine.training.reranking import _collate, _load, transformer_folder
from engine.training.state import read_curve
from training.runs import Killed, assert_one_pass, killed_at

CONFIG = CrossEncoderConfig(
    batch_size=8, chunk_size=12, learning_rate=2e-3, epochs=2, max_length=64, dtype="float32", checkpoint_steps=2
)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return worlds.save_encoder(tmp_path_factory.mktemp("model"), dimension=32)


def groups(count: int = 30, people: int = 6) -> list[Group]:
    """The query's word is in the positive alone; some have fewer negatives."""
    generator = random.Random(1)
    made = []
    for n in range(count):
        word, *others = generator.sample(worlds.WORDS, 20)
        texts = [" ".join(generator.choices(others, k=3)) for _ in range(2 + n % 3)]
        made.append(Group(word, f"{texts[0]} {word}", (*texts[1:], others[0]), f"person {n % people}"))
    return made


def train(base: Path, folder: Path, config: CrossEncoderConfig = CONFIG, some: Any = None, **more: Any) -> Any:
    (folder / "out").mkdir(parents=True, exist_ok=True)
    return train_cross_encoder(base, some or groups(), folder / "out", config, folder / "state", device="cpu", **more)


def test_localized_contrastive_by_hand() -> None:
    import torch

    from engine.losses import localized_contrastive

    scores = torch.tensor([[2.0, 1.0, 0.0], [0.0, 1.0, float("-inf")]], requires_grad=True)  # the second has one less
    first = -math.log(math.exp(2) / (math.exp(2) + math.e + 1))
    second = -math.log(1 / (1 + math.e))
    loss = localized_contrastive(scores, total=4)  # two more groups in the step's other pieces
    assert float(loss.detach()) == pytest.approx((first + second) / 4, abs=1e-6)
    loss.backward()
    assert scores.grad is not None and scores.grad[1].tolist() == pytest.approx(
        [(1 / (1 + math.e) - 1) / 4, math.e / (1 + math.e) / 4, 0], abs=1e-6
    )


@pytest.mark.parametrize("size", [1, 7, 64])
def test_pieces_give_the_gradient_of_one_pass(base: Path, size: int) -> None:
    import torch

    from engine.losses import localized_contrastive
    from engine.training.gradients import contrast_locally

    net, tokenizer = _load(base, CONFIG)
    net.eval()
    some = groups(7)
    rows = [[net(**tokenizer(g.query, d, return_tensors="pt")).logits[0, 0] for d in g.documents] for g in some]
    wanted = sum(localized_contrastive(torch.stack(row)[None], 7) for row in rows)
    batch = _collate(tokenizer, CONFIG.model_copy(update={"chunk_size": size}), some)
    assert sum(len(chunk["lengths"]) for chunk in batch["chunks"]) == 7
    assert_one_pass(net, wanted, lambda some: contrast_locally(net, batch, 7, bfloat16=False, workers=some))


@pytest.mark.integration
def test_thirty_groups_are_learned_and_the_result_reranks(base: Path, tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"epochs": 40, "learning_rate": 5e-3, "validation": 0.0})
    assert train(base, tmp_path, config)["validation"] == {}
    loaded = reranker(RerankOptions(model=str(tmp_path / "out")))
    scores = [loaded.scores(group.query, group.documents) for group in groups()]
    assert all(some.argmax() == 0 for some in scores)  # hit@1 of 1
    assert max(some.max() for some in scores) > 1  # logits, not probabilities
    from sentence_transformers import CrossEncoder

    direct = CrossEncoder(str(tmp_path / "out"), device="cpu")  # so too without us
    np.testing.assert_allclose(
        direct.predict([(groups()[0].query, d) for d in groups()[0].documents]), scores[0], atol=1e-5
    )
    assert direct.tokenizer.model_max_length == 64


@pytest.mark.integration
def test_figures_and_curve(base: Path, tmp_path: Path) -> None:
    outcome = train(base, tmp_path, CONFIG.model_copy(update={"epochs": 4, "validation": 0.3, "learning_rate": 5e-3}))
    assert (outcome["groups"], outcome["held_out"], outcome["owners"], outcome["steps"]) == (20, 10, 6, 12)
    rows = [row for row in read_curve(tmp_path / "out" / "curve.jsonl") if "mrr@10" in row]
    assert [row["epoch"] for row in rows] == [0, 1, 2, 3, 4] and set(rows[0]) >= {"hit@1", "seconds"}
    assert {name: rows[0][name] for name in ("hit@1", "mrr@10")} == outcome["untrained"]
    assert outcome["validation"]["mrr@10"] == max(row["mrr@10"] for row in rows)


@pytest.mark.integration
def test_two_runs_give_the_same_bytes_whatever_the_cores(base: Path, tmp_path: Path) -> None:
    import torch

    found = set()
    for name, cores in (("a", 1), ("b", 3)):
        torch.set_num_threads(cores)
        train(base, tmp_path / name)
        found.add((tmp_path / name / "out" / "model.safetensors").read_bytes())
    assert len(found) == 1


@pytest.mark.integration
@pytest.mark.parametrize("count", [2, 4, 7])  # before any checkpoint; inside the first epoch of four; in the second
def test_a_killed_training_goes_on_to_the_same_bytes(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    config = CONFIG.model_copy(update={"keep": "last"})
    train(base, tmp_path / "whole", config)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        killed_at(patch, count)
        train(base, tmp_path / "broken", config)
    train(base, tmp_path / "broken", config)
    weights = [(tmp_path / name / "out" / "model.safetensors").read_bytes() for name in ("whole", "broken")]
    assert weights[0] == weights[1]


@pytest.mark.integration
def test_where_no_epoch_is_better_the_model_stays_as_it_was(base: Path, tmp_path: Path) -> None:
    outcome = train(base, tmp_path, CONFIG.model_copy(update={"learning_rate": 1e-12, "epochs": 1}))
    assert outcome["kept_epoch"] == 0 and outcome["validation"] == outcome["untrained"]
    again = train(tmp_path / "out", tmp_path / "again", CONFIG.model_copy(update={"keep": "last", "seed": 7}))
    assert again["untrained"]  # a cross-encoder is trained further, with the head that it has
    head = [_load(path, CONFIG)[0].classifier.weight for path in (tmp_path / "out", tmp_path / "out")]
    assert head[0].equal(head[1])


def test_layers_are_kept_evenly(tmp_path: Path) -> None:
    from transformers import BertConfig, BertModel

    path = worlds._save(
        BertModel(
            BertConfig(vocab_size=200, hidden_size=16, num_hidden_layers=6, num_attention_heads=2, intermediate_size=16)
        ),
        tmp_path / "six",
    )
    whole, _ = _load(path, CONFIG)
    layers = whole.base_model.encoder.layer
    for count, kept in ((3, (0, 2, 4)), (2, (0, 3)), (4, (0, 1, 3, 4)), (6, range(6))):
        thin, _ = _load(path, CONFIG.model_copy(update={"layers": count}))
        for mine, index in zip(thin.base_model.encoder.layer, kept, strict=True):
            assert mine.output.dense.weight.equal(layers[index].output.dense.weight)
        assert thin.config.num_hidden_layers == count
    with pytest.raises(InputError, match="it has 6 layers"):
        _load(path, CONFIG.model_copy(update={"layers": 7}))


def test_the_transformer_inside_a_sentence_transformers_folder(base: Path, tmp_path: Path) -> None:
    assert transformer_folder(base).samefile(base)
    (tmp_path / "modules.json").write_text('[{"path": "0_Transformer"}, {"path": "1_Pooling"}]')
    assert transformer_folder(tmp_path) == tmp_path / "0_Transformer"
    (tmp_path / "modules.json").write_text("[]")
    with pytest.raises(InputError, match="list of modules"):
        transformer_folder(tmp_path)


def test_what_cannot_be_trained_is_one_line(base: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none of 2 groups has a negative"):
        train(base, tmp_path, some=[Group("q", "d", ()), Group("q", "d", ("d",))])  # its own text is no negative
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InputError, match="no cross-encoder can be made of it"):
        train(tmp_path, tmp_path)


@pytest.mark.slow
def test_two_processes_train_as_one(base: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    weights, curves = [], []
    for count in (1, 2):
        out = tmp_path / str(count) / "out"
        out.mkdir(parents=True)
        config = CONFIG.model_copy(update={"keep": "last", "learning_rate": 1e-4, "validation": 0.0, "batch_size": 6})
        outcome = train_cross_encoder(base, groups(), out, config, out.with_name("state"), gpus=count)
        assert outcome["steps"] == 10
        weights.append(load_file(out / "model.safetensors"))
        curves.append([row["loss"] for row in read_curve(out / "curve.jsonl") if "loss" in row])
    assert len(curves[0]) == 10 and curves[0] == pytest.approx(curves[1], abs=2e-4)  # each rounded to 1e-4
    for name, value in weights[0].items():
        if not name.endswith("key.bias"):  # softmax takes it out: its gradient is rounding, which Adam makes large
            assert value.allclose(weights[1][name], atol=2e-4), name
