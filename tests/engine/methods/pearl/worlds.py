"""People, and models trained on them in a second or two, for tests of PEARL from the dataset to the answer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from engine import experiment
from engine.artifacts import Manifest, Workspace
from engine.datasets.reader import Dataset
from engine.methods.base import Target
from engine.methods.pearl.search import PearlSearcher
from engine.records import Document, Request
from engine.synth.dataset import write
from methods.pearl.tiny_backbones import save_bert

QUICK = (
    "build.tags=false",
    "build.questions=50",
    "build.transposition=null",
    "build.docids.k=4",
    "build.docids.c=3",
    "build.training.batch_size=16",
    "build.training.length=32",
    "build.training.dtype=float32",
)
TAGGED = (  # a tagger that finds much, though not all
    "build.tags=true",
    "build.tagger_build.sentences=80",
    "build.tagger_build.tagger.epochs=8",
    "build.tagger_build.tagger.hidden=48",
    "build.tagger_build.tagger.batch_size=8",
    "build.tagger_build.tagger.lowercase=0",
)
TEXTS = [
    "Boat trip with Maria at the old mill",
    "Maria: the regatta is in May",
    "Dentist, Doctor Peters, at the harbour",
    "Lunch with Ann and Bob",
    "The red bicycle is in the garage",
    "Choir practice moved to the chapel",
    "Bob lost his keys on the ferry",
    "Anna sends a cake recipe",
    "Lunch with Ann and Bob",
    "Parcel left with the neighbour",
]


@dataclass
class Place:
    """A workspace with models of people that nobody here searches, and what is needed to make more."""

    root: Path
    workspace: Workspace = field(init=False)
    people: Dataset = field(init=False)
    strangers: Dataset = field(init=False)
    backbone: Path = field(init=False)

    def __post_init__(self) -> None:
        self.workspace = Workspace(self.root / "workspace")
        for name, number, pairs, seed in (("people", 4, 60, 0), ("strangers", 2, 12, 1)):
            write(self.root / name, number, pairs, seed, processes=1)
        self.people, self.strangers = Dataset(self.root / "people"), Dataset(self.root / "strangers")
        self.backbone = save_bert(self.root / "bert")

    def train(self, name: str, *settings: str) -> Manifest:
        chosen = experiment.trainee("pearl", None, (*QUICK, f"build.backbone={self.backbone}", *settings))
        return chosen.train(experiment.target(self.workspace, self.people), self.people, chosen.build, name)

    def target(self, folder: Path) -> Target:
        return experiment.target(self.workspace, Dataset(folder))

    def opened(self, target: Target, model: str, *settings: str) -> PearlSearcher:
        chosen = experiment.contestant("pearl", None, settings, model)
        searcher = experiment.opened(chosen.method, chosen.build, target)
        assert isinstance(searcher, PearlSearcher)
        return searcher


def write_store(folder: Path, documents: Sequence[Document] | None = None) -> Path:
    """A dataset of ann's and bob's memories, one that is nobody's, and a question."""
    folder.mkdir(parents=True)
    documents = memories(folder.name) if documents is None else documents
    lines = [{"_id": d.id, "text": d.text, **({"user": d.user} if d.user else {})} for d in documents]
    (folder / "corpus.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    (folder / "queries.jsonl").write_text('{"_id": "q", "text": "x", "user": "ann"}\n', "utf-8")
    return folder


def memories(name: str) -> list[Document]:
    """21 of them; ids carry `name`, so that every test has a collection of its own."""
    made = [
        Document(f"{name}/{user}{number}", text, "", user)
        for user, texts in (("ann", TEXTS), ("bob", TEXTS[3:] + TEXTS[:3]))
        for number, text in enumerate(texts)
    ]
    return [*made, Document(f"{name}/nobody", "The regatta of the harbour is on Sunday", "")]


QUESTIONS = [
    Request("q1", "where did I go by boat?", user="ann"),
    Request("q2", "when is the race?", user="bob"),
    Request("q3", "who has my parcel?"),
    Request("q4", "which song do we practise?", user="zoe"),
    Request("q5", "who looks after my teeth?", user="ann"),
]


def ids_of(searcher: PearlSearcher) -> dict[str, tuple[int, int]]:
    """The node and the last digit of every document that is not deleted."""
    found = searcher._ids
    rows = np.flatnonzero(~searcher.collection.deleted).tolist()
    return {searcher.collection.ids[row]: (int(found.nodes[row]), int(found.digits[row])) for row in rows}
