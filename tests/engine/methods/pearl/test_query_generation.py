"""Questions that are learned by heart and asked again; what is read in generation is what was read in training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from crash import tiny as worlds
from training.texts_to_texts import save_encoder, save_t5

from engine.errors import InputError
from engine.methods.pearl import query_generation
from engine.methods.pearl.query_generation import QueryGeneratorConfig, generated, train_generator
from engine.training import Seq2SeqConfig

WORDS = worlds.WORDS
PAIRS = [(f"{WORDS[n]}  {WORDS[n + 20]}\n{WORDS[60 + n]}", f"{WORDS[n + 20]} {WORDS[90]}", f"p{n}") for n in range(8)]
PASSAGES = [passage for passage, _, _ in PAIRS]
SEQ2SEQ = Seq2SeqConfig(
    batch_size=8, chunk_size=4, learning_rate=1e-2, epochs=250, validation=0, dtype="float32", checkpoint_steps=1000
)


@pytest.fixture(scope="module", params=["encoder", "t5"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp(request.param)
    return str(save_t5(folder) if request.param == "t5" else save_encoder(folder))


def config(model: str, **more: Any) -> QueryGeneratorConfig:
    return QueryGeneratorConfig(**{"model": model, "seq2seq": SEQ2SEQ, "prefix": f"{WORDS[149]} ", **more})


def train(folder: Path, settings: QueryGeneratorConfig, pairs: Sequence[Any] = PAIRS) -> dict[str, Any]:
    (folder / "out").mkdir(parents=True, exist_ok=True)
    return train_generator(pairs, folder / "out", settings, folder / "state")


@pytest.mark.integration
def test_eight_questions_are_learned_and_asked_again(model: str, tmp_path: Path) -> None:
    assert train(tmp_path, config(model))["examples"] == 8
    surest = generated(tmp_path / "out", PASSAGES, config(model, top_k=1))
    assert surest == [[question] for _, question, _ in PAIRS]  # five alike are kept once
    wide = config(model, top_k=150, per_passage=6)
    drawn = generated(tmp_path / "out", PASSAGES, wide, seed=1)
    assert all(0 < len(set(questions)) == len(questions) <= 6 and all(questions) for questions in drawn)
    assert generated(tmp_path / "out", PASSAGES[3:], wide, seed=1) == drawn[3:]


def test_a_source_is_the_same_in_generation_as_in_training(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The published code trains with an instruction and generates without it (defect 4)."""
    read: dict[str, list[str]] = {}

    def training(_model: Any, examples: Sequence[Any], *_: Any, **__: Any) -> dict[str, Any]:
        read["training"] = [example.source for example in examples]
        return {}

    def generation(_folder: Any, sources: Sequence[str], *_: Any, **__: Any) -> list[list[str]]:
        read["generation"] = list(sources)
        return [[] for _ in sources]

    monkeypatch.setattr(query_generation, "finetune_seq2seq", training)
    monkeypatch.setattr(query_generation, "generate", generation)
    train(tmp_path, QueryGeneratorConfig())
    generated(tmp_path / "out", PASSAGES, QueryGeneratorConfig(prefix="another than it was trained with: "))
    assert read["generation"] == read["training"]
    assert all(text.startswith(QueryGeneratorConfig().prefix) for text in read["training"])
    train(tmp_path, QueryGeneratorConfig(questions=3), [*PAIRS, *PAIRS, (" ", "of nothing", None)])
    assert len(read["training"]) == 3 and set(read["training"]) < set(read["generation"])


def test_questions_are_different_and_not_empty(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / query_generation.PREFIX).write_text('{"prefix": "ask: "}')
    monkeypatch.setattr(
        query_generation, "generate", lambda *_, **__: [["When was it?", "", " when  WAS it?", "Who ' s it?"]]
    )
    assert generated(tmp_path, ["text"], QueryGeneratorConfig()) == [["When was it?", "Who's it?"]]


def test_what_is_no_generator_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="not a generator of questions") as error:
        generated(tmp_path, ["text"], QueryGeneratorConfig())
    assert error.value.remedy and "\n" not in str(error.value)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(InputError, match="neither a folder nor a hub model"):
        train(tmp_path, config("nobody/no-such-model"))
