"""The page as visitors meet it: how soon it is there, shows itself, and answers, to one alone and to ten at once."""

from __future__ import annotations

import itertools
import shutil
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median, quantiles

from bench.serving import Visitor, free_port, served
from bench.table import Row, Table, duration
from bench.world import World
from engine.demo import BUNDLED

ROOT = Path(__file__).parent.parent
START, PAINT, ANSWER = 10.0, 2.0, 0.3  # budgets in seconds: second start, first paint, p50 of an answer
VISITORS = 10
WARMED = 15.0  # seconds after the start in which the page encodes what explanations need
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"


def run(world: World) -> Table:
    from engine.arena import Arena
    from engine.artifacts import Workspace
    from engine.datasets.reader import Dataset

    port, workspace = free_port(), world.scratch / "page"
    url, quick = f"http://127.0.0.1:{port}", world.sizes.starts == 1
    command = [sys.executable, "app.py", "--workspace", str(workspace), "--port", str(port)]
    with served(command, ROOT, port) as first_start:
        pass
    starts = []
    for _ in range(1 if quick else 3):
        with served(command, ROOT, port) as seconds:
            starts.append(seconds)
    name = "lives"
    arena = Arena(Workspace(workspace), Dataset(BUNDLED / name), [])
    asked = [(p, q.text) for p in arena.people for q in arena.questions[p]]
    asked = [pair for pairs in itertools.zip_longest(*_by_person(asked)) for pair in pairs if pair]  # people in turns
    with served(command, ROOT, port):
        Visitor(port).ask(name, *asked[-1])
        time.sleep(0 if quick else WARMED)
        with ThreadPoolExecutor(1) as apart:  # playwright wants a thread without an event loop
            paints = apart.submit(first_paints, url, 1 if quick else 5).result()
        alone = visit(port, name, asked[:5] if quick else asked[:40], 1)
        crowd = visit(port, name, asked[5:20] if quick else asked[40:240], VISITORS)
    rows = [
        row("first start: index and judge the bundled world", [first_start]),
        row("second start", starts, START),
        *([row("first contentful paint, a new visitor", paints, PAINT)] if paints else []),
        row("a question, one visitor", alone),
        row(f"a question, {VISITORS} visitors at once", crowd, ANSWER),
    ]
    note = (
        "`python app.py` over the bundled lives in a process of its own; questions nobody asked before, through the "
        "event that the Ask button sends: three contestants with explanations, their cards and the timeline as "
        "markup. Median [lowest..95th percentile]. Browser and visitors run on the same cores as the page."
        + ("" if paints else " No Chromium here: first paint was not measured.")
    )
    return Table("page", note, rows)


def _by_person(asked: Sequence[tuple[str, str]]) -> list[list[tuple[str, str]]]:
    return [list(group) for _, group in itertools.groupby(asked, key=lambda pair: pair[0])]


def first_paints(url: str, count: int) -> list[float]:
    """Seconds to the first contentful paint in Chromium, each in a context without a cache; none without Chromium."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return []
    if not Path(CHROMIUM).exists():
        return []
    found = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for _ in range(count):
            page = browser.new_context().new_page()
            page.goto(url)
            page.wait_for_selector("#question textarea, #question input")
            paint = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
            found.append(page.evaluate(paint) / 1000)
            page.context.close()
        browser.close()
    return found


def visit(port: int, collection: str, asked: Sequence[tuple[str, str]], visitors: int) -> list[float]:
    """Seconds that each question took, `visitors` of them under way at any time, each with a session of their own."""
    own = threading.local()

    def ask(pair: tuple[str, str]) -> float:
        if not hasattr(own, "visitor"):
            own.visitor = Visitor(port)
        started = time.perf_counter()
        own.visitor.ask(collection, *pair)
        return time.perf_counter() - started

    with ThreadPoolExecutor(visitors) as pool:
        list(pool.map(ask, asked[:visitors]))  # sessions are opened here; the first question of each does not count
        return list(pool.map(ask, asked[visitors:]))


def row(what: str, seconds: Sequence[float], budget: float | None = None) -> Row:
    """Median [lowest..95th percentile] of some seconds, and whether the median keeps to the budget."""
    middle = median(seconds)
    high = quantiles(seconds, n=20)[-1] if len(seconds) > 9 else max(seconds)
    spread = f" [{duration(min(seconds))}..{duration(high)}]" if len(seconds) > 1 else ""
    return Row(
        what,
        duration(middle) + spread,
        "",
        "",
        "" if budget is None else f"<= {duration(budget)}",
        None if budget is None else middle <= budget,
    )
