"""The page under many visitors and hostile callers, through its API."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from bench.serving import Visitor
from tests.page.conftest import Server

pytestmark = pytest.mark.integration
PEOPLE = ["helena", "deniz", "priya", "callum", "margit", "tobias"]


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[Any]:
    gradio_client = pytest.importorskip("gradio_client")
    yield gradio_client.Client(server.url, verbose=False, max_workers=128)  # fewer than callers would deadlock


def test_endpoints_are_named_and_described(client: Any) -> None:
    api = client.view_api(return_format="dict")["named_endpoints"]
    wanted = "collections store examples ask understand scenarios context boards leaderboard segments duel request"
    assert set(api) == {f"/{name}" for name in wanted.split()}
    assert all(endpoint["description"].strip() for endpoint in api.values())


def test_every_endpoint_gives_records(client: Any) -> None:
    """One walk through all of them, each with what the one before named."""
    collections = {c["name"]: c["people"] for c in client.predict(api_name="/collections")}
    assert collections["lives"] == sorted(PEOPLE) and collections["hostile<b>"] == []
    store = client.predict("lives", "helena", api_name="/store")
    assert len(store) >= 100 and all(d["user"] == "helena" for d in store)
    assert [d["time"] for d in store] == sorted(d["time"] for d in store)
    examples = client.predict("lives", "helena", 5, api_name="/examples")
    assert len(examples) == 5
    found = client.predict(examples[0]["text"], "lives", "helena", examples[0]["time"], 3, api_name="/ask")
    assert [answer["method"] for answer in found] == ["bm25", "dense", "hybrid"]
    hit = found[1]["hits"][0]
    assert (
        hit["id"].startswith("helena/") and "closest_sentence" in [why["kind"] for why in hit["why"]] and "score" in hit
    )
    said = client.predict("what did Mum say last June?", "lives", "helena", "2024-09-01T10:00", api_name="/understand")
    assert said["kind"] == "message" and said["mentions"][0]["phrase"] == "Mum"
    assert said["intervals"][0]["start"] == "2024-06-01T00:00:00"
    everybody = client.predict("picnic", "hostile<b>", api_name="/ask")
    assert {h["id"] for h in everybody[0]["hits"]} == {"h<1>", "h2", "h3"}
    board = next(b for b in client.predict(api_name="/boards") if b["dataset"] == "lives")
    entries = client.predict(board["digest"], board["split"], "mrr@10", api_name="/leaderboard")
    assert "mrr@10" in board["metrics"] and len(entries) == 6
    bars = client.predict(board["digest"], board["split"], "mrr@10", "user", api_name="/segments")
    assert {bar["segment"] for bar in bars} == set(PEOPLE)
    rounds = client.predict(entries[1]["run"], entries[0]["run"], "mrr@10", api_name="/duel")
    assert len(rounds) == 297 and rounds[0]["difference"] >= rounds[-1]["difference"]
    detail = client.predict(entries[1]["run"], entries[0]["run"], rounds[0]["request"], api_name="/request")
    assert detail["text"] == rounds[0]["text"] and len(detail["gold"]) == 1 and len(detail["first"]) == 5


def test_fifty_visitors_at_once_each_get_their_own_answers(server: Server) -> None:
    port = int(server.url.rpartition(":")[2])

    def visit(i: int) -> tuple[str, str]:
        person = PEOPLE[i % len(PEOPLE)]
        return person, Visitor(port).ask("lives", person, f"who came to dinner, visitor {i}?")

    with ThreadPoolExecutor(50) as crowd:
        for person, markup in crowd.map(visit, range(100)):
            assert f'title="{person}/m' in markup
            assert not any(f'title="{other}/m' in markup for other in PEOPLE if other != person)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("x" * 1_000_000, "lives", "helena"), "1,000,000 characters"),
        (("\x00\x01\x02", "lives", "helena"), "The question is empty"),
        (("where?", "lives", "nobody"), "Nobody is called 'nobody'"),
        (("where?", "lives", "<script>alert(1)</script>"), "Nobody is called"),
        (("where?", "nothing", "helena"), "There is no collection 'nothing'"),
        (("where?", "lives", "helena", "soon"), "can't be read as a time"),
        (("where?", "lives", "helena", None, "many"), "k: input should be a valid integer"),
        ((5, "lives", ["helena"]), "question: input should be a valid string"),
    ],
)
def test_a_hostile_call_gets_one_sentence_and_the_page_lives_on(
    client: Any, server: Server, arguments: tuple[Any, ...], said: str
) -> None:
    with pytest.raises(Exception, match=re.escape(said)) as caught:
        client.predict(*arguments, api_name="/ask")
    assert "\n" not in str(caught.value) and "Traceback" not in str(caught.value)
    odd = client.predict("where is the\u202e key? \x1b[31m", "lives", "helena", api_name="/ask")
    assert len(odd[1]["hits"]) == 5
    visitor = Visitor(int(server.url.rpartition(":")[2]))
    with contextlib.suppress(RuntimeError):  # half a surrogate pair is no text: refused by Gradio, or left out by us
        visitor.ask("lives", "helena", "where \ud800 is the key?")
    assert "q-card" in visitor.ask("lives", "helena", "where is the key?")
    assert "Traceback" not in server.log.read_text()


@pytest.mark.parametrize(
    ("endpoint", "arguments", "said"),
    [
        ("/segments", ("nothing", "test", "ndcg@10", "user"), "No run on this board"),
        ("/leaderboard", ("nothing", "test'; DROP TABLE runs; --", "ndcg@10"), "No run on this board"),
        ("/duel", ("nothing", "nothing", "ndcg@10"), "share no request"),
        ("/request", ("nothing", "nothing", "q"), "has no request"),
        ("/request", (1, 2, 3), "valid string"),
    ],
)
def test_what_no_run_has_is_said(client: Any, endpoint: str, arguments: tuple[Any, ...], said: str) -> None:
    with pytest.raises(Exception, match=said):
        client.predict(*arguments, api_name=endpoint)
    assert client.predict(api_name="/boards")


def test_a_store_that_is_gone_is_made_again(client: Any, server: Server) -> None:
    (server.workspace / "store.duckdb").unlink()
    assert "lives" in str(client.predict(api_name="/boards"))


def test_a_store_that_another_program_holds_is_said_and_search_goes_on(client: Any, server: Server) -> None:
    import subprocess
    import sys

    hold = f"import duckdb, time; c = duckdb.connect({str(server.workspace / 'store.duckdb')!r}); print(1, flush=True)"
    command = [sys.executable, "-c", f"{hold}; time.sleep(60)"]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        told: list[str] = []

        def look() -> None:
            try:
                client.predict(api_name="/boards")
            except Exception as error:
                told.append(str(error))

        waiting = threading.Thread(target=look)
        waiting.start()
        assert client.predict("who fixes the roof?", "lives", "priya", api_name="/ask")[1]["hits"]
        waiting.join(timeout=60)
        assert "nother program holds this file" in told[0]
    finally:
        holder.kill()
        holder.wait()
    assert "lives" in str(client.predict(api_name="/boards"))
