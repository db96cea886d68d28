"""The page's door: what cannot be served is said in one line, before anything is built."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.integration


def start(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "app.py", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = start("--port", port, "--workspace", str(tmp_path / "workspace"))
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "--port" in done.stderr
    assert not (tmp_path / "workspace").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--host", "203.0.113.7"), "cannot listen there"),
        (("--workspace", "/proc/nothing", "--port", "0"), "/proc/nothing"),
        (("--data", "nowhere", "--port", "0"), "nowhere"),
    ],
)
def test_what_cannot_be_served_is_one_line(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    done = start("--workspace", str(tmp_path / "workspace"), *arguments)
    assert done.returncode in (1, 2) and said in done.stderr and "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: ")
