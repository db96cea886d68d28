"""Documents, hits and timelines as HTML. Every character of a document, a question or an id is escaped here."""

from __future__ import annotations

import calendar
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from itertools import groupby

from engine.arena import Answer, Asked
from engine.records import (
    ClosestSentence,
    DecodedId,
    Document,
    Explanation,
    MatchedScenario,
    MatchedTerms,
    Moved,
    Request,
)
from page import decoded, understood
from page.marks import Mark, cut, shown, text, words

KINDS = ("event", "message", "contact")  # those with a colour of their own
SHOWN_WHY = 160  # characters of a reason before it is cut
SHOWN_TEXT = 400  # characters of a document's text on a card
SHOWN_ENTRY = 300  # and in the timeline
SHOWN_STORE = 1000  # documents of a store that are listed; the browser has to hold them


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


def answers(asked: Asked, whose: str) -> str:
    """Contestants side by side under the question. `whose` is what the controls said when it was asked.

    Where the question is one of the dataset's own, each column says whether it was right; where none was, what would
    have been stands below.
    """
    gold = None if asked.right is None else frozenset(d.id for d in asked.right)
    columns = "".join(_column(answer, gold, asked.document_entities) for answer in asked.answers)
    found = {hit.document.id for answer in asked.answers for hit in answer.hits}
    missed = [d for d in asked.right or () if d.id not in found] if gold and not gold & found else []
    below = f'<section class="q-missed"><h2>None found it. It was this:</h2>{plain(missed, gold or ())}</section>'
    who = f" <span>asked of {text(asked.person)}’s store</span>" if asked.person else ""
    return (
        f'<p class="q-asked" data-whose="{text(whose)}">“<bdi>{understood.question(asked)}</bdi>”{who}</p>'
        f"{understood.line(asked)}"
        f'<div class="q-columns q-answers">{columns}</div>{below if missed else ""}'
    )


def _column(answer: Answer, gold: frozenset[str] | None, entities: Mapping[str, Sequence[Mark]]) -> str:
    ranks = [rank for rank, hit in enumerate(answer.hits, start=1) if gold and hit.document.id in gold]
    cards = "".join(
        _card(
            rank,
            hit.document,
            hit.why,
            bool(gold) and hit.document.id in (gold or ()),
            hit.score,
            entities.get(hit.document.id, ()),
        )
        for rank, hit in enumerate(answer.hits, start=1)
    )
    found = f"<ol>{cards}</ol>" if cards else notice("Nothing found: no word in common.", "none")
    return (
        f'<section class="q-column" data-name="{text(answer.name)}" aria-label="{text(answer.title)}">'
        f"<h2>{text(answer.title)}{_verdict(gold, ranks, len(answer.hits))}</h2>"
        f'<p class="q-summary">{text(answer.summary)}</p>{decoded.legend(answer.hits)}{found}</section>'
    )


def _verdict(gold: frozenset[str] | None, ranks: list[int], shown: int) -> str:
    if gold is None:
        return ""
    if not gold:
        return '<span class="q-verdict">nothing in the store answers this</span>'
    if ranks:
        return f'<span class="q-verdict q-right">right at {ranks[0]}</span>'
    return f'<span class="q-verdict q-wrong">not in its first {shown}</span>' if shown else ""


def _card(
    rank: int,
    document: Document,
    why: Sequence[Explanation],
    right: bool,
    score: float | None = None,
    entities: Sequence[Mark] = (),
) -> str:
    matched = words(span for reason in why if isinstance(reason, MatchedTerms) for span in reason.spans)
    reasons = "".join(f"<li>{_reason(reason, document)}</li>" for reason in why)
    body = shown(document, [*matched, *entities], SHOWN_TEXT)
    title = text(document.id) + (f", score {score:.4f}" if score is not None else "")
    return (
        f'<li class="q-card{" q-gold" if right else ""}" tabindex="0" data-id="{text(document.id)}" title="{title}">'
        f'{heading(rank, document, right)}<div class="q-text"><bdi>{body}</bdi></div>'
        + (f'<ul class="q-why" aria-label="why">{reasons}</ul></li>' if reasons else "</li>")
    )


def heading(rank: int, document: Document, right: bool, more: str = "") -> str:
    """A card's first line: rank, kind, time, whether it is the answer, and `more`, which is markup."""
    label = '<span class="q-tick">✓ the answer</span>' if right else ""
    rest = f"{_kind(document)}{when(document)}{label}{more}"
    return f'<div class="q-head"><span class="q-rank">{rank}</span>{rest}</div>'


def _kind(document: Document) -> str:
    """A coloured dot with the kind's name."""
    if not document.kind:
        return ""
    colour = document.kind if document.kind in KINDS else "other"
    return f'<span class="q-kind q-{colour}">{text(document.kind)}</span>'


def _reason(reason: Explanation, document: Document) -> str:
    if isinstance(reason, ClosestSentence) and reason.sentence == document.content:
        return f"close in meaning ({reason.document_similarity:.2f})"
    if isinstance(reason, Moved):
        return understood.moved(reason)
    if isinstance(reason, DecodedId):
        return decoded.path(reason)
    if isinstance(reason, MatchedScenario) and reason.scenario_similarity is not None:
        verb = "says" if reason.source == "extractive" else "serves"
        need = cut(reason.need, SHOWN_WHY)
        alone = f"alone {reason.document_similarity:.2f}, rank {reason.rank_without}"
        return f"{verb} “{text(need)}” ({reason.scenario_similarity:.2f}; the document {alone})"
    return text(cut(reason.line.replace(" | ", " · "), SHOWN_WHY))


def plain(documents: Sequence[Document], gold: Collection[str] = (), empty: str = "Nothing.") -> str:
    """Documents without reasons, as a list of cards."""
    cards = "".join(_card(rank, d, (), d.id in gold) for rank, d in enumerate(documents, start=1))
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

# When answers have come: tell a screen reader, mark them in the timeline, and drop those of a store that is no longer
# chosen (they were under way when the visitor chose another).
SETTLE = """
const status = document.createElement('div');
status.className = 'q-unseen';
status.setAttribute('role', 'status');
element.after(status);
watch('value', () => {
  const store = document.querySelector('#store'), asked = element.querySelector('[data-whose]');
  status.textContent = (asked || element).textContent;
  store.querySelectorAll('.q-by').forEach((by) => by.remove());
  store.querySelectorAll('.q-found').forEach((entry) => entry.classList.remove('q-found'));
  if (!asked) return;
  const chosen = ['collection', 'person'].map((id) => document.querySelector(`#${id} input`).value).join('/');
  if (asked.dataset.whose !== chosen) {
    props.value = '<p class="q-notice">You chose another store meanwhile: ask again.</p>';
    return;
  }
  const entries = new Map([...store.querySelectorAll('.q-entry')].map((entry) => [entry.dataset.id, entry]));
  for (const column of element.querySelectorAll('[data-name]')) {
    for (const card of column.querySelectorAll('[data-id]')) {
      const entry = entries.get(card.dataset.id);
      if (!entry) continue;
      entry.classList.add('q-found');
      const month = entry.closest('[data-is]').dataset.is;
      store.querySelector(`[data-month="${month}"]`)?.classList.add('q-found');
      const by = entry.querySelector('.q-by') || entry.appendChild(document.createElement('span'));
      by.className = 'q-by';
      by.textContent += (by.textContent ? ', ' : '') + column.dataset.name;
    }
  }
  const first = store.querySelector('.q-entry.q-found');
  if (first) store.querySelector('.q-timeline').scrollTop = first.offsetTop - 40;
});
"""


def timeline(documents: Sequence[Document]) -> str:
    """A store by months, with a strip of bars over it; of a large one, the first SHOWN_STORE documents."""
    if not documents:
        return notice("This store is empty.")
    months = [(month, [*group]) for month, group in groupby(documents, key=lambda d: (d.time or "")[:7])]
    most = max(len(group) for _, group in months)
    bars = "".join(
        f'<button type="button" tabindex="-1" class="q-bar" data-month="{text(month)}"'
        f' style="height:{max(8, 100 * len(group) // most)}%"'
        f' title="{_month(month)}: {len(group)}" aria-label="{_month(month)}: {len(group)}"></button>'
        for month, group in months
    )
    parts, left = [], SHOWN_STORE
    for month, group in months:
        items = "".join(map(_entry, group[: max(0, left)]))
        left -= len(group)
        parts.append(
            f'<li data-is="{text(month)}"><h2>{_month(month)} <span class="q-count">{len(group)}</span></h2>'
            f"<ol>{items}</ol></li>"
        )
    more = notice(f"The first {SHOWN_STORE:,} of {len(documents):,} are listed.", "info") if left < 0 else ""
    strip = f'<div class="q-strip" role="group" aria-label="memories a month">{bars}</div>' if len(months) > 1 else ""
    return (
        f"{strip}{more}"
        '<div class="q-timeline" tabindex="0" role="region" aria-label="the store by time">'
        f"<ol>{''.join(parts)}</ol></div>"
    )


def _entry(document: Document) -> str:
    return (
        f'<li class="q-entry" data-id="{text(document.id)}">{_kind(document)} {when(document)}'
        f"<div><bdi>{shown(document, (), SHOWN_ENTRY)}</bdi></div></li>"
    )


def _month(month: str) -> str:
    if not month:
        return "without a time"
    year, number = month.split("-")
    return f"{calendar.month_name[int(number)]} {year}"
