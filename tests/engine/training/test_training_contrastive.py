"""The contrastive loss against hand-computed values, its pieces against one pass, and what an adapted encoder is."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from crash import tiny as worlds

from engine.encoder import Encoder, EncoderConfig
from engine.errors import InputError
from engine.training import AdaptConfig, Pair, adapt_encoder
from engine.training.contrastive import own_ranks
from engine.training.state import read_curve
from training.runs import Killed, assert_one_pass, killed_at

CONFIG = AdaptConfig(batch_size=16, chunk_size=8, learning_rate=1e-2, epochs=2, dtype="float32")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return worlds.save_encoder(tmp_path_factory.mktemp("model"))


def encoder(model: Path, **settings: Any) -> Encoder:
    return Encoder(EncoderConfig(model=str(model), **settings), device="cpu")


def pairs(documents: int = 40, queries: int = 3) -> list[Pair]:
    """Queries of three of a document's words."""
    generator = random.Random(1)
    texts = worlds.texts(documents, words=12)
    return [
        Pair(" ".join(generator.choices(text.split(), k=3)), text, f"d{n}")
        for n, text in enumerate(texts)
        for _ in range(queries)
    ]


def adapt(model: Path, folder: Path, config: AdaptConfig = CONFIG, **settings: Any) -> dict[str, Any]:
    (folder / "out").mkdir(parents=True, exist_ok=True)
    return adapt_encoder(encoder(model, **settings), pairs(), folder / "out", config, folder / "state")


def test_info_nce_by_hand() -> None:
    import torch

    from engine.losses import info_nce

    queries = torch.tensor([[2.0, 0.0], [0.0, 1.0]])  # lengths do not matter: cosines
    documents = torch.tensor([[0.6, 0.8], [0.0, 5.0]])
    # cosines: q0 with d0 .6 and d1 0; q1 with d0 .8 and d1 1; times the scale of 2
    rows = -math.log(math.exp(1.2) / (math.exp(1.2) + 1)), -math.log(math.exp(2) / (math.exp(1.6) + math.exp(2)))
    columns = -math.log(math.exp(1.2) / (math.exp(1.2) + math.exp(1.6))), -math.log(math.exp(2) / (1 + math.exp(2)))
    loss = info_nce(queries, documents, torch.tensor([0, 1]), scale=2.0)
    assert float(loss) == pytest.approx((sum(rows) + sum(columns)) / 4, abs=1e-6)
    # of one document: neither is the other's negative, so that nothing is left to tell apart
    assert float(info_nce(queries, documents, torch.tensor([7, 7]), scale=2.0)) == 0


def test_info_nce_leaves_out_the_same_document_only() -> None:
    import torch

    from engine.losses import info_nce

    torch.manual_seed(0)
    queries, documents = torch.randn(3, 4), torch.randn(3, 4)
    cosines = torch.nn.functional.normalize(queries, dim=1) @ torch.nn.functional.normalize(documents, dim=1).T
    allowed = [[0, 2], [1, 2], [0, 1, 2]]  # rows 0 and 1 are of one document
    wanted = 0.0
    for matrix in (cosines * 20, cosines.T * 20):
        for row, columns in enumerate(allowed):
            wanted += float(torch.logsumexp(matrix[row, columns], 0) - matrix[row, row]) / 6
    assert float(info_nce(queries, documents, torch.tensor([4, 4, 9]))) == pytest.approx(wanted, abs=1e-5)


def test_answer_nll_by_hand() -> None:
    import torch

    from engine.losses import answer_nll

    logits = torch.log(torch.tensor([[[0.5, 0.5], [0.25, 0.75], [0.9, 0.1]]]))
    # the middle token does not count; 4 tokens in the step, two of them here
    loss = answer_nll(logits, torch.tensor([[0, -100, 1]]), total=4)
    assert float(loss) == pytest.approx(-(math.log(0.5) + math.log(0.1)) / 4, abs=1e-6)


def test_own_ranks() -> None:
    documents = np.array([[1, 0], [0, 1], [0.6, 0.8], [0.8, 0.6]], dtype=np.float32)
    owners = ["a", "b", "c", "c"]
    queries = np.array([[1, 0], [1, 0], [1, 0], [0.6, 0.8]], dtype=np.float32)
    # a is first; b last, and c's two texts count once each; c's better text is second; the last query's own is first
    assert own_ranks(queries, documents, ["a", "b", "c", "c"], owners).tolist() == [1, 4, 2, 1]
    assert own_ranks(queries[:1], documents[[0, 0]], ["a"], ["a", "z"]).tolist() == [2]  # the other wins a tie


@pytest.mark.parametrize("cached", [False, True])
@pytest.mark.parametrize("size", [3, 64])
def test_pieces_give_the_gradient_of_one_pass(model: Path, cached: bool, size: int) -> None:
    import torch

    from engine.losses import info_nce
    from engine.training.contrastive import _collate
    from engine.training.gradients import contrast

    net = encoder(model).model
    some = pairs(6, 2)
    number = {name: index for index, name in enumerate(sorted({pair.belongs for pair in some}))}
    vectors = [
        net(net.preprocess([getattr(p, side) for p in some]))["sentence_embedding"] for side in ("query", "document")
    ]
    wanted = info_nce(*vectors, torch.tensor([number[pair.belongs] for pair in some]))
    batch = _collate(net, ("", ""), number, size, some)
    settings = {"scale": 20.0, "cached": cached, "bfloat16": False}
    assert_one_pass(net, wanted, lambda workers: contrast(net, batch, 0, workers=workers, **settings))


@pytest.mark.integration
def test_an_adapted_encoder_finds_its_documents_and_loads_as_any_other(model: Path, tmp_path: Path) -> None:
    outcome = adapt(model, tmp_path, CONFIG.model_copy(update={"epochs": 6}))
    assert outcome["validation"]["ndcg@10"] > outcome["untrained"]["ndcg@10"]
    assert (outcome["pairs"], outcome["held_out"], outcome["documents"]) == (108, 12, 40)
    rows = [row for row in read_curve(tmp_path / "out" / "curve.jsonl") if "ndcg@10" in row]
    assert [row["epoch"] for row in rows] == [0, 1, 2, 3, 4, 5, 6]
    best = max(rows, key=lambda row: row["ndcg@10"])
    assert outcome["kept_epoch"] == best["epoch"] and outcome["validation"]["ndcg@10"] == best["ndcg@10"]
    before, after = encoder(model), encoder(tmp_path / "out")
    assert str(after.model) == str(before.model) and after.model.max_seq_length == before.model.max_seq_length
    texts = worlds.texts(20)
    assert not np.allclose(after.encode_documents(texts), before.encode_documents(texts), atol=0.05)
    np.testing.assert_allclose(np.linalg.norm(after.encode_documents(texts), axis=1), 1, atol=1e-5)


@pytest.mark.integration
def test_two_runs_give_the_same_bytes_whatever_the_cores(model: Path, tmp_path: Path) -> None:
    import torch

    found = set()
    for name, cores, cached in (("a", 1, False), ("b", 2, False), ("c", 3, True)):
        torch.set_num_threads(cores)
        adapt(model, tmp_path / name, CONFIG.model_copy(update={"cached": cached}))
        found.add((tmp_path / name / "out" / "model.safetensors").read_bytes())
    assert len(found) == 1
    adapt(model, tmp_path / "d", CONFIG.model_copy(update={"seed": 1}))
    assert (tmp_path / "d" / "out" / "model.safetensors").read_bytes() not in found


@pytest.mark.integration
def test_a_killed_adaptation_goes_on_to_the_same_bytes(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = CONFIG.model_copy(update={"checkpoint_steps": 2, "keep": "last"})
    adapt(model, tmp_path / "whole", config)
    with monkeypatch.context() as patch, pytest.raises(Killed):
        killed_at(patch, 10)
        adapt(model, tmp_path / "broken", config)
    assert adapt(model, tmp_path / "broken", config)["kept_epoch"] == 2
    weights = [(tmp_path / name / "out" / "model.safetensors").read_bytes() for name in ("whole", "broken")]
    assert weights[0] == weights[1]


@pytest.mark.integration
def test_where_no_epoch_is_better_the_encoder_stays_as_it_was(model: Path, tmp_path: Path) -> None:
    outcome = adapt(model, tmp_path, CONFIG.model_copy(update={"learning_rate": 1e-12, "epochs": 1}))
    assert outcome["kept_epoch"] == 0 and outcome["validation"] == outcome["untrained"]
    texts = worlds.texts(9)
    after, before = encoder(tmp_path / "out").encode_documents(texts), encoder(model).encode_documents(texts)
    assert after.tobytes() == before.tobytes()


@pytest.mark.integration
def test_pooling_prompts_and_length_of_the_configuration(model: Path, tmp_path: Path) -> None:
    settings = {"pooling": "cls", "query_prompt": "bal: ", "max_length": 32}
    adapt(model.parent / "body", tmp_path, CONFIG.model_copy(update={"max_length": 16, "keep": "last"}), **settings)
    texts = [text * 9 for text in worlds.texts(9)]  # longer than training read
    same = [encoder(tmp_path / "out", **{**settings, "pooling": pooling}) for pooling in ("cls", None)]
    np.testing.assert_array_equal(same[0].encode_documents(texts), same[1].encode_documents(texts))
    assert same[1].model.max_seq_length == 32
    whole = encoder(tmp_path / "out")  # without a length of its own configuration: the encoder's, not training's
    assert whole.model.max_seq_length == 32


def test_one_document_cannot_be_told_apart(model: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="pairs of 1 documents") as error:
        adapt_encoder(encoder(model), pairs(1), tmp_path, CONFIG, tmp_path / "state")
    assert error.value.remedy


def test_a_blend_lies_between_the_untrained_and_the_trained_weights(model: Path, tmp_path: Path) -> None:
    adapt(model, tmp_path / "whole")
    adapt(model, tmp_path / "half", CONFIG.model_copy(update={"blend": 0.25}))
    before, whole, half = (
        encoder(folder).model.state_dict() for folder in (model, tmp_path / "whole" / "out", tmp_path / "half" / "out")
    )
    for name, weight in half.items():
        if weight.is_floating_point():
            np.testing.assert_allclose(weight, 0.25 * whole[name] + 0.75 * before[name], atol=1e-6)
    assert any(not np.allclose(whole[name], before[name]) for name in whole)
    assert "blend" not in CONFIG.model_dump()  # at its default nothing that was trained before goes stale
