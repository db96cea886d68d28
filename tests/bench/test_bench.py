"""The benchmarks run at tiny sizes and report ratios; how fast anything is, is not a test's business."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bench import __main__ as bench
from bench.measure import Comparison, side_by_side
from bench.table import Row, Table, compared, duration, size
from bench.world import StandInEncoder, zipf_texts


class Clock:
    """A clock that only moves when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def takes(self, *seconds: float) -> Callable[[], None]:
        """A call that takes so long the first time, so long the second time ..."""
        waits = iter(seconds)

        def call() -> None:
            self.now += next(waits)

        return call


def test_the_ratio_is_the_median_of_the_ratios_of_neighbours() -> None:
    clock = Clock()
    # warm-up, then three pairs: 2/1, 30/10 (something else ran on the machine), 1/1
    made = side_by_side(clock.takes(99, 2, 30, 1), clock.takes(99, 1, 10, 1), 3, clock=clock)
    assert made == Comparison((2, 30, 1), (1, 10, 1))
    assert made.ratio == 2.0
    assert made.spread == (1.0, 3.0)


def test_both_ways_take_turns_in_going_first() -> None:
    calls: list[str] = []
    side_by_side(lambda: calls.append("ours"), lambda: calls.append("direct"), 3, warm_up=0)
    assert calls == ["ours", "direct", "direct", "ours", "ours", "direct"]


def test_a_comparison_needs_pairs() -> None:
    with pytest.raises(ValueError):
        Comparison((1.0, 2.0), (1.0,))
    with pytest.raises(ValueError):
        Comparison((), ())


def test_a_row_says_whether_its_budget_is_met() -> None:
    slow, fine = Comparison((2.4,), (2.0,)), Comparison((0.0022,), (0.002,))
    assert compared("a", slow).cells == ("a", "2.4 s", "2 s", "1.20 [1.20..1.20]", "<= 1.10", "NO")
    assert compared("b", fine, per=2).cells == ("b", "1.1 ms", "1 ms", "1.10 [1.10..1.10]", "<= 1.10", "yes")
    assert compared("c", slow, budget=None).cells[-2:] == ("", "")


def test_units() -> None:
    assert [duration(s) for s in (3.14159, 0.0314, 42e-6)] == ["3.14 s", "31.4 ms", "42 µs"]
    assert [size(n) for n in (5, 1_500, 2_000_000, 3e9)] == ["5 B", "1.5 kB", "2 MB", "3 GB"]


def test_a_table_is_aligned_markdown() -> None:
    lines = str(Table("name", "What was done.", [Row("short", "1 s"), Row("rather long", "12 ms")])).splitlines()
    assert lines[:3] == ["## name", "", "What was done."]
    assert len({len(line) for line in lines[4:]}) == 1


def test_the_world_is_seeded() -> None:
    assert zipf_texts(5, 200, 10, seed=1) == zipf_texts(5, 200, 10, seed=1) != zipf_texts(5, 200, 10, seed=2)
    encoder = StandInEncoder(8)
    one, again = encoder.encode_documents(["a", "b"]), encoder.encode_documents(["b"])
    assert np.array_equal(one[1], again[0]) and encoder.texts == 3
    assert np.allclose(np.linalg.norm(one, axis=1), 1)


@pytest.mark.integration
@pytest.mark.parametrize("name", bench.BENCHMARKS)
def test_each_benchmark_runs_and_reports(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "BENCHMARKS.md"
    bench.main([name, "--quick", "--collections", str(tmp_path / "none"), "--write", str(page)])
    printed = capsys.readouterr().out
    rows = [line for line in printed.splitlines() if line.startswith("| ")]
    assert len(rows) > 2 and f"## {name}" in printed
    assert name in ("start", "memory", "generative") or ".." in rows[-1]
    assert printed.strip() in page.read_text("utf-8")


def test_an_unknown_benchmark_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bench.main(["densee"])
    assert "densee" in capsys.readouterr().err
