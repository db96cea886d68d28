"""The id that a generative model wrote for a memory, as HTML: from topic to topic, how sure it was of each.

An id is a path down a tree of topics, a digit for each branch. Every character of a topic is escaped here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from engine.records import DecodedId, Hit
from page.marks import cut, text

SHOWN_STEPS = 8  # of a longer id, its first and last digits
SHOWN_ABOUT = 40  # characters of what a branch is about
SHOWN_LINE = 600  # and of what is read out
SMALLEST = 1e-6  # a probability below this is only said to be so
LEGEND = (
    "A model wrote each memory’s id digit by digit, from a broad topic down to the memory itself."
    " The bars are how sure it was of each step."
)


def legend(hits: Iterable[Hit]) -> str:
    """What the paths below mean, once for all of them; empty where none of the hits has one."""
    any_path = any(isinstance(reason, DecodedId) for hit in hits for reason in hit.why)
    return f'<p class="q-legend">{LEGEND}</p>' if any_path else ""


def path(why: DecodedId) -> str:
    """The steps as chips with a bar each, then the whole id and its probability. It is read out as `why.line`."""
    note = "" if why.found else f'<span class="q-lost">{_lost(why.beams)}</span>'
    return (
        f'<div class="q-path{"" if why.found else " q-unfound"}" role="img"'
        f' aria-label="{text(cut(why.line, SHOWN_LINE))}">'
        f'{"".join(_steps(why))}<span class="q-whole">{_whole(why)}</span>{note}</div>'
    )


def _lost(beams: int) -> str:
    followed = f"among the {beams:,} ids it followed at once" if beams > 1 else "the one id it followed"
    return f"The model lost this path: it is not {followed}."


def _steps(why: DecodedId) -> Iterator[str]:
    last, half = len(why.steps) - 1, SHOWN_STEPS // 2
    for place, (digit, about, share) in enumerate(why.steps):
        if last < SHOWN_STEPS or place < half or place > last - half:
            yield _step(digit, about.strip() or ("this one" if place == last else ""), share)
        elif place == half:
            yield f'<span class="q-skipped">… {last + 1 - 2 * half} more</span>'


def _step(digit: int, about: str, share: float) -> str:
    named = f"<bdi>{text(cut(about, SHOWN_ABOUT))}</bdi>" if about else ""
    width = 0.0 if math.isnan(share) else 100 * min(1.0, max(0.0, share))
    return (
        f'<span class="q-step" title="{text(cut(about, SHOWN_LINE))}"><b>{text(digit)}</b>{named}'
        f'<span class="q-num">{text(_percent(share))}</span>'
        f'<span class="q-sure"><span style="width:{width:.0f}%"></span></span></span>'
    )


def _whole(why: DecodedId) -> str:
    """The id and its probability. What is too small for a float is not impossible; only minus infinity is."""
    if not why.steps:
        return "It has no id."
    log = min(why.log_probability, 0.0)  # rounding may lift a sum of logarithms above 0
    share = 0.0 if log == -math.inf else max(math.exp(log), SMALLEST / 2)
    return f"id <strong>{text(why.id)}</strong> · {text(_percent(share))} in all"


def _percent(share: float) -> str:
    """A probability, with two digits where it is small; nothing is rounded to 0 % or to 100 %."""
    if math.isnan(share):
        return "?"
    if 0 < share < SMALLEST:
        return f"<{100 * SMALLEST:.4f}%"
    if 0.99 < share < 1:
        return ">99%"
    share = min(1.0, max(0.0, share))
    return f"{100 * share:.2g}%" if 0 < share < 0.01 else f"{share:.0%}"
