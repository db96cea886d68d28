"""What the jobs of a workspace have come to, from their logs; also while they run."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engine.artifacts import Workspace
from engine.files import is_locked
from engine.llm import log as logs
from engine.llm.index import ANSWERED, FAILED, REPLY, SENT, TRANSIENT, KeyIndex


@dataclass(frozen=True)
class JobStatus:
    """One job. `again` failed for no fault of their own and are due; `unchecked` replies were imported.

    `in_flight` requests were sent and have no answer yet; if nobody is `running` the job, they are sent again. `rate`
    is answers a second in the last session, `eta` the seconds that it still takes, None if that is not known.
    `total` and `done` are the last session's own: its requests, and those it has answered, given up or passed over.
    """

    job: str
    task: str
    version: int
    backend: str
    model: str
    running: bool
    total: int | None
    done: int
    answered: int
    failed: int
    again: int
    in_flight: int
    unchecked: int
    repaired: int
    resent: int
    torn: int
    prompt_tokens: int
    completion_tokens: int
    cost: float
    rate: float | None
    eta: float | None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def survey(workspace: Workspace) -> list[JobStatus]:
    """All jobs, by name."""
    return [status(folder) for folder in logs.folders(workspace)]


def status(folder: Path) -> JobStatus:
    """One job. Raises InputError if its job.json is damaged."""
    about, index, tally = logs.about(folder), KeyIndex(), logs.Tally()
    path = folder / logs.LOG
    logs.scan(path, index, tally)
    running = is_locked(folder / logs.LOCK)
    answered, failed = index.count(ANSWERED), index.count(FAILED)
    lasted = path.stat().st_mtime - tally.started if tally.started and path.exists() else 0.0
    made = tally.answers - tally.answers_before
    rate = made / lasted if lasted > 0 and made else None
    left = None if tally.total is None else max(tally.total - tally.done, 0)
    return JobStatus(
        job=folder.name,
        task=about["task"],
        version=about["version"],
        backend=about["identity"]["backend"],
        model=about["identity"]["model"],
        running=running,
        total=tally.total,
        done=tally.done if tally.total is None else min(tally.done, tally.total),
        answered=answered,
        failed=failed,
        again=index.count(TRANSIENT),
        in_flight=index.count(SENT),
        unchecked=index.count(REPLY),
        repaired=tally.repaired,
        resent=tally.resent,
        torn=tally.torn,
        prompt_tokens=tally.prompt_tokens,
        completion_tokens=tally.completion_tokens,
        cost=(tally.prompt_tokens * tally.prices[0] + tally.completion_tokens * tally.prices[1]) / 1e6,
        rate=rate,
        eta=left / rate if running and rate and left is not None else None,
    )


def retry(folder: Path) -> int:
    """What failed is due again when the job next runs, beside what was due already; returns how many requests that are.

    The log then says so, even where nothing failed for good: whoever counts its retries learns that there is work.
    """
    with logs.writing(folder) as log:
        due = log.index.count(FAILED) + log.index.count(TRANSIENT)
        if due:
            log.add_retry()
        return due
