"""What an organisation is that writes to somebody: "clinic", "club", "library"; by its name, people or scene."""

from __future__ import annotations

import re

_BY_NAME = (
    (r"\blibrary|\bbranch\b", "library"), (r"\bhospital\b|\bhospice\b", "hospital"), (r"\bdental\b", "dental practice"),
    (r"\bvet", "vet clinic"), (r"\bpharmacy\b", "pharmacy"), (r"\boptic", "optician"), (r"\bphysio", "physio clinic"),
    (r"\bclinic\b|\bsurgery\b|\bpractice\b|\bmedical cent", "clinic"), (r"\bdriving school\b", "driving school"),
    (r"\bprimary\b|\bcomprehensive\b|\bschool\b", "school"), (r"\buniversity\b", "university"),
    (r"\bcollege\b|\bacademy\b", "college"), (r"\bbank\b|\bsavings\b", "bank"), (r"\bgym\b|\byard fitness", "gym"),
    (r"\bstudios?\b", "studio"), (r"\btheatre\b|\bopera\b|\bplayhouse\b", "theatre"), (r"\bmuseum\b", "museum"),
    (r"\bgallery\b", "gallery"), (r"\bclub\b", "club"), (r"\bhotel\b|\bmotel\b|\binn\b", "hotel"),
    (r"\bfarm\b", "farm"), (r"\bbakery\b", "bakery"), (r"\bsalon\b|curl up|\bbarbers?\b", "salon"),
    (r"\bspa\b", "spa"), (r"\bcouncil\b|\btown of\b|\bcounty\b", "council"), (r"\bcourt\b|\bregistry\b", "office"),
    (r"\binsurance\b|\bmutual\b", "insurer"), (r"\btravel\b|\btours?\b|\bjourneys\b", "travel agency"),
    (r"\bmasjid\b|\bmosque\b", "mosque"), (r"\bmandir\b|\btemple\b", "temple"), (r"\bst \w+'s\b|\bchurch\b", "church"),
    (r"\bscouts?\b", "scout group"), (r"\bradio\b", "radio station"),
    (r"\bcoaching\b", "agency"),
    (r"\bpolice\b|\bfire\b|\bambulance\b|\bstation\b", "station"), (r"\bstorage\b", "storage"),
    (r"\bpost office\b|\bparcels\b|\bsorting\b", "post office"), (r"\bband\b", "band"), (r"\bchoir\b", "choir"),
    (r"\boffice\b|\bbureau\b|\bconsulate\b", "office"), (r"\bshop\b|\bstore\b|\bvintage\b", "shop"),
    (r"\bcentre\b|\bcenter\b", "centre"), (r"\bpress\b", "publisher"), (r"\bpictures\b", "studio"),
    (r"\bstables?\b", "stables"),
)  # fmt: skip
_BY_ROLE = (
    (r"dentist|hygienist", "dental practice"), (r"\bvet\b|veterinar", "vet clinic"), (r"hairdresser|barber", "salon"),
    (r"\bGP\b|doctor|nurse|therapist|physio|midwife|surgeon", "clinic"), (r"captain|player", "club"),
    (r"coach|trainer", "centre"),
    (r"teacher|tutor|lecturer|professor", "school"), (r"librarian", "library"), (r"mechanic", "garage"),
    (r"waiter|chef|barista|barman", "restaurant"), (r"lawyer|solicitor|notary", "law firm"),
    (r"baker", "bakery"), (r"florist", "florist"), (r"butcher", "butcher"), (r"organi[sz]er", "event team"),
    (r"accountant|tax|adviser|advisor", "advice office"), (r"agent", "agency"), (r"guide", "tour company"),
    (r"manager|director|colleague|boss", "company"), (r"photographer", "photo studio"), (r"repair", "repair shop"),
)  # fmt: skip
_BY_DOMAIN = {
    "health": "clinic", "sport": "club", "work": "company", "study": "college", "hobby": "club",
    "travel": "travel agency", "culture": "venue", "outdoors": "outdoor centre", "celebration": "venue",
    "career": "agency", "food": "kitchen", "making": "workshop", "volunteering": "charity", "errands": "service",
    "home": "repairs", "music": "music school",
    "community": "community group", "neighbors": "residents' group", "pets": "pet service", "shopping": "shop",
    "money": "office", "tech": "repair shop",
    "beauty": "salon", "family": "venue",
}  # fmt: skip


def kind_of(name: str, role: str, domain: str) -> str:
    """What the organisation `name` is, where somebody of `role` works and things of `domain` happen."""
    for table, text in ((_BY_NAME, name), (_BY_ROLE, role)):
        for pattern, kind in table:
            if re.search(pattern, text, re.IGNORECASE):
                return kind
    return _BY_DOMAIN.get(domain, "club")
