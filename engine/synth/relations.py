"""Relations: what one may be called, who can be had only once, whose sex is known, and what pet names they invite.

A relation is lower case, as scenes write it ("pottery teacher"). Data, and four questions about it.
"""

from __future__ import annotations

# one way to write a relation for all the ways that scenes have
SAME = {
    "mum": "mother", "mom": "mother", "dad": "father", "gran": "grandmother", "grandma": "grandmother",
    "nan": "grandmother", "granddad": "grandfather", "grandad": "grandfather", "grandpa": "grandfather",
    "neighbor": "neighbour", "next-door neighbor": "neighbour", "next-door neighbour": "neighbour",
    "coworker": "colleague", "co-worker": "colleague", "workmate": "colleague", "work mate": "colleague",
    "roommate": "flatmate", "housemate": "flatmate", "auntie": "aunt", "spouse": "partner", "hubby": "husband",
    "fiance": "fiancé", "fiancee": "fiancée", "line manager": "boss", "manager": "boss", "best mate": "best friend",
    "mate": "friend", "buddy": "friend", "kid brother": "younger brother", "little brother": "younger brother",
    "big brother": "older brother", "big sister": "older sister", "little sister": "younger sister",
    "kid sister": "younger sister", "family doctor": "GP", "gp": "GP", "mum-in-law": "mother-in-law",
    "grand-daughter": "granddaughter", "stepdad": "stepfather", "stepmum": "stepmother", "stepmom": "stepmother",
}  # fmt: skip

PARTNERS = ("wife", "husband", "partner", "girlfriend", "boyfriend", "fiancé", "fiancée")
ONE_ONLY = frozenset((*PARTNERS, "mother", "father", "boss", "best friend", "mother-in-law", "father-in-law", "GP"))
EX = frozenset({"ex-husband", "ex-wife", "ex"})

FEMALE = frozenset({
    "mother", "sister", "aunt", "grandmother", "wife", "girlfriend", "daughter", "niece", "granddaughter", "godmother",
    "stepmother", "stepdaughter", "stepsister", "sister-in-law", "mother-in-law", "daughter-in-law", "fiancée",
    "ex-wife", "great-aunt", "landlady", "midwife", "nun", "waitress", "goddaughter", "mum", "mom", "woman", "hostess",
    "matron", "seamstress",
})  # fmt: skip
MALE = frozenset({
    "father", "brother", "uncle", "grandfather", "husband", "boyfriend", "son", "nephew", "grandson", "godfather",
    "stepfather", "stepson", "stepbrother", "brother-in-law", "father-in-law", "son-in-law", "fiancé", "ex-husband",
    "great-uncle", "landlord", "priest", "barman", "postman", "handyman", "godson", "rabbi", "imam", "vicar",
    "bandmaster", "man", "lad", "guy", "bloke", "dad", "groom",
})  # fmt: skip
FAMILY = frozenset((FEMALE | MALE | {"cousin", "partner", "godchild", "second cousin", "in-laws", "parent"}) - {
    "landlady", "midwife", "nun", "waitress", "landlord", "priest", "barman", "postman", "handyman", "rabbi", "imam",
    "vicar", "bandmaster", "mum", "mom", "woman", "hostess", "matron", "seamstress", "man", "lad", "guy", "bloke",
    "dad", "groom",
})  # fmt: skip

# what people say instead of the relation; "my" is put in front where there is no article
ALIASES: dict[str, tuple[str, ...]] = {
    "mother": ("my mum", "my mom", "my mum", "my mom", "my mama"),
    "father": ("my dad", "my dad", "my pa", "my old man", "my papa"),
    "sister": ("my sis", "my sister", "my sibling"),
    "brother": ("my bro", "my brother", "my sibling"),
    "older sister": ("my big sister", "my older sister", "my sister"),
    "younger sister": ("my little sister", "my kid sister", "my sister"),
    "older brother": ("my big brother", "my older brother", "my brother"),
    "younger brother": ("my little brother", "my kid brother", "my brother"),
    "grandmother": ("my gran", "my grandma", "my nan", "my granny"),
    "grandfather": ("my grandad", "my grandpa"),
    "aunt": ("my aunt", "my auntie"),
    "wife": ("my wife", "my better half", "my other half", "the missus"),
    "husband": ("my husband", "my better half", "my other half", "my hubby"),
    "partner": ("my partner", "my other half", "my better half", "my significant other"),
    "girlfriend": ("my girlfriend", "my other half", "my significant other", "my girl"),
    "boyfriend": ("my boyfriend", "my other half", "my significant other", "my fella"),
    "fiancé": ("my fiancé", "the man I'm marrying", "my husband-to-be"),
    "fiancée": ("my fiancée", "the woman I'm marrying", "my wife-to-be"),
    "son": ("my son", "my boy", "my kid"),
    "daughter": ("my daughter", "my girl", "my kid"),
    "best friend": ("my best friend", "my bestie", "my best mate"),
    "friend": ("my friend", "a friend of mine", "a mate of mine", "a pal of mine"),
    "colleague": ("my colleague", "my coworker", "my workmate", "someone from work", "someone at the office"),
    "boss": ("my boss", "my manager", "the one I report to", "my supervisor"),
    "neighbour": ("my neighbor", "my neighbour", "next door", "the person next door"),
    "flatmate": ("my flatmate", "my roommate", "my roomie", "the one I live with"),
    "GP": ("my doctor", "my GP"),
    "dentist": ("my dentist", "the tooth doctor"),
    "mother-in-law": ("my mother-in-law", "my in-law"),
    "father-in-law": ("my father-in-law", "my in-law"),
    "sister-in-law": ("my sister-in-law", "my in-law"),
    "brother-in-law": ("my brother-in-law", "my in-law"),
}

_CHILD = ("Champ", "Pumpkin", "Peanut", "Monkey", "Bean", "Sprout", "Buddy", "Munchkin", "Kiddo", "Button", "Squirt")
PET_NAMES: dict[str, tuple[str, ...]] = {
    "partner": (
        "Honey", "Bear", "Darling", "Sweetheart", "Babe", "Love", "Boo", "Sunshine", "Sweetie", "Habibi", "Treasure",
        "Hon", "Schatz", "Cariño", "Dear", "Lovebug", "Teddy", "Angel",
    ),
    "child": (*_CHILD, "Cupcake", "Tiger", "Bug", "Sweet Pea", "Little One", "Bunny", "Scout"),
    "sibling": ("Cupcake", "Big Guy", "Tiger", "Squirt", "Moose", "Stinky", "Bro", "Sis", "Pickle", "Shorty", "Mouse",
                "Chief", "Goose", "Noodle", "Ace", "Twinkle"),
    "mother": ("Mama", "Mumsy", "Ma", "Mami", "Amma", "the Queen", "Mamma"),
    "father": ("Papa", "Pops", "Pa", "the Captain", "Baba", "Papi", "the Old Man", "Appa"),
    "grandmother": ("Nana", "Nonna", "Oma", "Abuela", "Babcia", "Granny", "Gigi", "Mimi", "Lola"),
    "grandfather": ("Grandpa", "Nonno", "Opa", "Abuelo", "Pop-Pop", "Dede", "Grumps", "Lolo"),
    "relative": ("the Duchess", "Twinkletoes", "Sparky", "Coco", "Bubbles", "the Twin", "Smiley", "Chiki",
                 "Cookie", "Zuzu", "Freckles"),
    "friend": ("Bear", "the Captain", "Sparky", "Amigo", "Red", "Slim", "Doc", "Professor", "Ace", "Smiley", "Wolf",
               "Rocket", "Ziggy", "Biscuit", "Lucky", "the Twin", "Moose", "Foxy", "Curly", "Bestie", "Turbo", "Panda"),
    "colleague": ("the Boss", "Chief", "the Professor", "the Machine", "Excel", "Hawk", "Sarge", "the Guru", "Skipper"),
    "guide": ("Coach", "Doc", "the Maestro", "Sensei", "Teach", "the Chief", "the Wizard", "the General", "the Guru",
              "Skipper", "Guv", "the Oracle", "Yoda"),
}  # fmt: skip
_GUIDES = frozenset({
    "teacher", "coach", "instructor", "trainer", "tutor", "leader", "doctor", "dentist", "physio", "therapist",
    "physiotherapist", "conductor", "mentor", "captain", "GP", "boss", "master", "guide", "surgeon", "nurse",
    "professor", "director", "bandmaster", "mestre", "organist", "manager",
})  # fmt: skip


def canonical(relation: str) -> str:
    """The one way to write `relation`."""
    relation = relation.strip().replace("neighbor", "neighbour").replace("Gran's", "grandmother's")
    return SAME.get(relation, relation)


def temper(relation: str) -> str:
    """Which list of pet names suits the relation: a key of PET_NAMES, or "" for none."""
    last = relation.split()[-1]
    if relation in PARTNERS:
        return "partner"
    if relation in PET_NAMES:
        return relation
    if last in ("son", "daughter", "stepson", "stepdaughter", "nephew", "niece", "grandson", "granddaughter"):
        return "child"
    if last in ("brother", "sister", "stepbrother", "stepsister"):
        return "sibling"
    if relation in FAMILY:
        return "relative"
    if last in ("friend", "flatmate", "schoolfriend", "teammate", "partner", "neighbour", "classmate", "mate", "buddy"):
        return "friend"
    if last == "colleague":
        return "colleague"
    return "guide" if last in _GUIDES else ""


def fits(word: str, relation: str) -> bool:
    """Whether somebody who is the `relation` may be meant by "my <word>": "friend" may be a "best friend"."""
    word = canonical(word)
    return word == relation or relation.endswith(f" {word}") or relation.startswith(f"{word} from ")


def called(alias: str, relation: str) -> bool:
    """Whether `alias`, as in ALIASES, may mean somebody who is the `relation`."""
    if alias in ALIASES.get(relation, ()):
        return True
    if alias in ("my kid", "my boy", "my girl"):
        return relation.endswith({"my kid": ("son", "daughter"), "my boy": ("son",), "my girl": ("daughter",)}[alias])
    if alias in ("my sibling", "my sis", "my bro"):
        return temper(relation) == "sibling"
    if alias == "my in-law":
        return relation.endswith("-in-law")
    return alias.startswith("my ") and fits(alias.removeprefix("my "), relation)
