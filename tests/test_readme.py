"""The README's commands, run as they are printed, in their order, in a folder that has what a clone has."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def blocks(heading: str) -> list[str]:
    """The shell blocks of one section of the README."""
    section = (ROOT / "README.md").read_text("utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", section, flags=re.DOTALL)


@pytest.mark.integration
def test_the_commands_of_the_readme_run_as_printed(tmp_path: Path) -> None:
    [own] = blocks("Your own data in five lines")
    examples, needs_a_hub, personal, trained, pearl, spike, needs_a_server = blocks("The command line by example")
    assert "intfloat/" in needs_a_hub and "vllm serve" in needs_a_server  # cannot be reached here
    shutil.copytree(ROOT / "data", tmp_path / "data")
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": str(ROOT),
        "QUINTET_NO_PROGRESS": "1",
    }
    told = own + examples + personal + trained + pearl + spike
    done = subprocess.run(["bash", "-e"], input=told, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stdout[-2000:] + done.stderr
    for said in (
        "0 errors",
        "helena/",
        "gold.kind",
        "\\begin{tabular}",
        "dense has 1 documents",
        "1 requests",
        "fresh",
        "understood, asked on ",
        "use it with --model people",
        "use it with --model small",
        "671 scenarios",
        "A need it serves: ",
    ):
        assert said in done.stdout, said
    assert (tmp_path / "hybrid.run").read_text().count("\n") > 1000
