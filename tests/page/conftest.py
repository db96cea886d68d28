"""The page in a real browser: one server for all tests, over the bundled world and a hostile collection."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
# Without these, Chromium keeps calling home from a machine that may have no network.
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
HOSTILE = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script> ${window.hacked=1} {{value}} `${1}`'


@dataclass
class Server:
    """A running page."""

    url: str
    workspace: Path
    log: Path
    ready_line: str


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("page")
    hostile = folder / "hostile<b>"
    _write_hostile(hostile)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = folder / "log"
    command = [
        sys.executable,
        "app.py",
        "--workspace",
        str(folder / "workspace"),
        "--data",
        str(hostile),
        "--port",
        str(port),
    ]
    with log.open("w") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, "PYTHONUNBUFFERED": "1"}
        )
    try:
        deadline = time.monotonic() + 240
        while "ready at" not in log.read_text():
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        ready = next(line for line in log.read_text().splitlines() if "ready at" in line)
        yield Server(f"http://127.0.0.1:{port}", folder / "workspace", log, ready)
    finally:
        process.terminate()
        process.wait(timeout=20)


def _write_hostile(folder: Path) -> None:
    (folder / "qrels").mkdir(parents=True)
    documents = [
        {"_id": "h<1>", "kind": "event", "time": "2024-02-29T10:00:00", "text": f"harmless picnic {HOSTILE}"},
        {"_id": "h2", "text": "picnic without a time or a kind", "title": HOSTILE},
        {"_id": "h3", "text": "x" * 5000 + " picnic"},
    ]
    (folder / "corpus.jsonl").write_text("".join(json.dumps(d) + "\n" for d in documents), "utf-8")
    queries = [
        {"_id": "q<1>", "text": f"picnic {HOSTILE}", "topic": HOSTILE},
        {"_id": "q2", "text": "picnic x", "topic": "b"},
    ]
    (folder / "queries.jsonl").write_text("".join(json.dumps(q) + "\n" for q in queries), "utf-8")
    scenarios = [  # h3 has none
        {"id": "h<1>", "main_topic": HOSTILE, "scenarios": [{"information_need": HOSTILE, "explanation": HOSTILE}]},
        {"id": "h2", "scenarios": [{"information_need": "z" * 5000, "explanation": "picnic " * 900}]},
    ]
    (folder / "scenarios.jsonl").write_text("".join(json.dumps(s) + "\n" for s in scenarios), "utf-8")
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq<1>\th<1>\t1\nq2\th2\t1\n", "utf-8")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Debian's Chromium through playwright; skipped with the reason where either is absent (.ci/run installs them)."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not Path(CHROMIUM).exists():
        pytest.skip("chromium is not installed (apt-get install chromium)")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Any, server: Server) -> Iterator[Any]:
    """A fresh visitor who has opened the page; a script error or a request to elsewhere fails the test."""
    context = browser.new_context(viewport={"width": 1400, "height": 950})
    opened = context.new_page()
    faults: list[str] = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("request", lambda request: faults.append(request.url) if elsewhere(request.url, server.url) else None)
    open_page(opened, server.url)
    yield opened
    assert opened.evaluate("window.hacked") is None
    context.close()
    assert faults == []


def elsewhere(url: str, own: str) -> bool:
    return not url.startswith((own, "data:", "blob:"))


def open_page(page: Any, url: str) -> None:
    page.goto(url)
    page.wait_for_selector("#question :is(textarea, input)")
    page.wait_for_selector(".q-timeline, #store .q-notice")


def ask(page: Any, text: str) -> None:
    """Type a question, press Enter, wait for what comes."""
    page.fill("#question :is(textarea, input)", text)
    page.press("#question :is(textarea, input)", "Enter")
    page.wait_for_selector("#results :is(.q-columns, .q-error)")


def choose(page: Any, element: str, value: str) -> None:
    """Choose a value of a Gradio dropdown, and see what comes of it."""
    page.click(f"#{element} input")
    with page.expect_response(lambda response: "/run/predict" in response.url):
        page.get_by_role("option", name=value, exact=True).click()
    page.wait_for_timeout(200)  # until it is drawn


def open_scenarios(page: Any) -> None:
    """The tab in the middle, with its first example answered."""
    page.get_by_role("tab", name="Scenarios").click()
    page.wait_for_selector("#scenario-results .q-card")
    page.wait_for_timeout(200)


def open_evaluation(page: Any) -> None:
    """The last tab, with a board in it."""
    with page.expect_response(lambda response: "/run/predict" in response.url):
        page.get_by_role("tab", name="Evaluation").click()
    page.wait_for_selector("#rounds tbody tr")
    page.wait_for_timeout(200)
