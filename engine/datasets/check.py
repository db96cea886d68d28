"""One pass over a collection's files that reports every fault, with file and line, and counts what is there.

Lines are parsed by the code that reads them for use; added here is what only several lines together can show: ids that
point nowhere, users without documents, texts that stand there twice. Nothing is changed.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from engine.datasets.faults import Fault, fault, quote, summarise
from engine.datasets.folder import Files, locate
from engine.datasets.parse import read_documents, read_requests
from engine.datasets.qrels import read_judgements

SPLITS = ("train", "dev", "test")

# Told once a file, with the count: a collection has them on every line or not at all.
_ONCE = ("time-not-iso", "space-in-id", "empty-document", "empty-query", "unjudged-query", "identical-text")
# Of a kind that a file repeats, so many are kept one by one; more are counted (a picture named corpus.jsonl).
_KEPT = 10_000


@dataclass(slots=True)
class Report:
    """What a check found: faults in the order of files and lines, and counts of what can be used.

    `users` have documents; `judgements` are per split; `totals` counts every (file, kind) of fault, including those
    beyond the 10,000 of a kind in a file that `faults` keeps.
    """

    faults: list[Fault] = field(default_factory=list)
    totals: Counter[tuple[str, str]] = field(default_factory=Counter)
    documents: int = 0
    queries: int = 0
    users: int = 0
    judgements: dict[str, int] = field(default_factory=dict)

    @property
    def errors(self) -> list[Fault]:
        """What must be mended before the collection can be used."""
        return [fault for fault in self.faults if fault.severity == "error"]

    @property
    def notes(self) -> list[Fault]:
        """What is worth knowing and prevents nothing."""
        return [fault for fault in self.faults if fault.severity == "note"]

    def as_dict(self) -> dict[str, Any]:
        """Counts, errors and notes as JSON values."""
        counts = {name: getattr(self, name) for name in ("documents", "queries", "users", "judgements")}
        return counts | {name: [asdict(fault) for fault in getattr(self, name)] for name in ("errors", "notes")}

    def lines(self, most: int = 20) -> list[str]:
        """The faults as text, errors first, each kind cut to `most` a file."""
        return summarise(self.errors, most, self.totals) + summarise(self.notes, most)


def check(path: Path | str) -> Report:
    """Every fault of the collection in the folder `path`, and its counts. Raises nothing for what a folder can hold.

    Memory: the ids, and one hash per document.
    """
    folder = Path(path)
    files = locate(folder)
    checker = _Checker(files)
    for found in files.faults:
        checker.add(found)
    if files.corpus is not None:
        checker.corpus(files.corpus)
    if files.queries is not None:
        checker.queries(files.queries)
    if files.corpus is not None or files.queries is not None:
        for split, qrels in files.qrels.items():
            checker.judgements(split, qrels)
        checker.splits()
    return checker.finish()


class _Checker:
    """The state of one pass: the ids seen so far, and the faults."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._faults: list[Fault] = []
        self._once: dict[tuple[str, str], Fault] = {}
        self._report = Report()
        self._documents: set[str] | None = None  # None: there is no such file, and nothing can be said about its ids
        self._requests: dict[str, int] | None = None  # id: line
        self._users: set[str] = set()
        self._judged: set[str] = set()
        self._partial: set[str] = set()  # files that could not be read to their end

    def add(self, found: Fault) -> None:
        key = (found.file, found.kind)
        self._report.totals[key] += 1
        if found.kind in _ONCE:
            self._once.setdefault(key, found)
        elif self._report.totals[key] <= _KEPT:
            self._faults.append(found)
        if found.kind in ("truncated", "unreadable-file", "not-gzip", "compressed"):
            self._partial.add(found.file)

    def corpus(self, path: Path) -> None:
        name, report = path.name, self._report
        self._documents = set()
        first_line: dict[int, int] = {}  # of a text, by hash: two of 64 bits are hardly ever equal by chance
        for parsed in read_documents(path, name):
            for found in parsed.faults:
                self.add(found)
            if parsed.id is not None:
                self._documents.add(parsed.id)
            document = parsed.record
            if document is None:
                continue
            report.documents += 1
            if document.user is not None:
                self._users.add(document.user)
            if not document.content.strip():
                continue
            earlier = first_line.setdefault(hash((document.user, document.title, document.text)), parsed.line)
            if earlier != parsed.line:
                message = f"document {quote(document.id)} has the text of line {earlier} again"
                self.add(fault("identical-text", name, parsed.line, message))
        report.users = len(self._users)
        if not report.documents:
            self.add(fault("empty-file", name, 0, "the corpus holds no document that can be used"))

    def queries(self, path: Path) -> None:
        name, report = path.name, self._report
        self._requests = {}
        for parsed in read_requests(path, name):
            for found in parsed.faults:
                self.add(found)
            if parsed.id is not None:
                self._requests.setdefault(parsed.id, parsed.line)
            request = parsed.record
            if request is None:
                continue
            report.queries += 1
            if self._documents is None:
                continue
            if request.user is not None and request.user not in self._users:
                message = f"no document belongs to user {quote(request.user)} of query {quote(request.id)}"
                self.add(fault("unknown-user", name, parsed.line, message + self._caveat(self._files.corpus)))
            if unknown := [one for one in request.exclude if one not in self._documents]:
                message = f"{len(unknown)} of the excluded ids of query {quote(request.id)} are not in the corpus"
                self.add(fault("unknown-exclude", name, parsed.line, f"{message}: {quote(unknown[0])}"))
        if not report.queries:
            self.add(fault("empty-file", name, 0, "there is no query that can be used"))

    def judgements(self, split: str, path: Path) -> None:
        name = f"qrels/{path.name}"
        count = 0
        for parsed in read_judgements(path, name):
            for found in parsed.faults:
                self.add(found)
            judgement = parsed.record
            if judgement is None:
                continue
            count += 1
            self._judged.add(judgement.request)
            if self._requests is not None and judgement.request not in self._requests:
                message = f"query {quote(judgement.request)} is not in the queries"
                self.add(fault("unknown-query", name, parsed.line, message + self._caveat(self._files.queries)))
            if self._documents is not None and judgement.document not in self._documents:
                message = f"document {quote(judgement.document)} is not in the corpus"
                self.add(fault("unknown-document", name, parsed.line, message + self._caveat(self._files.corpus)))
        self._report.judgements[split] = count
        if not count:
            self.add(fault("no-judgements", name, 0, "there is no judgement that can be used"))

    def splits(self) -> None:
        """What only all the qrels together show: splits that are not there, queries that none of them judges."""
        for split in SPLITS:
            if split not in self._files.qrels:
                self.add(fault("missing-split", f"qrels/{split}.tsv", 0, f"there are no judgements for {split}"))
        if self._files.queries is not None:
            for request, line in (self._requests or {}).items():
                if request not in self._judged:
                    message = f"query {quote(request)} has no judgement in any split"
                    self.add(fault("unjudged-query", self._files.queries.name, line, message))

    def finish(self) -> Report:
        for key, first in self._once.items():
            count = self._report.totals[key]
            self._faults.append(replace(first, message=f"{first.message} ({count} such line{'s' * (count > 1)})"))
        files = (self._files.corpus, self._files.queries)
        rank = {path.name: place for place, path in enumerate(files) if path is not None}
        # whole-file faults have line 0; the files of a folder come as they are read, the qrels by name
        self._report.faults = sorted(self._faults, key=lambda f: (rank.get(f.file, 2), f.file, f.line))
        return self._report

    def _caveat(self, path: Path | None) -> str:
        return ", as far as it can be read" if path is not None and path.name in self._partial else ""
