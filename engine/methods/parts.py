"""What can be trained beside the methods: parts that searchers and the page use, `models/PART/NAME`.

A part is declared like a method, in a line here and a `PART` in its module; `train` knows none by name.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from engine import config as configs
from engine.artifacts import Manifest, Workspace, read_manifest
from engine.config import BuildConfig
from engine.datasets.reader import Dataset
from engine.errors import InputError
from engine.methods.base import Target

MODULES = {"reranker": "engine.reranking", "tagger": "engine.methods.pearl.tagging_stage"}


@dataclass(frozen=True)
class Part:
    """Something that is trained on a dataset. `use` tells a person how the model NAME is used."""

    name: str
    summary: str
    use: str
    build_config: type[BuildConfig]
    train: Callable[[Target, Dataset, Any, str], Manifest]
    load: Callable[[Path], Any]  # the model from its folder, kept loaded


def get(name: str) -> Part:
    """The declaration of a part of `MODULES`."""
    return import_module(MODULES[name]).PART


def everything() -> list[Part]:
    return [get(name) for name in MODULES]


def newest(workspace: Workspace, name: str) -> Any:
    """The newest complete model of a part, loaded; None where there is none, or where it cannot be loaded."""
    there = [(made.created, path) for path in workspace.models(name) if (made := read_manifest(path))]
    if not there:
        return None
    with contextlib.suppress(InputError):  # damaged, or of another MiniLM: `status` tells
        return get(name).load(max(there)[1])
    return None


def configured(name: str, config: configs.MethodConfig, where: str, settings: Sequence[str]) -> tuple[Part, Any]:
    """A part and its checked configuration; `where` names the file it was read from. InputError for its faults."""
    part = get(name)
    chosen = configs.override(config, settings)
    if chosen.search:
        raise InputError("a part is not searched with", where=where, remedy="Leave out what stands under search")
    return part, configs.parse(part.build_config, chosen.build, where)
