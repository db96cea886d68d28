"""Methods beside another one, `search.beside`: against what they are made of, and what is refused before any work."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from admin.cli import run as command_line
from engine import experiment
from engine.artifacts import Workspace
from engine.compose import Fusion
from engine.datasets.reader import Dataset
from engine.errors import InputError
from engine.methods.base import Method, Searcher, Target
from engine.records import ClosestSentence, Document, FusedRanks, MatchedTerms, Request, Run

BESIDE = "search.beside.methods"
BOAT = Request("q", "a boat on the lake, and the bicycle")


@pytest.fixture
def target(world: Path, workspace: Workspace) -> Target:
    return experiment.target(workspace, Dataset(world))


@pytest.fixture
def ask(target: Target) -> Callable[..., Run]:
    def search(method: str, *settings: str) -> Run:
        chosen = experiment.contestant(method, None, settings)
        return experiment.open_searcher(chosen, target).search([BOAT], 10, chosen.options)

    return search


@pytest.mark.integration
@pytest.mark.parametrize("fusion", ["rrf", "weighted"])
def test_all_weight_on_the_method_is_the_method_alone(ask: Callable[..., Run], fusion: str) -> None:
    settings = (f"{BESIDE}.dense.reads=memory", f"search.beside.fusion={fusion}", "search.beside.weights=[1, 0]")
    alone = ask("bm25")
    assert ask("bm25", *settings).documents(0) == alone.documents(0)
    assert len(alone.documents(0)) == 4  # the fifth shares no word with it; dense alone returns it


@pytest.mark.integration
@pytest.mark.parametrize("fusion", ["rrf", "weighted"])
def test_dense_with_bm25_beside_it_is_hybrid(ask: Callable[..., Run], fusion: str) -> None:
    fused = ask("hybrid", f"search.fusion={fusion}", "search.weights=[0.3, 0.7]")
    beside = ask("dense", f"{BESIDE}.bm25={{}}", f"search.beside.fusion={fusion}", "search.beside.weights=[0.7, 0.3]")
    assert beside.documents(0) == fused.documents(0) and len(fused.documents(0)) == 5
    assert beside.scores.tolist() == fused.scores.tolist()


@pytest.mark.integration
def test_an_answer_says_where_each_had_it_and_why(target: Target) -> None:
    chosen = experiment.contestant("bm25", None, (f"{BESIDE}.dense.reads=memory", "search.beside.weights=[1, 2]"))
    searcher = experiment.open_searcher(chosen, target)
    run = searcher.search([BOAT], 10, chosen.options)
    hits = searcher.explain(BOAT, run.documents(0), chosen.options)
    assert searcher.name == "bm25" and [hit.score for hit in hits] == pytest.approx(run.scores.tolist())
    for hit in hits:
        assert [type(why) for why in hit.why] == [FusedRanks, MatchedTerms, ClosestSentence]
        assert isinstance(hit.why[0], FusedRanks)
        assert [(name, weight) for name, _, weight in hit.why[0].ranks] == [("bm25", 1.0), ("dense", 2.0)]


def test_the_methods_own_options_stay_its_own(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """hybrid's `search.weights` are not those of the lists that are merged with hybrid's."""
    seen: list[Any] = []

    class Silent(Searcher):
        name = "silent"

        def __init__(self) -> None:
            self.target = target

        def search(self, requests: Sequence[Request], k: int, options: Any = None) -> Run:
            seen.append(options)
            return Run.from_scores({r.id: {} for r in requests})

        def explain(self, *_: Any) -> list[Any]:
            return []

        def open(self, target: Target) -> None:
            self.target = target

    monkeypatch.setattr(experiment, "opened", lambda *_: Silent())
    monkeypatch.setattr(experiment, "is_complete", lambda *_: True)
    chosen = experiment.contestant("hybrid", None, ("search.weights=[1, 3]", f"{BESIDE}.bm25={{}}"))
    experiment.open_searcher(chosen, target).search([BOAT], 3, chosen.options)
    assert seen == [chosen.options, None]


@pytest.mark.parametrize(
    ("settings", "where", "what"),
    [
        ([f"{BESIDE}.densse={{}}"], BESIDE, "no method 'densse'. Did you mean 'dense'? Methods are"),
        ([f"{BESIDE}.dense.raeds=memory"], f"{BESIDE}.dense", "unknown key 'raeds' (the nearest is 'reads'). Keys are"),
        ([f"{BESIDE}.bm25.k1=much"], f"{BESIDE}.bm25", "k1: input should be a valid number"),
        ([f"{BESIDE}.bm25={{}}", "search.beside.weights=[1]"], "search.beside.weights", "1 weights for 2 lists. Give"),
        ([f"{BESIDE}.bm25={{}}", "search.beside.weights=[1, 1, 1]"], "search.beside.weights", "one each for bm25"),
        ([f"{BESIDE}.bm25={{}}", "search.beside.weights=[0, 0]"], "bm25.yaml with --set", "not all 0"),
        ([f"{BESIDE}=dense"], "bm25.yaml with --set", f"{BESIDE}: input should be a valid"),
        ([f"{BESIDE}={{}}"], "bm25.yaml with --set", f"{BESIDE}: "),
        (["search.beside={}"], "bm25.yaml with --set", f"{BESIDE}: field required"),
        (["search.beside.method.dense={}"], "bm25.yaml", "'search.beside.method' (the nearest is 'search.beside.meth"),
    ],
)
def test_what_cannot_stand_beside_is_one_line(settings: list[str], where: str, what: str) -> None:
    with pytest.raises(InputError) as error:
        experiment.contestant("bm25", None, settings)
    assert str(error.value).startswith(f"{where}") and what in str(error.value) and "\n" not in str(error.value)
    assert error.value.remedy
    if "with --set" in where:
        assert "search.beside.fusion" in error.value.remedy and BESIDE in error.value.remedy


def test_a_model_that_is_not_there_is_told_before_anything_is_built(target: Target) -> None:
    chosen = experiment.contestant("bm25", None, (f"{BESIDE}.dense.model=anns",))
    with pytest.raises(InputError, match="dense has no model 'anns'"):
        experiment.open_searcher(chosen, target)
    assert target.workspace.index_folders(target.dataset_digest) == []


def test_it_is_said_what_is_built_of_each(target: Target, capsys: pytest.CaptureFixture[str]) -> None:
    chosen = experiment.contestant("bm25", None, (f"{BESIDE}.bm25.reads=memory",))
    experiment.open_searcher(chosen, target)
    assert capsys.readouterr().err.count("building bm25: 1 of its indexes are missing") == 2
    experiment.open_searcher(chosen, target)
    assert "building" not in capsys.readouterr().err


def test_a_change_reaches_all_of_them(target: Target) -> None:
    chosen = experiment.contestant("bm25", None, (f"{BESIDE}.bm25.reads=memory",))
    searcher, other = experiment.open_searcher(chosen, target), experiment.open_searcher(chosen, target)
    assert isinstance(searcher, Fusion) and isinstance(other, Fusion)
    lesson = Request("q", "xylophone")

    def found(fusion: Fusion) -> list[list[str]]:
        assert len({one.collection.digest for one in fusion.searchers}) == 1
        asked = (fusion.search([lesson], 5, chosen.options), *(one.search([lesson], 5) for one in fusion.searchers))
        return [run.documents(0) for run in asked]

    searcher.add([Document("a4", "A xylophone lesson", user="ann")])
    assert found(searcher) == [["a4"]] * 3 and found(other) == [[]] * 3
    other.refresh()
    assert found(other) == [["a4"]] * 3
    searcher.remove(["a1"])
    searcher.compact()
    assert found(searcher) == [["a4"]] * 3 and len(searcher.collection.segments) == 1
    indexes = target.workspace.index_folders(target.dataset_digest)
    parts = [[part for part in index.glob("[!.]*") if part.is_dir()] for index in indexes]
    assert [len(some) for some in parts] == [1, 1], "nothing that the compaction replaced is left of either"
    searcher.remove(["a4"])
    assert found(searcher) == [[]] * 3


def test_all_see_the_same_moment_though_one_was_opened_late(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """A collection that is compacted meanwhile makes `opened` open the second one of a later moment."""
    first = experiment.opened

    def late(method: Method, build: Any, goal: Target) -> Searcher:
        searcher = first(method, build, goal)
        if build.reads == "memory":
            searcher.add([Document("a4", "A xylophone lesson", user="ann")])
        return searcher

    monkeypatch.setattr(experiment, "opened", late)
    chosen = experiment.contestant("bm25", None, (f"{BESIDE}.bm25.reads=memory",))
    searcher = experiment.open_searcher(chosen, target)
    assert searcher.search([Request("q", "xylophone")], 5, chosen.options).documents(0) == ["a4"]
    assert isinstance(searcher, Fusion) and all("a4" in one.collection.row_of for one in searcher.searchers)


def test_a_run_says_what_stood_beside_but_not_where_a_server_is() -> None:
    settings = (f"{BESIDE}.dense.encoder.base_urls=[http://secret:1/v1]", f"{BESIDE}.dense.encoder.model=m",
                f"{BESIDE}.dense.encoder.key_env=SECRET", f"{BESIDE}.bm25={{}}")  # fmt: skip
    chosen = experiment.contestant("bm25", None, settings)
    assert chosen.settings == (settings[1], settings[3])
    told = chosen.told["search"]["beside"]["methods"]
    assert "secret" not in json.dumps(chosen.told).lower()
    assert told["dense"]["encoder"]["model"] == "m" and told["bm25"] == experiment.contestant("bm25").told["build"]


@pytest.mark.integration
def test_on_the_command_line(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUINTET_WORKSPACE", str(tmp_path / "workspace"))
    asked = ["search", "bm25", "the bicycle", "--data", str(world), "--user", "ann", "--set"]
    assert command_line([*asked, f"{BESIDE}.dense.reads=memory", "--json"]) == 0
    out, err = capsys.readouterr()
    hits = json.loads(out)["hits"]
    assert hits[0]["id"] == "a2" and len(hits) == 3 and hits[0]["why"][0]["kind"] == "fused_ranks"
    assert "building bm25: 1" in err and "building dense: 1" in err
    assert command_line([*asked, f"{BESIDE}.dense.raeds=memory"]) == 2
    err = capsys.readouterr().err
    assert f"{BESIDE}.dense: unknown key 'raeds'" in err and len(err.splitlines()) == 1
    judged = ["evaluate", "bm25", "--data", str(world), "--json", "--set", f"{BESIDE}.dense={{}}"]
    assert command_line(judged) == 0
    assert json.loads(capsys.readouterr().out)["missing"] == 0  # q1 shares no word with its answer
