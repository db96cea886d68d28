"""Context diversification by transposition (QPA): a question and its memory with two entities of a type exchanged.

A model that learns from both pairs cannot know a memory by its names alone; the words around them must decide. Which
two are exchanged, a cross-encoder's attention says: where, reading the question's entity, it looks in the memory. It
reads the texts as they were written; the published code marks the entities by tags, whose embeddings that
cross-encoder has never learnt. Which id the new texts get is the caller's business: the one that the pair had.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from engine.encoder import find_model
from engine.errors import InputError
from engine.methods.pearl.labelled import Sentence
from engine.methods.pearl.marking import COUNTED
from engine.records import Entity
from engine.training.reranking import transformer_folder

TYPES = COUNTED  # a time is the prior's, and stays where it is
_PROBE = Sentence("Ann", ((0, 3, "PER"),))


@dataclass(frozen=True)
class Transposed:
    """A pair in which two surfaces have changed places; its entities are where they are now."""

    question: Sentence
    memory: Sentence


def swapped(question: Sentence, memory: Sentence, s: int, t: int) -> Transposed:
    """The pair with the surfaces of the question's entity number `s` and the memory's number `t` exchanged.

    All else stays as it is, and so does the order of the entities: swapping the same two again gives the first pair.
    Raises ValueError if they are not of one type in TYPES, IndexError if there is no such entity.
    """
    (start, end, kind), (other_start, other_end, other_kind) = (question.entities or ())[s], (memory.entities or ())[t]
    if kind != other_kind or kind not in TYPES:
        raise ValueError(f"a {kind} cannot change places with a {other_kind}")
    return Transposed(
        _replaced(question, start, end, memory.text[other_start:other_end]),
        _replaced(memory, other_start, other_end, question.text[start:end]),
    )


def _replaced(sentence: Sentence, start: int, end: int, surface: str) -> Sentence:
    """`sentence` with another surface for its entity from `start` to `end`; what ends there or later moves along."""
    shift = len(surface) - (end - start)
    moved = ((a + shift * (a >= end), b + shift * (b >= end), kind) for a, b, kind in sentence.entities or ())
    return replace(sentence, text=sentence.text[:start] + surface + sentence.text[end:], entities=tuple(moved))


def masses(
    attention: np.ndarray, question_pieces: Sequence[Sequence[int]], memory_pieces: Sequence[Sequence[int]]
) -> np.ndarray:
    """m(s, t) = the sum of A_ij over the word pieces i of span s and j of span t (PEARL's published code).

    `attention` is A, (L, L), row i what piece i attends to; the others list each span's pieces, maybe none, which is a
    mass of 0. Returns (question's spans, memory's spans) float64. A raw sum: longer spans have more.
    """
    rows = [[attention[np.ix_(s, t)].sum(dtype=np.float64) for t in memory_pieces] for s in question_pieces]
    return np.array(rows, dtype=np.float64).reshape(len(question_pieces), len(memory_pieces))


class CrossAttention:
    """What the entities of a question attend to in a memory: a transformer's last layer, the mean over its heads.

    `model` is 'minilm', a hub id or a folder: a cross-encoder's or a sentence-transformers one. Of question and memory
    together `max_length` pieces are read. Raises InputError if it cannot be loaded or a question does not see its
    memory, as in a decoder.
    """

    def __init__(self, model: str | Path, max_length: int = 128) -> None:
        self.path = transformer_folder(find_model(str(model)))
        self._tokenizing = threading.Lock()  # fast tokenizers keep their padding as state
        try:
            self._model, self._tokenizer = _load(self.path)
            self.max_length = min(max_length, self._tokenizer.model_max_length)
            seen = float(self.masses([(_PROBE, _PROBE)])[0][0, 0])
        except InputError:
            raise
        except Exception as error:  # each library has its own: safetensors, tokenizers, transformers
            raise _unusable(self.path, (str(error).strip().splitlines() or [type(error).__name__])[0][:160]) from None
        if not seen > 0:
            raise _unusable(self.path, f"in {self.max_length} pieces, a question does not see the memory after it")

    def masses(self, pairs: Sequence[tuple[Sentence, Sentence]]) -> list[np.ndarray]:
        """For each pair (question's entities, memory's entities) float64: `masses` where both are of one type in TYPES.

        0 for all others and for those of which no piece was read. Which pairs are read together changes nothing but
        rounding.
        """
        from engine.methods.pearl.word_features import in_batches, one_a_core

        found = [_same_type(question, memory).astype(np.float64) for question, memory in pairs]
        read = [number for number, same in enumerate(found) if same.any()]
        answers = in_batches(
            self._read,
            [pairs[number] for number in read],
            lambda pair: len(pair[0].text) + len(pair[1].text),
            partial(one_a_core, label="attention of pairs"),
        )
        for number, answer in zip(read, answers, strict=True):
            found[number] *= answer
        return found

    def _read(self, pairs: Sequence[tuple[Sentence, Sentence]]) -> list[np.ndarray]:
        """`masses` of one batch, whatever the types."""
        import torch

        texts = [question.text for question, _ in pairs], [memory.text for _, memory in pairs]
        with self._tokenizing:
            encoded = self._tokenizer(
                *texts,
                truncation="longest_first",
                max_length=self.max_length,
                padding=True,
                return_offsets_mapping=True,
                return_tensors="pt",
            )
        places = encoded.pop("offset_mapping").numpy()  # (pairs, L, 2)
        with torch.inference_mode():
            features = {key: value.to(self._model.device) for key, value in encoded.items()}
            # The other layers' are let go of here. (pairs, heads, L, L) to (pairs, L, L)
            attention = self._model(**features, output_attentions=True).attentions[-1].mean(dim=1).float().cpu().numpy()
        answers = []
        for number, (question, memory) in enumerate(pairs):
            sides = encoded.sequence_ids(number)  # of each piece: 0, 1, or None, which padding is too
            pieces = [
                _pieces(places[number], [side == which for side in sides], sentence.entities or ())
                for which, sentence in enumerate((question, memory))
            ]
            answers.append(masses(attention[number], *pieces))
        return answers


def transposed(
    pairs: Sequence[tuple[Sentence, Sentence]], model: CrossAttention, threshold: float = 0.05
) -> list[list[Transposed]]:
    """For each pair of question and memory the new ones made of it, at most one for each of the question's entities.

    An entity changes places with that of its type to which it attends most, the first of equals, if that is at least
    `threshold` (PEARL's published code: 0.05) and the two are not the same string. What `model` has not read never
    does, whatever the threshold.
    """
    return [
        [
            swapped(question, memory, s, t)
            for s, t in _chosen(mass, threshold)
            if _surface(question, s) != _surface(memory, t)
        ]
        for (question, memory), mass in zip(pairs, model.masses(pairs), strict=True)
    ]


def _chosen(mass: np.ndarray, threshold: float) -> list[tuple[int, int]]:
    if not mass.size:
        return []
    best = mass.argmax(axis=1)  # (question's entities,)
    return [(s, int(t)) for s, t in enumerate(best) if mass[s, t] > 0 and mass[s, t] >= threshold]


def _surface(sentence: Sentence, number: int) -> str:
    start, end, _ = (sentence.entities or ())[number]
    return sentence.text[start:end]


def _same_type(question: Sentence, memory: Sentence) -> np.ndarray:
    """(question's entities, memory's entities) bool: whether the two might change places."""
    here, there = question.entities or (), memory.entities or ()
    same = [kind == other and kind in TYPES for _, _, kind in here for _, _, other in there]
    return np.array(same, dtype=bool).reshape(len(here), len(there))


def _pieces(places: np.ndarray, inside: Sequence[bool], entities: Sequence[Entity]) -> list[list[int]]:
    """Of each entity the pieces that share a character with it; `places` (L, 2), `inside` (L,): of its own text."""
    starts, ends = places[:, 0], places[:, 1]
    return [np.flatnonzero(inside & (starts < end) & (ends > start)).tolist() for start, end, _ in entities]


def _load(path: Path) -> tuple[Any, Any]:
    """The transformer without a head, and its tokenizer."""
    import torch
    from transformers import AutoModel, AutoTokenizer
    from transformers.utils import logging

    level = logging.get_verbosity()
    logging.set_verbosity_error()  # it warns of a head that is not used
    logging.disable_progress_bar()  # its bar stands in the way of ours
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(path))
        model, found = AutoModel.from_pretrained(
            str(path),
            attn_implementation="eager",  # the others give no attention
            dtype=torch.float32,
            use_safetensors=True,
            output_loading_info=True,
        )
    finally:
        logging.set_verbosity(level)
    if lacking := sorted(key for key in found["missing_keys"] if "pooler." not in key):
        raise _unusable(path, f"{lacking[0]} and {len(lacking) - 1} more weights are not in it")
    tokenizer.padding_side = "right"  # on the left it would move the pieces to other positions
    return model.eval().to("cuda" if torch.cuda.is_available() else "cpu"), tokenizer


def _unusable(path: Path, reason: str) -> InputError:
    remedy = "Name an encoder or cross-encoder: config.json, a fast tokenizer, model.safetensors; or a hub id"
    return InputError(f"its attention cannot be read ({reason})", where=str(path), remedy=remedy)
