"""What the Evaluation tab shows, against the runs that it is made of."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import experiment, leaderboard, runs, store
from engine.artifacts import Workspace
from engine.datasets.reader import Dataset
from engine.errors import InputError


@pytest.fixture
def workspace(world: Path, tmp_path: Path) -> Workspace:
    """bm25 as it is, twice, and bm25 with two settings."""
    made = Workspace(tmp_path / "workspace")
    for settings in ([], [], ["build.stemmer=null"], ["build.stemmer=null", "build.stopwords=null"]):
        experiment.evaluate(experiment.contestant("bm25", settings=settings), made, Dataset(world))
    store.sync(made)
    return made


def test_contestants_differ_by_their_settings_and_the_newest_run_counts(workspace: Workspace) -> None:
    view = leaderboard.view(workspace)
    labels = {entry.label for entry in view.entries}
    assert labels == {"bm25", "bm25 (stemmer=null)", "bm25 (stemmer=null, stopwords=null)"}
    saved = {run.id: run for run in runs.everything(workspace)}
    assert sorted(saved)[0] not in {entry.run for entry in view.entries}
    for entry in view.entries:
        assert entry.mean == pytest.approx(saved[entry.run].info["metrics"][view.metric])


def test_a_segment_has_a_bar_for_each_contestant(workspace: Workspace) -> None:
    view = leaderboard.view(workspace, metric="hit@1", by="user")
    for label in {bar.segment for bar in view.bars}:
        bars = [bar for bar in view.bars if bar.segment == label]
        assert [bar.run for bar in bars] == [entry.run for entry in view.entries]
        for bar in bars:
            run = next(r for r in runs.everything(workspace) if r.id == bar.run)
            users = dict(zip(run.per_request()["request"], run.per_request()["user"], strict=True))
            column = run.evaluation().per_request
            own = [v for r, v in zip(column.requests, column.values["hit@1"], strict=True) if users[r] == label]
            assert bar.requests == len(own) and bar.mean == pytest.approx(sum(own) / len(own))


def test_what_is_chosen_is_kept_and_what_is_not_there_falls_back(workspace: Workspace) -> None:
    first = leaderboard.view(workspace)
    a, b = first.entries[2].run, first.entries[0].run
    kept = leaderboard.view(workspace, first.board.key, "mrr@10", "user", a, b)
    assert (kept.metric, kept.by, kept.duel.first, kept.duel.second) == ("mrr@10", "user", a, b)
    lost = leaderboard.view(workspace, "nothing", "nothing", "nothing", "nothing", b)
    assert (lost.board, lost.metric, lost.by) == (first.board, first.metric, first.by)
    assert (lost.duel.first, lost.duel.second) == (first.entries[1].run, b)


def test_a_duel_counts_from_the_second_run(workspace: Workspace) -> None:
    a, b = (entry.run for entry in leaderboard.view(workspace, metric="hit@1").entries[:2])
    one, other = leaderboard.duel(workspace, a, b, "hit@1"), leaderboard.duel(workspace, b, a, "hit@1")
    assert (one.wins, one.losses, one.mean) == (other.losses, other.wins, -other.mean)
    assert len(one.ends(2)) == 2 and one.ends(2) == [one.rounds[0], one.rounds[-1]] and one.ends(99) == [*one.rounds]


def test_what_is_not_there_is_said(workspace: Workspace, tmp_path: Path) -> None:
    board = leaderboard.boards(workspace)[0]
    for ask in (
        lambda: leaderboard.view(Workspace(tmp_path / "empty")),
        lambda: leaderboard.leaderboard(workspace, board.digest, board.split, "nothing"),
        lambda: leaderboard.duel(workspace, "a", "b", "hit@1"),
        lambda: leaderboard.detail(workspace, "a", "b", "c"),
    ):
        with pytest.raises(InputError):
            ask()
