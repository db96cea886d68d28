"""Hits as context for a language model's prompt: each document with what was found to speak for it.

A scenario tells a reader which need a passage serves and how, which the passage itself may never say (SPIKE's RAG
experiment). Hits of any method can be given; what its explanations have to say is added where it is made for that.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.records import Hit, MatchedScenario

MOST = 4000  # characters of one document: a few hits fill no prompt


def as_context(hits: Sequence[Hit]) -> str:
    """Numbered passages, best first, to be put before a question; empty for no hits."""
    return "\n\n".join(_passage(number, hit) for number, hit in enumerate(hits, start=1))


def _passage(number: int, hit: Hit) -> str:
    document = hit.document
    head = f"[{number}] id: {document.id}" + (f", time: {document.time}" if document.time else "")
    lines = [head, *([f"Title: {document.title}"] if document.title else []), document.text[:MOST]]
    for why in hit.why:
        if isinstance(why, MatchedScenario) and why.need and why.source != "extractive":
            lines.append(f"A need it serves: {why.need}")
            if why.explanation:
                lines.append(f"How: {why.explanation}")
    return "\n".join(lines)
