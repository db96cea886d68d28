"""The encoder against sentence-transformers called directly, on models of random weights saved on the spot."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from crash import tiny

from engine.encoder import Encoder, EncoderConfig, find_model
from engine.errors import InputError

pytestmark = pytest.mark.integration
TEXTS = [*tiny.texts(50, words=30), "", "  ", "Ünbekannt 日本 🙂", tiny.texts(1, seed=5)[0] * 40]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_encoder(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def direct(model: Path) -> Any:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(model), device="cpu")


def encoder(model: Path, **settings: Any) -> Encoder:
    return Encoder(EncoderConfig(model=str(model), **settings))


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("batch_size", [1, 7, 32])
def test_vectors_are_those_of_sentence_transformers(model: Path, direct: Any, normalize: bool, batch_size: int) -> None:
    ours = encoder(model, normalize=normalize, batch_size=batch_size, query_prompt="bal: ", document_prompt="bel ")
    for vectors, prompt in ((ours.encode_queries(TEXTS), "bal: "), (ours.encode_documents(TEXTS), "bel ")):
        wanted = direct.encode([prompt + text for text in TEXTS], normalize_embeddings=normalize)
        assert vectors.dtype == np.float32 and vectors.shape == (len(TEXTS), ours.dimension)
        np.testing.assert_allclose(vectors, wanted, rtol=0, atol=1e-5)


def test_the_same_texts_give_the_same_bytes(model: Path) -> None:
    assert encoder(model).encode_documents(TEXTS).tobytes() == encoder(model).encode_documents(TEXTS).tobytes()


def test_nothing_to_encode(model: Path) -> None:
    ours = encoder(model)
    for vectors in (ours.encode_documents([]), ours.encode_queries([]), ours.recall([], queries=True)):
        assert vectors.shape == (0, tiny.DIMENSION)


def test_pooling_and_length_may_be_set(model: Path, direct: Any) -> None:
    body = model.parent / "body"
    first = encoder(body, pooling="cls").encode_documents(TEXTS)
    features = direct.encode(TEXTS, output_value="token_embeddings", normalize_embeddings=False)
    wanted = np.stack([tokens[0].numpy() for tokens in features])
    np.testing.assert_allclose(first, wanted / np.linalg.norm(wanted, axis=1, keepdims=True), rtol=0, atol=1e-5)
    short, text = encoder(model, max_length=8), " ".join(tiny.WORDS[:30])
    cut = " ".join(tiny.WORDS[:6])  # and two special tokens
    np.testing.assert_allclose(*short.encode_documents([text, cut]), rtol=0, atol=1e-6)


def test_half_precision_is_close_and_still_float32(model: Path) -> None:
    close = encoder(model, dtype="bfloat16").encode_documents(TEXTS)
    assert close.dtype == np.float32
    assert (close * encoder(model).encode_documents(TEXTS)).sum(axis=1).min() > 0.99


def test_what_is_recalled_is_what_is_encoded(model: Path) -> None:
    ours = encoder(model, query_prompt="bal ")
    texts = [*TEXTS[:5], *TEXTS[:3]]
    for _ in range(2):
        np.testing.assert_allclose(ours.recall(texts, queries=True), ours.encode_queries(texts), rtol=0, atol=1e-6)
        np.testing.assert_allclose(ours.recall(texts, queries=False), ours.encode_documents(texts), rtol=0, atol=1e-6)


def test_threads_encode_at_the_same_time_and_leave_torch_its_own(model: Path) -> None:
    import torch

    ours, wanted, seen = encoder(model), encoder(model).encode_documents(TEXTS), []
    threads = [threading.Thread(target=lambda: seen.append(ours.encode_documents(TEXTS))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 4 and all(np.array_equal(vectors, wanted) for vectors in seen)
    late = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
    late.start()
    late.join()
    assert seen[-1] == torch.get_num_threads()


def test_the_digest_names_what_decides_the_vectors(model: Path, tmp_path: Path) -> None:
    base = encoder(model)
    copy = Path(shutil.copytree(model, tmp_path / "copy"))
    assert encoder(copy).digest == base.digest, "wherever the model lies"
    for changed in ({"query_prompt": "q"}, {"normalize": False}, {"max_length": 9}, {"dtype": "bfloat16"}):
        assert encoder(model, **changed).digest != base.digest
    weights = next(copy.rglob("model.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-1] + b"\1")
    assert encoder(copy).digest != base.digest


def test_no_model_is_one_line(tmp_path: Path) -> None:
    for name in (str(tmp_path / "nowhere"), "./nowhere", "a/b/c"):
        with pytest.raises(InputError, match="there is no folder"):
            find_model(name)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="not a model") as caught:
        encoder(tmp_path / "empty").encode_documents(["x"])
    assert "\n" not in str(caught.value) and "model.safetensors" in str(caught.value)


def test_weights_that_are_none_are_one_line(model: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(model, tmp_path / "broken"))
    next(copy.rglob("model.safetensors")).write_bytes(b"not weights")
    with pytest.raises(InputError, match="not a model") as caught:
        encoder(copy).encode_documents(["x"])
    assert "\n" not in str(caught.value)


def test_a_hub_that_cannot_be_reached_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    def refuse(*_: Any, **__: Any) -> str:
        raise OSError("no network\nand a second line")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    with pytest.raises(InputError, match="neither a folder nor a hub model") as caught:
        find_model("somebody/something")
    assert "second line" not in str(caught.value)


def test_pickled_weights_are_not_loaded(model: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file

    copy = Path(shutil.copytree(model, tmp_path / "pickled"))
    weights = next(copy.rglob("model.safetensors"))
    torch.save(load_file(weights), weights.with_name("pytorch_model.bin"))
    weights.unlink()
    with pytest.raises(InputError, match="not a model"):
        encoder(copy).encode_documents(["x"])
