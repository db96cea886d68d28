"""Answers that a language model may give about invented people; their words are nowhere else.

So only what a test makes wrong is wrong.
"""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import Any

from llm.server import Act, prompt


def sheet() -> dict[str, Any]:
    relations = ("mother", "father", "sister", "brother", "best friend", "colleague", "boss", "neighbour")
    return {
        "name": "Zadie Quill",
        "job": "sells lamps",
        "town": "Harrow Quay",
        "habits": ["choir", "allotment", "chess"],
        "ties": [
            {"relation": r, "name": f"N{'abcdefgh'[i]} Okoro", "nicknames": [f"Nick{i}"] if i < 6 else []}
            for i, r in enumerate(relations)
        ],
        "places": [{"name": f"Place {i}", "nicknames": []} for i in range(5)],
    }


def event(n: int, **changes: Any) -> dict[str, Any]:
    start = datetime(2021, 3, 1, 18) + timedelta(days=n)
    row = {
        "title": f"Zorb{n} brask{n}",
        "desc": f"carry glint{n} over to Nc",
        "location": "Ember Studio",
        "attendees": ["Nc Okoro"],
        "created": (start - timedelta(days=5)).isoformat(),
        "time": start.isoformat(),
        "memory_entities": [{"text": f"brask{n}", "type": "EVT"}, {"text": "Nc", "type": "PER"}],
        "question": f"When was I off to quim{n} with Nick2?",
        "asked": (start + timedelta(days=9)).isoformat(),
        "ask": "when",
        "question_entities": [{"text": "Nick2", "type": "PER"}],
    }
    return row | changes


def message(n: int, **changes: Any) -> dict[str, Any]:
    row = event(n, title=None, question=f"What did Nick3 want of me about jelf{n}?", ask="what")
    body = f"Would wurm{n} do for plover{n}?"
    row |= {"sender": "Nd Okoro", "relation": "brother", "group": "Family", "body": body, "memory_entities": []}
    return row | {"question_entities": [{"text": "Nick3", "type": "PER"}]} | changes


def contact(n: int, **changes: Any) -> dict[str, Any]:
    row = event(n, question=f"Who was it that sees to my klenk{n}?", ask="who", question_entities=[])
    row |= {"name": f"Ada Pryce{n}", "relation": "plumber", "group": "House", "email": f"ada{n}@example.com"}
    return row | {"memory_entities": []} | changes


def counted(body: dict[str, Any]) -> tuple[int, list[int]]:
    """The round's number, and how many events, messages and contacts it asks for."""
    found = re.search(
        r"This is round (\d+)\. Write exactly (\d+) events, (\d+) messages and (\d+) contacts", prompt(body)
    )
    assert found
    return int(found[1]), [int(found[i]) for i in (2, 3, 4)]


def is_sheet(body: dict[str, Any]) -> bool:
    return "years old" in prompt(body)


def good_round(body: dict[str, Any]) -> dict[str, Any]:
    number, (events, messages, contacts) = counted(body)
    first = 100 * number
    return {
        "events": [event(first + i) for i in range(events)],
        "messages": [message(first + i) for i in range(messages)],
        "contacts": [contact(first + i) for i in range(contacts)],
    }


def good(body: dict[str, Any], _: int = 0) -> Act:
    if not is_sheet(body):
        return Act(json.dumps(good_round(body)))
    return Act(json.dumps({**sheet(), "town": f"Town {sum(prompt(body).encode())}"}))  # nobody like another
