"""What happens to an invented person: events, messages and contacts over some years, as her store has them.

Habits recur with the same people, so that memories are nearly identical and only a time or a name tells them apart.
"""

from __future__ import annotations

import random
from dataclasses import replace

from engine.synth.contacts import draw_contacts
from engine.synth.events import draw_events, write_event
from engine.synth.messages import draw_messages
from engine.synth.notes import Noted
from engine.synth.people import Life

SHARE = {"event": 0.46, "message": 0.38, "contact": 0.16}


def draw_memories(rng: random.Random, life: Life, count: int) -> list[Noted]:
    """About `count` memories by time of creation; their ids count up in that order."""
    numbers = {kind: round(count * share) for kind, share in SHARE.items()}
    events = draw_events(rng, life, numbers["event"])
    notes = [write_event(rng, life, event) for event in events]
    notes += draw_messages(rng, life, events, numbers["message"])
    notes += draw_contacts(rng, life, notes, numbers["contact"])
    notes.sort(key=lambda note: (note.memory.created, note.memory.time, note.memory.kind, note.memory.text))
    return [_numbered(note, f"{life.person.id}/m{i}") for i, note in enumerate(notes, 1)]


def _numbered(note: Noted, identity: str) -> Noted:
    return replace(note, memory=replace(note.memory, id=identity))
