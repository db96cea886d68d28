"""A job in a process of its own: `python -m llm.child WORKSPACE URL COUNT SLOTS [HOW]`; says its counts on stdout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOTS = [str(Path(__file__).parents[3]), str(Path(__file__).parents[1])]  # of `engine` and of `llm`


def start(workspace: Path, url: str, count: int, slots: int, how: str = "", **env: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "llm.child", str(workspace), url, str(count), str(slots), how],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(ROOTS), "QUINTET_NO_PROGRESS": "1", **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(process: subprocess.Popen[str], code: int | None = 0) -> tuple[dict[str, Any], str]:
    """The counts and stderr of a child that has ended as it should."""
    out, error = process.communicate(timeout=60)
    assert code is None or process.returncode == code, error
    return json.loads(out) if out else {}, error


def main(workspace: Path, url: str, count: int, slots: int, how: str) -> None:
    import signal

    from engine.artifacts import Workspace
    from engine.errors import QuintetError
    from engine.llm.job import generate
    from llm.tasks import ECHO, config, words

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    # "own handler": as the command line has. Else Python's own, also where whoever runs the tests ignores the signal.
    signal.signal(signal.SIGINT, interrupt if how == "own handler" else signal.default_int_handler)
    try:
        options = {"serve": True} if how == "serve" else {}
        made = generate(Workspace(workspace), ECHO, words(count), config(url, slots=slots, **options))
    except KeyboardInterrupt:
        sys.exit(130)
    except QuintetError as error:
        sys.exit(f"error: {error}")
    sys.stdout.write(json.dumps(made.counts.as_dict() | {"answers": sum(len(found) for _, found, _ in made)}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
