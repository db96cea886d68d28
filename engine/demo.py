"""The bundled world made ready: its collections opened as arenas, its contestants judged once for the leaderboard."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine import experiment, leaderboard, methods, runs, store
from engine.arena import Arena
from engine.artifacts import Workspace
from engine.datasets.reader import Dataset
from engine.errors import InputError, QuintetError
from engine.experiment import Contestant
from engine.methods import imports

BUNDLED = Path(__file__).parent.parent / "data"


@dataclass(frozen=True)
class Demo:
    """What the page shows: a workspace and, by name, the arenas that can be asked."""

    workspace: Workspace
    arenas: dict[str, Arena]

    def join(self) -> list[str]:
        """Let those answer whose models have been trained since the start; returns their methods' names."""
        joined = set()
        for arena in self.arenas.values():
            there = {method.name for method in arena.contestants}
            for contestant in field(self.workspace, arena.dataset):
                if contestant.method.name not in there:
                    arena.join(contestant)
                    joined.add(contestant.method.name)
        return sorted(joined)

    def arena(self, name: str) -> Arena:
        """The arena of a collection; InputError for an unknown name."""
        if name not in self.arenas:
            raise InputError(f"there is no collection {str(name)[:40]!r}", remedy=f"There are {', '.join(self.arenas)}")
        return self.arenas[name]


def datasets(folders: Sequence[Path] = ()) -> list[Dataset]:
    """The bundled datasets for search, and those in `folders`."""
    bundled = sorted(path for path in BUNDLED.iterdir() if path.is_dir()) if BUNDLED.is_dir() else []
    found = []
    for path in bundled:
        try:
            found.append(Dataset(path))
        except InputError:  # a bundled world for another task
            continue
    found += [Dataset(path) for path in folders]
    names = [dataset.name for dataset in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        where = " and ".join(str(dataset.path) for dataset in found if dataset.name == twice[0])
        raise InputError(f"two collections are called {twice[0]!r}", where=where, remedy="Rename one of the folders")
    if not found:
        raise InputError("there is nothing to show", where=str(BUNDLED), remedy="Name a dataset with --data DIR")
    return found


def take_in(workspace: Workspace, dataset: Dataset) -> None:
    """Import what a dataset's folder brings along for some method, such as its scenarios."""
    for taken in imports().values():
        for name in (taken.file, f"{taken.file}.gz"):
            if (file := dataset.path / name).is_file():
                taken.run(workspace, dataset, file)


def field(workspace: Workspace, dataset: Dataset, personal: bool = True) -> list[Contestant]:
    """Who answers on a dataset: every method that has what it lives on, for people's own memories as set for them."""
    people = experiment.target(workspace, dataset).collection.users
    alive = [m for m in methods.everything() if m.lives_on(workspace, dataset.digest)]
    plain = [experiment.contestant(m.name, None, m.first_start) for m in alive]
    return [experiment.personal(c) for c in plain] if people and personal else plain


def judged(workspace: Workspace, dataset: Dataset) -> list[Contestant]:
    """Those of `field`, judged once on the test split, as they are and as they answer."""
    known = {
        (run.info["config"], run.info["split"])
        for run in runs.everything(workspace)
        if run.info["dataset_digest"] == dataset.digest
    }
    answering = field(workspace, dataset)
    for contestant in {c.config: c for c in (*field(workspace, dataset, personal=False), *answering)}.values():
        if "test" in dataset.splits and (contestant.config, "test") not in known:
            print(f"judging {contestant.config} on {dataset.name}", file=sys.stderr)  # noqa: T201
            experiment.evaluate(contestant, workspace, dataset, "test")
    return answering


def prepare(workspace: Workspace, folders: Sequence[Path] = ()) -> Demo:
    """Index what is missing, judge each contestant once a dataset, and open everything."""
    collections = datasets(folders)
    fields: dict[str, list[Contestant]] = {}
    for dataset in collections:
        take_in(workspace, dataset)
        fields[dataset.name] = judged(workspace, dataset)
    telling: dict[str, frozenset[str]] = {}
    try:
        store.sync(workspace)
        telling = {d.digest: leaderboard.telling(workspace, d.digest, "test") for d in collections}
    except QuintetError as error:  # another program holds it: the page still answers questions
        print(f"note: {error}", file=sys.stderr)  # noqa: T201
    arenas = [Arena(workspace, d, fields[d.name], telling.get(d.digest, frozenset())) for d in collections]
    arenas.sort(key=lambda arena: not arena.people)  # personal stores first
    demo = Demo(workspace, {arena.dataset.name: arena for arena in arenas})
    arenas[0].ask("anybody there?")  # loads the models, so that no visitor waits for them
    return demo
