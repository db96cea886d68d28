"""Documents, hits and timelines as HTML. Every character of a document, a question or an id is escaped here."""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from html import escape
from itertools import groupby

from engine.arena import Answer
from engine.records import ClosestSentence, Document, Explanation, MatchedTerms, Request

KINDS = ("event", "message", "contact")  # those with a colour of their own
SHOWN_WHY = 160  # characters of a reason before it is cut


def text(value: object) -> str:
    """Escaped for HTML, and for Gradio's template syntax, which would otherwise read ${...} and {{...}}."""
    return escape(str(value)).replace("$", "&#36;").replace("{", "&#123;").replace("}", "&#125;").replace("`", "&#96;")


def notice(sentence: str, kind: str = "empty") -> str:
    """A state in words: `empty`, `error` or `none` (nothing found)."""
    role = ' role="alert"' if kind == "error" else ""
    return f'<p class="q-notice q-{kind}"{role}>{text(sentence)}</p>'


def when(document: Document) -> str:
    """The document's time for people: day, date, and the hour where there is one."""
    return _when(document.time) if document.time else ""


@lru_cache(maxsize=1 << 14)  # a store's times are shown again with every answer
def _when(time: str) -> str:
    day, _, hour = time.partition("T")
    year, month, number = (int(part) for part in day.split("-"))
    name = calendar.day_abbr[calendar.weekday(year, month, number)]
    shown = f"{name} {number} {calendar.month_abbr[month]} {year}" + (f", {hour[:5]}" if hour else "")
    return f'<time datetime="{text(time)}">{text(shown)}</time>'


def marked(content: str, spans: Iterable[tuple[int, int]]) -> str:
    """`content` escaped, with `spans` (start, end) marked; overlapping spans are one mark."""
    pieces, position = [], 0
    for start, end in sorted(spans):
        start = max(start, position)
        if end <= start:
            continue
        pieces.append(text(content[position:start]))
        pieces.append(f"<mark>{text(content[start:end])}</mark>")
        position = end
    pieces.append(text(content[position:]))
    return "".join(pieces).replace(" | ", ' <span class="q-sep" aria-hidden="true">·</span> ')


def answers(found: Sequence[Answer], gold: frozenset[str] | None) -> str:
    """Contestants side by side. `gold` are the right answers where the question is one of the dataset's own.

    An empty `gold` is a question that the store cannot answer; None is a question nobody has judged.
    """
    columns = []
    for answer in found:
        ranks = [rank for rank, hit in enumerate(answer.hits, start=1) if gold and hit.document.id in gold]
        cards = "".join(
            _card(rank, hit.document, hit.score, hit.why, bool(gold) and hit.document.id in (gold or ()))
            for rank, hit in enumerate(answer.hits, start=1)
        )
        columns.append(
            f'<section class="q-column" aria-label="{text(answer.title)}"><h3>{text(answer.title)}'
            f'{_verdict(gold, ranks, len(answer.hits))}</h3><p class="q-summary">{text(answer.summary)}</p>'
            f"{f'<ol>{cards}</ol>' if cards else notice('Nothing found: no word in common.', 'none')}</section>"
        )
    return f'<div class="q-columns q-answers">{"".join(columns)}</div>'


def _verdict(gold: frozenset[str] | None, ranks: list[int], shown: int) -> str:
    if gold is None:
        return ""
    if not gold:
        return '<span class="q-verdict">nothing in the store answers this</span>'
    if ranks:
        return f'<span class="q-verdict q-right">right at {ranks[0]}</span>'
    return f'<span class="q-verdict q-wrong">not in its first {shown}</span>' if shown else ""


def _card(rank: int, document: Document, score: float, why: Sequence[Explanation], right: bool) -> str:
    spans = [span for reason in why if isinstance(reason, MatchedTerms) for span in reason.spans]
    reasons = "".join(f"<li>{_reason(reason, document)}</li>" for reason in why)
    label = '<span class="q-tick">✓ the answer</span>' if right else ""
    head = f'<span class="q-rank">{rank}</span>{_kind(document)}{when(document)}{label}'
    return (
        f'<li class="q-card{" q-gold" if right else ""}" tabindex="0" title="{text(document.id)}, score {score:.4f}">'
        f'<div class="q-head">{head}</div><div class="q-text">{marked(document.content, spans)}</div>'
        f'<ul class="q-why" aria-label="why">{reasons}</ul></li>'
    )


def _kind(document: Document) -> str:
    """A coloured dot with the kind's name."""
    if not document.kind:
        return ""
    colour = document.kind if document.kind in KINDS else "other"
    return f'<span class="q-kind q-{colour}">{text(document.kind)}</span>'


def _reason(reason: Explanation, document: Document) -> str:
    if isinstance(reason, ClosestSentence) and reason.sentence == document.content:
        return f"close in meaning ({reason.document_similarity:.2f})"
    line = reason.line
    return text(line if len(line) <= SHOWN_WHY else line[: SHOWN_WHY - 1] + "…")


def plain(documents: Sequence[Document], gold: frozenset[str] = frozenset(), empty: str = "Nothing.") -> str:
    """Documents without reasons, as a list of cards."""
    cards = "".join(_card(rank, d, 0.0, (), d.id in gold) for rank, d in enumerate(documents, start=1))
    return f'<ol class="q-plain">{cards}</ol>' if cards else notice(empty, "none")


def press(attribute: str) -> str:
    """What makes the elements with `data-<attribute>` of a gr.HTML pressable: its `select` event names the pressed one.

    For gr.HTML's `js_on_load`, which runs once; a click and the Enter key on a focused element are the same to it.
    """
    return f"""
const open = (event) => {{
  const pressed = event.target.closest('[data-{attribute}]');
  if (pressed) trigger('select', {{{attribute}: pressed.dataset.{attribute}}});
}};
element.addEventListener('click', open);
element.addEventListener('keydown', (event) => {{
  if (event.key === 'Enter' && event.target.tagName !== 'BUTTON') open(event);
}});
"""


def examples(questions: Sequence[Request]) -> str:
    """Questions as buttons; each names its number in `data-example`."""
    if not questions:
        return ""
    buttons = "".join(
        f'<button type="button" class="q-example" data-example="{i}">{text(question.text)}</button>'
        for i, question in enumerate(questions)
    )
    return f'<div class="q-examples" role="group" aria-label="examples">{buttons}</div>'


# Pressing a bar scrolls the list below it to its month; the list alone can be scrolled with the keyboard.
SCROLL_TO_MONTH = """
element.addEventListener('click', (event) => {
  const bar = event.target.closest('[data-month]');
  const list = element.querySelector('.q-timeline');
  const month = bar && element.querySelector(`[data-is="${bar.dataset.month}"]`);
  if (month) list.scrollTo({top: month.offsetTop, behavior: 'smooth'});
});
"""


def timeline(documents: Sequence[Document], found: Mapping[str, Sequence[str]] | None = None) -> str:
    """A store by months, with a strip of bars over it. `found` are the contestants that returned each id."""
    if not documents:
        return notice("This store is empty.")
    found = found or {}
    months = [(month, list(group)) for month, group in groupby(documents, key=lambda d: (d.time or "")[:7])]
    most = max(len(group) for _, group in months)
    bars = "".join(
        f'<button type="button" tabindex="-1" class="q-bar{" q-found" if any(d.id in found for d in group) else ""}"'
        f' data-month="{text(month)}" style="height:{max(8, 100 * len(group) // most)}%"'
        f' title="{_month(month)}: {len(group)}" aria-label="{_month(month)}: {len(group)}"></button>'
        for month, group in months
    )
    parts = []
    for month, group in months:
        items = "".join(_entry(d, found.get(d.id, ())) for d in group)
        parts.append(
            f'<li data-is="{text(month)}"><h4>{_month(month)} <span class="q-count">{len(group)}</span></h4>'
            f"<ol>{items}</ol></li>"
        )
    return (
        f'<div class="q-strip" role="group" aria-label="memories a month">{bars}</div>'
        '<div class="q-timeline" tabindex="0" role="region" aria-label="the store by time">'
        f"<ol>{''.join(parts)}</ol></div>"
    )


def _entry(document: Document, found: Sequence[str]) -> str:
    by = f'<span class="q-by">{text(", ".join(found))}</span>' if found else ""
    return (
        f'<li class="q-entry{" q-found" if found else ""}">{_kind(document)} {when(document)}'
        f"<div>{marked(document.content[:300], ())}{by}</div></li>"
    )


def _month(month: str) -> str:
    if not month:
        return "without a time"
    year, number = month.split("-")
    return f"{calendar.month_name[int(number)]} {year}"
