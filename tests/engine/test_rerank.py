"""Rerankers against the libraries called directly, on models of random weights saved on the spot."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from crash import tiny

from engine.config import RerankOptions
from engine.errors import InputError
from engine.rerank import reranker

pytestmark = pytest.mark.integration
QUERY, DOCUMENTS = tiny.texts(1, seed=3)[0], [*tiny.texts(45), "", "日本"]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    return {
        "cross": tiny.save_cross_encoder(folder / "one"),
        "two labels": tiny.save_cross_encoder(folder / "two", labels=2),
        "bi": tiny.save_encoder(folder / "bi"),
    }


def options(model: Path, kind: str = "cross", batch_size: int = 8) -> RerankOptions:
    return RerankOptions(model=str(model), kind=kind, batch_size=batch_size)  # type: ignore[arg-type]


def test_a_cross_encoder_scores_pairs(models: dict[str, Path]) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(models["cross"])
    model = AutoModelForSequenceClassification.from_pretrained(models["cross"]).eval()
    with torch.inference_mode():
        logits = [model(**tokenizer(QUERY, d, return_tensors="pt")).logits.item() for d in DOCUMENTS if d]
    scores = reranker(options(models["cross"])).scores(QUERY, [d for d in DOCUMENTS if d])
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, logits, rtol=0, atol=1e-5)  # no sigmoid, which would saturate


def test_a_bi_encoder_scores_by_inner_product(models: dict[str, Path]) -> None:
    from sentence_transformers import SentenceTransformer

    direct = SentenceTransformer(str(models["bi"]), device="cpu")
    wanted = direct.encode(DOCUMENTS, normalize_embeddings=True) @ direct.encode(QUERY, normalize_embeddings=True)
    scores = reranker(options(models["bi"], kind="bi")).scores(QUERY, DOCUMENTS)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, wanted, rtol=0, atol=1e-5)


def test_a_bi_encoder_reads_a_document_once(models: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.encoder import Encoder

    loaded = reranker(options(models["bi"], kind="bi", batch_size=4))
    first, encode, read = loaded.scores(QUERY, DOCUMENTS), Encoder.encode_documents, []

    def counting(self: Encoder, texts: list[str]) -> np.ndarray:
        read.extend(texts)
        return encode(self, texts)

    monkeypatch.setattr(Encoder, "encode_documents", counting)
    second = loaded.scores(QUERY, [*DOCUMENTS[::-1], "new"])
    assert read == ["new"]
    np.testing.assert_allclose(second[:-1], first[::-1], rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", ["cross", "bi"])
def test_the_batch_decides_nothing(models: dict[str, Path], kind: str) -> None:
    ones, many = (reranker(options(models[kind], kind, size)).scores(QUERY, DOCUMENTS) for size in (1, 64))
    np.testing.assert_allclose(ones, many, rtol=0, atol=1e-5)


def test_a_reranker_stays_loaded(models: dict[str, Path]) -> None:
    assert reranker(options(models["cross"])) is reranker(options(models["cross"]))


def test_a_model_that_is_no_reranker_is_one_line(models: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"2 outputs.*kind=bi"):
        reranker(options(models["two labels"]))
    broken = Path(shutil.copytree(models["cross"], tmp_path / "broken"))
    (broken / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(InputError, match="not a cross-encoder") as caught:
        reranker(options(broken))
    assert "\n" not in str(caught.value)


def test_a_bi_encoder_is_no_cross_encoder(models: dict[str, Path]) -> None:
    """transformers gives it a random head, and only warns."""
    for model in (str(models["bi"].parent / "body"), "minilm"):
        with pytest.raises(InputError, match="not a cross-encoder: classifier") as caught:
            reranker(RerankOptions(model=model))
        assert "search.rerank.kind=bi" in str(caught.value)
