"""People by a language model from the command line: who writes, and going on after a kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from llm.server import Server

from engine.errors import InputError
from engine.synth.writing import read_llm
from synth.answers import good
from tests.conftest import ROOT


def test_who_writes_is_read_from_a_configuration_or_from_settings(tmp_path: Path) -> None:
    found = read_llm(ROOT / "configs" / "spike.yaml", ["llm.backend=openai", "llm.model=qwen", "llm.server.slots=3"])
    assert (found.backend, found.model, found.server.slots, found.sampling.max_tokens) == ("openai", "qwen", 3, 2048)
    assert read_llm(None, ["llm.backend=openai"]).sampling.max_tokens == 4096
    path = tmp_path / "mine.yaml"
    path.write_text("llm: {backend: openai, model: own}\n")
    assert read_llm(path, []).model == "own"
    for text, told in (("llm: 3", "no section"), ("{", "not readable"), ("llm: {modle: x}", "nearest is 'model'")):
        path.write_text(text)
        with pytest.raises(InputError, match=told):
            read_llm(path, [])
    with pytest.raises(InputError, match="--set"):
        read_llm(None, ["model=x"])


@pytest.mark.integration
def test_the_command_goes_on_where_it_was_killed(serve: Callable[..., Server], tmp_path: Path) -> None:
    """Killed in the middle: what was answered is not asked again, and the folder comes out whole or not at all."""
    server = serve(good, latency=0.05)
    command = [sys.executable, "-m", "admin", "data", "synth", "personal", str(tmp_path / "made"), "--people", "3"]
    command += ["--pairs", "120", "--json", "--workspace", str(tmp_path / "workspace")]
    for setting in ("backend=openai", "model=m", f"server.base_urls={server.url}", "server.slots=2"):
        command += ["--set", f"llm.{setting}"]
    environment = {**os.environ, "QUINTET_NO_PROGRESS": "1"}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while len(server.bodies) < 8 and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (tmp_path / "made").exists()
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)
    assert counts["queries"] == 120 and not counts["lacking"]
    twice = [text for text, asked in server.asked.items() if asked > 1]
    assert len(twice) <= 2 and max(server.asked.values()) <= 2  # what was in flight
    again = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert again.returncode == 2 and "exists already" in again.stderr
