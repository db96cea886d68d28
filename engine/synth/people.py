"""An invented person: those around her, her places, and the scenes of her life, all drawn before anything happens.

Relations of which one has only one (mother, boss, partner) are shared by all scenes; a teacher belongs to his scene.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from engine.synth import names, relations
from engine.synth.bodies import kind_of
from engine.synth.records import Person, Place, Tie
from engine.synth.scenes import ContactSketch, Scene
from engine.synth.styles import Style, draw_groups, draw_style

SCENES_PER_PERSON = (25, 40)
FIRST_DAY, LAST_DAY = datetime(2018, 8, 15), datetime(2026, 6, 30)  # what is planned early lies before
_NEW_MEMORIES = 8.0  # of a scene before it repeats itself: three events, most of five messages
_JOBS = (
    *("nurse", "teacher", "electrician", "librarian", "bus driver", "accountant", "baker", "web developer", "carer"),
    *("civil engineer", "hairdresser", "student", "retired postmaster", "warehouse clerk", "translator", "farmer"),
    *("paralegal", "chef", "plumber", "radiographer", "shop assistant", "architect", "journalist", "cleaner", "pilot"),
)
_TOWNS = (
    *("Harrow Quay", "Millbrook", "Ashford Bay", "Cedar Falls", "Porto Claro", "Linden", "Kirkhaven", "Rosedale"),
    *("Oakport", "Stonebridge", "San Telmo", "Bergheim", "Westmere", "Lakeview", "Dunmore", "Valdoro", "New Carrick"),
)
_PLACE_NICKNAMES = (
    *("the usual place", "our usual spot", "my happy place", "our spot", "the old haunt", "my second home"),
    *("the palace", "the dungeon", "the cave", "my hideout", "the nest", "the bunker", "our corner", "the den"),
    *("the temple", "the spot"),
)
_SOBER_PLACE_NICKNAMES = (
    *("the place round the corner", "the place across town", "the place up the hill", "the place downtown"),
    *("the grey building", "the place by the bridge", "the place near the roundabout", "the big glass box"),
)
_NICKNAMES = {False: _PLACE_NICKNAMES, True: _SOBER_PLACE_NICKNAMES}
_SOBER = frozenset({"health", "work", "errands", "money", "career", "tech", "study"})
_DEAD = re.compile(
    r"\blate (?:father|mother|dad|mum|mom|wife|husband)\b|\b(?:[Dd]ad|[Mm]um|[Mm]om|mother|father)'s funeral"
)
_CUT_OFF = re.compile(
    r"^..?[aeiouyáéíóú]$|(.)\1$|^[AEIOUaeiou][^aeiouy]{2}$"
)  # no short form ends like this: "Sha", "Arr", "Ibr"
_MY_PARTNER = re.compile(r"\b(?:my|our) (wife|husband|girlfriend|boyfriend|partner|fiancée?)\b")


@dataclass(frozen=True, slots=True)
class Contact:
    """Somebody whom a scene brings into the address book."""

    tie: Tie
    sketch: ContactSketch


@dataclass(frozen=True, slots=True)
class Part:
    """A scene in one life: where, with whom, and how often it happens."""

    scene: Scene
    place: Place
    other_place: Place  # where it is now and then; the same for most
    cast: tuple[Tie, ...]  # who take part, the scene's contacts among them; at least one
    contacts: tuple[Contact, ...]  # as the scene has them
    organisation: Tie | None  # who also sends messages
    habit: bool


@dataclass(frozen=True, slots=True)
class Life:
    """A person with all that her memories are drawn from. `shown` is how her phone calls each tie, by name."""

    person: Person
    parts: tuple[Part, ...]
    shown: dict[str, str] = field(hash=False)
    groups: dict[str, str] = field(hash=False)  # of the address book, by name
    style: Style
    women: frozenset[str]
    british: bool
    first_day: datetime
    last_day: datetime

    def tie(self, name: str) -> Tie:
        """The tie of that name."""
        return next(tie for tie in self.person.ties if tie.name == name)


def draw_life(rng: random.Random, identity: str, scenes: Sequence[Scene], memories: int = 0) -> Life:
    """A person with 25 to 40 of the scenes, or as many as so many memories need; no two of them about one thing."""
    circle = _Circle(rng)
    chosen = _choose(rng, scenes, circle, math.ceil(memories / _NEW_MEMORIES))
    habits = {scene.id for scene in rng.sample(chosen, min(len(chosen), rng.randint(4, 6)))}
    nicknames = {sober: rng.sample(found, len(found)) for sober, found in _NICKNAMES.items()}
    places: dict[str, Place] = {}
    parts = []
    for scene in chosen:
        name = _venue(rng, scene)
        for where in dict.fromkeys((name, _venue(rng, scene) if rng.random() < 0.6 else name)):
            if where not in places:
                left = nicknames[scene.domain in _SOBER]
                called = (left.pop(),) if left and rng.random() < 0.6 else ()
                places[where] = Place(where, called)
        parts.append(_part(rng, scene, places[name], places[where], circle, scene.id in habits))
    person = Person(
        id=identity,
        name=names.full_name(rng, rng.choice(("female", "male")), circle.first_names, circle.country),
        job=rng.choice(_JOBS),
        town=rng.choice(_TOWNS),
        ties=tuple(circle.ties),
        places=tuple(places.values()),
        habits=tuple(sorted(habits)),
    )
    days = rng.randint(2 * 365, 6 * 365)
    first = FIRST_DAY + timedelta(days=rng.randint(0, (LAST_DAY - FIRST_DAY).days - days))
    shown = {tie.name: _shown(rng, tie) for tie in person.ties}
    return Life(
        person=person,
        parts=tuple(parts),
        shown=shown,
        groups=draw_groups(rng, person.ties, _sketched(parts), circle.british),
        style=draw_style(rng),
        women=frozenset(circle.women),
        british=circle.british,
        first_day=first,
        last_day=first + timedelta(days=days),
    )


def _sketched(parts: Sequence[Part]) -> dict[str, tuple[str, str]]:
    """(group, domain) of everybody whom a scene brings, by name: the group of the scene's contact, or of its first."""
    found: dict[str, tuple[str, str]] = {}
    for part in parts:
        for contact in part.contacts:
            found.setdefault(contact.tie.name, (contact.sketch.group, part.scene.domain))
        others = [*part.cast, *([part.organisation] if part.organisation else [])]
        for tie in others if part.contacts else []:
            found.setdefault(tie.name, (part.contacts[0].sketch.group, part.scene.domain))
    return found


def _choose(rng: random.Random, scenes: Sequence[Scene], circle: _Circle, least: int) -> list[Scene]:
    count = max(rng.randint(*SCENES_PER_PERSON), least)
    chosen: dict[str, Scene] = {}
    for scene in rng.sample(list(scenes), len(scenes)):
        if len(chosen) == count:
            break
        if scene.stem not in chosen and _suits(scene, circle):
            chosen[scene.stem] = scene
    return list(chosen.values())


def _suits(scene: Scene, circle: _Circle) -> bool:
    """Whether the scene speaks of no husband where there is a wife or nobody, and of no parent as dead."""
    texts = [*scene.np, *scene.vp, *(text for m in scene.messages for text in (m.body, m.about, m.told))]
    texts += [text for event in scene.events for text in event]
    if any(_DEAD.search(text) for text in texts):
        return False
    wanted = {relations.canonical(word) for text in texts for word in _MY_PARTNER.findall(text)}
    return wanted <= {circle.partner}


def _venue(rng: random.Random, scene: Scene) -> str:
    """One of the scene's places; the one where its contacts work, if it is one of them, as a rule."""
    at_work = [c.organisation for c in scene.contacts if c.organisation in scene.places]
    return at_work[0] or "" if at_work and rng.random() < 0.5 else rng.choice(scene.places)


def _part(rng: random.Random, scene: Scene, place: Place, other: Place, circle: _Circle, habit: bool) -> Part:
    local: dict[str, Tie] = {}  # the scene's own people, by relation

    def somebody(relation: str) -> Tie | None:
        relation = relations.canonical(relation)
        if relation not in local:
            tie = circle.shared(relation)
            if tie is None and (relation in relations.PARTNERS or relation in circle.plural):
                return None
            local[relation] = tie or circle.add(relation)
        return local[relation]

    contacts: list[Contact] = []
    organisation = None
    for sketch in scene.contacts:
        tie = somebody(sketch.role)
        if sketch.organisation and organisation is None:
            organisation = circle.organisation(
                sketch.organisation, kind_of(sketch.organisation, sketch.role, scene.domain)
            )
        if tie is not None and all(tie is not contact.tie for contact in contacts):
            contacts.append(Contact(tie, sketch))
    cast = [tie for tie in map(somebody, scene.people) if tie is not None]
    rng.shuffle(cast)
    cast = list(dict.fromkeys(cast[: rng.randint(3, 4)])) or [circle.shared("best friend") or circle.ties[0]]
    return Part(scene, place, other, tuple(cast), tuple(contacts), organisation, habit)


def _shown(rng: random.Random, tie: Tie) -> str:
    """How a phone calls somebody: the full name, the first name, now and then what the person calls them."""
    draw = rng.random()
    if tie.organisation or draw < 0.28:
        return tie.name
    if draw < 0.95 or not tie.nicknames:
        return tie.name.split()[0]
    return tie.nicknames[0]


class _Circle:
    """Everybody around a person while she is drawn: nobody twice, no name and no nickname twice."""

    plural = frozenset({"in-laws", "parents", "twins", "kids", "children", "grandchildren", "neighbours", "friends"})
    _many = frozenset(
        {"friend", "colleague", "neighbour", "cousin", "aunt", "uncle", "sister-in-law", "brother-in-law"}
    )

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.country = names.home(rng)
        self.british = rng.random() < 0.5
        self.ties: list[Tie] = []
        self.first_names: set[str] = set()
        self.women: set[str] = set()
        self._nicknames: set[str] = set()
        self._organisations: dict[str, Tie] = {}
        self._surname = names.full_name(rng, "male", (), self.country).split()[-1]
        self.partner = rng.choice(relations.PARTNERS) if rng.random() < 0.7 else ""
        for relation in ("mother", "father", "best friend", "friend", "friend", "colleague", "colleague", "neighbour"):
            self.add(relation)
        if self.partner:
            self.add(self.partner)
        for relation, chance in (
            *(("boss", 0.8), ("sister", 0.5), ("brother", 0.5), ("grandmother", 0.5), ("aunt", 0.4), ("uncle", 0.3)),
            *(("cousin", 0.6), ("son", 0.35), ("daughter", 0.35), ("niece", 0.2), ("nephew", 0.2), ("flatmate", 0.15)),
        ):
            if rng.random() < chance:
                self.add(relation)

    def shared(self, relation: str) -> Tie | None:
        """Who is the `relation` in all of the person's life; None where a scene may bring its own or there is none."""
        if relation in relations.PARTNERS:
            relation = self.partner
        there = [tie for tie in self.ties if tie.relation == relation]
        everywhere = relation in relations.FAMILY | relations.ONE_ONLY | relations.EX | self._many | {"flatmate"}
        if not everywhere or not there:
            return None
        if relation in self._many and len(there) < 3 and self.rng.random() < 0.2:
            return None
        return self.rng.choice(there)

    def add(self, relation: str) -> Tie:
        """Somebody new."""
        rng = self.rng
        last = relation.split()[-1]
        sexes = ("female",) if last in relations.FEMALE else ("male",) if last in relations.MALE else ("female", "male")
        sex = rng.choice(sexes)
        family = relation in relations.FAMILY and not relation.endswith("in-law")
        country = self.country if family or rng.random() < 0.35 else names.home(rng)
        surname = self._surname if family and rng.random() < 0.6 else ""
        name = names.full_name(rng, sex, self.first_names | self._nicknames, country, surname)
        first = name.split()[0]
        self.first_names.add(first)
        if sex == "female":
            self.women.add(name)
        tie = Tie(relation, name, self._nickname(relation, first, sex, country))
        self.ties.append(tie)
        return tie

    def _nickname(self, relation: str, first: str, sex: str, country: str) -> tuple[str, ...]:
        """A pet name or a short form, which nobody else has; often none."""
        rng = self.rng
        temper = relations.temper(relation)
        near = relation in relations.FAMILY | {"best friend", "friend"}
        if rng.random() > (0.85 if near else 0.55):
            return ()
        for _ in range(6):
            pet = rng.random() < (0.55 if temper else 0.0)
            nickname = rng.choice(relations.PET_NAMES[temper]) if pet else names.short_form(rng, first, sex, country)
            if not pet and _CUT_OFF.search(nickname) and first.startswith(nickname):
                continue
            if nickname and nickname not in self._nicknames | self.first_names:
                self._nicknames.add(nickname)
                return (nickname,)
        return ()

    def organisation(self, name: str, kind: str) -> Tie:
        """The studio or clinic of that name, which writes like a person."""
        if name not in self._organisations:
            self._organisations[name] = Tie(kind, name, organisation=True)
            self.ties.append(self._organisations[name])
        return self._organisations[name]
