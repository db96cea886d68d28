"""Texts with named entities in them: where they come from, how two labellings are compared, how they are written out.

Entities are character offsets and a type, never strings to search for, so that a surface which occurs twice, or touches
punctuation, is marked where it stands. Types are the paper's four: person, location, event, time.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.artifacts import digest
from engine.datasets.reader import Dataset
from engine.errors import InputError
from engine.records import Entity

TYPES = ("EVT", "LOC", "PER", "TIM")
WORDS = {"EVT": "event", "LOC": "location", "PER": "person", "TIM": "time"}
WNUT = {"person": "PER", "location": "LOC"}  # what of WNUT-17's types means the same here
_NO_SPACE_BEFORE = re.compile(r"[,.;:!?%)\]}…]+|['’](?:s|m|d|t|re|ve|ll)|n['’]t", re.IGNORECASE)
_NO_SPACE_AFTER = re.compile(r"[(\[{]+|[$£€]")


@dataclass(frozen=True)
class Sentence:
    """A text and its entities, sorted and disjoint; None: nobody has labelled it.

    `known` are the types that whoever labelled it looked for: of the others, a word without a label may be one.
    """

    text: str
    entities: tuple[Entity, ...] | None
    known: frozenset[str] = frozenset(TYPES)


def read_conll(path: Path) -> list[Sentence]:
    """WNUT-17's columns, `word TAB BIO-tag`, as running texts; persons and locations are known, other types are not.

    Words are joined as English is written (no space before a comma); offsets are kept on the way. Raises InputError for
    a file that is absent or has other columns.
    """
    sentences, words = [], []
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"not readable ({error})", where=str(path), remedy="Name a CoNLL file in UTF-8") from None
    for number, line in enumerate([*lines, ""], 1):
        if line.strip():
            word, tab, tag = line.partition("\t")
            if not tab or not re.fullmatch(r"O|[BI]-[\w-]+", tag := tag.strip()):
                raise InputError(
                    "not a word, a tab and a BIO tag", where=f"{path}:{number}", remedy="Mend the line or remove it"
                )
            words.append((word.strip(), tag))
        elif words:
            sentences.append(_join(words))
            words = []
    return sentences


def _join(words: Sequence[tuple[str, str]]) -> Sentence:
    text, entities = "", list[Entity]()
    before, glued = "O", True
    for word, tag in words:
        if not glued and not _NO_SPACE_BEFORE.fullmatch(word):
            text += " "
        start, text = len(text), text + word
        kind = WNUT.get(tag[2:])
        if kind and tag[0] == "I" and before[2:] == tag[2:]:
            entities[-1] = (entities[-1][0], len(text), kind)
        elif kind and word:
            entities.append((start, len(text), kind))
        before, glued = tag, bool(_NO_SPACE_AFTER.fullmatch(word))
    return Sentence(text, tuple(entities), frozenset(WNUT.values()))


def of_dataset(dataset: Dataset, split: str | None = None) -> list[Sentence]:
    """The queries and then the documents of a collection, in file order, with the entities in their `fields`.

    With a `split`, its queries and what they are judged on only. Raises InputError for entities that are none.
    """
    judged = None if split is None else {judgement.document for judgement in dataset.judgements(split)}
    sentences = [
        Sentence(request.text, _entities(request.fields, request.text, f"query {request.id}"))
        for request in dataset.requests(split)
    ]
    for document in dataset.documents():
        if judged is None or document.id in judged:
            entities = _entities(document.fields, document.text, f"document {document.id}")
            sentences.append(Sentence(document.text, entities))
    return sentences


def _entities(fields: Mapping[str, Any], text: str, where: str) -> tuple[Entity, ...] | None:
    listed = fields.get("entities")
    if listed is None:
        return None
    try:
        entities = sorted((int(start), int(end), str(kind)) for start, end, kind in listed)
    except (TypeError, ValueError):
        entities = [(-1, -1, "")]
    last = 0
    for start, end, kind in entities:
        if not last <= start < end <= len(text) or kind not in TYPES:
            raise InputError(
                f"its entities are not disjoint [start, end, type] inside its text ({str(listed)[:60]})",
                where=where,
                remedy=f"Mend them; types are {', '.join(TYPES)}",
            )
        last = end
    return tuple(entities)


def sample(sentences: Iterable[Sentence], count: int, seed: int) -> list[Sentence]:
    """`count` labelled texts, no text twice; the same ones whatever the order they come in."""
    by_text = {sentence.text: sentence for sentence in sentences if sentence.entities is not None}
    return [by_text[text] for text in sorted(by_text, key=lambda text: digest([seed, text]))[:count]]


def f1(gold: Iterable[Sentence], predicted: Iterable[Sequence[Entity]]) -> dict[str, dict[str, float]]:
    """Precision, recall, F1 and support of each type and `micro`: an entity counts if its ends and its type are right.

    Of each sentence only the types in its `known` are judged, and sentences that nobody labelled are left out. A
    quotient over nothing is 0.
    """
    hits, found, wanted = Counter[str](), Counter[str](), Counter[str]()
    for sentence, guesses in zip(gold, predicted, strict=True):
        if sentence.entities is None:
            continue
        right = {entity for entity in sentence.entities if entity[2] in sentence.known}
        guessed = {entity for entity in guesses if entity[2] in sentence.known}
        for entities, counter in ((right, wanted), (guessed, found), (right & guessed, hits)):
            counter.update(kind for _, _, kind in entities)
            counter["micro"] += len(entities)
    scores = {}
    for kind in (*TYPES, "micro"):
        precision = hits[kind] / found[kind] if found[kind] else 0.0
        recall = hits[kind] / wanted[kind] if wanted[kind] else 0.0
        both = precision + recall
        scores[kind] = {
            "precision": precision,
            "recall": recall,
            "f1": 2 * precision * recall / both if both else 0.0,
            "support": wanted[kind],
        }
    return scores


def tagged(text: str, entities: Iterable[Entity], mask_time: bool = True) -> str:
    """`<PER> Ann </PER> at the <LOC> Mill </LOC>`: what the model reads. `mask_time`: each time is a lone `<TIM>`."""
    return _replaced(
        text,
        entities,
        lambda surface, kind: "<TIM>" if mask_time and kind == "TIM" else f"<{kind}> {surface} </{kind}>",
    )


def verbalised(text: str, entities: Iterable[Entity]) -> str:
    """`[Ann is person] at the [Mill is location]`: what is clustered into ids (paper 3.1, rendering a)."""
    return _replaced(text, entities, lambda surface, kind: f"[{surface} is {WORDS[kind]}]")


def _replaced(text: str, entities: Iterable[Entity], render: Callable[[str, str], str]) -> str:
    parts, last = [], 0
    for start, end, kind in sorted(entities):
        if not last <= start < end <= len(text):
            raise ValueError(f"entities overlap or lie outside of the text: {(start, end, kind)}")
        parts += [text[last:start], render(text[start:end], kind)]
        last = end
    return "".join([*parts, text[last:]])
