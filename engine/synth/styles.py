"""How one person's phone writes: capitals in titles, stops, a second sentence, and what address-book groups are called.

A style is drawn once for a life; what it changes keeps every entity where it is.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from dataclasses import dataclass

from engine.synth import relations
from engine.synth.annotated import Annotated
from engine.synth.records import Tie

_SMALL = frozenset("a an and as at but by for from in into of on or over the to vs with w".split())  # noqa: SIM905
_ASKING = re.compile(
    r"^(?:did|do|does|can|could|is|are|was|how|what|who|where|when|shall|will|why|would|have you|any|fancy|want)\b",
    re.IGNORECASE,
)
_WARM = (
    *("Love you.", "Big hug.", "Lots of love.", "Give everyone a kiss from me.", "Ring me later, will you?"),
    *("Thinking of you.", "Eat something proper.", "Proud of you.", "Hugs from all of us.", "Miss you already."),
)
_EASY = (
    *("Let me know.", "No rush.", "Talk later.", "Take care.", "Call me when you can.", "Hope you're well.", "Thanks!"),
    *("Does that work for you?", "What do you think?", "Just so you know.", "Can't wait!", "Sorry for the late reply."),
    *("Speak soon.", "Thanks a million.", "Keep me posted.", "I owe you one.", "Shout if you need me."),
    *("You know how I am.", "Long story.", "Phone's nearly dead.", "More when I see you.", "Tell nobody.", "All good?"),
    *("Thumbs up if you read this.", "Cheers.", "Promise."),
)
_FORMAL = (
    *("Thank you.", "Kind regards.", "Please reply to confirm.", "Many thanks.", "Questions? Just reply."),
    *("We look forward to seeing you.", "Have a good day!", "Thank you for your patience.", "Best wishes."),
)
_GROUPS: dict[str, tuple[str, ...]] = {
    "family": (
        *("Family Contacts", "My Family", "Close Family", "Family Circle", "Loved Ones", "Family", "Our Clan"),
        *("Family Members", "Relatives", "Folks Back Home", "The Relatives", "Home Crowd"),
    ),
    "friend": (
        *("Close Friends", "Old Friends", "Good Friends", "Friends", "Inner Circle", "Best Mates", "Friend Group"),
        *("Dear Friends", "The Gang", "Weekend Crowd", "Personal Contacts"),
    ),
    "work": (
        *("Work Contacts", "Office Crew", "Work Team", "Colleagues", "Job Contacts", "Work People", "The Office"),
        *("Professional Network", "Day Job"),
    ),
    "neighbour": ("Neighbourhood", "Our Street", "Neighbourhood Contacts", "Next Door", "Local People", "The Block"),
    "other": ("Other People", "Useful Numbers", "Local Contacts", "People Around", "Misc Contacts", "Day to Day"),
}  # fmt: skip
_TAILS = ("Contacts", "People", "Friends", "Group", "Circle", "Team", "Crew", "Network", "List", "Folks")
_PLAIN_TAILS = ("Contacts", "People", "Network", "List", "Matters")
_NO_FRIENDS = frozenset({"health", "money", "errands", "tech", "career"})


@dataclass(frozen=True, slots=True)
class Style:
    """Shares of the person's memories, 0 to 1."""

    title_case: bool
    stops: float  # descriptions that end with a full stop
    ends: float  # messages with an end mark
    bangs: float  # of the end marks that are "!"
    seconds: float  # messages that say something more

    def title(self, text: Annotated) -> Annotated:
        """An event's title."""
        if not self.title_case:
            return text
        capital = re.sub(r"(?<![\w'’])\w[\w'’]*", _capital, text.text)
        return Annotated(capital, text.entities) if len(capital) == len(text.text) else text

    def description(self, rng: random.Random, text: Annotated) -> Annotated:
        """An event's description."""
        return text + "." if text.text[-1:] not in ".!?…" and rng.random() < self.stops else text

    def message(self, rng: random.Random, text: Annotated, sender: Tie) -> Annotated:
        """A message's body: with an end mark as a rule, now and then with a second sentence."""
        more = rng.random() < self.seconds
        if text.text[-1:].isalnum() and (more or rng.random() < self.ends):
            asks = _ASKING.match(re.split(r"[.!?]\s+|[:;] ", text.text)[-1])
            text = text + ("?" if asks else "!" if rng.random() < self.bangs else ".")
        if more and text.text[-1:] in ".!?":
            warm = sender.relation in relations.FAMILY and rng.random() < 0.5
            text = text + " " + rng.choice(_FORMAL if sender.organisation else _WARM if warm else _EASY)
        return text


def draw_style(rng: random.Random) -> Style:
    """Somebody's habits. Most end their messages; half write titles as headlines; half put no stop in a calendar."""
    return Style(
        title_case=rng.random() < 0.5,
        stops=rng.choice((0.0, 0.0, 0.3, 0.95)),
        ends=rng.choice((0.35, 0.9, 0.97, 1.0)),
        bangs=rng.choice((0.0, 0.1, 0.25, 0.4)),
        seconds=rng.choice((0.02, 0.1, 0.25, 0.4)),
    )


def draw_groups(
    rng: random.Random, ties: Iterable[Tie], sketched: dict[str, tuple[str, str]], british: bool
) -> dict[str, str]:
    """The group that each tie is in, by name. `sketched` has (group, domain) of those whom scenes bring."""
    own = {sort: rng.sample(names, 2) for sort, names in _GROUPS.items()}
    tail = rng.sample(_TAILS, 3), rng.sample(_PLAIN_TAILS, 3)
    scenes: dict[str, str] = {}
    found = {}
    for tie in ties:
        sort = _sort(tie)
        if sort != "other" or tie.name not in sketched:
            group = rng.choice(own[sort])
        else:
            bare, domain = sketched[tie.name]
            tails = tail[1] if domain in _NO_FRIENDS else tail[0]
            if bare not in scenes:
                doubled = len(bare.split()) > 1 or bare.endswith("s") or rng.random() < 0.2
                scenes[bare] = bare if doubled else f"{bare} {rng.choice(tails)}"
            group = scenes[bare]
        found[tie.name] = group if british else group.replace("eighbour", "eighbor")
    return found


def _sort(tie: Tie) -> str:
    if tie.organisation:
        return "other"
    if tie.relation in relations.FAMILY:
        return "family"
    last = tie.relation.split()[-1] if "'s " not in tie.relation else ""  # a neighbour's daughter is no family
    if last in relations.FAMILY and last != "partner":
        return "family"
    return {"boss": "work", "colleague": "work"}.get(last, last if last in _GROUPS else "other")


def _capital(match: re.Match[str]) -> str:
    word = match.group()
    return word if match.start() and word.lower() in _SMALL else word[0].upper() + word[1:]
