"""A training run that is killed anywhere goes on to the weights of one that was not; its state is never unpickled."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.errors import BuildError
from engine.training import SftConfig, finetune_causal
from engine.training.loop import Loop
from engine.training.state import exhausted, newest_checkpoint, prepare, read_curve
from training import tiny
from training.runs import Killed, killed_at

pytestmark = pytest.mark.integration
CONFIG = SftConfig(
    epochs=3, batch_size=4, micro_batch_size=2, learning_rate=1e-3, validation=0.25, checkpoint_steps=3, patience=2
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def unbroken(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unbroken")
    train(model, folder)
    return folder


def train(model: Path, folder: Path) -> dict[str, Any]:
    (folder / "out").mkdir(exist_ok=True)
    examples = tiny.examples() * 2  # 12 to learn from: epochs of 3 steps, LoRA's dropout drawn at each
    return finetune_causal(model, examples, folder / "out", CONFIG, folder / "state", device="cpu")


def without_seconds(folder: Path) -> list[dict[str, Any]]:
    rows = read_curve(folder / "out" / "curve.jsonl")
    assert [row["seconds"] for row in rows] == sorted(row["seconds"] for row in rows)
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]


# 2 micro-batches a step. 2: before any checkpoint; 5: inside an epoch's third step; 8 and 14: epochs 2 and 3; 18: last
@pytest.mark.parametrize("count", [2, 8, 14, 18])
def test_a_killed_run_goes_on_to_the_same_weights(
    model: Path, unbroken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    with monkeypatch.context() as patch, pytest.raises(Killed):
        killed_at(patch, count)
        train(model, tmp_path)
    outcome = train(model, tmp_path)
    assert outcome["steps"] == 9
    for name in ("model.safetensors", "adapter/adapter_model.safetensors"):
        assert (tmp_path / "out" / name).read_bytes() == (unbroken / "out" / name).read_bytes()
    assert without_seconds(tmp_path) == without_seconds(unbroken)


def test_a_run_killed_between_epochs_ends_goes_on_inside_the_epoch(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Checkpoints inside an epoch: the data already seen are skipped, the random state is that of the step."""
    monkeypatch.setattr(sys.modules[__name__], "CONFIG", CONFIG.model_copy(update={"checkpoint_steps": 2}))
    (tmp_path / "whole").mkdir()
    train(model, tmp_path / "whole")
    (tmp_path / "broken").mkdir()
    with monkeypatch.context() as patch, pytest.raises(Killed):
        killed_at(patch, 10)  # step 5; the last checkpoint is of step 4, one step into the second epoch
        train(model, tmp_path / "broken")
    last = newest_checkpoint(tmp_path / "broken" / "state")
    assert last and last.name == "checkpoint-4"
    train(model, tmp_path / "broken")
    weights = [(tmp_path / name / "out" / "model.safetensors").read_bytes() for name in ("whole", "broken")]
    assert weights[0] == weights[1]
    assert without_seconds(tmp_path / "whole") == without_seconds(tmp_path / "broken")


def test_a_finished_run_is_not_trained_again(
    model: Path, unbroken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    shutil.copytree(unbroken / "state", tmp_path / "state")
    killed_at(monkeypatch, 1)
    train(model, tmp_path)
    name = "out/model.safetensors"
    assert (tmp_path / name).read_bytes() == (unbroken / name).read_bytes()


def test_a_checkpoint_cut_short_is_not_resumed(tmp_path: Path) -> None:
    prepare(tmp_path, {"seed": 1})
    for number, content in ((3, '{"global_step": 3}'), (20, '{"global_st'), (100, None)):
        folder = tmp_path / f"checkpoint-{number}"
        folder.mkdir()
        if content:
            (folder / "trainer_state.json").write_text(content)
    found = newest_checkpoint(tmp_path)
    assert found and found.name == "checkpoint-3"
    assert not (tmp_path / "checkpoint-20").exists() and not (tmp_path / "checkpoint-100").exists()


def test_other_inputs_begin_anew(tmp_path: Path) -> None:
    prepare(tmp_path, {"seed": 1})
    (tmp_path / "checkpoint-3").mkdir()
    (tmp_path / "checkpoint-3" / "trainer_state.json").write_text("{}x{")
    prepare(tmp_path, {"seed": 1})
    assert (tmp_path / "checkpoint-3").exists()
    prepare(tmp_path, {"seed": 2})
    assert not (tmp_path / "checkpoint-3").exists()


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("exploded",)


@pytest.mark.parametrize("name", ["rng_state.pth", "optimizer.pt", "scheduler.pt"])
def test_no_pickle_of_a_resume_state_is_run(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    import torch

    with monkeypatch.context() as patch, pytest.raises(Killed):
        killed_at(patch, 8)
        train(model, tmp_path)
    last = newest_checkpoint(tmp_path / "state")
    assert last
    torch.save({"python": Bomb()}, last / name, pickle_module=pickle)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BuildError, match="cannot be read") as error:
        train(model, tmp_path)
    assert error.value.remedy and not (tmp_path / "exploded").exists()


def test_patience_counts_from_the_best(tmp_path: Path) -> None:
    history = [{"step": 0, "eval_x": 0.0}, *({"step": n + 1, "eval_x": x} for n, x in enumerate([3, 2, 2.5, 2, 4]))]
    assert not exhausted(history[:4], "eval_x", False, 2)
    assert not exhausted(history[:5], "eval_x", False, 3)
    assert exhausted(history, "eval_x", False, 3)  # an equal value is no better one
    assert not exhausted(history, "eval_x", True, 1)


def test_importing_costs_nothing() -> None:
    script = "import engine.training, sys; print([m for m in ('torch', 'transformers', 'peft') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.replace("'", '"')) == []


def test_an_error_while_training_is_told_as_it_is(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not as damage to the state that was resumed."""
    with monkeypatch.context() as patch, pytest.raises(Killed):
        killed_at(patch, 8)
        train(model, tmp_path)
    step = Loop.training_step

    def failing(self: Loop, *arguments: Any) -> Any:
        step(self, *arguments)
        raise RuntimeError("out of memory")

    monkeypatch.setattr(Loop, "training_step", failing)
    with pytest.raises(RuntimeError, match="out of memory"):
        train(model, tmp_path)
