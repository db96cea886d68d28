"""`llm`: look after the jobs that put requests to language models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from admin import common

app = typer.Typer(help="Look after jobs at language models.", no_args_is_help=True, rich_markup_mode=None)
Job = Annotated[str, typer.Argument(metavar="JOB", help="Its name in `llm status`, or the beginning of it.")]


@app.command()
def status(workspace: common.Workspace = common.DEFAULT_WORKSPACE, json: common.Json = False) -> None:
    """List the jobs: what is answered, has failed, is under way, and what it took."""
    from engine.artifacts import Workspace
    from engine.llm.status import survey

    jobs = survey(Workspace(workspace))
    if json:
        common.print_json([job.as_dict() for job in jobs])
    elif not jobs:
        typer.echo(f"no jobs in {workspace}: methods make them when they ask a language model")
    else:
        header = (
            "job",
            "model",
            "state",
            "last run",
            "answered",
            "failed",
            "again",
            "in flight",
            "resent",
            "tokens",
            "cost",
        )
        common.print_table(
            (*header, "per second", "left"),
            [
                (
                    job.job,
                    job.model,
                    "running" if job.running else "at rest",
                    f"{job.done} of {job.total}" if job.total is not None else "",
                    job.answered,
                    job.failed,
                    job.again,
                    job.in_flight,
                    job.resent,
                    job.prompt_tokens + job.completion_tokens,
                    job.cost,
                    "" if job.rate is None else f"{job.rate:.1f}",
                    "" if job.eta is None else _clock(job.eta),
                )
                for job in jobs
            ],
        )
        for job in jobs:
            if job.failed:
                typer.echo(f"{job.failed} failed: python -m admin llm retry {job.job}")
            if job.unchecked:
                typer.echo(f"{job.unchecked} imported replies of {job.job} wait for the method's command to check them")


@app.command()
def retry(job: Job, workspace: common.Workspace = common.DEFAULT_WORKSPACE, json: common.Json = False) -> None:
    """Mark what failed to be asked again when the method's command next runs."""
    from engine.artifacts import Workspace
    from engine.llm import log
    from engine.llm import status as states

    folder = log.find(Workspace(workspace), job)
    count = states.retry(folder)
    if json:
        common.print_json({"job": folder.name, "retry": count})
    else:
        typer.echo(f"{folder.name}: {count} requests will be asked again when the method's command next runs")


@app.command("export-batch")
def export_batch(
    job: Job,
    file: Annotated[Path, typer.Argument(help="The JSONL file to write, as `vllm run-batch -i` reads it.")],
    workspace: common.Workspace = common.DEFAULT_WORKSPACE,
    json: common.Json = False,
) -> None:
    """Write what has no answer yet as an OpenAI batch file; the method's command with llm.server.export comes first."""
    from engine.artifacts import Workspace
    from engine.llm import batch, log

    folder = log.find(Workspace(workspace), job)
    counts = batch.export(folder, file)
    failed = f", {counts['failed']} failed: llm retry {folder.name} asks them again" if counts["failed"] else ""
    if json:
        common.print_json(counts)
    else:
        typer.echo(f"{file}: {counts['requests']} requests ({counts['answered']} answered{failed})")


@app.command("import-batch")
def import_batch(
    job: Job,
    file: Annotated[Path, typer.Argument(help="A result file of vllm run-batch or of the OpenAI batch API.")],
    workspace: common.Workspace = common.DEFAULT_WORKSPACE,
    json: common.Json = False,
) -> None:
    """Take replies from a batch result file; they are checked when the method's command next runs."""
    from engine.artifacts import Workspace
    from engine.llm import batch, log

    folder = log.find(Workspace(workspace), job)
    counts = batch.import_(folder, file)
    if json:
        common.print_json(counts)
        return
    typer.echo(f"{folder.name}: {counts['replies']} replies taken, {counts['errors']} errors listed as failed")
    for kind, what in (
        ("known", "there already"),
        ("unknown", "not of this job"),
        ("unreadable", "not readable"),
    ):
        if counts[kind]:
            one = counts[kind] == 1
            typer.echo(
                f"{counts[kind]} {'line' if one else 'lines'} passed over: {'it is' if one else 'they are'} {what}"
            )


def _clock(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60}:{minutes % 60:02d} h" if minutes >= 60 else f"{round(seconds)} s"
