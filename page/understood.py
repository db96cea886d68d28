"""What was understood of a question, beside it: its entities, the days it means, whom, which kind; and what moved.

Interval, people and kind are those that the contestants weigh (engine/priors.py); entities are the tagger's.
"""

from __future__ import annotations

from engine.arena import Asked
from engine.priors import KIND_NAMES, Understood
from engine.records import Moved
from page.marks import marked, text

SHOWN = 3  # readings of a time, and people that a mention may mean
WORTH = 0.005  # what is added below this is not told
ADDED = {"time": "the time", "people": "the people", "kind": "the kind", "context": "what was said around it"}


def question(asked: Asked) -> str:
    """The question with its entities marked."""
    return marked(asked.question, asked.question_entities or ())


def line(asked: Asked) -> str:
    """What the question says of time, people and kind, as a list; empty if nothing was looked for or found."""
    said = asked.understood
    if said is None:
        return ""
    parts = [*_times(said), *_people(said), *_kind(said)] or ["It names no time and nobody of this store."]
    if asked.question_entities is None:
        parts.append("Names, places, times and events are underlined as soon as a tagger is trained.")
    items = "".join(f"<li>{part}</li>" for part in parts)
    return f'<ul class="q-understood" aria-label="understood">{items}</ul>'


def _times(said: Understood) -> list[str]:
    if not said.intervals:
        return []
    sure = len(said.intervals) == 1
    shown = [
        f"<strong>{text(interval.line)}</strong>" + ("" if sure else f" ({interval.weight:.0%})")
        for interval in said.intervals[:SHOWN]
    ]
    more = len(said.intervals) - SHOWN
    asked_at = f' <span class="q-now">asked on {text((said.now or "")[:10])}</span>'
    return [f'<span class="q-what">time</span> {" or ".join(shown)}{f" or {more} more" if more > 0 else ""}{asked_at}']


def _people(said: Understood) -> list[str]:
    told = []
    for mention in said.mentions:
        names = ", ".join(text(name.title()) for name in mention.likeliest[:SHOWN])
        more = len(mention.names) - SHOWN
        others = f" or {more} more" if more > 0 else ""
        told.append(f"“{text(mention.phrase)}” {'is' if mention.sure else 'may be'} <strong>{names}</strong>{others}")
    return [f'<span class="q-what">people</span> {"; ".join(told)}'] if told else []


def _kind(said: Understood) -> list[str]:
    return [f'<span class="q-what">kind</span> {KIND_NAMES[said.kind]}'] if said.kind else []


def moved(why: Moved) -> str:
    """What moved a hit up or down, and by how much."""
    fits = [f"{ADDED.get(name, text(name))} +{value:.2f}" for name, value in why.added if value >= WORTH]
    misses = [ADDED.get(name, text(name)) for name, value in why.added if value < WORTH]
    reason = "; ".join(
        [*([f"fits {', '.join(fits)}"] if fits else []), *([f"does not fit {', '.join(misses)}"] if misses else [])]
    )
    before = f"rank {why.before}" if why.before else "not found"
    if why.before == why.after:
        return f'<span class="q-moved">= {before} without this too: {reason}</span>'
    up = why.before is None or why.after < why.before
    sign, name = ("▲", "q-up") if up else ("▼", "q-down")
    return f'<span class="q-moved {name}">{sign} from {before} to {why.after}: {reason}</span>'
