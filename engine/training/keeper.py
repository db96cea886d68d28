"""What happens beside the steps of a training run: its curve, its bar, its checkpoints, and when patience ends it.

Imports transformers: import it inside functions.
"""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from engine.progress import bar
from engine.training import state as states


class Keeper(TrainerCallback):
    """Writes the curve, moves the bar, asks for checkpoints, ends training when patience does."""

    def __init__(self, loop: Any, state_folder: Path) -> None:
        self.loop, self.curve = loop, state_folder / states.CURVE
        self.started, self.before = time.monotonic(), 0.0
        self.bar: Any = None
        self.stack = ExitStack()

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.is_world_process_zero:
            rows = [row for row in states.read_curve(self.curve) if row["step"] <= state.global_step]
            if state.global_step == 0:
                rows = []
            self.before = max((row["seconds"] for row in rows), default=0.0)
            self.curve.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
            self.bar = self.stack.enter_context(bar(self.loop.plan.label, state.max_steps, "steps"))
            self.bar.update(state.global_step)
        self.started = time.monotonic()
        if state.global_step == 0 and self.loop.validate:
            self.loop.evaluate()  # what the untrained model scores is the curve's first point

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self.bar:
            self.bar.update(1)
        per_epoch = max(state.max_steps // self.loop.plan.epochs, 1)
        # An epoch's last step is saved after its validation, or a run resumed there would leave it out.
        if state.global_step % self.loop.plan.checkpoint_steps == 0 and state.global_step % per_epoch:
            control.should_save = control.should_log = True  # logged with it: the running sum is not in a checkpoint

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        control.should_log = True

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        if not state.is_world_process_zero or not logs or "train_runtime" in logs:
            return
        row = {"step": state.global_step, "epoch": round(state.epoch or 0.0, 4)}
        row |= {"loss": logs["loss"], "lr": logs["learning_rate"]} if "loss" in logs else {}
        row |= {key.removeprefix("eval_"): value for key, value in logs.items() if key.startswith("eval_")}
        row["seconds"] = round(self.before + time.monotonic() - self.started, 3)
        with self.curve.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    def on_evaluate(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        plan = self.loop.plan
        if not plan.metric or plan.patience is None:
            return
        if states.exhausted(state.log_history, f"eval_{plan.metric}", plan.greater, plan.patience):
            control.should_training_stop = True

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.stack.close()
