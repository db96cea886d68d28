"""`index`: build, grow, shrink and compact the index of a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from admin import common


def index(
    method: common.Method,
    data: common.Data,
    add: Annotated[Path | None, typer.Option("--add", help="A corpus.jsonl[.gz] of documents to add.")] = None,
    remove: Annotated[
        Path | None, typer.Option("--remove", help="A file with one document id a line to remove.")
    ] = None,
    compact: Annotated[bool, typer.Option("--compact", help="Rewrite the index as if built at once.")] = False,
    model: common.Model = None,
    config: common.Config = None,
    settings: common.Set = None,
    gpus: common.Gpus = 1,
    workspace: common.Workspace = common.DEFAULT_WORKSPACE,
    json: common.Json = False,
) -> None:
    """Build the index that METHOD needs for a dataset; what is fresh is left alone."""
    import time

    from engine import experiment
    from engine.artifacts import Workspace
    from engine.datasets.reader import Dataset, read_corpus
    from engine.errors import InputError

    chosen = experiment.contestant(method, config, settings or (), model)
    started = time.perf_counter()
    additions = list(read_corpus(add)) if add else []  # read before anything is built: bad input changes nothing
    removals = _ids(remove) if remove else []
    if add and not additions:
        raise InputError("there are no documents in it", where=str(add), remedy="Check the file")
    goal = experiment.target(Workspace(workspace), Dataset(data), gpus)
    searcher = experiment.opened(chosen.method, chosen.build, goal)
    if removals or additions:
        searcher.change(additions, removals)
    if compact:
        searcher.compact()
    documents = searcher.collection
    result = {
        "method": method,
        "dataset": data.resolve().name,
        "documents": documents.live,
        "users": len(documents.users),
        "segments": len(documents.segments),
        "deleted": int(documents.deleted.sum()),
        "seconds": round(time.perf_counter() - started, 3),
    }
    if json:
        common.print_json(result)
    else:
        pieces = (
            f"{result['segments']} segments, {result['deleted']} deleted"
            if len(documents.segments) > 1
            else "1 segment"
        )
        typer.echo(
            f"{method} has {documents.live} documents of {result['dataset']} ({pieces}) in {result['seconds']:.1f} s"
        )


def _ids(path: Path) -> list[str]:
    from engine.errors import InputError

    try:
        ids = [line.strip() for line in path.read_text("utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"cannot be read ({error})", where=str(path), remedy="Give a text file, one id a line"
        ) from None
    if not ids:
        raise InputError("there are no ids in it", where=str(path), remedy="Give a text file, one id a line")
    return ids
