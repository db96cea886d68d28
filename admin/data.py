"""`data`: look at datasets, find their faults, bring foreign formats in, invent people."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from admin import common

app = typer.Typer(help="List, check, import and synthesise datasets.", no_args_is_help=True, rich_markup_mode=None)
SHOWN = 20  # faults of one kind that are printed before the rest is counted


@app.command("list")
def list_(
    folder: Annotated[Path, typer.Argument(help="A folder of datasets.")] = Path("data"),
    json: common.Json = False,
) -> None:
    """List the datasets in a folder."""
    from engine.datasets.reader import Dataset
    from engine.errors import InputError

    if not folder.is_dir():
        raise InputError("there is no such folder", where=str(folder), remedy="Name a folder that holds datasets")
    found: list[dict[str, Any]] = []
    for path in sorted(p for p in folder.iterdir() if p.is_dir()):
        try:
            dataset = Dataset(path)
        except InputError:
            continue
        found.append({"name": dataset.name, "splits": dataset.splits, "bytes": dataset.corpus_path.stat().st_size})
    if json:
        common.print_json(found)
    elif found:
        common.print_table(
            ("name", "splits", "corpus bytes"), [(d["name"], " ".join(d["splits"]), d["bytes"]) for d in found]
        )
    else:
        typer.echo(f"no datasets in {folder}: a dataset is a folder with corpus.jsonl and queries.jsonl")


@app.command()
def check(
    folder: Annotated[Path, typer.Argument(help="A dataset's folder.", show_default=False)],
    json: common.Json = False,
) -> None:
    """Read a whole dataset and report every fault, with file and line."""
    from engine.datasets.check import check as check_folder

    report = check_folder(folder)
    if json:
        common.print_json(report.as_dict())
    else:
        for line in report.lines(SHOWN):
            typer.echo(line)
        judged = _judged(report.judgements)
        users = f" of {report.users} users" if report.users else ""
        typer.echo(
            f"{folder.name}: {report.documents} documents{users}, {report.queries} queries, judgements: {judged}"
        )
        typer.echo(f"{len(report.errors)} errors, {len(report.notes)} notes")
    if report.errors:
        raise typer.Exit(2)


def _judged(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} in {split}" for split, number in counts.items()) or "none"


synth = typer.Typer(help="Write data of invented people.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(synth, name="synth")


@synth.command("personal")
def synth_personal(
    target: Annotated[Path, typer.Argument(metavar="OUT", help="The folder to make.", show_default=False)],
    people: Annotated[
        int, typer.Option("--people", help="How many people; about a tenth, one at least, is the dev split.")
    ] = 200,
    pairs: Annotated[int, typer.Option("--pairs", help="How many questions, each with its memory.")] = 50_000,
    shared: Annotated[
        float, typer.Option("--shared", help="The part of the questions that share a word or two with their memory.")
    ] = 0.0,
    seed: common.Seed = 0,
    llm: Annotated[
        Path | None,
        typer.Option("--llm", help="Have a language model write: a YAML file with a section llm.", show_default=False),
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="llm.KEY=VALUE, such as llm.model=NAME; may be repeated.")
    ] = None,
    workspace: common.Workspace = common.DEFAULT_WORKSPACE,
    json: common.Json = False,
) -> None:
    """Write a dataset of invented people, their stores, and vague questions with one answer each."""
    from engine.errors import InputError
    from engine.synth.asking import Rules
    from engine.synth.dataset import write

    if llm or settings:
        if shared:
            raise InputError(
                "a language model writes questions that share no word",
                where="--shared",
                remedy="Leave out --shared, or --llm and --set",
            )
        _written_people(target, people, pairs, seed, llm, settings or [], workspace, json)
        return
    counts = write(target, people, pairs, seed, rules=Rules(shared=shared))
    if json:
        common.print_json(counts)
        return
    judged = _judged(counts["judgements"])
    typer.echo(f"{target}: {people} people, {counts['documents']} documents, {counts['queries']} queries: {judged}")


def _written_people(
    target: Path, people: int, pairs: int, seed: int, llm: Path | None, settings: list[str], workspace: Path, json: bool
) -> None:
    """People by a language model. The folder is looked at before anything is paid for."""
    from engine.artifacts import Workspace
    from engine.errors import InputError
    from engine.synth import writing

    config = writing.read_llm(llm, settings)
    if target.exists():
        raise InputError(f"{target} exists already", remedy=f"Remove it (`rm -r {target}`) or give another folder")
    if people < 2:
        raise InputError("one to train on, one to judge", where="--people", remedy="Give 2 or more")
    written = writing.write_people(Workspace(workspace), config, people, pairs, seed)
    counts = writing.write_dataset(target, written, config, seed)
    if json:
        common.print_json(counts)
        return
    judged = _judged(counts["judgements"])
    typer.echo(
        f"{target}: {counts['people']} people, {counts['documents']} documents, {counts['queries']} queries: {judged}"
    )
    if counts["short"]:
        typer.echo(f"{counts['short']} fewer than asked for; `llm status` says what failed")
    for reason, number in [*counts["dropped"].items(), *counts["not_found"].items()]:
        typer.echo(f"dropped: {number} {reason}")
    for person, reason in counts["lacking"].items():
        typer.echo(f"lacking: {person} ({reason})")


@app.command("import")
def import_(
    kind: Annotated[
        str, typer.Argument(help="beir, trec, bright, air-bench or pair: a dataset. spike-scenarios: for one.")
    ],
    source: Annotated[Path, typer.Argument(help="What to read: a folder or file as that format has it.")],
    target: Annotated[Path | None, typer.Argument(help="The dataset's folder to make.", show_default=False)] = None,
    data: Annotated[
        Path | None, typer.Option("--data", help="The dataset that scenarios are for.", show_default=False)
    ] = None,
    domain: Annotated[str | None, typer.Option("--domain", help="Which part, where the source holds several.")] = None,
    drop_unknown: Annotated[
        bool, typer.Option("--drop-unknown", help="Leave out judgements of ids that are not there.")
    ] = False,
    settings: Annotated[
        list[str] | None, typer.Option("--option", help="KEY=VALUE of this format; may be repeated.")
    ] = None,
    workspace: common.Workspace = common.DEFAULT_WORKSPACE,
    json: common.Json = False,
) -> None:
    """Take in what was made elsewhere: a foreign format as a dataset folder, or what a method needs for a dataset."""
    from engine import methods
    from engine.datasets.importers import import_dataset
    from engine.errors import InputError

    if kind in methods.imports():
        if target or domain or drop_unknown or settings or not data:
            raise InputError(
                f"{kind} goes into a workspace, for one dataset", remedy=f"Write data import {kind} FILE --data DIR"
            )
        _import_for_method(kind, source, data, workspace, json)
        return
    if target is None or data:
        what = f"{kind} makes a dataset" if data else "there is no folder to make"
        raise InputError(what, where="TARGET", remedy=f"Write data import {kind} SOURCE TARGET")
    options: dict[str, Any] = dict(common.pair(option, "--option") for option in settings or ())
    if "drop_unknown" in options:
        raise InputError("this is no option of a format", where="--option drop_unknown", remedy="Write --drop-unknown")
    if domain:
        options["domain"] = domain
    counts = import_dataset(kind, source, target, drop_unknown=drop_unknown, **options)
    if json:
        common.print_json(counts)
        return
    judged = _judged(counts["judgements"])
    typer.echo(f"{target}: {counts['documents']} documents, {counts['queries']} queries, judgements: {judged}")
    for reason, number in counts["dropped"].items():
        typer.echo(f"dropped: {number} {reason}")
    for note in counts["notes"]:
        typer.echo(f"note: {note}")


def _import_for_method(kind: str, source: Path, data: Path, workspace: Path, json: bool) -> None:
    from engine import methods
    from engine.artifacts import Workspace
    from engine.datasets.reader import Dataset

    counts = methods.imports()[kind].run(Workspace(workspace), Dataset(data), source)
    if json:
        common.print_json(dict(counts))
    else:
        typer.echo(f"{kind} for {data.resolve().name}: " + ", ".join(f"{n} {name}" for name, n in counts.items()))
