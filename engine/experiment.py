"""From a method's name and a dataset's folder to a searcher, and from there to a judged run: what the doors call."""

from __future__ import annotations

import difflib
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engine import config as configs
from engine import methods, runs, survey
from engine.artifacts import Manifest, Workspace, read_manifest
from engine.compose import Fusion, Rerank
from engine.config import BesideOptions, BuildConfig, RerankOptions, SearchOptions
from engine.datasets.reader import Dataset
from engine.errors import BuildError, InputError
from engine.evaluation.metrics import evaluate as judge
from engine.evaluation.metrics import parse_metrics
from engine.evaluation.segments import labels_of
from engine.index import collection
from engine.index.collection import Collection
from engine.judging import GOLD_KIND, METRICS, gold_labels, qrels_digest
from engine.methods import parts
from engine.methods.base import ATTEMPTS, Method, Searcher, Target
from engine.priors import Priors
from engine.rerank import reranker

CONFIGS = Path(__file__).parent.parent / "configs"


@dataclass(frozen=True)
class Contestant:
    """A method with everything set: what `--config` and `--set` came to."""

    method: Method
    config: str
    settings: tuple[str, ...]
    build: BuildConfig
    options: SearchOptions

    @property
    def model(self) -> str | None:
        """What the index is made with, for tables; None where nothing is trained or loaded."""
        values = self.build.model_dump()
        encoder = values.get("encoder") or values.get("dense", {}).get("encoder")
        return encoder["model"] if encoder else None

    @property
    def told(self) -> dict[str, Any]:
        """What a run says of `build` and `search`: not where a server is and what opens it, of no method."""
        search = self.options.model_dump()
        if self.options.beside:
            others = _others(self.options.beside)
            search["beside"]["methods"] = {method.name: build.model_dump() for method, build in others}
        return {"build": self.build.model_dump(), "search": search}


def contestant(
    name: str, config: str | None = None, settings: Sequence[str] = (), model: str | None = None
) -> Contestant:
    """`name` is a method, `config` a YAML file or the name of one in configs/, `settings` are `section.key=value`.

    `model` is what `train` made. Raises InputError that names every unknown key, and the nearest known one.
    """
    method = methods.get(name)
    if model is not None:
        if not model.strip():
            raise InputError("the model has no name", where="--model", remedy="Name one that `train` made")
        if method.train is None:
            has_part = "dense" in method.build_config.model_fields
            remedy = "Write --set build.dense.model=NAME" if has_part else "Leave the option out"
            raise InputError(f"{name} has no trained models", where="--model", remedy=remedy)
        settings = [*settings, f"build.model={model}"]
    path = _path(name, config)
    chosen = configs.override(_read(name, path), settings)
    found = [
        *configs.faults(method.build_config, chosen.build, "build"),
        *configs.faults(method.search_options, chosen.search, "search"),
    ]
    if found:
        known = [f"build.{k}" for k in configs.keys(method.build_config)]
        known += [f"search.{k}" for k in configs.keys(method.search_options)]
        where = f"{path.name} with --set" if settings else path.name
        raise InputError("; ".join(found), where=where, remedy=f"Keys are {', '.join(known)}")
    build, options = method.build_config(**chosen.build), method.search_options(**chosen.search)
    made = Contestant(method, path.stem, tuple(settings), build, options)
    told = made.told
    return replace(made, settings=tuple(s for s in settings if _is_told(s, told)))


def personal(chosen: Contestant) -> Contestant:
    """The same method as it searches a person's own memories, `NAME_personal.yaml`; itself where there is none."""
    name = f"{chosen.config}_personal"
    known = (CONFIGS / f"{name}.yaml").exists()
    return contestant(chosen.method.name, name, chosen.settings) if known else chosen


@dataclass(frozen=True)
class Trainee:
    """A method or a part that can be trained, with its configuration. `use` says how the model {name} is used."""

    build: BuildConfig
    use: str
    train: Callable[[Target, Dataset, Any, str], Manifest]
    train_on: configs.TrainOn | None = None  # the invented people to learn from, where no dataset is named


def trainee(name: str, config: str | None = None, settings: Sequence[str] = ()) -> Trainee:
    """What `train NAME` trains. Raises InputError for a name, a configuration or a key that there is not."""
    if name in parts.MODULES:
        path = _path(name, config)
        part, build = parts.configured(name, _read(name, path), path.name, settings)
        return Trainee(build, part.use, part.train, _read(name, path).train_on)
    known = [*(method.name for method in methods.everything() if method.train), *parts.MODULES]
    if name not in methods.MODULES:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        raise InputError(f"nothing called {name!r} can be trained", remedy=f"{hint}There are {', '.join(known)}")
    chosen = contestant(name, config, settings)
    if chosen.method.train is None:
        raise InputError(f"{name} needs no training", remedy=f"Index at once; those that train are: {', '.join(known)}")
    train_on = _read(name, _path(name, config)).train_on
    return Trainee(chosen.build, "use it with --model {name}", chosen.method.train, train_on)


def _path(name: str, config: str | None) -> Path:
    return Path(config) if config and config.endswith((".yaml", ".yml")) else CONFIGS / f"{config or name}.yaml"


def _read(name: str, path: Path) -> configs.MethodConfig:
    read = configs.read_yaml(path)
    if read.method != name:
        raise InputError(
            f"this is a configuration of {read.method!r}, not of {name!r}",
            where=str(path),
            remedy="Name one of this method",
        )
    return read


def _is_told(setting: str, told: Any) -> bool:
    """Whether what a setting changes belongs into a run: not where a server is and what opens it."""
    for key in setting.partition("=")[0].strip().split("."):
        if not isinstance(told, dict):
            return True
        if key not in told:
            return False
        told = told[key]
    return True


def target(workspace: Workspace, dataset: Dataset, processes: int = 1) -> Target:
    """The dataset's collection, read from the folder if it is not in the workspace yet."""
    path = workspace.collection(dataset.digest)
    if not path.exists() and (edited := survey.edited_before(workspace, dataset.path, dataset.digest)):
        what = (
            f"note: {dataset.path} has changed; what was added to or removed from its index before is not carried over"
        )
        print(f"{what} (that index is still in {edited})", file=sys.stderr)  # noqa: T201
    documents = collection.ensure(path, dataset.digest, dataset.documents())
    survey.remember_source(path, dataset.name, dataset.path, dataset.digest)
    return Target(workspace, dataset.digest, documents, processes)


def open_searcher(chosen: Contestant, goal: Target) -> Searcher:
    """A searcher with all that the options put around it. Builds what is missing, and says so on stderr first.

    Raises InputError for a reranker that cannot be loaded and a model that is not there, before anything is built.
    """
    options = chosen.options.rerank and _located(chosen.options.rerank, goal.workspace)
    if options:
        reranker(options)  # kept loaded for `Rerank` below
    beside = chosen.options.beside
    fused = [(chosen.method, chosen.build), *(_others(beside) if beside else ())]
    folders = [(method.name, method.folders(goal, build)) for method, build in fused]
    for name, paths in folders:
        if missing := [path for path in paths if not is_complete(path, goal.collection)]:
            print(f"building {name}: {len(missing)} of its indexes are missing", file=sys.stderr)  # noqa: T201
    searcher, *others = [opened(method, build, goal) for method, build in fused]
    if beside:
        searcher = Fusion(searcher.name, [searcher, *others], beside)
        if any(other.collection.digest != searcher.collection.digest for other in others):
            searcher.refresh()  # it was compacted while they were opened: all of them the same moment
    if chosen.options.priors:
        searcher = Priors(searcher, chosen.options.priors)
    return Rerank(searcher, options) if options else searcher


def _others(beside: BesideOptions) -> list[tuple[Method, BuildConfig]]:
    """The methods that stand beside another one.

    Raises InputError for a name or a setting that there is not, and for another number of weights than of lists.
    """
    found, where = [], "search.beside.methods"
    for name, settings in beside.methods.items():
        method = methods.get(name, where)
        found.append((method, configs.parse(method.build_config, settings, f"{where}.{name}")))
    if beside.weights and len(beside.weights) != 1 + len(found):
        what, names = f"{len(beside.weights)} weights for {1 + len(found)} lists", ", ".join(beside.methods)
        remedy = f"Give the method's own weight, then one each for {names}"
        raise InputError(what, where="search.beside.weights", remedy=remedy)
    return found


def _located(options: RerankOptions, workspace: Workspace) -> RerankOptions:
    """The same with the folder of the trained reranker that `model` names; a hub id or a path stays as it is."""
    try:
        folder = workspace.model("reranker", options.model)
    except InputError:  # no name
        return options
    if not folder.exists():
        return options
    manifest = read_manifest(workspace.trained("reranker", options.model))
    assert manifest is not None
    return options.model_copy(update={"model": str(folder / "model"), "reads": manifest.inputs["config"]["reads"]})


def opened(method: Method, build: BuildConfig, goal: Target) -> Searcher:
    """The method's own searcher, after what is missing has been built. BuildError if files of it keep vanishing."""
    for _ in range(ATTEMPTS):
        try:
            for stage in method.stages:
                stage.run(goal, build)
            return method.load(goal, build)
        except FileNotFoundError as error:  # another process has compacted the collection meanwhile
            gone, goal = error, goal.reopened()
    raise BuildError(
        f"files vanish while they are opened ({gone})", where=str(goal.collection.path), remedy="Try again"
    )


def is_complete(path: Path, documents: Collection) -> bool:
    """Whether an index folder has a part for every segment of the collection."""
    return all((path / segment.name / "manifest.json").exists() for segment in documents.segments)


def evaluate(
    chosen: Contestant,
    workspace: Workspace,
    dataset: Dataset,
    split: str = "test",
    *,
    k: int = 100,
    metrics: Iterable[str] = METRICS,
    missing: str = "zero",
    query_field: str | None = None,
    by: str | None = None,
    seed: int = 0,
    processes: int = 1,
) -> runs.SavedRun:
    """Search every judged request of a split, judge the run, publish it under runs/.

    `by` is what the caller will group the requests by: InputError if none of them has it, before anything is built.
    """
    wanted = parse_metrics(metrics)
    judgements = dataset.judgements(split)
    requests = dataset.requests(split, text_field=query_field)
    if by and by != GOLD_KIND:
        labels_of(requests, by)
    times = [time.perf_counter()]
    goal = target(workspace, dataset, processes)
    labels = gold_labels(judgements, goal.collection)
    if by == GOLD_KIND and not labels:
        raise InputError("no judged document has a kind", where=f"--by {by}", remedy="Group by another label")
    known = goal.collection.row_of
    if absent := sum(judgement.gain > 0 and judgement.document not in known for judgement in judgements):
        print(f"note: {absent} relevant documents are not in the index, and cannot be found", file=sys.stderr)  # noqa: T201
    searcher = open_searcher(chosen, goal)
    times.append(time.perf_counter())
    run = searcher.search(requests, k, chosen.options)
    times.append(time.perf_counter())
    evaluation = judge(run, judgements, wanted, missing=missing)
    times.append(time.perf_counter())
    info: dict[str, Any] = {
        "method": chosen.method.name,
        "config": chosen.config,
        "settings": list(chosen.settings),
        **chosen.told,
        "model": searcher.trained.name if searcher.trained else chosen.model,
        "trained_on": _trained_on(searcher.trained, workspace),
        "dataset": dataset.name,
        "dataset_digest": dataset.digest,
        "collection": goal.collection.digest,
        "documents": goal.collection.live,
        "split": split,
        "query_field": query_field,
        "qrels": qrels_digest(judgements),
        "k": k,
        "seed": seed,
        "missing_as": missing,
        "seconds": {
            name: round(b - a, 3) for name, a, b in zip(("index", "search", "score"), times, times[1:], strict=False)
        },
    }
    return runs.save(workspace, info, run, evaluation, requests, labels)


def _trained_on(model: Path | None, workspace: Workspace) -> str | None:
    """The name of the dataset that a model was trained on."""
    manifest = read_manifest(model) if model else None
    return survey.dataset_name(workspace, manifest.inputs["dataset"]) if manifest else None
