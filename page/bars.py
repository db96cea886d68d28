"""Leaderboards and segments as HTML bars with intervals; numbers stand beside every bar."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from engine.evaluation.measures import MEASURES
from engine.evaluation.significance import Interval
from engine.leaderboard import Bar, Duel, Entry, Round
from page.cards import notice
from page.marks import text


def leaderboard(entries: Sequence[Entry], metric: str) -> str:
    """The contestants by one metric, best first, each with its 95 % interval."""
    if not entries:
        return notice("No run has been judged on this yet: python -m admin evaluate METHOD --data DIR")
    top = _scale([(e.mean, e.interval) for e in entries])
    rows = "".join(
        f'<tr title="{text(e.run)}"><th scope="row">{text(e.label)}</th>'
        f'<td class="q-num">{e.mean:.4f}</td>'
        f"<td>{_bar(e.mean, e.interval, top)}</td><td class='q-num'>{_interval(e.interval)}</td>"
        f'<td class="q-num">{e.requests}</td><td class="q-num">{e.missing}</td></tr>'
        for e in entries
    )
    return (
        f'<table class="q-table"><caption>{text(metric)} ({_meaning(metric)}): mean and 95 % bootstrap interval'
        " of each contestant's newest run</caption><thead><tr><th>contestant</th><th>mean</th><th></th>"
        f"<th>interval</th><th>requests</th><th>no answer</th></tr></thead><tbody>{rows}</tbody></table>"
    )


def segments(bars: Sequence[Bar], by: str, metric: str) -> str:
    """One group of bars a segment."""
    if not bars:
        return notice("These requests have nothing to be grouped by.")
    top = _scale([(b.mean, b.interval) for b in bars])
    groups = []
    for label, members in groupby(bars, key=lambda b: b.segment):
        group = list(members)
        rows = "".join(
            f'<tr><th scope="row">{text(b.label)}</th><td class="q-num">{b.mean:.3f}</td>'
            f"<td>{_bar(b.mean, b.interval, top)}</td></tr>"
            for b in group
        )
        groups.append(
            f'<div class="q-segment"><h3>{text(label)} <span class="q-count">{group[0].requests}</span></h3>'
            f'<table class="q-table"><tbody>{rows}</tbody></table></div>'
        )
    return f'<div class="q-segments" aria-label="{text(metric)} by {text(by)}">{"".join(groups)}</div>'


def duel(found: Duel, metric: str, shown: int) -> str:
    """Wins, ties and losses in one sentence."""
    number = len(found.rounds)
    line = (
        f"The second wins {found.wins}, ties {number - found.wins - found.losses} and loses {found.losses} of {number}"
        f" requests; mean difference {found.mean:+.4f} {metric}."
    )
    return notice(line + (f" The {shown} on which they differ most are listed." if number > shown else ""), "info")


def rounds(duel: Sequence[Round]) -> str:
    """A duel's requests as a table whose lines can be pressed, the second's largest wins first."""
    rows = "".join(
        f'<tr data-request="{text(r.request)}"><td>'
        f'<button type="button" class="q-line">{text(r.text[:160] or r.request)}</button>{_who(r)}</td>'
        f'<td class="q-num">{r.first:.3f}</td><td class="q-num">{r.second:.3f}</td>'
        f'<td class="q-num q-{_sign(r.difference)}">{r.difference:+.3f}</td></tr>'
        for r in duel
    )
    return (
        '<div class="q-rounds" tabindex="0" role="region" aria-label="requests"><table class="q-table">'
        "<caption>Press a line to see what both runs answered.</caption><thead><tr><th>question</th><th>first</th>"
        f"<th>second</th><th>difference</th></tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _meaning(metric: str) -> str:
    """What a metric says, in words; a run of another tool may have one that we do not know."""
    measure = MEASURES.get(metric.partition("@")[0])
    return text(measure.title.replace("first k", f"first {metric.partition('@')[2]}")) if measure else "?"


def _who(one: Round) -> str:
    return f' <span class="q-count">{text(one.user)}</span>' if one.user else ""


def _sign(difference: float) -> str:
    return "win" if difference > 0 else "loss" if difference < 0 else "tie"


def _scale(values: Sequence[tuple[float, Interval | None]]) -> float:
    return max([high for mean, interval in values for high in (mean, (interval or (0, 0))[1])] + [1e-9])


def _bar(mean: float, interval: Interval | None, top: float) -> str:
    whisker = ""
    if interval:
        low, high = (100 * max(0.0, v) / top for v in interval)
        whisker = f'<span class="q-whisker" style="left:{low:.1f}%;width:{max(0.3, high - low):.1f}%"></span>'
    fill = f'<span class="q-fill" style="width:{100 * mean / top:.1f}%"></span>'
    return f'<div class="q-track" aria-hidden="true">{fill}{whisker}</div>'


def _interval(interval: Interval | None) -> str:
    return f"{interval[0]:.4f} – {interval[1]:.4f}" if interval else ""
