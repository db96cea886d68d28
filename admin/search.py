"""`search`: ask one question and see what was found, and why."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from admin import common


def search(
    method: common.Method,
    text: Annotated[str, typer.Argument(help="What to look for.")],
    data: common.Data,
    user: Annotated[str | None, typer.Option("--user", help="Search this user's documents only.")] = None,
    time: Annotated[str | None, typer.Option("--time", help="When the question is asked, ISO-8601.")] = None,
    exclude: Annotated[
        list[str] | None, typer.Option("--exclude", help="An id never to return; may be repeated.")
    ] = None,
    k: Annotated[int, typer.Option("--k", min=1, max=10_000, help="How many answers.")] = 10,
    as_context: Annotated[
        bool, typer.Option("--as-context", help="Print the documents as context for a language model's prompt.")
    ] = False,
    model: common.Model = None,
    config: common.Config = None,
    settings: common.Set = None,
    gpus: common.Gpus = 1,
    workspace: common.Workspace = common.DEFAULT_WORKSPACE,
    json: common.Json = False,
) -> None:
    """Search a dataset with METHOD and show each answer with the reason it was found."""
    from engine import context, experiment
    from engine.artifacts import Workspace
    from engine.datasets.reader import Dataset
    from engine.datasets.times import read_time
    from engine.errors import InputError
    from engine.priors import personal_store
    from engine.records import Request

    if as_context and json:
        raise InputError("both say what is printed", where="--as-context, --json", remedy="Give one of them")
    if not text.strip():
        raise InputError("the question is empty", where="TEXT", remedy="Write what to look for")
    if len(text) > 100_000:
        raise InputError(f"the question has {len(text)} characters", where="TEXT", remedy="Shorten it to 100000")
    when, _ = read_time(time) if time is not None else (None, True)
    if time is not None and when is None:
        raise InputError(f"{time!r} can't be read as a time", where="--time", remedy="Write it as 2023-05-08T13:56")
    chosen = experiment.contestant(method, config, settings or (), model)
    searcher = experiment.open_searcher(chosen, experiment.target(Workspace(workspace), Dataset(data), gpus))
    if user is not None and user not in searcher.collection.users:
        known = ", ".join(searcher.collection.users[:5]) or "nobody: this dataset has no users"
        raise InputError(f"nobody is called {user!r} here", where="--user", remedy=f"There are: {known}")
    if unknown := [i for i in exclude or () if i not in searcher.collection.row_of]:
        raise InputError(f"no document is called {unknown[0]!r}", where="--exclude", remedy="Name ids that are there")
    request = Request("query", text, user=user, time=when, exclude=tuple(exclude or ()))
    run = searcher.search([request], k, chosen.options)
    hits = searcher.explain(request, run.documents(0), chosen.options)
    if as_context:
        typer.echo(context.as_context(hits))
        return
    said = None
    if user is not None and chosen.options.priors:
        said = personal_store(searcher.collection, user).understand(request, of_people=True)
    if json:
        answers = [
            {
                "rank": rank,
                "score": float(score),
                **{key: value for key, value in asdict(hit.document).items() if value not in (None, "", {})},
                "why": [{"kind": why.kind, "line": why.line, **asdict(why)} for why in hit.why],
            }
            for rank, (score, hit) in enumerate(zip(run.scores.tolist(), hits, strict=True), start=1)
        ]
        understood = said.record() if said else None
        common.print_json({"method": method, "text": text, "user": user, "understood": understood, "hits": answers})
        return
    if said:
        typer.echo(f"understood, asked on {(said.now or 'no day')[:10]}: {'; '.join(said.lines) or 'nothing'}")
    if not hits:
        typer.echo("nothing found")
    for rank, (score, hit) in enumerate(zip(run.scores.tolist(), hits, strict=True), start=1):
        document = hit.document
        when = f"  {document.time[:16].replace('T', ' ')}" if document.time else ""
        typer.echo(f"{rank:>3}  {score:.4f}  {document.id}{when}  {_shorten(document.content)}")
        for why in hit.why:
            typer.echo(f"{'':15}{_shorten(why.line, 140)}")


def _shorten(text: str, width: int = 110) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= width else flat[: width - 1] + "…"
