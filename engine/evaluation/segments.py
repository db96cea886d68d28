"""Means by segment: for which users, which kinds of question, which kinds of answer a run is good.

A segment is a label on a request. This module makes labels from requests and averages an `Evaluation` by any labels;
what the kind of a gold document is, only the caller knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from engine.errors import InputError
from engine.evaluation.metrics import Evaluation, Metric
from engine.evaluation.significance import Interval, mean_intervals
from engine.records import Request

NONE = "(none)"


@dataclass(frozen=True, slots=True)
class Segment:
    """The requests of one label: how many, and each metric's mean and its 95 % interval (None for one request)."""

    label: str
    requests: int
    metrics: dict[str, float]
    intervals: dict[str, Interval | None]


def labels_of(requests: Iterable[Request], by: str) -> dict[str, str]:
    """The label of each request that has one: its `user`, "with time" or "without time", or else its field called `by`.

    InputError, naming the fields that there are, if no request has one.
    """
    labels: dict[str, str] = {}
    fields: set[str] = set()
    for request in requests:
        fields.update(request.fields)
        value = request.fields.get(by)
        if by == "user":
            value = request.user
        elif by == "time":
            value = "without time" if request.time is None else "with time"
        if value is not None:
            labels[request.id] = str(value)
    if not labels:
        raise InputError(
            f"no request has '{by}'", remedy=f"Segments can be {', '.join(['user', 'time', *sorted(fields)])}"
        )
    return labels


def by_label(
    evaluation: Evaluation,
    labels: Mapping[str, str],
    metrics: Iterable[str | Metric] | None = None,
    seed: int = 0,
    resamples: int = 10_000,
) -> tuple[Segment, ...]:
    """Means of the evaluated requests by their label, labels sorted, those without one last as "(none)".

    `metrics` are all that were computed unless named; InputError for one that was not.
    """
    names = [str(metric) for metric in (evaluation.metrics if metrics is None else metrics)]
    values = np.stack([evaluation.column(name) for name in names])  # (metrics, requests)
    members: dict[str, list[int]] = {}
    for i, request in enumerate(evaluation.per_request.requests):
        members.setdefault(labels.get(request, NONE), []).append(i)
    segments = []
    for label in sorted(members, key=lambda label: (label == NONE, label)):
        inside = values[:, members[label]]
        means = dict(zip(names, inside.mean(axis=1).tolist(), strict=True))
        intervals = dict(zip(names, mean_intervals(inside, seed, resamples), strict=True))
        segments.append(Segment(label, len(members[label]), means, intervals))
    return tuple(segments)
