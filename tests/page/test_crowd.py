"""The page under many visitors and hostile callers, through its API."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.page.conftest import Server

# slow: the page is not finished, and under load Gradio's own scripts fail now and then
pytestmark = [pytest.mark.integration, pytest.mark.slow]
PEOPLE = ["helena", "deniz", "priya", "callum", "margit", "tobias"]


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[Any]:
    gradio_client = pytest.importorskip("gradio_client")
    yield gradio_client.Client(server.url, verbose=False, max_workers=128)  # fewer than callers would deadlock


def test_endpoints_are_named_and_described(client: Any) -> None:
    api = client.view_api(return_format="dict")["named_endpoints"]
    wanted = {
        "/search",
        "/example",
        "/store",
        "/collection",
        "/board",
        "/metric",
        "/segments",
        "/duel",
        "/request",
        "/ask",
    }
    assert wanted <= set(api)
    for name in wanted:
        assert api[name]["description"].strip(), name


def test_ask_gives_records_not_markup(client: Any) -> None:
    found = client.predict("what did Mum's friend say about the boat?", "lives", "helena", None, 3, api_name="/ask")
    assert [answer["method"] for answer in found] == ["bm25", "dense", "hybrid"]
    hit = found[1]["hits"][0]
    assert hit["id"].startswith("helena/") and hit["why"][0]["kind"] == "closest_sentence" and "score" in hit


def test_fifty_visitors_at_once_each_get_their_own_answers(client: Any) -> None:
    def visit(i: int) -> tuple[str, str]:
        person = PEOPLE[i % len(PEOPLE)]
        results, store = client.predict("lives", person, f"who came to dinner, visitor {i}?", api_name="/search")
        return person, results + store

    with ThreadPoolExecutor(50) as crowd:
        for person, markup in crowd.map(visit, range(50)):
            assert f'title="{person}/m' in markup
            assert not any(f'title="{other}/m' in markup for other in PEOPLE if other != person)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("lives", "helena", "x" * 1_000_000), "1,000,000 characters"),
        (("lives", "helena", "\x00\x01\x02"), "The question is empty"),
        (("lives", "nobody", "where?"), "Nobody is called"),
        (("lives", "<script>alert(1)</script>", "where?"), "Nobody is called"),
        (("nothing", "helena", "where?"), "There is no collection"),
        (("lives", "helena", "\ud800 where is the key?"), ""),
    ],
)
def test_a_hostile_call_gets_one_sentence_and_the_page_lives_on(
    client: Any, arguments: tuple[str, str, str], said: str
) -> None:
    try:
        results = client.predict(*arguments, api_name="/search")[0]
    except Exception as error:  # Gradio itself refuses what is not one of a dropdown's choices, or no text
        results = str(error)
        assert "Traceback" not in results
    else:
        assert said in results
        assert "<script>alert" not in results
    assert "q-card" in client.predict("lives", "helena", "where is the key?", api_name="/search")[0]


def test_a_store_that_is_gone_is_made_again(client: Any, server: Server) -> None:
    (server.workspace / "store.duckdb").unlink()
    assert "lives" in str(client.predict(None, api_name="/board"))


def test_a_store_that_another_program_holds_is_said_and_search_goes_on(client: Any, server: Server) -> None:
    import subprocess
    import sys

    hold = f"import duckdb, time; c = duckdb.connect({str(server.workspace / 'store.duckdb')!r}); print(1, flush=True)"
    command = [sys.executable, "-c", f"{hold}; time.sleep(60)"]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        board: list[Any] = []
        waiting = threading.Thread(target=lambda: board.append(client.predict(None, api_name="/board")))
        waiting.start()
        assert "q-card" in client.predict("lives", "priya", "who fixes the roof?", api_name="/search")[0]
        waiting.join(timeout=30)
        assert "another program holds this file" in str(board[0]).lower()
    finally:
        holder.kill()
        holder.wait()
    assert "q-table" in str(client.predict(None, api_name="/board"))


def test_ten_visitors_at_once_are_answered_quickly(client: Any, record_property: Any) -> None:
    """No bound is asserted here (machines differ): the figure is in docs/BENCHMARKS.md; nobody may wait for seconds."""

    def visit(i: int) -> float:
        started = time.perf_counter()
        client.predict("lives", PEOPLE[i % 6], f"when is the check-up number {i}?", api_name="/search")
        return time.perf_counter() - started

    with ThreadPoolExecutor(10) as crowd:
        seconds = list(crowd.map(visit, range(60)))
    record_property("p50_seconds", statistics.median(seconds))
    assert statistics.median(seconds) < 10
