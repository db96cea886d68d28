"""Several processes for one training run: torchrun around a module, and the module that it runs for our functions."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

from engine.errors import BuildError, InputError


def launch(module: str, arguments: Sequence[str] = (), gpus: int = 1) -> None:
    """Run `python -m module arguments` and wait; under torchrun, one process a GPU, where `gpus` > 1.

    Without a GPU the processes share the CPU and talk through gloo, which is for tests. Raises InputError when there
    are fewer GPUs than asked for, BuildError when the run fails; what it printed is on stderr.
    """
    import torch

    there = torch.cuda.device_count()
    if there and gpus > there:
        raise InputError(f"there are {there} GPUs, not {gpus}", where="--gpus", remedy=f"Ask for {there} or fewer")
    command = [sys.executable, "-m", module, *arguments]
    environment = dict(os.environ)
    if gpus > 1:
        run = ["torch.distributed.run", "--standalone", "--nproc-per-node", str(gpus)]
        command = [sys.executable, "-m", *run, "-m", module, *arguments]
        environment.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // gpus)))
    # stdout is the caller's: with --json one document goes there and nothing else
    ended = subprocess.run(command, env=environment, stdout=2, check=False)
    if ended.returncode:
        raise BuildError(
            f"a training process ended with code {ended.returncode}",
            where=module,
            remedy="Its message stands above; run the same command again to go on from the last checkpoint",
        )


def distributed() -> bool:
    """Whether torchrun started this process."""
    return "LOCAL_RANK" in os.environ and int(os.environ.get("WORLD_SIZE", "1")) > 1


def rank() -> int:
    """This process's number among those of the run; 0 where there is one."""
    return int(os.environ.get("RANK", "0")) if distributed() else 0
