"""PEARL, declared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from engine.artifacts import Workspace
from engine.errors import InputError
from engine.index.collection import Collection
from engine.methods.base import Method, Paper, Stage, Target
from engine.methods.pearl import entities, index, learning
from engine.methods.pearl.config import PearlConfig, PearlOptions
from engine.methods.pearl.learning import Trained, model_folder
from engine.methods.pearl.search import PearlSearcher
from engine.records import DecodedId


def _with_model(build: Callable[[Target, PearlConfig, Trained], None]) -> Callable[[Target, PearlConfig], None]:
    return lambda target, config: build(target, config, Trained(model_folder(target, config)))


def folders(target: Target, config: PearlConfig) -> list[Path]:
    """All that a search opens; none while no model is trained."""
    try:
        model = Trained(model_folder(target, config))
    except InputError:
        return []
    return [index.texts(target, model), index.ids(target, config, model)]


def lives_on(workspace: Workspace, dataset: str) -> bool:
    """Whether a model is trained, and the collection is people's own memories."""
    path = workspace.collection(dataset)
    return learning.any_model(workspace) and path.exists() and bool(Collection(path).users)


METHOD = Method(
    name="pearl",
    title="PEARL",
    task="search",
    summary="writes the id of the one memory that a vague question means, digit by digit down a tree of topics",
    paper=Paper(
        "PEARL: Personalized Entity-Aware Generative Retrieval",
        "CIKM 2025",
        "https://doi.org/10.1145/3746252.3761211",
    ),
    needs=("a trained model: `train pearl`, on invented people",),
    explains=(DecodedId,),
    build_config=PearlConfig,
    search_options=PearlOptions,
    stages=(
        Stage("texts", "the entities of each memory", _with_model(index.build_texts)),
        Stage("ids", "the way of each memory down the model's tree", _with_model(index.build_ids)),
    ),
    load=PearlSearcher,
    train=learning.train,
    folders=folders,
    lives_on=lives_on,
    versions={entities.KIND: entities.VERSION, index.KIND: index.VERSION},
)
