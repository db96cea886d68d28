"""`train`: make a model of a dataset, to be used on any."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from admin import common
from engine.methods import MODULES

if TYPE_CHECKING:
    from engine.artifacts import Workspace
    from engine.config import TrainOn
    from engine.datasets.reader import Dataset


def train(
    what: Annotated[
        str,
        typer.Argument(
            metavar="METHOD", help=f"{', '.join(MODULES)}; or a part: reranker, tagger.", show_default=False
        ),
    ],
    data: Annotated[
        Path | None,
        typer.Option("--data", help="A dataset's folder.", show_default="people that the engine invents"),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="What the model is called.", show_default="the dataset's name")
    ] = None,
    config: common.Config = None,
    settings: common.Set = None,
    gpus: common.Gpus = 1,
    workspace: common.Workspace = common.DEFAULT_WORKSPACE,
    json: common.Json = False,
) -> None:
    """Train METHOD, or a part that methods use, on a dataset; killed, the same command goes on."""
    from engine import experiment
    from engine.artifacts import Workspace
    from engine.datasets.reader import Dataset

    trainee = experiment.trainee(what, config, settings or ())
    dataset = Dataset(data) if data else _invented(trainee.train_on, Workspace(workspace), what)
    name = name or dataset.name
    Workspace(workspace).model(what, name)  # refuses a bad name before anything is done
    made = trainee.train(experiment.target(Workspace(workspace), dataset, gpus), dataset, trainee.build, name)
    result = {"method": what, "model": name, "dataset": dataset.name, "seconds": made.seconds, **made.outputs}
    if json:
        common.print_json(result)
        return
    use = trainee.use.format(name=name)
    typer.echo(f"{what} model {name!r} of {dataset.name}, {made.seconds:.0f} s; {use}")
    for part, figures in made.outputs.items():
        typer.echo(f"{part}: {_shown(figures)}")


def _invented(wanted: TrainOn | None, workspace: Workspace, what: str) -> Dataset:
    """The people that a configuration trains on, written into the workspace if they are not there."""
    from engine import learning
    from engine.errors import InputError

    if wanted is None:
        remedy = f"Name a dataset: python -m admin train {what} --data DIR"
        raise InputError("the configuration names nothing to learn from", where="--data", remedy=remedy)
    return learning.invented(workspace, wanted.people, wanted.pairs, wanted.seed)


def _shown(figures: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in figures.items() if isinstance(value, int | float | str))
