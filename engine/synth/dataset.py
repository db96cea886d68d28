"""A dataset of invented people: `python -m admin data synth personal OUT --people N --pairs M --seed S`.

Each person is drawn from a generator of her own, so that the bytes depend on the seed and not on the number of
processes. The last people, about a tenth and one at least, are the dev split. What is here is planted: results on it
are no results.
"""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any

from engine.artifacts import digest, digest_file
from engine.datasets.staging import staged
from engine.datasets.write import write_rows
from engine.errors import InputError
from engine.synth import people
from engine.synth.asking import Asker, Rules
from engine.synth.memories import draw_memories
from engine.synth.notes import Noted
from engine.synth.people import Life, draw_life
from engine.synth.records import Memory, Question
from engine.synth.scenes import SCENES, Scene, read_scenes

MOST_PAIRS = 400  # of one person: what her scenes can be asked about without much repetition
LEAST_MEMORIES = 60
_SPARE = 1.3  # memories to each question
_DEV = 10  # one person in ten
_ROUNDS = 3  # how many questions at most one memory gets


@dataclass(frozen=True, slots=True)
class Invented:
    """One person, her store, and the questions about it."""

    life: Life
    notes: tuple[Noted, ...]
    questions: tuple[Question, ...]

    @property
    def memories(self) -> list[Memory]:
        """The store, by time of creation."""
        return [note.memory for note in self.notes]


def invent(scenes: list[Scene], seed: int, rules: Rules, number: int, pairs: int) -> Invented:
    """Person `number` of the seed, with so many questions. Raises InputError if the scenes do not yield as many."""
    rng = random.Random(f"quintet/{seed}/{number}")
    memories = max(LEAST_MEMORIES, round(pairs * _SPARE))
    life = draw_life(rng, f"p{number:04d}", scenes, memories)
    notes = draw_memories(rng, life, memories)
    asker = Asker(rng, life, notes, rules)
    questions: list[Question] = []
    for _ in range(_ROUNDS):
        for note in rng.sample(notes, len(notes)):
            if len(questions) == pairs:
                break
            question = asker.ask(note, f"{life.person.id}/q{len(questions) + 1}")
            if question is not None:
                questions.append(question)
    if len(questions) < pairs:
        raise InputError(
            f"{len(scenes)} scenes yield {len(questions)} questions of a person, not {pairs}",
            where="--pairs",
            remedy=f"Ask for at most {len(questions)} a person",
        )
    return Invented(life, tuple(notes), tuple(questions))


def write(
    target: Path,
    number: int,
    pairs: int,
    seed: int,
    *,
    rules: Rules | None = None,
    scenes: Path = SCENES,
    processes: int | None = None,
) -> dict[str, Any]:
    """Writes `pairs` questions of `number` people to the new folder `target`; returns how many of what.

    Raises InputError for numbers that cannot be had and for a folder that exists.
    """
    if number < 2:
        raise InputError(
            "two people at least: one to train on, one to judge", where="--people", remedy="Give 2 or more"
        )
    if not number <= pairs <= number * MOST_PAIRS:
        raise InputError(
            f"{number} people can have {number} to {number * MOST_PAIRS} pairs, not {pairs}",
            where="--pairs",
            remedy=f"A person has at most {MOST_PAIRS}: take more people or fewer pairs",
        )
    rules = rules or Rules()
    if not 0 <= rules.shared <= 1:
        raise InputError("a share lies from 0 to 1", where="--shared", remedy="Give a number such as 0.35")
    found = read_scenes(scenes)
    shares = [pairs // number + (i < pairs % number) for i in range(number)]
    dev = dev_people([f"p{i:04d}" for i in range(number)])
    documents: list[dict] = []
    queries: list[dict] = []
    judged: dict[str, list[tuple[str, str, int]]] = {"train": [], "dev": []}
    with staged(target) as folder:
        for invented in _people(partial(invent, found, seed, rules), shares, processes):
            documents += map(_document, invented.memories)
            for question in invented.questions:
                queries.append(_query(question))
                judged["dev" if question.person in dev else "train"].append((question.id, question.memory, 1))
        (folder / "README.md").write_text(_readme(number, pairs, seed, rules), "utf-8")
        return {"people": number, **write_rows(folder, documents, queries, judged, compress=False)}


def dev_people(ids: Sequence[str]) -> frozenset[str]:
    """Who judges instead of teaching: the last of these people, about a tenth, one at least."""
    return frozenset(ids[-max(1, len(ids) // _DEV) :])


def made_by(scenes: Path = SCENES) -> str:
    """Names what writes: the same name and seed give the same people."""
    sources = sorted([*Path(__file__).parent.glob("*.py"), *scenes.glob("*.jsonl")])
    return digest([[path.name, digest_file(path)] for path in sources])


def _people(draw: partial, shares: list[int], processes: int | None) -> Iterator[Invented]:
    """All people in order, drawn by so many processes (as many as there are cores, but for few people)."""
    processes = processes or min(len(os.sched_getaffinity(0)), 1 + sum(shares) // 2000)
    if processes == 1:
        yield from map(draw, range(len(shares)), shares)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=_end_with_parent) as pool:
        try:
            yield from pool.map(draw, range(len(shares)), shares, chunksize=4)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _end_with_parent() -> None:
    """A worker's: a killed parent leaves nobody working behind."""
    parent = parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _document(memory: Memory) -> dict:
    entities = [list(entity) for entity in memory.entities]
    return {
        "_id": memory.id,
        "user": memory.person,
        "kind": memory.kind,
        "time": memory.time.isoformat(),
        "created": memory.created.isoformat(),
        "fields": {**memory.fields, "entities": entities},
        "title": "",
        "text": memory.text,
    }


def _query(question: Question) -> dict:
    return {
        "_id": question.id,
        "user": question.person,
        "text": question.text,
        "time": question.time.isoformat(),
        "answerable": True,
        "entities": [list(entity) for entity in question.entities],
        "ask": question.ask,
        "told_by": list(question.told_by),
    }


def _readme(number: int, pairs: int, seed: int, rules: Rules) -> str:
    command = f"python -m admin data synth personal OUT --people {number} --pairs {pairs} --seed {seed}"
    command += f" --shared {rules.shared:g}" if rules.shared else ""
    years = f"{people.FIRST_DAY.year} to {people.LAST_DAY.year}"
    return f"""# Invented people

{pairs} vague questions of {number} invented people about their own events, messages and contacts of {years}, each with
one answer. Made by `{command}` from the scenes in data/scenes.
It is planted: for training, never a result. Apache-2.0, as the project.
"""
