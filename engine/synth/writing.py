"""People written by a language model: a sheet each, then rounds of memories with questions until there are enough.

    python -m admin data synth personal OUT --people 20 --pairs 2000 --llm configs/spike.yaml --set llm.backend=openai

Rounds of one person follow one another, as each is shown what came before; people go side by side. Every answer is in
the job's log (engine/llm/job.py), and what is asked follows from the answers before, so that a killed run goes on
without asking again. What a model wrote is data to train on, never a result. Without a model nothing is written.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from engine import config as configs
from engine.artifacts import Workspace
from engine.datasets.staging import staged
from engine.datasets.write import document_row, request_row, write_rows
from engine.errors import BuildError, InputError
from engine.llm.config import LlmConfig
from engine.llm.job import generate
from engine.llm.log import job_folder
from engine.records import Document, Request
from engine.synth.dataset import dev_people
from engine.synth.drafts import Drafts, person_of, summed
from engine.synth.records import Memory, Person, Question
from engine.synth.task import (
    PERSON_PAIRS,
    PERSON_SHEET,
    ContactPair,
    EventPair,
    MessagePair,
    RoundInputs,
    SheetInputs,
    shown,
)

ROUND = {"event": 6, "message": 5, "contact": 2}  # pairs of one round, at most: longer answers repeat themselves
SPARE = 1.5  # pairs asked for to each that is still due, as not all will be fit
SHOWN = 40  # earlier pairs that a round is shown
IDLE = 2  # rounds in a row that bring nothing before a person is left as she is
SAMPLING = {"temperature": 1.0, "max_tokens": 4096}  # unless the configuration says otherwise
_REGIONS = (
    *("the Andes", "Anatolia", "Bavaria", "Bengal", "the Caribbean", "the Carpathians", "East Africa"),
    *("the Gulf coast", "Ireland", "Java", "Korea", "the Maghreb", "the Midlands of England"),
    *("the Midwest of the United States", "New Zealand", "Normandy", "northern Spain", "the Philippines", "Portugal"),
    *("Punjab", "Quebec", "Scotland", "southern Italy", "the south of Brazil", "Sweden", "Ukraine", "Vietnam", "Wales"),
    *("West Africa", "Yucatán"),
)
_WORK = (
    *("a trade with their hands", "an office", "a classroom", "a hospital ward", "a shop", "the land"),
    *("a lorry or bus", "their own small firm", "a laboratory", "a kitchen", "small children at home", "studies"),
    *("a pension and a garden", "a factory", "a stage or studio", "software", "an archive or museum", "animals"),
    *("a courtroom", "hair and beauty"),
)


@dataclass(frozen=True, slots=True)
class WrittenPerson:
    """One person, her store by time of creation, and one question about each memory."""

    person: Person
    memories: tuple[Memory, ...]
    questions: tuple[Question, ...]


@dataclass(frozen=True, slots=True)
class Written:
    """`counts`: what was asked, kept and dropped, with reasons, and for whom an answer is lacking."""

    people: tuple[WrittenPerson, ...]
    counts: Mapping[str, Any]


def read_llm(config: Path | None, settings: Sequence[str]) -> LlmConfig:
    """Who writes: the `llm` section of a YAML file (its own, or in `build`), and `llm.KEY=VALUE` laid over it.

    Raises InputError for a file or key that cannot be read.
    """
    found: Any = {}
    if config is not None:
        try:
            found = yaml.safe_load(config.read_text("utf-8"))
        except (OSError, yaml.YAMLError, ValueError, RecursionError) as error:
            raise InputError(f"not readable ({error})", where=str(config), remedy="Name a YAML file") from None
        found = found.get("llm", (found.get("build") or {}).get("llm")) if isinstance(found, dict) else None
        if not isinstance(found, dict):
            raise InputError("there is no section `llm`", where=str(config), remedy="Write llm: {backend: openai, ...}")
    if bad := next((setting for setting in settings if not setting.startswith("llm.")), None):
        raise InputError(f"cannot read {bad!r}", where="--set", remedy="Write --set llm.KEY=VALUE")
    base = configs.MethodConfig(method="people", build={"llm": {"sampling": SAMPLING} | found})
    laid = configs.override(base, [f"build.{setting}" for setting in settings])
    return configs.parse(LlmConfig, laid.build["llm"], str(config or "--set"))


def write_people(
    workspace: Workspace, config: LlmConfig, people: int, pairs: int, seed: int, max_shared: int = 0
) -> Written:
    """Has `people` written, with `pairs` memories and questions among them; people who lack answers get fewer.

    Raises InputError without a model, and what `generate` raises; BuildError if nobody came out. Ask again with the
    same arguments to go on.
    """
    if not 1 <= people <= pairs:
        raise InputError(
            f"{pairs} pairs of {people} people cannot be written",
            where="--pairs",
            remedy="Ask for one a person or more",
        )
    config = config.model_copy(update={"samples": 1})
    shares = [pairs // people + (number < pairs % people) for number in range(people)]
    drafts, lacking = _sheets(workspace, config, shares, seed, max_shared)
    rounds = _rounds(workspace, config, drafts, lacking)
    written = []
    for draft in drafts:
        memories, questions = draft.records()
        if questions:
            written.append(WrittenPerson(draft.person, tuple(memories), tuple(questions)))
    kept = sum(len(one.questions) for one in written)
    counts = {
        "people": len(written),
        "pairs": kept,
        "short": pairs - kept,
        "rounds": rounds,
        "dropped": summed([draft.dropped for draft in drafts]),
        "not_found": summed([draft.entities for draft in drafts]),
        "lacking": dict(sorted(lacking.items())),
    }
    if not written:
        sheets, rest = (job_folder(workspace, task, config).name for task in (PERSON_SHEET, PERSON_PAIRS))
        first = next(iter(lacking.values()), "") or f"all was dropped: {counts['dropped']}"
        raise BuildError(
            f"nobody could be written ({first[:200]})",
            where=config.model,
            remedy=f"Mend that, then `python -m admin llm retry {sheets}` (or {rest}) and run the same command again",
        )
    return Written(tuple(written), counts)


def write_dataset(target: Path, written: Written, config: LlmConfig, seed: int) -> dict[str, Any]:
    """Writes a dataset folder as `engine.synth.dataset.write` does, the last people as dev; counts.

    Dev is about a tenth of the people, one at least.

    Raises InputError if the folder exists or there is only one person.
    """
    people = written.people
    if len(people) < 2:
        raise InputError(
            "two people at least: one to train on, one to judge", where="--people", remedy="Ask for more people"
        )
    dev = dev_people([one.person.id for one in people])
    judged: dict[str, list[tuple[str, str, int]]] = {"train": [], "dev": []}
    for one in people:
        split = judged["dev" if one.person.id in dev else "train"]
        split += ((question.id, question.memory, 1) for question in one.questions)
    with staged(target) as folder:
        (folder / "README.md").write_text(_readme(written, config, seed), "utf-8")
        documents = (document_row(_document(memory)) for one in people for memory in one.memories)
        queries = (request_row(_request(question)) for one in people for question in one.questions)
        rows = write_rows(folder, documents, queries, judged, compress=False)
    return {**written.counts, **rows}


def _sheets(
    workspace: Workspace, config: LlmConfig, shares: Sequence[int], seed: int, max_shared: int
) -> tuple[list[Drafts], dict[str, str]]:
    """Empty stores of those whose sheets came, and why others' did not."""

    def due() -> Iterator[tuple[str, SheetInputs]]:
        for number in range(len(shares)):
            yield f"p{number:04d}", _hints(seed, number)

    drafts, lacking = [], {}
    answered = generate(workspace, PERSON_SHEET, due, config, len(shares))
    for share, (identity, answers, reason) in zip(shares, answered, strict=True):
        if answers:
            drafts.append(Drafts(person_of(identity, answers[0]), share, max_shared))
        else:
            lacking[identity] = reason or "no answer"
    return drafts, lacking


def _hints(seed: int, number: int) -> SheetInputs:
    """What keeps one person apart from the next, drawn."""
    rng = random.Random(f"quintet/{seed}/{number}/sheet")
    return SheetInputs(
        series=seed,
        number=number,
        age=rng.randint(16, 84),
        region=rng.choice(_REGIONS),
        work=rng.choice(_WORK),
        letter=rng.choice("ABCDEFGHIJKLMNOPRSTUVWYZ"),
    )


def _rounds(workspace: Workspace, config: LlmConfig, drafts: Sequence[Drafts], lacking: dict[str, str]) -> int:
    """Fills the stores. Who lacks an answer stops there, so that a later run goes on from the same place."""
    idle: Counter[str] = Counter()
    most = 3 * max((math.ceil(sum(draft.due.values()) / sum(ROUND.values())) for draft in drafts), default=0) + IDLE
    asked = 0
    for number in range(1, most + 1):
        due = [d for d in drafts if any(d.due.values()) and d.person.id not in lacking and idle[d.person.id] < IDLE]
        if not due:
            break
        inputs = [(draft.person.id, _round(draft, number)) for draft in due]
        answered = generate(workspace, PERSON_PAIRS, partial(iter, inputs), config, len(inputs))
        asked += len(inputs)
        for draft, (identity, answers, reason) in zip(due, answered, strict=True):
            if not answers:
                lacking[identity] = f"round {number}: {reason or 'no answer'}"
                continue
            found = answers[0]
            pairs: list[EventPair | MessagePair | ContactPair] = [*found.events, *found.messages, *found.contacts]
            kept = [draft.take(pair) for pair in pairs]
            idle[identity] = 0 if any(kept) else idle[identity] + 1
    return asked


def _round(draft: Drafts, number: int) -> RoundInputs:
    wanted = {kind: min(most, math.ceil(SPARE * draft.due[kind])) for kind, most in ROUND.items()}
    return RoundInputs(
        sheet=shown(draft.person),
        round=number,
        events=wanted["event"],
        messages=wanted["message"],
        contacts=wanted["contact"],
        earlier=draft.earlier(SHOWN),
    )


def _document(memory: Memory) -> Document:
    return Document(
        id=memory.id,
        text=memory.text,
        user=memory.person,
        kind=memory.kind,
        time=memory.time.isoformat(),
        created=memory.created.isoformat(),
        fields={**memory.fields, "entities": [list(entity) for entity in memory.entities]},
    )


def _request(question: Question) -> Request:
    told = {"answerable": True, "entities": [list(entity) for entity in question.entities], "ask": question.ask}
    return Request(
        id=question.id, text=question.text, user=question.person, time=question.time.isoformat(), fields=told
    )


def _readme(written: Written, config: LlmConfig, seed: int) -> str:
    counts = written.counts
    dropped = "".join(f"- {number} {reason}\n" for reason, number in counts["dropped"].items()) or "- none\n"
    tasks = f"{PERSON_SHEET.name} {PERSON_SHEET.version} and {PERSON_PAIRS.name} {PERSON_PAIRS.version}"
    return (
        f"# People written by a language model\n\n{counts['pairs']} vague questions of {counts['people']} invented "
        "people about their own events, messages and contacts, one question a memory. Written by "
        f"{config.model_key()} (tasks {tasks}, seed {seed}). Form, times, names, shared words were checked by rules, "
        "not whether only one memory answers a question. For training, never a result. The model's licence says "
        f"what may be done with it.\n\nPairs left out:\n\n{dropped}"
    )
