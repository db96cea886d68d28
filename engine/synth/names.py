"""Names of people, as people of many countries have them (Faker's lists), and the short forms they get.

Only Faker's plain lists are read, none of its random state: what is drawn depends on the generator that is handed in.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Container
from functools import cache
from importlib import import_module

# weighted by repetition; those whose lists tell women from men and have enough surnames
COUNTRIES = (
    *("en_US", "en_GB", "en_US", "en_GB", "en_IE", "en_NZ", "es_ES", "es_MX", "es_CO", "de_DE", "fr_FR", "it_IT"),
    *("pt_PT", "pt_BR", "nl_NL", "sv_SE", "tr_TR", "en_IN", "en_IN", "yo_NG", "tw_GH", "id_ID", "fi_FI", "hr_HR"),
    *("cs_CZ", "ro_RO", "no_NO", "en_NG", "en_KE", "ha_NG", "ig_NG", "zu_ZA", "hu_HU", "da_DK", "en_PK"),
)
_PLAIN = re.compile(r"[A-ZÀ-ÖØ-ÞĀ-ŽȘȚ][a-zà-öø-ÿā-žșț]{2,10}")
_SHORT = {
    "Elizabeth": "Liz", "Elisabeth": "Lisl", "Margaret": "Maggie", "William": "Bill", "Robert": "Bob",
    "Richard": "Rick", "James": "Jim", "John": "Jack", "Katherine": "Kate", "Catherine": "Cathy",
    "Alexander": "Alex", "Alexandra": "Sasha",
    "Michael": "Mick", "Thomas": "Tom", "Susan": "Sue", "Patricia": "Trish", "Jennifer": "Jen", "Rebecca": "Becca",
    "Deborah": "Debs", "Christopher": "Chris", "Anthony": "Tony", "Edward": "Ted", "Charles": "Charlie",
    "Francisco": "Paco", "José": "Pepe", "Ignacio": "Nacho", "Guadalupe": "Lupe", "Dolores": "Lola", "Pablo": "Pab",
    "Giuseppe": "Beppe", "Francesco": "Checco", "Johannes": "Hannes", "Sebastian": "Basti", "Sophie": "Soph",
    "Abigail": "Abby", "Victoria": "Vicky", "Nicholas": "Nick", "Samantha": "Sam", "Theresa": "Tess", "Andrew": "Drew",
    "Benjamin": "Ben", "Matthew": "Matt", "Joseph": "Joe", "Joshua": "Josh", "Daniel": "Dan", "Gabriel": "Gabe",
    "Isabella": "Bella", "Isabel": "Isa", "Madeleine": "Maddie", "Philip": "Pip", "Harold": "Harry", "Henry": "Hal",
    "Eleanor": "Nell", "Helena": "Leni", "Mehmet": "Memo", "Mustafa": "Musti", "Manuel": "Manolo", "Rosario": "Charo",
}  # fmt: skip
# short forms that are words of their own
_WORDS = frozenset(
    re.findall(
        r"\w+",
        """
        Ads Aid Aim Ale All Anal And Any Art Ass Ate Bad Ban Bar Barn Bars Beat Beats Big Bit Boy Bull Bus Butt Can Car
        Cars Cat Chin China Cod Con Corn Cum Day Dead Dear Dic Die Diet Dino Dog Drag Dum Dumb Dummy Eat Else End Ever
        Fag Far Fat Fear Fears Fed Fit For Fried Gas Gay Gels Girl Gun Had Hair Ham Has Hat Heats Hell Hen Her Him His
        Hit Hot How Hug Hun Ice Jab Jam Jar Key Kill Law Lean Leg Let Lid Log Lol Low Mad Maid Man Many Mass Mat Met Mom
        More Mug New Nig Nil Non Not Now Nun Odd Oil Old One Oral Our Out Owe Pad Pass Peace Per Pet Petty Pig Poo Ran
        Rat Rod Rub Run Sad Say Sea See Set Sex She Shit Silo Sin Sit Six Slut Sofa Son Step Steps Sum Sun Sus Tag Tea
        Tell Ten Than The Them Tiara Til Tin Tit Too Two Van Very War Was Way Who Why Win Yes Yet Yew
        """,
    )
)
_ENDS = {"female": ("y", "ie", "s", "a", "i"), "male": ("y", "o", "s", "ie", "i")}
_VOWELS = "aeiouyáàâäãåéèêëíìîïóòôöõúùûü"


@cache
def _lists(country: str) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """(women's first names, men's first names, surnames) of a country, sorted; only short ones in Latin letters."""
    provider = import_module(f"faker.providers.person.{country}").Provider
    lists = (getattr(provider, key, ()) for key in ("first_names_female", "first_names_male", "last_names"))
    women, men, last = (tuple(sorted({n for n in names if _PLAIN.fullmatch(n)})) for names in lists)
    return women, men, last


@cache
def _countries() -> tuple[str, ...]:
    """The countries of COUNTRIES whose lists this version of Faker has."""
    found = []
    for country in COUNTRIES:
        try:
            women, men, last = _lists(country)
        except ModuleNotFoundError:
            continue
        if min(len(women), len(men), len(last)) >= 10:
            found.append(country)
    return tuple(found)


def home(rng: random.Random) -> str:
    """A country that a family comes from."""
    return rng.choice(_countries())


def full_name(rng: random.Random, sex: str, taken: Container[str], country: str, surname: str = "") -> str:
    """A first name that is not taken and a surname. `sex` is female or male."""
    women, men, last = _lists(country)
    for _ in range(200):
        first = rng.choice(women if sex == "female" else men)
        if first not in taken:
            return f"{first} {surname or rng.choice(last)}"
        country = home(rng)
        women, men, last = _lists(country)
    raise ValueError("there are no names left")


def short_form(rng: random.Random, first: str, sex: str, country: str) -> str:
    """What friends make of a first name: Pablo -> Pab, Marcos -> Mac, Elena -> Elenita. "" where nothing comes out."""
    if first in _SHORT and rng.random() < 0.8:
        return _SHORT[first]
    letters = first.lower()
    onset = re.match(rf"[^{_VOWELS}]*[{_VOWELS}]+[^{_VOWELS}]?", letters)
    if len(first) < 4 or not onset:
        return f"{first}-{first}" if len(first) < 4 and rng.random() < 0.3 else ""
    cut = onset.group().capitalize()
    way = rng.random()
    if way < 0.35:
        short = cut
    elif way < 0.7:
        tail = cut[-1] * (len(cut) == 3 and cut[-1] in "bdgmnpt") if cut[-1] not in _VOWELS else ""
        short = cut + tail + rng.choice(_ENDS[sex]) if cut[-1] not in _VOWELS else f"{cut}{cut.lower()}"
    elif country.startswith(("es", "pt")) and letters[-1] in "ao" and letters[-2] not in _VOWELS:
        short = first[:-1] + ("ita" if sex == "female" else "ito")
    else:
        short = first[: max(3, len(first) // 2)]
    return short if short != first and len(short) > 2 and short not in _WORDS else ""


def address(name: str) -> str:
    """A name as the local part of an e-mail address."""
    ascii_only = unicodedata.normalize("NFKD", name.replace("ø", "o").replace("ı", "i").replace("ß", "ss"))
    return ".".join(re.findall(r"[a-z0-9]+", ascii_only.encode("ascii", "ignore").decode().lower()))
