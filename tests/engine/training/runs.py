"""What tests of all trainings share: a run that is killed, and a batch in pieces against one pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


class Killed(BaseException):
    """What no handler of ours or of transformers' catches."""


def killed_at(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """Let the run die in its `count`-th micro-batch."""
    from engine.training.loop import Loop

    step, calls = Loop.training_step, iter(range(1, 1000))

    def dying(self: Loop, *arguments: Any) -> Any:
        if next(calls) == count:
            raise Killed
        return step(self, *arguments)

    monkeypatch.setattr(Loop, "training_step", dying)


def assert_one_pass(net: Any, wanted: Any, in_pieces: Callable[[Any], Any]) -> None:
    """`in_pieces`, given workers, returns the loss `wanted` and leaves in `net` the gradients of its backward pass."""
    from engine.training.gradients import Workers

    wanted.backward()
    gradients = {name: p.grad.clone() for name, p in net.named_parameters() if p.grad is not None}
    net.zero_grad()
    workers = Workers(cpu=True)
    loss = in_pieces(workers)
    workers.close()
    assert float(loss) == pytest.approx(float(wanted.detach()), abs=1e-5)
    for name, parameter in net.named_parameters():
        if name in gradients:
            assert parameter.grad is not None and parameter.grad.allclose(gradients[name], atol=1e-5), name
