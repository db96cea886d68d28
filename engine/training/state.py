"""What a killed training run left: whether it is of the same inputs, and which of its checkpoints is whole."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.artifacts import digest
from engine.files import write_json

CURVE = "curve.jsonl"
INPUTS = "inputs.json"
TRAINER_STATE = "trainer_state.json"


def prepare(state_folder: Path, inputs: Mapping[str, Any]) -> None:
    """Make `state_folder` one that may be resumed with `inputs`; what other inputs left there is removed."""
    wanted = digest(inputs)
    try:
        found = json.loads((state_folder / INPUTS).read_text("utf-8"))["digest"]
    except (OSError, ValueError, KeyError, TypeError):
        found = None
    if found != wanted:
        for old in _checkpoints(state_folder):
            shutil.rmtree(old)
        (state_folder / CURVE).unlink(missing_ok=True)
        state_folder.mkdir(parents=True, exist_ok=True)
        write_json(state_folder / INPUTS, {"digest": wanted})


def newest_checkpoint(state_folder: Path) -> Path | None:
    """The last checkpoint that was written to its end; those cut short are removed.

    The trainer writes its own state last, so that a checkpoint with a readable one is whole.
    """
    whole = [path for path in _checkpoints(state_folder) if read_state(path)]
    for path in _checkpoints(state_folder):
        if path not in whole:
            shutil.rmtree(path)
    return whole[-1] if whole else None


def read_state(checkpoint: Path) -> dict[str, Any]:
    """The trainer's counters and history at a checkpoint; empty where they cannot be read."""
    try:
        return json.loads((checkpoint / TRAINER_STATE).read_text("utf-8"))
    except (OSError, ValueError):
        return {}


def exhausted(history: Sequence[Mapping[str, Any]], metric: str, greater: bool, patience: int) -> bool:
    """Whether the last `patience` validations brought nothing better than the best before them.

    Read off the history alone, so that a resumed run stops where an unbroken one would. The validation before the
    first step does not count.
    """
    values = [row[metric] * (1 if greater else -1) for row in history if metric in row and row["step"] > 0]
    return bool(values) and len(values) - 1 - values.index(max(values)) >= patience


def read_curve(path: Path) -> list[dict[str, Any]]:
    """The rows of a learning curve; a last line that a crash cut short is left out."""
    rows = []
    if path.exists():
        for line in path.read_text("utf-8").splitlines():
            try:
                rows.append(json.loads(line))
            except ValueError:
                break
    return rows


def _checkpoints(state_folder: Path) -> list[Path]:
    found = [path for path in state_folder.glob("checkpoint-*") if path.name.removeprefix("checkpoint-").isdigit()]
    return sorted(found, key=lambda path: int(path.name.removeprefix("checkpoint-")))
