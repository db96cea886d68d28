"""Answers beside those of plain dense search, each with the scenario that explains it, as HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.arena import Asked
from engine.records import Document, Hit, MatchedScenario
from page.cards import heading, notice, plain
from page.marks import cut, shown, text

SHOWN_TEXT = 160  # characters of a document's text beside its scenario
SHOWN_PLAIN = 140  # and on the smaller cards of plain search
SHOWN_SCENARIO = 600  # characters of a need or its explanation
IMPORT = "import:"  # how a source that is a file begins
OWN = "extractive"  # the source that is no author: sentences of the document itself


def both(with_them: Asked, without: Asked, options: Mapping[str, Any], whose: str, note: str) -> str:
    """Both columns under the question. `options` are those that the first was searched with.

    `whose` is what the controls said when it was asked; `note` says more of who wrote imported scenarios.
    """
    gold = None if with_them.right is None else frozenset(d.id for d in with_them.right)
    left, right = with_them.answers[0].hits, without.answers[0].hits
    found = {hit.document.id for hit in (*left, *right)}
    missed = [d for d in with_them.right or () if d.id not in found] if gold and not gold & found else []
    below = f'<section class="q-missed"><h2>Neither found it. It was this:</h2>{plain(missed, gold or ())}</section>'
    return (
        f'<p class="q-asked" data-whose="{text(whose)}">“{text(with_them.question)}”</p>'
        f"{_verdict(gold, left, right)}"
        '<p class="q-swipe" aria-hidden="true">Swipe for plain dense search →</p>'
        '<div class="q-columns q-answers q-pair">'
        '<section class="q-column" data-name="with" aria-label="with scenarios">'
        f"<h2>With scenarios</h2><p class='q-summary'>{_formula(options)} {text(sources(left, note))}</p>"
        f"{_list([_card(rank, hit, gold) for rank, hit in enumerate(left, start=1)])}</section>"
        '<section class="q-column q-small" data-name="without" aria-label="plain dense search">'
        "<h2>What plain dense search returns</h2>"
        "<p class='q-summary'>The same documents, the same vectors, the same question; no scenarios.</p>"
        f"{_list([_plain(rank, hit, gold) for rank, hit in enumerate(right, start=1)])}</section>"
        f"</div>{below if missed else ''}"
    )


def sources(hits: Sequence[Hit], note: str = "") -> str:
    """Where the scenarios of these hits come from, in a sentence; `note` is added to a file's name."""
    written = {why.source for hit in hits for why in hit.why if isinstance(why, MatchedScenario) and why.scenarios}
    named = [f"{_who(source)}{note if source.startswith(IMPORT) else ''}" for source in sorted(written)]
    return f"The scenarios: {'; '.join(named)}." if named else "None of these documents has scenarios."


def _who(source: str) -> str:
    if source == OWN:
        return "sentences of the document itself, no language model wrote any"
    if source.startswith(IMPORT):
        return f"imported from {source.removeprefix(IMPORT)}"
    return f"written by the language model {source}" if source else "of unknown origin"


def _formula(options: Mapping[str, Any]) -> str:
    """How a score comes about, with the weights it was searched with."""
    a, words = float(options["a"]), float(options.get("lexical", 0))
    if a == 1 and not words:
        return "Score = similarity of the document itself."
    more = f" + {words:.2f} × words in common with the needs" if words else ""
    return f"Score = {a:.2f} × document + {1 - a:.2f} × its scenarios{more}."


def _verdict(gold: frozenset[str] | None, left: Sequence[Hit], right: Sequence[Hit]) -> str:
    """Where the right answer stands with and without scenarios, if anybody knows what is right."""
    if gold is None:
        return ""
    if not gold:
        return '<p class="q-told"><span class="q-verdict">nothing in the collection answers this</span></p>'
    at = [rank for rank, hit in enumerate(left, start=1) if hit.document.id in gold]
    was = [why.rank_without for hit in left if hit.document.id in gold for why in _matched(hit)]
    was += [rank for rank, hit in enumerate(right, start=1) if hit.document.id in gold]
    with_them = f"right at {min(at)} with scenarios" if at else f"not in the first {len(left)} with scenarios"
    without = f"at {min(was)} without" if was else f"not in the first {len(right)} without"
    good = "q-right" if at else "q-wrong"
    return f'<p class="q-told"><span class="q-verdict {good}">{with_them}, {without}</span></p>'


def _list(cards: Sequence[str]) -> str:
    return f"<ol>{''.join(cards)}</ol>" if cards else notice("Nothing found.", "none")


def _matched(hit: Hit) -> list[MatchedScenario]:
    return [why for why in hit.why if isinstance(why, MatchedScenario)]


def _card(rank: int, hit: Hit, gold: frozenset[str] | None) -> str:
    """A document, the scenario that speaks best for it, and what its score is made of."""
    reasons = _matched(hit)
    moved = "".join(_moved(rank, why.rank_without) for why in reasons)
    return (
        f"{_open(hit.document, gold)}{heading(rank, hit.document, hit.document.id in (gold or ()), moved)}"
        f'<div class="q-text">{shown(hit.document, (), SHOWN_TEXT)}</div>'
        f"{''.join(map(_scenario, reasons))}{''.join(_scores(why, hit.score) for why in reasons)}</li>"
    )


def _plain(rank: int, hit: Hit, gold: frozenset[str] | None) -> str:
    score = f'<span class="q-num">{hit.score:.2f}</span>'
    return (
        f"{_open(hit.document, gold)}{heading(rank, hit.document, hit.document.id in (gold or ()), score)}"
        f'<div class="q-text">{shown(hit.document, (), SHOWN_PLAIN)}</div></li>'
    )


def _open(document: Document, gold: frozenset[str] | None) -> str:
    right = " q-gold" if document.id in (gold or ()) else ""
    return f'<li class="q-card{right}" tabindex="0" data-id="{text(document.id)}" title="{text(document.id)}">'


def _moved(rank: int, before: int) -> str:
    mark, name, said = ("▲", "up", "risen: ") if rank < before else ("▼", "down", "fallen: ")
    if rank == before:
        mark, name, said = "=", "same-rank", "unmoved: "
    return (
        f'<span class="q-moved q-{name}"><span aria-hidden="true">{mark} </span><span class="q-unseen">{said}</span>'
        f"rank {before} without scenarios</span>"
    )


def _scenario(why: MatchedScenario) -> str:
    if why.scenario_similarity is None:
        return '<p class="q-scenario q-by-itself">It has no scenarios, and counts by its own similarity.</p>'
    own = why.source == OWN
    first = "Its own sentence that comes closest" if own else "A need it serves"
    how = f"<p>How: {text(cut(why.explanation, SHOWN_SCENARIO))}</p>" if why.explanation and not own else ""
    return (
        f'<div class="q-scenario"><p class="q-by-whom">{first}</p>'
        f'<blockquote class="q-need">“{text(cut(why.need, SHOWN_SCENARIO))}”</blockquote>{how}'
        f'<p class="q-by-whom">best of its {why.scenarios}; {text(_who(why.source))}</p></div>'
    )


def _scores(why: MatchedScenario, score: float) -> str:
    rows = [_row("document similarity", why.document_similarity)]
    if why.scenario_similarity is not None:
        rows.append(_row("best scenario similarity", why.scenario_similarity))
    return (
        f'<dl class="q-scores">{"".join(rows)}<dt><b>score</b></dt><dd></dd>'
        f'<dd class="q-num"><b>{score:.2f}</b></dd></dl>'
    )


def _row(name: str, value: float) -> str:
    width = 100 * min(1.0, max(0.0, value))
    bar = f'<div class="q-track" aria-hidden="true"><span class="q-fill" style="width:{width:.0f}%"></span></div>'
    return f'<dt>{name}</dt><dd>{bar}</dd><dd class="q-num">{value:.2f}</dd>'
