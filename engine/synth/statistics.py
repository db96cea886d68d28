"""A personal dataset in numbers: how much each person has, how questions are worded, what they share with answers.

For setting invented people beside others: records in, one record of figures out. Which is better is not said.
"""

from __future__ import annotations

import math
import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.people import Circle
from engine.records import Document, Judgement, Request
from engine.synth.filters import shared_words
from engine.timeparse import intervals, seconds

EQUAL_TOKENS = 4000  # words of which distinct ones are counted, so that collections of any size compare
NEAR = 0.95  # cosine from which two memories are near-duplicates
OPENERS = 10
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


@dataclass(frozen=True, slots=True)
class Spread:
    """Of a list of numbers: mean, standard deviation, and quantiles by name (0.05 -> value). NaN of an empty list."""

    mean: float
    deviation: float
    quantiles: Mapping[float, float]


@dataclass(frozen=True, slots=True)
class Statistics:
    """One collection. Shares are in [0, 1]; None where there is nothing to take a share of.

    `overlap` is the number of content words (stems) that a question has in common with its answer, names included.
    """

    people: int
    memories: int
    questions: int
    answered: int  # questions with a judged memory; only of these are kinds, overlap and distances
    memories_per_person: Spread
    questions_per_person: Spread
    question_words: Spread
    memory_words: Spread
    kinds: Mapping[str, float]
    opener_entropy: float  # bits, of a question's first two words
    openers: tuple[tuple[str, float], ...]  # the commonest, with their shares
    time_phrase: float | None
    person_mention: float | None
    question_mark: float | None
    lower_start: float | None
    overlap: Spread
    overlap_shares: tuple[float, float, float] | None  # none, one, two or more
    question_vocabulary: int  # distinct words, lower case
    memory_vocabulary: int
    question_type_token: float | None  # distinct words a word among EQUAL_TOKENS of them; None with fewer
    memory_type_token: float | None
    days: Spread  # from the memory's time to the question's
    future: float | None  # questions asked before the memory's time
    near_duplicates: float | None = None  # memories with another of the same store; None: not measured


def words(text: str) -> list[str]:
    """The words of a text, lower case, punctuation left out."""
    return _WORD.findall(text.replace("’", "'").lower())


def opener(question: str) -> str:
    """A question's first two words, lower case."""
    return " ".join(words(question)[:2])


def spread(values: Sequence[float], quantiles: Sequence[float] = (0.05, 0.5, 0.95)) -> Spread:
    """Mean, standard deviation (of the population) and quantiles."""
    if not len(values):
        return Spread(math.nan, math.nan, dict.fromkeys(quantiles, math.nan))
    array = np.asarray(values, np.float64)
    found = np.quantile(array, quantiles)
    return Spread(float(array.mean()), float(array.std()), dict(zip(quantiles, map(float, found), strict=True)))


def share(values: Iterable[bool]) -> float | None:
    """The share of those that are true; None of nothing."""
    held = list(values)
    return sum(held) / len(held) if held else None


def entropy(counts: Iterable[int]) -> float:
    """Shannon's entropy of a distribution given as counts, in bits; 0 of nothing."""
    held = [count for count in counts if count]
    total = sum(held)
    return -sum(count / total * math.log2(count / total) for count in held) + 0.0 if held else 0.0


def type_token(texts: Sequence[str], tokens: int = EQUAL_TOKENS, seed: int = 0) -> float | None:
    """Distinct words a word among the first `tokens` words of the texts in a drawn order; None if there are fewer."""
    order = list(texts)
    random.Random(seed).shuffle(order)
    taken: list[str] = []
    for text in order:
        taken += words(text)
        if len(taken) >= tokens:
            return len(set(taken[:tokens])) / tokens
    return None


def near_duplicates(vectors: np.ndarray, stores: Sequence[str | None], least: float = NEAR) -> float | None:
    """The share of memories with another one in the same store at a cosine of `least` or more.

    `vectors` are (n, d) of length one, `stores` the n owners.
    """
    rows: dict[str | None, list[int]] = defaultdict(list)
    for row, store in enumerate(stores):
        rows[store].append(row)
    alike = 0
    for mine in rows.values():
        cosines = vectors[mine] @ vectors[mine].T  # (m, m)
        np.fill_diagonal(cosines, -1.0)
        alike += int((cosines.max(axis=1) >= least).sum())
    return alike / len(stores) if len(stores) else None


def describe(
    documents: Iterable[Document],
    requests: Iterable[Request],
    judgements: Iterable[Judgement],
    vectors: np.ndarray | None = None,
    seed: int = 0,
) -> Statistics:
    """The figures of a collection. `vectors` are (n, d) of the documents in order, for near-duplicates."""
    memories, questions = list(documents), list(requests)
    stores: dict[str | None, list[Document]] = defaultdict(list)
    for memory in memories:
        stores[memory.user].append(memory)
    circles = {user: Circle(own) for user, own in stores.items()}
    by_id = {memory.id: memory for memory in memories}
    answers: dict[str, Document] = {}
    for judgement in judgements:
        if judgement.gain > 0 and judgement.document in by_id:
            answers.setdefault(judgement.request, by_id[judgement.document])
    pairs = [(question, answers[question.id]) for question in questions if question.id in answers]
    asked = Counter(question.user for question in questions)
    kinds = Counter(memory.kind or "none" for _, memory in pairs)
    openers = Counter(opener(question.text) for question in questions)
    overlaps = [len(shared_words(question.text, memory.content)) for question, memory in pairs]
    days = [day for question, memory in pairs if not math.isnan(day := _days(memory.time, question.time))]
    nobody = Circle(())
    texts, contents = [question.text for question in questions], [memory.content for memory in memories]
    return Statistics(
        people=len(set(stores) | set(asked)),
        memories=len(memories),
        questions=len(questions),
        answered=len(pairs),
        memories_per_person=spread([len(own) for own in stores.values()]),
        questions_per_person=spread(list(asked.values())),
        question_words=spread([len(words(text)) for text in texts]),
        memory_words=spread([len(words(text)) for text in contents]),
        kinds={kind: count / len(pairs) for kind, count in sorted(kinds.items(), key=lambda kc: (-kc[1], kc[0]))},
        opener_entropy=entropy(openers.values()),
        openers=tuple(
            (two, count / len(questions))
            for two, count in sorted(openers.items(), key=lambda oc: (-oc[1], oc[0]))[:OPENERS]
        ),
        time_phrase=share(bool(intervals(q.text, q.time)) for q in questions if q.time),
        person_mention=share(bool(circles.get(q.user, nobody).mentions(q.text)) for q in questions),
        question_mark=share(text.rstrip().endswith("?") for text in texts),
        lower_start=share(text[:1].islower() for text in texts),
        overlap=spread(overlaps),
        overlap_shares=_none_one_more(overlaps),
        question_vocabulary=len({word for text in texts for word in words(text)}),
        memory_vocabulary=len({word for text in contents for word in words(text)}),
        question_type_token=type_token(texts, seed=seed),
        memory_type_token=type_token(contents, seed=seed),
        days=spread(days, (0.05, 0.25, 0.5, 0.75, 0.95)),
        future=share(day < 0 for day in days),
        near_duplicates=None if vectors is None else near_duplicates(vectors, [memory.user for memory in memories]),
    )


def _days(earlier: str | None, later: str | None) -> float:
    return (seconds(later) - seconds(earlier)) / 86400


def _none_one_more(overlaps: Sequence[int]) -> tuple[float, float, float] | None:
    if not overlaps:
        return None
    parts = Counter(min(overlap, 2) for overlap in overlaps)
    return parts[0] / len(overlaps), parts[1] / len(overlaps), parts[2] / len(overlaps)


def table(collections: Mapping[str, Statistics]) -> str:
    """Markdown: a line a figure, a column a collection. Shares are in percent."""
    lines = [("", *collections), ("---",) * (len(collections) + 1)]
    lines += [(label, *(show(found) for found in collections.values())) for label, show in _LINES]
    for place in range(OPENERS):
        lines.append((f"opener {place + 1}", *(_opener(found, place) for found in collections.values())))
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _opener(found: Statistics, place: int) -> str:
    if place >= len(found.openers):
        return "-"
    two, part = found.openers[place]
    return f"{two.replace('|', '/')} {percent(part)}"


def percent(part: float | None) -> str:
    """A share for people; "-" where there is none."""
    return "-" if part is None or math.isnan(part) else f"{100 * part:.1f} %"


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}"


def _spread(found: Spread) -> str:
    """12.3 ± 4.5 (5, 12, 20)."""
    quantiles = ", ".join(map(_number, found.quantiles.values()))
    return f"{_number(found.mean)} ± {_number(found.deviation)} ({quantiles})"


_LINES: tuple[tuple[str, Callable[[Statistics], str]], ...] = (
    ("people", lambda s: str(s.people)),
    ("memories", lambda s: str(s.memories)),
    ("questions, of these answered", lambda s: f"{s.questions}, {s.answered}"),
    ("memories a person: mean ± sd (5, 50, 95 %)", lambda s: _spread(s.memories_per_person)),
    ("questions a person", lambda s: _spread(s.questions_per_person)),
    ("words a question", lambda s: _spread(s.question_words)),
    ("words a memory", lambda s: _spread(s.memory_words)),
    ("kinds of answers", lambda s: ", ".join(f"{kind} {percent(part)}" for kind, part in s.kinds.items()) or "-"),
    ("with a time phrase", lambda s: percent(s.time_phrase)),
    ("with a person mentioned", lambda s: percent(s.person_mention)),
    ("ends with a question mark", lambda s: percent(s.question_mark)),
    ("starts with a small letter", lambda s: percent(s.lower_start)),
    ("content words shared with the answer", lambda s: _spread(s.overlap)),
    ("share none, one, two or more", lambda s: " / ".join(percent(part) for part in s.overlap_shares or (None,))),
    ("distinct words in questions, memories", lambda s: f"{s.question_vocabulary}, {s.memory_vocabulary}"),
    (f"distinct among {EQUAL_TOKENS} words of questions", lambda s: percent(s.question_type_token)),
    (f"distinct among {EQUAL_TOKENS} words of memories", lambda s: percent(s.memory_type_token)),
    ("memories with a near-duplicate", lambda s: percent(s.near_duplicates)),
    ("days from memory to question (5, 25, 50, 75, 95 %)", lambda s: _spread(s.days)),
    ("asked before the memory's time", lambda s: percent(s.future)),
    ("entropy of the first two words, bits", lambda s: _number(s.opener_entropy)),
)
