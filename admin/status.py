"""`doctor`, `methods`, `status`: whether this machine can run the engine, what it knows, what is built."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from admin import common


def doctor(workspace: common.Workspace = common.DEFAULT_WORKSPACE, json: common.Json = False) -> None:
    """Check that this machine can run everything, by doing a little of it."""
    from engine.artifacts import Workspace
    from engine.doctor import examine

    checks = []
    for check in examine(Workspace(workspace)):
        checks.append(check)
        if not json:
            mark = {True: "ok", False: "FAILED", None: "note"}[check.ok]
            typer.echo(f"{mark:>6}  {check.name:<10} {check.detail}{'. ' + check.remedy if check.remedy else ''}")
    if json:
        common.print_json([asdict(check) for check in checks])
    if any(check.ok is False for check in checks):
        raise typer.Exit(1)


def methods(
    markdown: Annotated[bool, typer.Option("--markdown", help="As the table in the README.")] = False,
    json: common.Json = False,
) -> None:
    """List the methods: what each does, needs, and can say about a hit."""
    from engine import methods as registry

    if markdown:
        typer.echo(registry.table())
        return
    found = [
        {
            "name": m.name,
            "task": m.task,
            "summary": m.summary,
            "needs": list(m.needs),
            "explains": [e.kind for e in m.explains],
            "stages": {s.name: s.makes for s in m.stages},
            "paper": asdict(m.paper) if m.paper else None,
        }
        for m in registry.everything()
    ]
    if json:
        common.print_json(found)
    else:
        common.print_table(("name", "task", "what it does"), [(m["name"], m["task"], m["summary"]) for m in found])


def status(
    verify: Annotated[bool, typer.Option("--verify", help="Read all files again and compare their hashes.")] = False,
    workspace: common.Workspace = common.DEFAULT_WORKSPACE,
    json: common.Json = False,
) -> None:
    """List what is built, and say of each: fresh, stale (and why), missing, damaged, interrupted, building."""
    from engine.artifacts import Workspace
    from engine.survey import survey

    items = survey(Workspace(workspace), verify)
    if json:
        common.print_json([asdict(item) for item in items])
    elif not items:
        typer.echo(f"nothing is built in {workspace} yet: python -m admin index bm25 --data DIR")
    else:
        common.print_table(
            ("what", "name", "state", "size", "detail"),
            [
                (
                    i.kind,
                    i.name,
                    i.state,
                    f"{i.bytes / 2**20:.1f} MB",
                    f"{i.detail}. {i.remedy}" if i.remedy else i.detail,
                )
                for i in items
            ],
        )
