"""What is learned from invented people: written once into a workspace, then each model trained on them by name.

The page starts this as a program of its own, at the lowest priority, and uses what is finished:

    python -m engine.learning --workspace DIR [--people 40] [--pairs 4000] tagger

Killed, it goes on where it stopped; a second one waits for the first.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from engine import demo, experiment
from engine.artifacts import Workspace, read_manifest
from engine.datasets.reader import Dataset
from engine.errors import QuintetError
from engine.files import lock
from engine.synth.dataset import made_by, write

NAME = "people"  # of the dataset, and of the models trained on it
PEOPLE, PAIRS = 40, 4000  # enough for a tagger; minutes on two cores
CONFIGS = {"dense": "dense_personal"}
PAGE = ("tagger", "pearl")  # what a page trains for its visitors, in this order
SMALL = {"pearl": ("build.questions=1500",)}  # what makes it minutes on one core


def invented(workspace: Workspace, people: int = PEOPLE, pairs: int = PAIRS, seed: int = 0) -> Dataset:
    """The invented people of a workspace, written if they are not there; those of another grammar are others."""
    folder = workspace.root / "people" / f"{people}-{pairs}-{seed}-{made_by()[:8]}" / NAME
    with lock(folder.with_name(f".{NAME}.lock"), label="the invented people"):
        if not folder.is_dir():
            folder.parent.mkdir(parents=True, exist_ok=True)
            write(folder, people, pairs, seed)
    return Dataset(folder)


def learn(workspace: Workspace, dataset: Dataset, what: Sequence[str], settings: Sequence[str] = ()) -> None:
    """Train each of `what` (dense, pearl, reranker, tagger) as model `people`; what is fresh is left alone."""
    for name in what:
        trainee = experiment.trainee(name, CONFIGS.get(name), settings)
        trainee.train(experiment.target(workspace, dataset), dataset, trainee.build, NAME)


def in_background(
    workspace: Workspace, what: Sequence[str] = PAGE, show: Sequence[Path] = ()
) -> subprocess.Popen[bytes] | None:
    """Start this as a program that gives way to everything else; None where nothing is missing, or
    QUINTET_NO_TRAINING is set. On the datasets in `show`, and those that are bundled, what it trained is judged too.
    """
    missing = [name for name in what if not any(read_manifest(path) for path in workspace.models(name))]
    if os.environ.get("QUINTET_NO_TRAINING") or not missing:
        return None
    command = [sys.executable, "-m", "engine.learning", "--workspace", str(workspace.root.absolute()), *missing]
    for folder in show:
        command += ["--show", str(folder.absolute())]
    environment = {**os.environ, "QUINTET_NO_PROGRESS": "1", "OMP_NUM_THREADS": "1"}
    root = Path(__file__).parent.parent
    return subprocess.Popen(command, cwd=root, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def end_with_parent() -> None:
    """Stop when whoever started this is gone: nobody would use what it makes, and it would use the machine."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)  # what is half done is gone on with the next time

    threading.Thread(target=watch, daemon=True).start()


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m engine.learning", description=__doc__)
    parser.add_argument("what", nargs="+", choices=("dense", "pearl", "reranker", "tagger"))
    parser.add_argument("--workspace", type=Path, required=True)
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument("--pairs", type=int, default=PAIRS)
    parser.add_argument("--show", type=Path, action="append", help="one more dataset of the page's; repeatable")
    options = parser.parse_args(arguments)
    os.nice(19)
    end_with_parent()
    try:
        workspace = Workspace(options.workspace)
        people = invented(workspace, options.people, options.pairs)
        for name in options.what:
            learn(workspace, people, [name], SMALL.get(name, ()))
        for dataset in demo.datasets(options.show or ()):
            demo.judged(workspace, dataset)
    except QuintetError as error:
        print(f"training in the background stopped: {error}", file=sys.stderr)  # noqa: T201
        return error.exit_code
    except KeyboardInterrupt:  # the page was stopped: the next one goes on here
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
