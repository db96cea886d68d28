"""A run on disk: what was asked, what was answered, how good it was.

One folder a run: `run.json` (what and with what), `per_request.parquet` (one row a judged request: its metrics and what
it can be grouped by), `judgements.parquet` (what it was judged by), `hits.parquet` (the ranked answers), and
`manifest.json` last. The store can be rebuilt from these at any time.
"""

from __future__ import annotations

import csv
import datetime
import io
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.artifacts import Workspace, read_manifest, recover, stage
from engine.errors import InputError
from engine.evaluation.metrics import Evaluation, PerRequest
from engine.evaluation.trec import write_run
from engine.files import replace_file
from engine.parquet import read_parquet, text_column, write_parquet
from engine.records import Request, Run

DAMAGED = "files of it are missing, cut short or not ours"
RUN, PER_REQUEST, JUDGEMENTS, HITS = "run.json", "per_request.parquet", "judgements.parquet", "hits.parquet"


@dataclass(frozen=True)
class SavedRun:
    """A complete run folder. Columns are read when they are asked for."""

    path: Path
    info: Mapping[str, Any]

    @property
    def id(self) -> str:
        return self.path.name

    def per_request(self) -> dict[str, np.ndarray]:
        return read_parquet(self.path / PER_REQUEST)

    def requests(self) -> list[Request]:
        """The judged requests, as far as they were kept: text, user, and what they can be grouped by."""
        columns = self.per_request()
        names = ("request", "text", "user", "fields")
        rows = zip(*(columns[name].tolist() for name in names), strict=True)  # a missing user is None only in lists
        return [Request(i, text, user=user, fields=json.loads(fields)) for i, text, user, fields in rows]

    def evaluation(self) -> Evaluation:
        """The scores as the evaluator gave them."""
        columns, judged = self.per_request(), read_parquet(self.path / JUDGEMENTS)
        qrels: dict[str, dict[str, int]] = {}
        for request, document, gain in zip(judged["request"], judged["document"], judged["gain"].tolist(), strict=True):
            qrels.setdefault(request, {})[document] = gain
        return Evaluation(
            metrics=dict(self.info["metrics"]),
            requests=self.info["requests"],
            missing=self.info["missing"],
            unjudged=self.info["unjudged"],
            duplicates=self.info["duplicates"],
            qrels=qrels,
            per_request=PerRequest(tuple(columns["request"].tolist()), {m: columns[m] for m in self.info["metrics"]}),
        )

    def run(self) -> Run:
        """The ranked answers, in the order in which they were judged."""
        columns = read_parquet(self.path / HITS)
        requests, lengths = _runs_of(columns["request"])
        ids, rows = np.unique(columns["document"].astype(str), return_inverse=True)
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        return Run(tuple(requests), offsets, rows, ids.tolist(), columns["score"].astype(np.float32))


def _runs_of(values: np.ndarray) -> tuple[list[str], list[int]]:
    """Values and lengths of the stretches of equal neighbours."""
    if not len(values):
        return [], []
    starts = np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]]))
    return values[starts].tolist(), np.diff([*starts, len(values)]).tolist()


def new_id(method: str, dataset: str, split: str) -> str:
    """An id that sorts by time, reads well, and collides with no other process."""
    now = datetime.datetime.now().strftime("%Y%m%d-%H%M%S-%f")[:-3]
    parts = ["".join(c if c.isalnum() or c in "-_" else "_" for c in part) for part in (method, dataset, split)]
    return "-".join([now, *parts, secrets.token_hex(3)])


def save(
    workspace: Workspace,
    info: Mapping[str, Any],
    run: Run,
    evaluation: Evaluation,
    requests: Sequence[Request],
    labels: Mapping[str, Mapping[str, str]],
) -> SavedRun:
    """Publish a run. `labels` are {name: {request id: label}} beyond what the requests carry themselves."""
    path = workspace.runs / new_id(info["method"], info["dataset"], info["split"])
    info = {
        **info,
        "run": path.name,
        "created": datetime.datetime.now().isoformat(timespec="seconds"),
        "requests": evaluation.requests,
        "missing": evaluation.missing,
        "unjudged": evaluation.unjudged,
        "duplicates": evaluation.duplicates,
        "metrics": evaluation.metrics,
    }
    by_id = {request.id: request for request in requests}

    def build(folder: Path) -> dict[str, Any]:
        (folder / RUN).write_text(json.dumps(info, ensure_ascii=False, indent=1) + "\n", "utf-8")
        asked = [by_id.get(i) for i in evaluation.per_request.requests]
        fields = [
            {
                **{k: str(v) for k, v in (r.fields if r else {}).items() if isinstance(v, str | int | float | bool)},
                **{name: of[i] for name, of in labels.items() if i in of},
            }
            for i, r in zip(evaluation.per_request.requests, asked, strict=True)
        ]
        write_parquet(
            folder / PER_REQUEST,
            {
                "request": text_column(evaluation.per_request.requests),
                "text": text_column([r.text if r else "" for r in asked]),
                "user": text_column([r.user if r else None for r in asked]),
                "fields": text_column([json.dumps(f, ensure_ascii=False, sort_keys=True) for f in fields]),
                **evaluation.per_request.values,
            },
        )
        judged = [(r, d, gain) for r, gains in evaluation.qrels.items() for d, gain in gains.items()]
        write_parquet(
            folder / JUDGEMENTS,
            {
                "request": text_column([r for r, _, _ in judged]),
                "document": text_column([d for _, d, _ in judged]),
                "gain": np.asarray([gain for _, _, gain in judged], dtype=np.int32),
            },
        )
        lengths = np.diff(run.offsets)
        write_parquet(
            folder / HITS,
            {
                "request": np.repeat(text_column(run.requests), lengths),
                "rank": (np.arange(len(run.rows)) - np.repeat(run.offsets[:-1], lengths) + 1).astype(np.int32),
                "document": text_column([run.ids[row] for row in run.rows.tolist()]),
                "score": run.scores,
            },
        )
        return {"requests": evaluation.requests, "hits": len(run.rows)}

    inputs = {
        key: info[key] for key in ("run", "method", "config", "model", "dataset_digest", "collection", "split", "seed")
    }
    recover(workspace.runs)  # no later run has the id of a killed one, and would do it
    stage(path, "run", inputs, build)
    return SavedRun(path, info)


def everything(workspace: Workspace) -> list[SavedRun]:
    """All complete runs, oldest first; `damaged` names the others."""
    return [run for _, run in _folders(workspace) if run]


def damaged(workspace: Workspace) -> list[Path]:
    """Folders of runs that cannot be used: files are missing, cut short or not ours."""
    return [folder for folder, run in _folders(workspace) if not run]


def _folders(workspace: Workspace) -> list[tuple[Path, SavedRun | None]]:
    folders = sorted(p for p in workspace.runs.glob("[!.]*") if p.is_dir()) if workspace.runs.is_dir() else []
    return [(folder, _open(folder) if read_manifest(folder) else None) for folder in folders]


def find(workspace: Workspace, name: str, dataset: str | None = None, split: str | None = None) -> SavedRun:
    """The run with this id, or this unambiguous part of one; a method's name means its newest run.

    `dataset` (a digest) and `split` narrow it down. Raises InputError if none or several match.
    """
    if not name.strip():
        raise InputError("a run's name is empty", remedy="Write its id, a part of it, or a method")
    runs = [
        run
        for run in everything(workspace)
        if dataset in (None, run.info["dataset_digest"]) and split in (None, run.info["split"])
    ]
    exact = [run for run in runs if run.id == name]
    newest = [run for run in runs if run.info["method"] == name][-1:]
    matches = exact or newest or [run for run in runs if name in run.id]
    if len(matches) == 1:
        return matches[0]
    if matches:
        several = ", ".join(run.id for run in matches[:5])
        raise InputError(f"{name!r} names {len(matches)} runs", remedy=f"Write more of the id: {several}")
    if broken := [folder for folder in damaged(workspace) if name in folder.name]:
        raise InputError(f"this run is damaged: {DAMAGED}", where=str(broken[-1]), remedy="Remove it, evaluate again")
    known = ", ".join(run.id for run in runs[-5:]) or "none"
    raise InputError(f"there is no run {name!r}", where=str(workspace.runs), remedy=f"The newest are: {known}")


def _open(folder: Path) -> SavedRun | None:
    try:
        info = json.loads((folder / RUN).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return SavedRun(folder, info) if isinstance(info, dict) and info.keys() >= {"dataset_digest", "metrics"} else None


def export(run: SavedRun, path: Path, form: str) -> None:
    """Write the answers in TREC's format (`trec`), each request's metrics (`csv`), or what run.json says (`json`)."""
    if not path.parent.is_dir():
        raise InputError(
            "there is no such folder", where=str(path.parent), remedy="Make it first, or name another file"
        )
    if path.exists() and not path.is_file():  # a device or a pipe: a rename would destroy it
        raise InputError("not a plain file", where=str(path), remedy="Name a file")
    if form == "trec":
        write_run(run.run(), path, run.info["method"])
        return
    if form == "json":
        replace_file(path, (run.path / RUN).read_bytes())
        return
    columns = run.per_request()
    metrics = list(run.info["metrics"])
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(["request", *metrics])
    for row in zip(columns["request"].tolist(), *(columns[m].tolist() for m in metrics), strict=True):
        writer.writerow(row)
    replace_file(path, buffer.getvalue().encode())
