"""Ids for the memories of a collection, with a trained model and without training: beside each segment.

The way down the stored tree (`ids: walk`) depends on nothing but the memory itself: what is added later changes no
id. `ids: model` is the published way (section 4.1 of its code): the model writes an id for every memory, and the first
of its candidates that is still free in that store is the memory's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from engine.artifacts import digest, read_manifest, stage, undamaged
from engine.encoder import Encoder, shared_encoder
from engine.files import write_array
from engine.index.collection import Collection
from engine.index.segment import Segment
from engine.methods.base import Target
from engine.methods.pearl import entities
from engine.methods.pearl.config import PearlConfig
from engine.methods.pearl.docids import last_digits
from engine.methods.pearl.learning import Trained
from engine.methods.pearl.preparing import texts_folder
from engine.vectors import write_vectors

KIND, VERSION = "pearl-ids", 1


def texts(target: Target, model: Trained) -> Path:
    """Where the entities of this collection's memories are."""
    return texts_folder(target, model.config, model.tagger_digest)


def ids(target: Target, config: PearlConfig, model: Trained) -> Path:
    """Where the ids are. Models with the same tree and tagger share them, unless the model itself makes them."""
    made_by = model.manifest.digest if config.ids == "model" else model.tree_digest
    return target.folder("pearl", digest(["ids", made_by, model.tagger_digest, model.config.reads, config.ids]))


def build_texts(target: Target, config: PearlConfig, model: Trained) -> None:
    entities.build(texts(target, model), target.collection, model.config.reads, model.tagger, model.tagger_digest)


def build_ids(target: Target, config: PearlConfig, model: Trained) -> None:
    """Give an id to every memory that has none."""
    path, encoder = ids(target, config, model), shared_encoder(model.config.encoder)
    for number, segment in enumerate(target.collection.segments):
        _write(path, target, number, segment, config, model, encoder)


def _write(
    path: Path, target: Target, number: int, segment: Segment, config: PearlConfig, model: Trained, encoder: Encoder
) -> None:
    before = target.collection.segments[:number]
    known = entities.SegmentEntities(texts(target, model) / segment.name)
    inputs = {
        "version": VERSION,
        "segment": segment.manifest.digest,
        "tree": model.tree_digest,
        "model": model.manifest.digest if config.ids == "model" else None,
        "encoder": encoder.digest,
        "texts": known.manifest.digest,
        "after": [earlier.manifest.digest for earlier in before],
    }

    def run(folder: Path) -> Mapping[str, Any]:
        def spoken() -> Iterator[str]:
            found = entities.sentences(texts(target, model), target.collection, number, model.config.reads)
            return (model.spoken(sentence) for sentence in found)

        cache = target.workspace.vectors(encoder.digest)
        write_vectors(folder / "vectors.npy", encoder, spoken, cache, target.processes)
        own = np.load(folder / "vectors.npy", mmap_mode="r")
        taken = Counter[tuple[str | None, int]]()
        for earlier in before:
            part = SegmentIds(path / earlier.name)
            taken.update(zip(_stores(earlier), part.nodes.tolist(), strict=True))
        if config.ids == "model":
            from engine.methods.pearl.model_ids import model_ids

            memories = entities.sentences(texts(target, model), target.collection, number, model.config.reads)
            read = [model.rendered(sentence) for sentence in memories]
            nodes = model_ids(model.model, read, _stores(segment), set(taken))
        else:
            nodes = model.tree.walk(np.asarray(own))
        digits = last_digits(nodes.tolist(), _stores(segment), taken)
        write_array(folder / "nodes.npy", nodes)
        write_array(folder / "digits.npy", np.asarray(digits, np.int64))
        return {"documents": len(nodes), "highest digit": max(digits, default=0)}

    stage(path / segment.name, KIND, inputs, run)


def _stores(segment: Segment) -> list[str | None]:
    """Whose each row of a segment is."""
    owners: list[str | None] = [None] * len(segment)
    for user, (low, high) in segment.users.items():
        owners[low:high] = [user] * (high - low)
    return owners


class SegmentIds:
    """The ids of one segment. Raises FileNotFoundError if they are not there."""

    def __init__(self, path: Path) -> None:
        manifest = read_manifest(path)
        if manifest is None:
            raise FileNotFoundError(path)
        with undamaged(path, "Delete this folder and run the same command again"):
            self.nodes = np.load(path / "nodes.npy")  # (documents,) where each walk down the model's tree ended
            self.digits = np.load(path / "digits.npy")  # (documents,) what tells those at one node apart, from 1
            self.vectors = np.asarray(np.load(path / "vectors.npy", mmap_mode="r"))  # (documents, width)


class Ids:
    """The ids of a collection as it is now. Raises FileNotFoundError if a segment has none."""

    def __init__(self, path: Path, collection: Collection) -> None:
        parts = [SegmentIds(path / segment.name) for segment in collection.segments]
        self.nodes = np.concatenate([part.nodes for part in parts])
        self.digits = np.concatenate([part.digits for part in parts])
        one = len(parts) == 1
        self.vectors = parts[0].vectors if one else np.concatenate([part.vectors for part in parts])
        self.stores = [store for segment in collection.segments for store in _stores(segment)]
