"""The contract of a method: what it declares, what it builds, what its searcher can do.

A method is data (`Method`) plus functions for its stages and for opening a searcher. The command line, the README's
table and the page are rendered from the declarations; they know no method by name.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

from engine.artifacts import Manifest, Workspace
from engine.config import BuildConfig, SearchOptions
from engine.datasets.reader import Dataset
from engine.index import collection as collections
from engine.index.collection import Collection
from engine.records import Document, Explanation, Hit, Request, Run

ATTEMPTS = 5  # to open an index whose collection others change
O = TypeVar("O", bound=SearchOptions)  # noqa: E741


class Searcher(ABC, Generic[O]):
    """Answers requests over one collection. Explaining is apart from ranking, so that it never slows it."""

    name: str
    target: Target

    @property
    def trained(self) -> Path | None:
        """The folder of the trained model that it searches with; None where nothing was trained."""
        return None

    @property
    def collection(self) -> Collection:
        """The documents that are searched, as of the moment they were opened."""
        return self.target.collection

    @abstractmethod
    def search(self, requests: Sequence[Request], k: int, options: O | None = None) -> Run:
        """The k best documents of each request, in the requests' order."""

    @abstractmethod
    def explain(self, request: Request, documents: Sequence[str], options: O | None = None) -> list[Hit]:
        """Why each of `documents` (ids) answers `request`; in the order given, with the searcher's own scores."""

    @abstractmethod
    def open(self, target: Target) -> None:
        """Search this moment of the collection from now on; builds what the method lacks of it."""

    def refresh(self) -> None:
        """See what was published since the index was opened."""
        for attempt in range(ATTEMPTS):
            try:
                return self.open(self.target.reopened())
            except FileNotFoundError:  # another process has compacted the collection meanwhile
                if attempt == ATTEMPTS - 1:
                    raise

    def warm(self) -> None:
        """Do now what requests would wait for, such as encoding what explanations need."""

    def add(self, documents: Sequence[Document]) -> None:
        """Index more documents, at the cost of those documents; published for every reader at once."""
        self.change(add=documents)

    def remove(self, ids: Iterable[str]) -> None:
        """Find these documents no more."""
        self.change(remove=ids)

    def change(self, add: Sequence[Document] = (), remove: Iterable[str] = ()) -> None:
        """Both at once: no reader sees the one without the other."""
        collections.change(self.collection.path, add, remove)
        self.refresh()

    def compact(self) -> None:
        """Rewrite the index as if it had been built at once from what is live; what it replaces is removed."""
        collections.compact(self.collection.path)
        self.refresh()
        for index in self.target.workspace.index_folders(self.target.dataset_digest):  # those of all methods
            collections.sweep_index(index, self.collection.path)


@dataclass(frozen=True)
class Paper:
    """Where a method was published."""

    title: str
    venue: str
    url: str


@dataclass(frozen=True)
class Target:
    """Where and from what an index is built."""

    workspace: Workspace
    dataset_digest: str
    collection: Collection
    processes: int = 1

    def folder(self, method: str, digest: str) -> Path:
        """Where a method keeps what it builds beside the collection; `digest` names its model and configuration."""
        return self.workspace.index(self.dataset_digest, method, digest)

    def reopened(self) -> Target:
        """The same target with the collection as it is now."""
        return replace(self, collection=Collection(self.collection.path))


@dataclass(frozen=True)
class Stage:
    """One step of a build, in the paper's words. `run` publishes an artefact or finds it fresh."""

    name: str
    makes: str
    run: Callable[[Target, Any], None]


@dataclass(frozen=True)
class Import:
    """What can be taken in from elsewhere for one dataset, instead of being generated. `run` returns counts.

    `file` is what it is called where a dataset's folder brings it along.
    """

    kind: str
    what: str
    file: str
    run: Callable[[Workspace, Dataset, Path], Mapping[str, Any]]


@dataclass(frozen=True)
class Method:
    """A method, declared. `folders` names the index folders that a configuration needs, for `admin status`."""

    name: str
    title: str
    task: Literal["search", "recommend"]
    summary: str
    paper: Paper | None
    needs: tuple[str, ...]
    explains: tuple[type[Explanation], ...]
    build_config: type[BuildConfig]
    search_options: type[SearchOptions]
    stages: tuple[Stage, ...]
    load: Callable[[Target, Any], Searcher]
    folders: Callable[[Target, Any], list[Path]]
    imports: tuple[Import, ...] = ()
    first_start: tuple[str, ...] = ()  # settings that keep a page's first start short
    train: Callable[[Target, Dataset, Any, str], Manifest] | None = None  # models/METHOD/NAME from a dataset
    versions: Mapping[str, int] = field(default_factory=dict)  # of the layouts of its own artefacts, by kind
    # Whether a workspace has what it lives on for the dataset of this digest; a page leaves it out where it has not.
    lives_on: Callable[[Workspace, str], bool] = lambda workspace, dataset: True
