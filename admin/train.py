"""`train`: make a model of a dataset, to be used on any."""

from __future__ import annotations

from typing import Annotated

import typer

from admin import common


def train(
    method: common.Method,
    data: common.Data,
    name: Annotated[
        str | None, typer.Option("--name", help="What the model is called.", show_default="the dataset's name")
    ] = None,
    config: common.Config = None,
    settings: common.Set = None,
    gpus: common.Gpus = 1,
    workspace: common.Workspace = common.DEFAULT_WORKSPACE,
    json: common.Json = False,
) -> None:
    """Train METHOD on a dataset; killed, the same command goes on. --model NAME then uses it on any dataset."""
    from engine import experiment, methods
    from engine.artifacts import Workspace
    from engine.datasets.reader import Dataset
    from engine.errors import InputError

    chosen = experiment.contestant(method, config, settings or ())
    if chosen.method.train is None:
        those = ", ".join(m.name for m in methods.everything() if m.train)
        raise InputError(f"{method} needs no training", remedy=f"Index at once; those that train are: {those}")
    dataset = Dataset(data)
    name = name or dataset.name
    Workspace(workspace).model(method, name)  # refuses a bad name before anything is done
    made = chosen.method.train(experiment.target(Workspace(workspace), dataset, gpus), chosen.build, name)
    result = {"method": method, "model": name, "dataset": dataset.name, "seconds": made.seconds, **made.outputs}
    if json:
        common.print_json(result)
        return
    typer.echo(f"{method} model {name!r} of {dataset.name}, {made.seconds:.0f} s; use it with --model {name}")
    for part, figures in made.outputs.items():
        shown = ", ".join(f"{key} {value}" for key, value in figures.items() if isinstance(value, int | float | str))
        typer.echo(f"{part}: {shown}")
