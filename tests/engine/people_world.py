"""A store small enough to reason about: who Ann's people are, and what happened to her."""

from __future__ import annotations

from engine.records import Document


def message(name: str, time: str, sender: str, relation: str, body: str) -> Document:
    fields = {"from": sender, "relation": relation, "group": "Family", "body": body}
    return Document(name, f"{sender} | {relation} | Family | {body}", "", "ann", "message", time, time, fields)


def event(name: str, time: str, title: str, place: str, attendees: list[str], created: str | None = None) -> Document:
    fields = {"title": title, "location": place, "attendees": attendees}
    text = f"{title} | {place} | {' , '.join(attendees)}"
    return Document(name, text, "", "ann", "event", time, created or time, fields)


def contact(name: str, time: str, who: str, relation: str) -> Document:
    fields = {"name": who, "relation": relation, "group": "-", "email": "x@mail.example"}
    return Document(name, f"{who} | {relation} | x@mail.example", "", "ann", "contact", time, time, fields)


STORE = [
    message("m1", "2023-05-02T10:00:00", "Luz Okafor", "sister", "The boat is sold"),
    message("m2", "2023-06-02T10:00:00", "Luz Okafor", "sister", "Dinner was lovely"),
    message("m3", "2023-06-20T10:00:00", "Jacob", "neighbour", "Your parcel is here"),
    event("e1", "2023-06-10T18:00:00", "Dinner", "Harbour Grill", ["Luz", "Jacob"]),
    event("e2", "2022-03-10T18:00:00", "Dinner", "Harbour Grill", ["Elizabeth"], "2022-03-01T09:00:00"),
    contact("c1", "2022-01-01T12:00:00", "Dr. Lopez", "dentist"),
    contact("c2", "2022-01-02T12:00:00", "Elizabeth Ray", "best friend"),
]
