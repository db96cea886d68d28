"""What a benchmark reports: one table, the same on the terminal and in docs/BENCHMARKS.md."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.measure import Comparison

HEADER = ("what", "ours", "direct", "ratio [min..max]", "budget", "met")
TEN_PERCENT = 1.10
BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"  # of the tables on a page with sentences around them


@dataclass(frozen=True)
class Row:
    """One measurement. `met` is None where there is no budget."""

    what: str
    ours: str
    direct: str = ""
    ratio: str = ""
    budget: str = ""
    met: bool | None = None

    @property
    def cells(self) -> tuple[str, ...]:
        met = {True: "yes", False: "NO", None: ""}[self.met]
        return self.what, self.ours, self.direct, self.ratio, self.budget, met


@dataclass(frozen=True)
class Table:
    """`name` is the benchmark's, `note` says what was done and what the direct way is."""

    name: str
    note: str
    rows: Sequence[Row]

    def __str__(self) -> str:
        """A Markdown table with aligned columns."""
        lines = [HEADER, *(row.cells for row in self.rows)]
        widths = [max(len(line[i]) for line in lines) for i in range(len(HEADER))]
        ruled = [lines[0], tuple("-" * width for width in widths), *lines[1:]]
        drawn = ["| " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + " |" for line in ruled]
        return "\n".join([f"## {self.name}", "", self.note, "", *drawn])


def compared(what: str, comparison: Comparison, budget: float | None = TEN_PERCENT, per: int = 1) -> Row:
    """A row of a comparison; `per` is how many queries (or others) one run answers, None no budget."""
    low, high = comparison.spread
    return Row(
        what,
        duration(median(comparison.ours) / per),
        duration(median(comparison.direct) / per),
        f"{number(comparison.ratio)} [{number(low)}..{number(high)}]",
        "" if budget is None else f"<= {budget:.2f}",
        None if budget is None else comparison.ratio <= budget,
    )


def tell(text: str, page: Path | None) -> None:
    """Print a report, or put it between the marks of an existing page."""
    if page is None:
        sys.stdout.write(text + "\n")
        return
    before, _, rest = page.read_text("utf-8").partition(BEGIN)
    page.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.partition(END)[2]}", "utf-8")


def number(value: float) -> str:
    """Three digits that matter, no exponent."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 0.1 else (
        f"{value:.4f}"
    )  # fmt: skip


def duration(seconds: float) -> str:
    """Seconds in the unit that fits."""
    for unit, factor in (("s", 1.0), ("ms", 1e3)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}" if seconds * factor < 1000 else f"{seconds * factor:.0f} {unit}"
    return f"{seconds * 1e6:.3g} µs"


def size(count: float) -> str:
    """Bytes in the unit that fits."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if abs(count) >= factor:
            return f"{count / factor:.3g} {unit}"
    return f"{count:.0f} B"
