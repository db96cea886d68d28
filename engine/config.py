"""Configurations: YAML and `--set key=value` in, checked pydantic objects out.

A method has two types, told apart on purpose: what a `BuildConfig` says is part of an artefact's digest, what
`SearchOptions` say never is. An unknown key is refused and the nearest known one named.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from engine.errors import InputError


class Config(BaseModel):
    """The base of every configuration: frozen, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class BuildConfig(Config):
    """What decides how an artefact is built; part of its digest."""


class RerankOptions(Config):
    """A reranker around any searcher: see engine/rerank.py."""

    model: str = Field(description="a cross-encoder or bi-encoder: hub id or path")
    kind: Literal["cross", "bi"] = Field("cross", description="how the model scores a pair")
    depth: int = Field(50, ge=1, description="how many of the best candidates are scored again")
    reads: Literal["content", "memory"] = Field(
        "content", description="how it reads a document; one that `train reranker` made reads as it was trained to"
    )
    batch_size: int = Field(32, ge=1, description="pairs scored at once")
    weight: float | None = Field(
        None,
        ge=0,
        description="None: the reranker's order alone; a number: fused with the searcher's score, standardised both",
    )


class PriorOptions(Config):
    """What a question says of time, people and kind, laid over any searcher's scores: see engine/priors.py.

    The defaults were chosen on pair_dev and locomo, the development collections, and are the same for every searcher.

    A weight is in units of the distance between the searcher's best and worst memory of one store.
    """

    time: float = Field(0.75, ge=0, le=100, description="weight of lying inside the time that it names; 0: ignored")
    people: float = Field(0.3, ge=0, le=100, description="weight of those whom the question mentions taking part")
    kind: float = Field(0.2, ge=0, le=100, description="weight of being of the kind that is asked for")
    context: float = Field(
        0.15,
        ge=0,
        le=100,
        description="share of the scores of what was said right before and after it",
    )
    days: float = Field(1.0, ge=0.01, le=10_000, description="how far outside an interval it still counts, at least")
    created: float = Field(0.8, ge=0, le=1, description="what being written down inside the interval is worth")
    hard: bool = Field(False, description="as published: return nothing outside the interval")
    depth: int = Field(1000, ge=1, description="stores up to this size are weighed whole, of larger ones the best")


class FusingOptions(Config):
    """How several lists become one: see engine/compose.py."""

    fusion: Literal["rrf", "weighted"] = Field("rrf", description="reciprocal ranks, or min-max scores")
    rrf_k: float = Field(60, ge=0, description="RRF's constant; 60 as published")
    weights: tuple[float, ...] | None = Field(None, description="one weight a searcher; None: all equal")
    depth: int = Field(100, ge=1, description="how many candidates each searcher gives")

    @field_validator("weights")
    @classmethod
    def _some_weight(cls, weights: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if weights is not None and (min(weights, default=-1) < 0 or not any(weights)):
            raise ValueError("weights are 0 or more, and not all 0")
        return weights


class BesideOptions(FusingOptions):
    """Other methods whose lists are merged with this one's; its own weight comes first, then theirs as they stand."""

    methods: Mapping[str, Mapping[str, Any]] = Field(
        min_length=1, description="by name, each with its build settings ({}: as the method is)"
    )


class SearchOptions(Config):
    """What may change from one search to the next; never part of an artefact's digest."""

    beside: BesideOptions | None = Field(None, description="merge the lists of other methods with this one's")

    priors: PriorOptions | None = Field(None, description="weigh what a question says of time, people and kind")
    rerank: RerankOptions | None = Field(None, description="score the best candidates again with a model")


class TrainOn(Config):
    """Invented people to learn from where no dataset is named: see engine/synth/."""

    people: int = Field(200, ge=2, description="how many; about a tenth of them are held out")
    pairs: int = Field(50_000, ge=2, description="questions, each with its memory")
    seed: int = Field(0, ge=0, description="of all that is drawn")


class MethodConfig(Config):
    """One YAML file: which method, how it is built, how it is searched, what it is trained on unless told."""

    method: str
    train_on: TrainOn | None = None
    build: Mapping[str, Any] = {}
    search: Mapping[str, Any] = {}


C = TypeVar("C", bound=Config)


def parse(kind: type[C], values: Mapping[str, Any], where: str) -> C:
    """Check `values` against `kind`. Raises one InputError that tells of all faults at once."""
    if found := faults(kind, values):
        raise InputError("; ".join(found), where=where, remedy=f"Keys are {', '.join(keys(kind))}")
    return kind(**values)


def faults(kind: type[Config], values: Mapping[str, Any], section: str = "") -> list[str]:
    """What is wrong with `values`, a line each; unknown keys with the nearest known one."""
    try:
        kind(**values)
    except ValidationError as error:
        return [_fault(kind, fault, f"{section}." if section else "") for fault in error.errors()]
    return []


def read_yaml(path: Path) -> MethodConfig:
    """A configuration file. Raises InputError for a missing file, broken YAML or a key that nothing reads."""
    try:
        values = yaml.safe_load(path.read_text("utf-8"))
    except FileNotFoundError:
        known = ", ".join(sorted(p.stem for p in path.parent.glob("*.yaml"))) or "none"
        raise InputError("there is no such configuration", where=str(path), remedy=f"There are: {known}") from None
    except (yaml.YAMLError, ValueError, RecursionError, OSError) as error:
        raise InputError(f"not readable as YAML ({error})", where=str(path), remedy="Mend the file") from None
    if not isinstance(values, dict):
        raise InputError(
            "a configuration is a mapping of keys to values", where=str(path), remedy="Start with `method: NAME`"
        )
    return parse(MethodConfig, values, str(path))


def override(config: MethodConfig, settings: Sequence[str]) -> MethodConfig:
    """`config` with `section.key=value` pairs laid over it; values are read as YAML (`0.3`, `true`, `[a, b]`)."""
    merged = {"build": _copy(config.build), "search": _copy(config.search)}
    for setting in settings:
        name, equals, value = setting.partition("=")
        section, *path = name.strip().split(".")
        if not equals or section not in merged or not path or not all(path):
            raise InputError(
                f"cannot read {setting!r}",
                where="--set",
                remedy="Write --set build.KEY=VALUE or --set search.KEY=VALUE",
            )
        node = merged[section]
        for part in path[:-1]:
            if not isinstance(node.get(part), dict):
                node[part] = {}
            node = node[part]
        try:
            read = yaml.safe_load(value)
            # "query: " is a prompt, not a mapping; a mapping is set key by key, unless it is {}
            node[path[-1]] = value if read != {} and isinstance(read, dict | str) else read
        except (yaml.YAMLError, ValueError, RecursionError):  # the latter two of a 13th month, of 5,000 brackets
            setting = setting if len(setting) < 80 else f"{setting[:80]}…"
            raise InputError(f"cannot read the value of {setting!r}", where="--set", remedy="Quote it") from None
    return MethodConfig(method=config.method, train_on=config.train_on, **merged)


def keys(kind: type[BaseModel], prefix: str = "") -> list[str]:
    """The dotted names of everything that can be set in `kind`."""
    names = []
    for name, info in kind.model_fields.items():
        inner = next((t for t in (info.annotation, *getattr(info.annotation, "__args__", ())) if _is_config(t)), None)
        names += keys(inner, f"{prefix}{name}.") if inner else [prefix + name]
    return names


def _copy(values: Mapping[str, Any]) -> dict[str, Any]:
    return {k: _copy(v) if isinstance(v, Mapping) else v for k, v in values.items()}


def _is_config(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Config)


def _fault(kind: type[BaseModel], fault: Any, section: str) -> str:
    name = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        near = difflib.get_close_matches(name, keys(kind), n=1, cutoff=0.5)
        return f"unknown key {section + name!r}" + (f" (the nearest is {section + near[0]!r})" if near else "")
    return f"{section + name}: {fault['msg'][0].lower() + fault['msg'][1:]}"
