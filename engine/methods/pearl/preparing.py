"""What is made before the model is trained: tagged texts, docids, generated questions, transposed pairs.

Each is a stage of its own, kept by the digest of what it was made from, so that a killed training, and one with other
losses, begins where they are. All is in terms of `passages`: the memories that answer the questions learned from.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.artifacts import digest, digest_tree, read_manifest, stage
from engine.datasets.reader import Dataset
from engine.encoder import Encoder, find_model, shared_encoder
from engine.errors import InputError
from engine.files import replace_file
from engine.index import reading
from engine.methods.base import Target
from engine.methods.pearl import entities, tagging_stage
from engine.methods.pearl.config import PearlConfig, TranspositionConfig
from engine.methods.pearl.docids import DocidTree, cluster
from engine.methods.pearl.labelled import Sentence, tagged, verbalised
from engine.methods.pearl.topics import topics
from engine.methods.pearl.training import Row
from engine.personal import Answered, Questions
from engine.vectors import write_vectors

if TYPE_CHECKING:
    from engine.methods.pearl.tagging import Tagger

VERSION = 1
_TAG = re.compile(r"<(?=/?(?:PER|LOC|EVT|TIM)>)")
TREE, TOPICS, ROWS = "tree", "topics.json", "rows.jsonl"


def rendered(sentence: Sentence, config: PearlConfig) -> str:
    """What the model reads of a question or a memory: the same function for both, in training and in search.

    Tags that somebody wrote into the text are none.
    """
    text = _TAG.sub("\u2039", sentence.text)  # one character for another: offsets stay
    return tagged(text, sentence.entities or (), config.mask_time) if config.tags else text


def spoken(sentence: Sentence, config: PearlConfig) -> str:
    """What is clustered: the memory with its entities' types in words."""
    return verbalised(sentence.text, sentence.entities or ()) if config.tags else sentence.text


def tagger_folder(target: Target, config: PearlConfig, name: str, dataset: Dataset | None = None) -> Path | None:
    """The tagger that a model called `name` is trained with.

    Where none is called so and `dataset` is given, one is trained first; one that is there stays as it is.
    """
    if not config.tags:
        return None
    own = target.workspace.model("tagger", name)
    if config.tagger is None and dataset is not None and read_manifest(own) is None:
        tagging_stage.train(target, dataset, config.tagger_build, name)
    return target.workspace.trained("tagger", config.tagger or name) / "tagger"


@dataclass(frozen=True)
class Prepared:
    """The dataset as PEARL learns from it. `answered` are the questions; passage i is the i-th row of `passages`."""

    target: Target
    config: PearlConfig
    questions: Questions
    answered: Sequence[Answered]
    tagger_path: Path | None
    tagger_digest: str

    @staticmethod
    def of(target: Target, dataset: Dataset, config: PearlConfig, name: str) -> Prepared:
        """Raises InputError where the dataset has no answered question in its train split, or no entities."""
        questions = Questions(dataset, target.collection, config.reads)
        path = tagger_folder(target, config, name, dataset)
        answered = questions.at_most(config.questions)
        return Prepared(target, config, questions, answered, path, digest_tree(path) if path else "none")

    @cached_property
    def tagger(self) -> Tagger | None:
        if self.tagger_path is None:
            return None
        from engine.methods.pearl.tagging import shared_tagger

        return shared_tagger(self.tagger_path)

    @cached_property
    def encoder(self) -> Encoder:
        return shared_encoder(self.config.encoder)

    @cached_property
    def rows(self) -> list[int]:
        """The collection's row of each passage."""
        return sorted({answered.row for answered in self.answered})

    @cached_property
    def number(self) -> dict[int, int]:
        """The passage of each row."""
        return {row: number for number, row in enumerate(self.rows)}

    @cached_property
    def stores(self) -> list[str]:
        """Whose each passage is; nobody's is its own."""
        documents = self.target.collection
        return [documents.document(row).user or f"passage {number}" for number, row in enumerate(self.rows)]

    @property
    def identity(self) -> dict[str, Any]:
        """What all of this is made of, for the inputs of a stage."""
        return {
            "version": VERSION,
            "dataset": self.target.dataset_digest,
            "collection": self.target.collection.digest,
            "reading": reading.VERSION,
            "reads": self.config.reads,
            "tagger": self.tagger_digest,
            "questions": self.config.questions,
        }

    def stage(self, kind: str, inputs: Mapping[str, Any], build: Callable[[Path], Mapping[str, Any] | None]) -> Path:
        """The folder of one of these stages."""
        wanted = {**self.identity, **inputs}
        folder = self.target.workspace.prepared("pearl", digest([kind, wanted]))
        stage(folder, kind, wanted, build)
        return folder

    @cached_property
    def memories(self) -> list[Sentence]:
        """The passages with their entities."""
        return self._tagged("pearl-passages", [self.questions.texts[row] for row in self.rows])

    @cached_property
    def asked(self) -> list[Sentence]:
        """The questions with their entities."""
        return self._tagged("pearl-questions", [answered.request.text for answered in self.answered])

    def _tagged(self, kind: str, texts: Sequence[str]) -> list[Sentence]:
        def build(folder: Path) -> Mapping[str, Any]:
            _write(folder, [{"entities": found} for found in self.tags(texts)])
            return {"texts": len(texts)}

        rows = _read(self.stage(kind, {}, build))
        return [Sentence(text, _spans(row)) for text, row in zip(texts, rows, strict=True)]

    def tags(self, texts: Sequence[str]) -> Sequence[Sequence[Any]]:
        return self.tagger.tag([text[: entities.READ] for text in texts]) if self.tagger else [()] * len(texts)

    @cached_property
    def tree_folder(self) -> Path:
        """The stage "docids": the passages' ids, and what each branch is about."""
        config = self.config

        def build(folder: Path) -> Mapping[str, Any]:
            texts = [spoken(memory, config) for memory in self.memories]
            cache = self.target.workspace.vectors(self.encoder.digest)
            write_vectors(folder / "passages.npy", self.encoder, lambda: iter(texts), cache, self.target.processes)
            vectors = np.load(folder / "passages.npy")
            (folder / "passages.npy").unlink()
            tree = cluster(vectors, config.docids)
            (folder / TREE).mkdir()
            tree.save(folder / TREE)
            named = topics(tree, [memory.text for memory in self.memories])
            replace_file(folder / TOPICS, json.dumps(named, ensure_ascii=False).encode())
            return {"passages": len(texts), "nodes": len(tree.vectors), "longest": int(tree.depths.max())}

        inputs = {"encoder": self.encoder.digest, "docids": config.docids.model_dump(), "tags": config.tags}
        return self.stage("pearl-docids", inputs, build)

    @cached_property
    def tree(self) -> DocidTree:
        return DocidTree.load(self.tree_folder / TREE)

    def generated(self) -> list[Row]:
        """The stage "query generation": further questions to every passage, tagged."""
        chosen = self.config.generator
        if chosen is None:
            return []

        def build(folder: Path) -> Mapping[str, Any]:
            from engine.methods.pearl.query_generation import generated, train_generator

            pairs = [
                (self.memories[self.number[answered.row]].text, answered.request.text, answered.request.user)
                for answered in self.answered
            ]
            state = folder.with_name(f"{folder.name}.state")
            (folder / "model").mkdir()
            figures = train_generator(pairs, folder / "model", chosen, state, self.target.processes)
            written = generated(folder / "model", [memory.text for memory in self.memories], chosen)
            texts = [(number, text) for number, some in enumerate(written) for text in some]
            found = self.tags([text for _, text in texts])
            _write(
                folder,
                [{"passage": n, "text": t, "entities": e} for (n, t), e in zip(texts, found, strict=True)],
            )
            shutil.rmtree(state, ignore_errors=True)
            return {"generator": figures, "questions": len(texts)}

        inputs = {"generator": chosen.model_dump(mode="json"), "base": digest_tree(find_model(chosen.model))}
        rows = _read(self.stage("pearl-generated", inputs, build))
        return [self._row(Sentence(row["text"], _spans(row)), row["passage"]) for row in rows]

    def transposed(self) -> list[Row]:
        """The stage "transposition": question and memory with two entities exchanged, both under the memory's id."""
        chosen = self.config.transposition
        if chosen is None or not self.config.tags:
            return []
        model = transposer(self.target, chosen)

        def build(folder: Path) -> Mapping[str, Any]:
            from engine.methods.pearl.transposition import CrossAttention, transposed

            numbers = [self.number[answered.row] for answered in self.answered]
            pairs = [(asked, self.memories[number]) for asked, number in zip(self.asked, numbers, strict=True)]
            made = [
                {"passage": number, "text": half.text, "entities": half.entities}
                for number, some in zip(
                    numbers, transposed(pairs, CrossAttention(model), chosen.threshold), strict=True
                )
                for pair in some
                for half in (pair.question, pair.memory)
            ]
            _write(folder, made)
            return {"rows": len(made)}

        inputs = {"model": digest_tree(find_model(str(model))), "threshold": chosen.threshold}
        rows = _read(self.stage("pearl-transposed", inputs, build))
        return [self._row(Sentence(row["text"], _spans(row)), row["passage"]) for row in rows]

    def training_rows(self) -> list[Row]:
        """All rows, in order: questions, passages, generated questions, transposed pairs."""
        asked = [
            self._row(sentence, self.number[answered.row])
            for sentence, answered in zip(self.asked, self.answered, strict=True)
        ]
        passages = [self._row(memory, number, True) for number, memory in enumerate(self.memories)]
        return [*asked, *passages, *self.generated(), *self.transposed()]

    def _row(self, sentence: Sentence, passage: int, is_passage: bool = False) -> Row:
        return Row(rendered(sentence, self.config), passage, self.stores[passage], is_passage)


def texts_folder(target: Target, config: PearlConfig, tagger: str) -> Path:
    """Where the entities of a collection's memories are kept, for all models with this tagger."""
    return target.folder("pearl", digest(["texts", tagger, config.reads]))


def transposer(target: Target, config: TranspositionConfig) -> str:
    """The folder or hub id of the cross-encoder: a trained reranker, where `model` is the name of one."""
    try:
        folder = target.workspace.model("reranker", config.model)
    except InputError:  # no name
        return config.model
    return str(folder / "model") if read_manifest(folder) else config.model


def _write(folder: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    replace_file(folder / ROWS, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode())


def _read(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / ROWS).read_text("utf-8").splitlines()]


def _spans(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple((start, end, kind) for start, end, kind in row["entities"])
