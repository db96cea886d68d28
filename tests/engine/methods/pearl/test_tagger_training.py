"""A tagger in training: by partial labels, resumed exactly, with a transformer of its own."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

import pytest
import torch

from engine.errors import InputError
from engine.methods.pearl import tagging
from engine.methods.pearl.tagging import Sentence, Tagger, TaggerConfig
from methods.pearl.texts import CONFIG, forty


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


def test_nothing_labelled_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no text is labelled"):
        tagging.train_tagger([Sentence("Ann", None)], tmp_path / "out", CONFIG, tmp_path / "state")
