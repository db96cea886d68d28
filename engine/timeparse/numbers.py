"""Numbers of a phrase: "a couple", "twenty-five", "two and a half", "1.5", "ten to fifteen".

A number that can only be read in part ("ninety hundred days", "1,5 years") is no number: see `unread`.
"""

from __future__ import annotations

import re

_ONES = "one|two|three|four|five|six|seven|eight|nine"
_TEENS = "ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen"
_TENS = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
_MANY = {"dozen": 12, "hundred": 100, "thousand": 1000}
_VALUES = {
    **{word: n for n, word in enumerate(f"{_ONES}|{_TEENS}".split("|"), 1)},
    **{word: 10 * n for n, word in enumerate(_TENS.split("|"), 2)},
}
_VAGUE = {"couple": (2, 3), "few": (3, 5), "several": (3, 8), "some": (3, 8)}

_SMALL = rf"(?:(?:{_TENS})(?:[- ](?:{_ONES})\b)?|(?:{_TEENS}|{_ONES})\b)"
_DIGITS = r"(?:[0-9]{1,2},[0-9]{3}|[0-9]{1,5}(?:\.[0-9]{1,2})?)(?:½| 1/2)?(?![0-9])"
_BIG = rf"(?:half a|an?|[0-9]{{1,2}}|{_SMALL}) (?:dozen|hundred|thousand)\b(?: (?:and )?{_SMALL})?"
_ONE_NUMBER = rf"(?:{_BIG}|{_DIGITS}|{_SMALL})(?: and a (?:half|quarter))?"
NUMBER = (
    rf"(?:{_ONE_NUMBER}(?: ?(?:-|to|or) ?{_ONE_NUMBER})?(?: or so|[- ]odd)?"
    r"|(?:a |the )?(?:good )?(?:couple|few)(?: of)?|several|some|an?)"
)
_PART = re.compile(rf"{_ONE_NUMBER}(?![a-z])")
_BIGGER = r"(?:dozen|hundred|thousand|million|billion|trillion)"
_UNREAD = re.compile(
    rf"(?:[0-9]½?[.,/-]|\b(?:{_ONES.removeprefix('one|')}|{_TEENS}|{_TENS}|{_BIGGER}|half|point)[ -](?:and (?:a )?)?"
    rf"|\b(?:tens|{_BIGGER}s) of )$"
)
_DIGIT_BEFORE = re.compile(r"[0-9]½? $")


def unread(text: str, start: int, end: int) -> bool:
    """Whether the number at [start, end) of the text is but the tail of one; empty, whether one stands before it."""
    first, head = text[start : start + 1], text[max(0, start - 20) : start]
    if start < end and re.match(r"(?:an?|the|couple|few|good|several|some)\b(?! (?:doz|hun|thou))", text[start:end]):
        return bool(re.search(r"\bhalf $", head))
    if (start == end or first.isdigit()) and _DIGIT_BEFORE.search(head):
        return True
    return bool(_UNREAD.search(head))


def number(text: str) -> tuple[float, float]:
    """(at least, at most) of a number in words or digits: "a few" is (3, 5), "3-4" is (3, 4), nothing is (1, 1)."""
    for word, span in _VAGUE.items():
        if re.search(rf"\b{word}\b", text):
            return span
    values = [_value(m[0]) for m in _PART.finditer(text)]
    return (min(values), max(values)) if values else (1, 1)


def _value(text: str) -> float:
    """Of one number: digits or words, with its half or quarter."""
    part = 0.5 if re.search("half$|1/2|½", text) else 0.25 if text.endswith("quarter") else 0.0
    text = re.sub(r" and a (?:half|quarter)$|½| 1/2", "", text).replace(",", "")
    total = float(digits[0]) if (digits := re.match(r"[0-9]+(?:\.[0-9]+)?", text)) else 0.0
    for word in re.findall("[a-z]+", text):
        if word in _MANY:
            total = (total or 1) * _MANY[word]
        elif word == "half":
            total = 0.5
        else:
            total += _VALUES.get(word, 0)
    return total + part
