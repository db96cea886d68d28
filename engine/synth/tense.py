"""Whether a scene's phrase tells of something past, and so can be asked about in the past only.

It reads the phrases of data/scenes, not questions: those are said_times.py's, which was written apart from it.
"""

from __future__ import annotations

import re
from functools import cache

# what begins a clause, but for a "that" at the start, which points at a noun
_CLAUSE = re.compile(
    r"(?!^)\b(?:that|which|who|where|when|while|what|whatever|why|how|so|I|we|they|he|she|it|(?:no|some|every)(?:body|one))"
    r"(?:'d)?\b"
)
_PAST = re.compile(
    r"\b(?:was|were|wasn't|weren't|had|did|didn't|would|wouldn't|could|couldn't|[a-z]+[^e\W]ed|\w+'d"
    r"|became|began|blew|bought|brought|built|came|cut|dealt|drew|drove|fell|felt|fled|found|fought|gave|got|grew|held"
    r"|hung|kept|knew|learnt|left|lost|made|met|paid|put|ran|rang|said|sang|sat|saw|slept|sold|spent|split|spoke|stood"
    r"|stuck|swam|taught|told|took|thought|tore|threw|went|won|wore|wrote)\b"
)
# past without a subject that is known: "the hours spent drawing", "the time my forearms gave up"
_PLAINLY = re.compile(r"\b(?:spent|gave|fell|made|took|went|wrecked)\b")


@cache
def is_past(phrase: str) -> bool:
    """Whether a noun or verb phrase has a clause in the past tense: "the time I spent", "where we shaped it".

    It errs towards the past: "the people who moved" is past too, though they may well be met tomorrow.
    """
    clause = _CLAUSE.search(phrase)
    return bool(_PLAINLY.search(phrase) or (clause and _PAST.search(phrase, clause.start())))
