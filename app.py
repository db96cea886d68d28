"""The page's door: `python app.py` makes the bundled world ready and serves it. The tabs are in page/."""

from __future__ import annotations

import argparse
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

STARTED = float(os.environ.get("QUINTET_STARTED") or time.time())  # `make demo` counts from its own start
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import gradio as gr  # noqa: E402

from engine.artifacts import Workspace  # noqa: E402
from engine.demo import Demo, prepare  # noqa: E402
from engine.errors import InputError, QuintetError  # noqa: E402
from engine.learning import in_background  # noqa: E402
from page import api, evaluation, scenarios, search  # noqa: E402
from page.style import CSS, THEME  # noqa: E402

PORT = "Choose another with --port, or --host 127.0.0.1 or 0.0.0.0"


def build(demo: Demo) -> gr.Blocks:
    """The whole page over a prepared demo. Visitors share nothing: no callback keeps state."""
    with gr.Blocks(title="Quintet", analytics_enabled=False, fill_width=True) as page:
        gr.HTML(
            "<h1>Quintet</h1>"
            "<p>One vague question, several ways of searching, side by side, each saying why. Bundled are six invented"
            " lives (two years of calendar, messages and contacts), and an almanac with scenarios.</p>",
            elem_id="title",
            padding=False,
        )
        with gr.Tabs():
            with gr.Tab("Search", id="search"):
                search.tab(demo)
            if scenarios.collections(demo):
                with gr.Tab("Scenarios", id="scenarios") as beside:
                    scenarios.tab(demo, beside)
            with gr.Tab("Evaluation", id="evaluation") as second:
                evaluation.tab(demo.workspace, second)
        api.serve(demo)
    return page.queue(default_concurrency_limit=8, max_size=500)


def check_port(host: str, port: int) -> None:
    """InputError if nobody can listen there; asked before anything is built."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            what = (error.strerror or str(error)).lower()
            raise InputError(f"cannot listen there ({what})", where=f"{host}:{port}", remedy=PORT) from None


def _join(learning: subprocess.Popen[bytes], demo: Demo) -> None:
    """Let those answer who have learned meanwhile."""
    if learning.wait() == 0 and (joined := demo.join()):
        print(f"{', '.join(joined)} answers too after {time.time() - STARTED:.1f} s", flush=True)  # noqa: T201


def main(arguments: list[str]) -> int:
    """Prepare, serve, and say where and how long it took."""
    parser = argparse.ArgumentParser(prog="python app.py", description=__doc__)
    parser.add_argument("--workspace", type=Path, default=Path(os.environ.get("QUINTET_WORKSPACE", "workspace")))
    parser.add_argument("--data", type=Path, action="append", default=[], help="one more dataset to show; repeatable")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=7860)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING)
    try:
        check_port(options.host, options.port)
        demo = prepare(Workspace(options.workspace), options.data)
        page = build(demo)
        page.launch(
            server_name=options.host,
            server_port=options.port,
            theme=THEME,
            css=CSS,
            ssr_mode=False,
            quiet=True,
            show_error=False,
            prevent_thread_lock=True,
            max_file_size="1mb",
            footer_links=["api"],
        )
    except QuintetError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return error.exit_code
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"error: {where}{str(error.strerror or error).lower()}. Look at that and try again", file=sys.stderr)  # noqa: T201
        return 1
    print(f"ready at http://{options.host}:{options.port} after {time.time() - STARTED:.1f} s", flush=True)  # noqa: T201
    if learning := in_background(demo.workspace, show=options.data):
        threading.Thread(target=_join, args=(learning, demo), daemon=True).start()
    threading.Thread(target=lambda: [arena.warm() for arena in demo.arenas.values()], daemon=True).start()
    page.block_thread()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
