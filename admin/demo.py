"""`demo`: make the bundled world ready and serve the page."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from admin import common

PAGE = Path(__file__).parent.parent / "app.py"


def demo(
    data: Annotated[list[Path] | None, typer.Option("--data", help="One more dataset to show; repeatable.")] = None,
    host: Annotated[str, typer.Option("--host", help="Where to listen; 0.0.0.0 for everybody.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535)] = 7860,
    workspace: common.Workspace = common.DEFAULT_WORKSPACE,
) -> None:
    """Build the bundled world and serve the page, which says where and how long it took."""
    arguments = ["--workspace", str(workspace), "--host", host, "--port", str(port)]
    for folder in data or ():
        arguments += ["--data", str(folder)]
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, str(PAGE), *arguments])  # the page is a program of its own
