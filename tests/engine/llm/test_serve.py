"""Servers as children: started when needed, stopped whatever happens. And real ones, where they are at hand."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.artifacts import Workspace
from engine.errors import BuildError, InputError
from engine.llm.config import LlmConfig
from engine.llm.job import Generated, generate
from llm import tiny
from llm.child import finish, start
from llm.tasks import ECHO, config, words

pytestmark = pytest.mark.integration
NOWHERE = "http://127.0.0.1:9/v1"


@pytest.fixture
def pids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`vllm` is the fake one, which writes its process id to this file."""
    monkeypatch.setenv("QUINTET_VLLM", f"{sys.executable} {Path(__file__).with_name('fake_vllm.py')}")
    monkeypatch.setenv("FAKE_PIDS", str(tmp_path / "pids"))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-0123456789")
    return tmp_path / "pids"


def group_is_gone(pids: Path, limit: float = 15) -> bool:
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        members = [
            stat
            for stat in Path("/proc").glob("[0-9]*/stat")
            if (fields := _fields(stat)) and fields[2] == pids.read_text() and fields[0] != "Z"
        ]
        if not members:
            return True
        time.sleep(0.05)
    return False


def _fields(stat: Path) -> list[str]:
    try:
        return stat.read_text().rpartition(")")[2].split()  # state, parent, group, ...
    except (FileNotFoundError, ProcessLookupError):
        return []


def served(workspace: Workspace, model: str = "m", count: int = 5) -> Generated:
    return generate(
        workspace,
        ECHO,
        words(count),
        LlmConfig.model_validate({"backend": "openai", "model": model, "server": {"serve": True, "timeout": 5}}),
    )


def test_it_is_started_when_needed_and_stopped(workspace: Workspace, pids: Path) -> None:
    made = served(workspace)
    assert made.counts.answered == 5 and group_is_gone(pids)
    assert made.folder is not None
    log = (made.folder / "vllm.log").read_text()
    assert "serving m" in log and "OPENAI_API_KEY" not in log, "the child does not get the key"
    pids.unlink()
    assert served(workspace).counts.from_log == 5
    assert not pids.exists(), "nothing was due, so nothing was started"


def test_a_server_that_does_not_start_names_its_output(workspace: Workspace, pids: Path, monkeypatch) -> None:
    with pytest.raises(BuildError, match=r"vllm\.log: vllm has ended with code 1\. Read this file"):
        served(workspace, "broken")
    monkeypatch.setenv("QUINTET_VLLM", "no-such-program")
    with pytest.raises(InputError, match="vllm is not installed here"):
        served(workspace, "other")


def test_a_server_that_dies_under_way_ends_the_job(workspace: Workspace, pids: Path) -> None:
    def items():
        for i, item in enumerate(words(400)()):
            if i == 200:
                os.kill(int(pids.read_text()), signal.SIGKILL)
            yield item

    settings = {"backend": "openai", "model": "m", "server": {"serve": True, "slots": 8}}
    with pytest.raises(BuildError, match=r"vllm has ended"):
        generate(workspace, ECHO, items, LlmConfig.model_validate(settings))
    assert served(workspace, count=400).counts.from_log > 100


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_it_does_not_outlive_us(workspace: Workspace, pids: Path, number: int) -> None:
    process = start(workspace.root, NOWHERE, 2000, 4, "serve")
    while not pids.exists() or not pids.read_text():
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    time.sleep(1)
    process.send_signal(number)
    _, error = finish(process, code=130 if number == signal.SIGINT else -number)
    assert error == "" and group_is_gone(pids)


def wait_for(url: str, process: subprocess.Popen[bytes], limit: float) -> None:
    deadline = time.monotonic() + limit
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            assert process.poll() is None, "the server ended"
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.5)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def transformers_serve(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """`transformers serve` with a tiny model: (URL, model)."""
    program = Path(sys.executable).with_name("transformers")
    if not program.exists() or subprocess.run([program, "serve", "--help"], capture_output=True).returncode:
        pytest.skip("`transformers serve` does not run here")
    model, port = tiny.save(tmp_path / "tiny", positions=2048), free_port()
    with (tmp_path / "serve.log").open("wb") as log:
        command = [program, "serve", "--port", str(port), "--host", "127.0.0.1"]
        process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "HF_HUB_OFFLINE": "1"})
    try:
        try:
            wait_for(f"http://127.0.0.1:{port}/health", process, 60)
        except AssertionError:
            pytest.skip(f"`transformers serve` does not start: {(tmp_path / 'serve.log').read_text()[-200:]}")
        yield f"http://127.0.0.1:{port}/v1", str(model)
    finally:
        process.kill()
        process.wait()


def test_transformers_serve(workspace: Workspace, transformers_serve: tuple[str, str]) -> None:
    url, model = transformers_serve
    # one at a time: two first requests at once make it load the model twice, and trip
    base = config(url, slots=1, attempts=1, timeout=60, sampling={"max_tokens": 16})
    made = generate(workspace, ECHO, words(2), base.model_copy(update={"model": model}))
    reasons = [reason for _, reason in made.failures()]
    assert len(reasons) == 2, "random weights write no JSON"
    assert all("JSON" in reason or "Field required" in reason or "empty" in reason for reason in reasons), reasons


@pytest.mark.slow
def test_a_real_vllm(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It starts, takes requests with a schema, counts tokens, stops; random words rarely close an object."""
    folder = os.environ.get("QUINTET_VLLM_CPU")
    if not folder or not (Path(folder) / "env" / "bin" / "vllm").exists():
        pytest.skip("QUINTET_VLLM_CPU names no folder made by ../shared/tools/vllm_cpu.sh setup")
    monkeypatch.setenv("QUINTET_VLLM", f"{folder}/env/bin/vllm")
    monkeypatch.setenv("VLLM_CPU_KVCACHE_SPACE", "1")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    model = tiny.save(tmp_path / "tiny", positions=2048)
    settings = {
        "backend": "openai",
        "model": str(model),
        "sampling": {"max_tokens": 400},
        "server": {"serve": True, "attempts": 1, "timeout": 120},
    }
    made = generate(workspace, ECHO, words(4), LlmConfig.model_validate(settings))
    assert made.counts.asked == 4 and made.counts.prompt_tokens > 0
    for _, reason in made.failures():
        assert "is not the word" in reason or "cut off at max_tokens" in reason
