"""Several contestants over one dataset, opened once and answering the same question side by side.

What the page shows comes from here: people, their stores in order of time, and for each contestant the hits with their
reasons. Safe to call from many threads; nothing is remembered of who asked.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection as Collection_
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

from engine import config as configs
from engine import experiment, methods
from engine.artifacts import Workspace
from engine.config import SearchOptions
from engine.datasets.reader import Dataset
from engine.datasets.times import read_time
from engine.errors import InputError
from engine.experiment import Contestant
from engine.index.dense import SMALL
from engine.methods import parts
from engine.methods.base import Method, Searcher
from engine.priors import Understood, personal_store
from engine.records import EXPLAINED, Document, Entity, Hit, Judgement, Request

LONGEST = 500  # characters of a question; nobody types more, and a model reads no more
NOBODY = "This collection has no people; leave the person out"


@dataclass(frozen=True)
class Answer:
    """What one contestant found: its declaration's name, title and summary, and the hits, best first."""

    name: str
    title: str
    summary: str
    hits: tuple[Hit, ...]

    def record(self) -> dict[str, Any]:
        """The same as JSON values."""
        hits = [
            {
                "id": hit.document.id,
                "score": float(hit.score),
                "document": asdict(hit.document),
                "why": [{"kind": reason.kind, "line": reason.line, **asdict(reason)} for reason in hit.why],
            }
            for hit in self.hits
        ]
        return {"method": self.name, "title": self.title, "hits": hits}


@dataclass(frozen=True)
class Asked:
    """A question and what came of it. `person` is whose store was searched, None for everybody's.

    Where the question is one of the dataset's own, `right` are the documents that answer it (none: the store has no
    answer); None if nobody has judged it. `understood` is what a personal question says of time, people and kind; None
    where everybody's documents are searched. Entities are a trained tagger's, over `question` and `Document.content`.
    """

    question: str
    person: str | None
    answers: tuple[Answer, ...]
    right: tuple[Document, ...] | None
    understood: Understood | None = None
    question_entities: tuple[Entity, ...] | None = None  # None: no tagger is trained
    document_entities: Mapping[str, tuple[Entity, ...]] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """What was understood of the question, as JSON values."""
        said = self.understood or Understood(None, (), (), None)
        return {**said.record(), "entities": [list(entity) for entity in self.question_entities or ()]}


class Arena:
    """Opens `contestants` over a dataset, building what is missing. Raises InputError as the builds do.

    `telling` are ids of questions that show contestants apart: they come first among the examples.
    """

    def __init__(
        self,
        workspace: Workspace,
        dataset: Dataset,
        contestants: Sequence[Contestant],
        telling: Collection_[str] = frozenset(),
    ) -> None:
        self.dataset, self.telling = dataset, telling
        goal = experiment.target(workspace, dataset)
        # Replaced as a whole, so that a question in flight sees those who were there when it came.
        self._field: list[tuple[Contestant, Searcher]] = [(c, experiment.open_searcher(c, goal)) for c in contestants]
        self._collection = goal.collection
        self._stores: dict[str | None, list[Document]] = {}
        self._workspace = workspace
        self._entities: WeakKeyDictionary[Any, dict[str, tuple[Entity, ...]]] = WeakKeyDictionary()  # by tagger

    @property
    def people(self) -> list[str]:
        """Whose stores there are; empty for a collection that is everybody's."""
        return self._collection.users

    @cached_property
    def questions(self) -> dict[str | None, list[Request]]:
        """The dataset's own queries by user, as examples."""
        found: dict[str | None, list[Request]] = {}
        for request in self.dataset.requests():
            found.setdefault(request.user, []).append(request)
        return found

    @cached_property
    def judgements(self) -> dict[str, list[Judgement]]:
        """The test judgements by request, to mark the right answer where a question is one of the dataset's own."""
        found: dict[str, list[Judgement]] = {}
        for judgement in self.dataset.judgements("test") if "test" in self.dataset.splits else ():
            found.setdefault(judgement.request, []).append(judgement)
        return found

    def examples(self, person: str | None, number: int) -> list[Request]:
        """Some of the dataset's own questions of one person, spread over the file; the last one has no answer.

        Questions that are too long to be typed are left out; those on which contestants differ come first.
        """
        own = [r for r in self.questions.get(self._known(person), []) if 0 < len(r.text.strip()) <= LONGEST]
        answered = [r for r in own if r.fields.get("answerable") is not False]
        without = [r for r in own if r.fields.get("answerable") is False][:1]
        wanted = max(0, number - len(without))
        told = [r for r in answered if r.id in self.telling]
        others = [r for r in answered if r.id not in self.telling]
        half = _spread(told, wanted if len(told) < wanted else (wanted + 1) // 2)
        return [*half, *_spread(others, wanted - len(half)), *without]

    @cached_property
    def _own(self) -> dict[tuple[str | None, str], Request]:
        """The dataset's own queries by user and text, however it is spaced and capitalised; of equals, the first."""
        found: dict[tuple[str | None, str], Request] = {}
        for requests in self.questions.values():
            for request in requests:
                found.setdefault((request.user, _normal(request.text)), request)
        return found

    def _right(self, request: Request) -> tuple[Document, ...] | None:
        """The documents that answer `request` if its text is one of the dataset's own questions, as `Asked` has it."""
        own = self._own.get((request.user, _normal(request.text)))
        if own is None:
            return None
        if own.fields.get("answerable") is False:
            return ()
        ids = [j.document for j in self.judgements.get(own.id, []) if j.gain > 0]
        rows = [row for i in ids if (row := self._collection.row_of.get(i)) is not None]
        return tuple(self._collection.document(row) for row in rows) or None

    def store(self, person: str | None) -> list[Document]:
        """The documents of one person by time, those without a time first; InputError if nobody has that name."""
        key = self._known(person)
        if key not in self._stores:  # the collection is one moment's, so a store never changes
            parts = self._collection.ranges(key)
            rows = [part.base + row for part in parts for row in range(part.low, part.high)]
            documents = [self._collection.document(row) for row in rows if not self._collection.deleted[row]]
            self._stores[key] = sorted(documents, key=lambda d: (d.time or "", d.id))
        return self._stores[key]

    def ask(self, text: str, person: str | None = None, time: str | None = None, k: int = 5) -> Asked:
        """Every contestant's `k` best documents for a question, with reasons.

        Without a `time` one of the dataset's own questions is asked at its own, since "two weeks ago" is right or wrong
        as of then; any other when the newest memory was made (engine/priors.py). Raises InputError for an unknown
        person, a time that can't be read, and a question that is empty or longer than LONGEST characters.
        """
        request = self._request(text, person, time)
        answers = tuple(_answer(c, searcher, request, k, c.options) for c, searcher in self._field)
        return self._asked(request, answers)

    def understand(self, text: str, person: str | None = None, time: str | None = None) -> Asked:
        """The question without answers; errors as those of `ask`."""
        return self._asked(self._request(text, person, time), ())

    def _request(self, text: str, person: str | None, time: str | None) -> Request:
        when, _ = read_time(time) if time is not None else (None, True)
        if time is not None and when is None:
            raise InputError(f"{time[:40]!r} can't be read as a time", remedy="Write it as 2023-05-08T13:56")
        question, user = clean(text), self._known(person)
        own = self._own.get((user, _normal(question)))
        return Request("question", question, user=user, time=when or (own.time if own else None))

    def _asked(self, request: Request, answers: tuple[Answer, ...]) -> Asked:
        """The answers with what was understood of the question."""
        said = None
        if request.user is not None:
            said = personal_store(self._collection, request.user).understand(request, of_people=True)
        found = {hit.document.id: hit.document for answer in answers for hit in answer.hits}
        in_question, in_documents = self._tagged(request.text, [*found.values()])
        return Asked(request.text, request.user, answers, self._right(request), said, in_question, in_documents)

    def _tagged(
        self, question: str, documents: Sequence[Document]
    ) -> tuple[tuple[Entity, ...] | None, dict[str, tuple[Entity, ...]]]:
        """The entities of the question, and of each document by id; None while no tagger is trained."""
        tagger = parts.newest(self._workspace, "tagger") if self.people else None
        if tagger is None:
            return None, {}
        known = self._entities.setdefault(tagger, {})  # the collection is one moment's, so they stay what they are
        new = [document for document in documents if document.id not in known]
        first, *others = tagger.tag([question, *(document.content[:EXPLAINED] for document in new)])
        known.update((document.id, found) for document, found in zip(new, others, strict=True))
        return first, {document.id: known[document.id] for document in documents}

    @property
    def contestants(self) -> list[Method]:
        """The declarations of those who answer here, in their order."""
        return [contestant.method for contestant, _ in self._field]

    def join(self, contestant: Contestant) -> None:
        """Let one more answer from now on, such as a method whose model has been trained meanwhile."""
        searcher = experiment.open_searcher(contestant, experiment.target(self._workspace, self.dataset))
        if searcher.collection.digest != self._collection.digest:  # another program has changed it: at the next start
            return
        searcher.warm()
        order = list(methods.MODULES)
        field = [*self._field, (contestant, searcher)]
        self._field = sorted(field, key=lambda entry: order.index(entry[0].method.name))

    def options(self, name: str) -> SearchOptions:
        """What one contestant searches with unless told otherwise."""
        return self._contestant(name)[0].options

    def ask_one(
        self,
        name: str,
        text: str,
        person: str | None = None,
        k: int = 5,
        settings: Mapping[str, Any] | None = None,
    ) -> Asked:
        """One contestant's answer, with `settings` laid over its options (a slider's); `ask` otherwise."""
        contestant, searcher = self._contestant(name)
        request = self._request(text, person, None)
        values = {**contestant.options.model_dump(), **(settings or {})}
        options = configs.parse(contestant.method.search_options, values, "search")
        return self._asked(request, (_answer(contestant, searcher, request, k, options),))

    def _contestant(self, name: str) -> tuple[Contestant, Searcher]:
        for contestant, searcher in self._field:
            if contestant.method.name == name:
                return contestant, searcher
        there = ", ".join(method.name for method in self.contestants)
        raise InputError(f"{str(name)[:40]!r} does not answer here", remedy=f"There are {there}")

    def ask_example(self, person: str | None, number: int, of: int) -> Asked:
        """The same for one of the `of` examples, by its number from 0, at its own time. InputError if there is none."""
        found = self.examples(person, of)
        if not 0 <= number < len(found):
            raise InputError("there is no such example", remedy="Press one of those that are shown")
        return self.ask(found[number].text, person, found[number].time)

    def warm(self) -> None:
        """Do now what visitors would wait for, such as encoding what explanations need."""
        for _, searcher in self._field:
            searcher.warm()
        few = self._collection.live <= SMALL
        self._tagged("warm", [*self._collection.documents()] if few else [])

    def _known(self, person: str | None) -> str | None:
        if person is not None and person not in self.people:
            there = f"There are {', '.join(self.people[:8])}" if self.people else NOBODY
            raise InputError(f"nobody is called {person[:40]!r} here", remedy=there)
        return person


def _title(contestant: Contestant) -> str:
    """The method's title, and those that stand beside it."""
    beside = contestant.options.beside
    others = [methods.get(name).title for name in beside.methods] if beside else []
    return " + ".join([contestant.method.title, *others])


def _answer(contestant: Contestant, searcher: Searcher, request: Request, k: int, options: SearchOptions) -> Answer:
    run = searcher.search([request], k, options)
    hits = searcher.explain(request, run.documents(0), options)
    return Answer(contestant.method.name, _title(contestant), contestant.method.summary, tuple(hits))


def clean(text: str) -> str:
    """A question without control characters; InputError if nothing is left or it is too long."""
    if len(text) > LONGEST:
        raise InputError(f"the question has {len(text):,} characters", remedy=f"Ask in at most {LONGEST}")
    visible = "".join(" " if unicodedata.category(c) in ("Cc", "Cs", "Co", "Cn") else c for c in text)
    question = " ".join(visible.split())
    if not question:
        raise InputError("the question is empty", remedy="Write what you want to know")
    return question


def _normal(text: str) -> str:
    return " ".join(text.split()).casefold()


def _spread(requests: Sequence[Request], number: int) -> list[Request]:
    """`number` of the requests, evenly spaced."""
    return [*requests[:: max(1, len(requests) // max(1, number))][:number]]
