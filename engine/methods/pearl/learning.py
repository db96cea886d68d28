"""`train pearl`: from a dataset of people to `models/pearl/NAME`, which finds the memories of people it never saw.

A model's folder holds all that it needs: encoder and decoder, the tree of ids with its topics, and the tagger.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.artifacts import Manifest, Workspace, digest_tree, model_stage, read_manifest, undamaged
from engine.config import BuildConfig, parse
from engine.datasets.reader import Dataset
from engine.encoder import find_model
from engine.errors import InputError
from engine.files import write_json
from engine.methods.base import Target
from engine.methods.pearl.config import PearlConfig
from engine.methods.pearl.docids import REMEDY, DocidTree
from engine.methods.pearl.entities import READ
from engine.methods.pearl.labelled import Sentence
from engine.methods.pearl.preparing import TOPICS, TREE, Prepared, rendered, spoken, transposer
from engine.methods.pearl.training import Row

if TYPE_CHECKING:
    from engine.methods.pearl.digit_decoder import DigitModel
    from engine.methods.pearl.model import PearlModel, TreeModel
    from engine.methods.pearl.tagging import Tagger

VERSION = 1
CARD, TAGGER = "pearl.json", "tagger"
OF_MODEL = ("reads", "tags", "mask_time", "encoder", "docids", "decoder", "backbone", "blocks")  # a search needs them


def train(target: Target, dataset: Dataset, config: PearlConfig, name: str) -> Manifest:
    """Make `models/pearl/NAME` of the train split. Raises InputError where there is nothing to learn from."""
    backbone = find_model(config.backbone)  # what is not there is told before anything is trained
    if config.generator:
        find_model(config.generator.model)
    if config.transposition and config.tags:
        find_model(transposer(target, config.transposition))
    prepared = Prepared.of(target, dataset, config, name)

    def build(made: Path, state: Path) -> Mapping[str, Any]:
        rows = prepared.training_rows()
        passages = [rendered(memory, config) for memory in prepared.memories]
        figures = fit_model(
            str(backbone), config, prepared.tree_folder / TREE, rows, passages, made, state, gpus=target.processes
        )
        shutil.copytree(prepared.tree_folder / TREE, made / TREE)
        shutil.copyfile(prepared.tree_folder / TOPICS, made / TOPICS)
        if prepared.tagger_path:
            shutil.copytree(prepared.tagger_path, made / TAGGER)
        card = {key: value for key, value in config.model_dump(mode="json").items() if key in OF_MODEL}
        write_json(made / CARD, {**card, "training": {"length": config.training.length}})
        return {"pearl": {**figures, "passages": len(passages), "nodes": len(prepared.tree.vectors)}}

    inputs = {
        **prepared.identity,
        "model": VERSION,
        "backbone": digest_tree(backbone),
        "encoder": prepared.encoder.digest,
        "config": config.model_dump(mode="json", exclude={"model", "ids", "tagger", "tagger_build", "encoder"}),
    }
    return model_stage(target.workspace.model("pearl", name), inputs, build)


def fit_model(
    backbone: str,
    config: PearlConfig,
    tree: Path,
    rows: Sequence[Row],
    passages: Sequence[str],
    out: Path,
    state: Path,
    *,
    gpus: int = 1,
) -> dict[str, Any]:
    """Train a new model and save it to `out`; in `gpus` processes, each of which calls this again through `resume`."""
    if gpus > 1:
        from engine.training.jobs import in_processes

        values = {
            "backbone": backbone,
            "config": config.model_dump(mode="json"),
            "tree": str(tree),
            "passages": list(passages),
        }
        return in_processes("engine.methods.pearl.learning", values, {"rows": rows}, out, state, gpus)

    from transformers import set_seed

    from engine.methods.pearl.training import train_model

    set_seed(config.training.seed)  # the decoder is drawn
    stored = DocidTree.load(tree)
    model = new_model(backbone, config, stored)
    inputs = {
        "backbone": digest_tree(Path(backbone)),
        "tree": digest_tree(tree),
        "model": [config.decoder, config.blocks],
        "passages": len(passages),
    }
    return train_model(model, rows, passages, out, config.training, state, inputs=inputs)


def resume(job: Mapping[str, Any], out: Path, state: Path) -> None:
    """What one of several processes does."""
    config, rows = PearlConfig(**job["config"]), [Row(**row) for row in job["rows"]]
    fit_model(job["backbone"], config, Path(job["tree"]), rows, job["passages"], out, state)


def new_model(backbone: str, config: PearlConfig, tree: DocidTree) -> PearlModel:
    """An untrained model."""
    return _kind(config)(backbone, tree, config.training.length, config.blocks)


def _kind(config: PearlConfig) -> type[TreeModel] | type[DigitModel]:
    from engine.methods.pearl.digit_decoder import DigitModel
    from engine.methods.pearl.model import TreeModel

    return TreeModel if config.decoder == "tree" else DigitModel


class Trained:
    """A trained model, opened. Raises InputError for a damaged folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        manifest = read_manifest(folder)
        assert manifest is not None, "ask Workspace.trained for the folder"
        self.manifest = manifest
        with undamaged(folder, REMEDY):
            card = json.loads((folder / CARD).read_text("utf-8"))
            self.topics: list[str] = json.loads((folder / TOPICS).read_text("utf-8"))
            self.tree = DocidTree.load(folder / TREE)
            if not isinstance(card, dict) or len(self.topics) != len(self.tree.vectors):
                raise ValueError(f"{CARD} or {TOPICS} is not what was saved")
        self.config = parse(PearlConfig, card, str(folder / CARD))
        self.tree_digest = digest_tree(folder / TREE)
        self.tagger_path = folder / TAGGER if self.config.tags else None
        self.tagger_digest = digest_tree(self.tagger_path) if self.tagger_path else "none"
        self._model: PearlModel | None = None

    def other_than(self, config: PearlConfig) -> str:
        """What a configuration sets otherwise than the model was made with, which no search can change."""
        given = [key for key in OF_MODEL if key in config.model_fields_set]
        differs = [key for key in given if getattr(config, key) != getattr(self.config, key)]
        return ", ".join(f"{key}={_short(getattr(self.config, key))}" for key in differs)

    @property
    def model(self) -> PearlModel:
        if self._model is None:
            self._model = _kind(self.config).load(
                self.folder, self.tree, self.config.training.length, self.config.blocks
            )
            if _cuda():
                self._model.to("cuda")
        return self._model

    @property
    def tagger(self) -> Tagger | None:
        if self.tagger_path is None:
            return None
        from engine.methods.pearl.tagging import shared_tagger

        return shared_tagger(self.tagger_path)

    def read(self, texts: Sequence[str]) -> list[Sentence]:
        """Questions or memories with their entities, cut where no model reads on."""
        texts = [text[:READ] for text in texts]
        found = self.tagger.tag(list(texts)) if self.tagger else [()] * len(texts)
        return [Sentence(text, tuple(some)) for text, some in zip(texts, found, strict=True)]

    def rendered(self, sentence: Sentence) -> str:
        return rendered(sentence, self.config)

    def spoken(self, sentence: Sentence) -> str:
        return spoken(sentence, self.config)


def _short(value: Any) -> Any:
    return value.model_dump(exclude_defaults=True) if isinstance(value, BuildConfig) else value


def _cuda() -> bool:
    import torch

    return torch.cuda.is_available()


def any_model(workspace: Workspace) -> bool:
    """Whether a workspace has a complete model."""
    return newest(workspace) is not None


def newest(workspace: Workspace) -> Path | None:
    """The newest complete model of a workspace."""
    there = [(made.created, path) for path in workspace.models("pearl") if (made := read_manifest(path))]
    return max(there)[1] if there else None


def model_folder(target: Target, config: PearlConfig) -> Path:
    """The model that a configuration names, else the newest. Raises InputError where there is none."""
    if config.model:
        return target.workspace.trained("pearl", config.model)
    if (found := newest(target.workspace)) is None:
        remedy = "Make one: python -m admin train pearl, on invented people, or with --data DIR"
        raise InputError("no model of pearl is trained yet", where="--model", remedy=remedy)
    return found
