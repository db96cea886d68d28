"""The commands as a user runs them: what they print, what they keep, how they end."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.methods import MODULES

ROOT = Path(__file__).parents[2]


def test_help_names_every_command_and_loads_nothing_heavy() -> None:
    script = (
        "import sys; from admin.cli import run; run(['--help']);"
        "print([m for m in ('torch','faiss','duckdb','sentence_transformers','scipy','numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")
    for command in (
        "doctor",
        "methods",
        "demo",
        "status",
        "index",
        "search",
        "evaluate",
        "score",
        "compare",
        "export",
        "data",
    ):
        assert re.search(rf"^  {command} ", done.stdout, flags=re.MULTILINE)


def test_evaluate_prints_one_json_document_with_the_promised_keys(cli: Callable[..., Any], world: Path) -> None:
    code, out, err = cli("evaluate", "bm25", "--data", world, "--json")
    document = json.loads(out)
    assert code == 0
    promised = "method config model trained_on dataset split requests missing metrics seconds run"
    assert list(document) == promised.split()
    assert (document["method"], document["dataset"], document["requests"]) == ("bm25", "world", 3)
    assert document["missing"] == 1  # q1 shares no word with its answer, nor with anything of ann's
    assert document["metrics"]["hit@1"] == pytest.approx(2 / 3)
    assert "building bm25" in err


def test_a_second_evaluation_builds_nothing(cli: Callable[..., Any], world: Path) -> None:
    cli("evaluate", "bm25", "--data", world)
    _, _, err = cli("evaluate", "bm25", "--data", world)
    assert "building" not in err


UNTRAINED = [name for name in MODULES if name != "pearl"]  # which answers only where a model is: test_pearl_*.py


@pytest.mark.integration
@pytest.mark.parametrize("method", UNTRAINED)
def test_search_stays_in_the_users_store_and_says_why(cli: Callable[..., Any], world: Path, method: str) -> None:
    code, out, _ = cli("search", method, "the bicycle", "--data", world, "--user", "ann", "--json")
    hits = json.loads(out)["hits"]
    assert code == 0 and hits[0]["id"] == "a2"
    assert all(hit["id"].startswith("a") for hit in hits)
    assert all(hit["why"] and all(why["line"] and why["kind"] for why in hit["why"]) for hit in hits)


def test_search_without_a_user_searches_everybody(cli: Callable[..., Any], world: Path) -> None:
    _, out, _ = cli("search", "bm25", "bicycle", "--data", world, "--json")
    assert {hit["id"] for hit in json.loads(out)["hits"]} == {"a2", "b2"}


def test_search_leaves_excluded_ids_out(cli: Callable[..., Any], world: Path) -> None:
    _, out, _ = cli("search", "bm25", "bicycle", "--data", world, "--exclude", "a2", "--json")
    assert [hit["id"] for hit in json.loads(out)["hits"]] == ["b2"]


def test_nothing_found_is_said(cli: Callable[..., Any], world: Path) -> None:
    assert cli("search", "bm25", "xylophone", "--data", world)[1] == "nothing found\n"


def test_index_adds_removes_and_compacts(cli: Callable[..., Any], world: Path, tmp_path: Path) -> None:
    more = tmp_path / "more.jsonl"
    more.write_text('{"_id": "a4", "user": "ann", "text": "A xylophone lesson"}\n')
    gone = tmp_path / "gone.txt"
    gone.write_text("a2\n")
    code, out, _ = cli("index", "bm25", "--data", world, "--add", more, "--remove", gone, "--json")
    result = json.loads(out)
    assert code == 0
    assert (result["documents"], result["segments"], result["deleted"]) == (5, 2, 1)
    found = json.loads(cli("search", "bm25", "xylophone bicycle", "--data", world, "--json")[1])["hits"]
    assert {hit["id"] for hit in found} == {"a4", "b2"}
    again = json.loads(cli("index", "bm25", "--data", world, "--add", more, "--json")[1])
    assert (again["documents"], again["segments"]) == (5, 2)  # a command given again changes nothing
    more.write_text('{"_id": "a4", "user": "ann", "text": "Another text"}\n')
    assert cli("index", "bm25", "--data", world, "--add", more)[0] == 2  # that id is another document's
    compacted = json.loads(cli("index", "bm25", "--data", world, "--compact", "--json")[1])
    assert (compacted["documents"], compacted["segments"], compacted["deleted"]) == (5, 1, 0)
    found = json.loads(cli("search", "bm25", "xylophone bicycle", "--data", world, "--json")[1])["hits"]
    assert {hit["id"] for hit in found} == {"a4", "b2"}


@pytest.mark.integration
def test_compare_and_export(cli: Callable[..., Any], world: Path, tmp_path: Path) -> None:
    for method in UNTRAINED:
        assert cli("evaluate", method, "--data", world)[0] == 0
    code, out, _ = cli("compare", *UNTRAINED, "--metric", "mrr@10", "--by", "topic")
    assert code == 0 and "against bm25" in out and "things" in out
    assert cli("compare", *UNTRAINED, "--format", "latex")[1].startswith("\\begin{tabular}")
    document = json.loads(cli("compare", "bm25", "hybrid", "--json")[1])
    assert document["by"][0]["contestants"][1]["difference"]["p_holm"] <= 1
    assert cli("compare", "bm25", "bm25")[0] == 2
    exported = tmp_path / "hybrid.trec"
    assert cli("export", "hybrid", "--out", exported)[0] == 0
    before = json.loads(cli("evaluate", "hybrid", "--data", world, "--json")[1])["metrics"]
    scored = json.loads(cli("score", exported, "--data", world, "--name", "theirs", "--json")[1])["metrics"]
    assert scored == pytest.approx(before)
    assert cli("compare", "hybrid", "theirs")[0] == 0


def test_score_by_a_qrels_file_equals_pytrec_eval(cli: Callable[..., Any], tmp_path: Path) -> None:
    import pytrec_eval

    qrels = tmp_path / "qrels.txt"
    qrels.write_text("q1 0 d1 2\nq1 0 d2 1\nq2 0 d9 1\nq3 0 d1 1\n")
    foreign = tmp_path / "theirs.run"  # ties, an unjudged request, unknown documents, q3 without an answer
    foreign.write_text(
        "q1 Q0 d2 1 0.5 t\nq1 Q0 d1 2 0.5 t\nq1 Q0 dx 3 0.5 t\nq2 Q0 dz 1 1e-8 t\nq2 Q0 d9 2 1e-8 t\nq8 Q0 d1 1 3 t\n"
    )
    code, out, _ = cli("score", foreign, "--qrels", qrels, "--metric", "ndcg@10", "--metric", "map", "--json")
    document = json.loads(out)
    judged = pytrec_eval.parse_qrel(qrels.open())
    direct = pytrec_eval.RelevanceEvaluator(judged, {"ndcg_cut.10", "map"}).evaluate(
        pytrec_eval.parse_run(foreign.open())
    )
    assert code == 0 and (document["missing"], document["unjudged"]) == (1, 1)
    for ours, theirs in (("ndcg@10", "ndcg_cut_10"), ("map", "map")):
        assert document["metrics"][ours] == pytest.approx((direct["q1"][theirs] + direct["q2"][theirs]) / 3, abs=1e-12)


def test_the_only_document_can_be_replaced(cli: Callable[..., Any], world: Path, tmp_path: Path) -> None:
    (world / "corpus.jsonl").write_text('{"_id": "a1", "user": "ann", "text": "old"}\n')
    new, gone = tmp_path / "new.jsonl", tmp_path / "gone.txt"
    new.write_text('{"_id": "a1", "user": "ann", "text": "new xylophone"}\n')
    gone.write_text("a1\n")
    for _ in range(2):  # a command given again changes nothing
        code, out, _ = cli("index", "bm25", "--data", world, "--remove", gone, "--add", new, "--json")
        assert code == 0 and (json.loads(out)["documents"], json.loads(out)["segments"]) == (1, 2)
    found = json.loads(cli("search", "bm25", "xylophone", "--data", world, "--json")[1])["hits"]
    assert [hit["text"] for hit in found] == ["new xylophone"]


def test_a_change_given_again_after_its_compaction_is_done_already(
    cli: Callable[..., Any], world: Path, tmp_path: Path
) -> None:
    more, gone = tmp_path / "more.jsonl", tmp_path / "gone.txt"
    more.write_text('{"_id": "a4", "user": "ann", "text": "A xylophone lesson"}\n')
    gone.write_text("a2\n")
    command = ("index", "bm25", "--data", world, "--add", more, "--remove", gone, "--compact", "--json")
    first, again = (json.loads(cli(*command)[1]) for _ in range(2))
    assert (first["documents"], first["segments"]) == (again["documents"], again["segments"]) == (5, 1)
    parts = sorted(p.parent.name + p.name for p in (tmp_path / "workspace").glob("indexes/*/*/*/[!.]*") if p.is_dir())
    assert len(parts) == 1, "what the compaction replaced is gone, of the postings too"


def test_edits_of_an_index_are_not_lost_without_a_word(cli: Callable[..., Any], world: Path, tmp_path: Path) -> None:
    gone = tmp_path / "gone.txt"
    gone.write_text("a2\n")
    cli("evaluate", "bm25", "--data", world)
    cli("index", "bm25", "--data", world, "--remove", gone)
    assert "1 relevant documents are not in the index" in cli("evaluate", "bm25", "--data", world)[2]
    runs = sorted(p.name for p in (tmp_path / "workspace").glob("runs/[!.]*"))
    assert "searched different ones" in cli("compare", *runs)[2]
    with (world / "corpus.jsonl").open("a") as file:
        file.write('{"_id": "b3", "user": "bob", "text": "new"}\n')
    assert "is not carried over" in cli("search", "bm25", "bicycle", "--data", world)[2]
    assert "is not carried over" not in cli("search", "bm25", "bicycle", "--data", world)[2]


def test_status_tells_what_is_fresh_stale_and_missing(cli: Callable[..., Any], world: Path) -> None:
    assert "nothing is built" in cli("status")[1]
    cli("evaluate", "bm25", "--data", world)
    states = {(i["kind"], i["state"]) for i in json.loads(cli("status", "--json")[1])}
    assert states == {("documents", "fresh"), ("index", "fresh"), ("run", "fresh")}
    with (world / "corpus.jsonl").open("a") as file:
        file.write('{"_id": "b3", "user": "bob", "text": "new"}\n')
    stale = [i for i in json.loads(cli("status", "--json")[1]) if i["state"] == "stale"]
    assert [i["kind"] for i in stale] == ["documents"] and "has changed since" in stale[0]["detail"]


def test_status_sees_what_a_killed_build_left(cli: Callable[..., Any], world: Path, tmp_path: Path) -> None:
    cli("index", "bm25", "--data", world)
    [done] = (tmp_path / "workspace").glob("indexes/*/bm25/*/0000")
    done.rename(done.with_name(".0000.building"))
    assert "interrupted" in {i["state"] for i in json.loads(cli("status", "--json")[1])}
    cli("index", "bm25", "--data", world)
    assert {i["state"] for i in json.loads(cli("status", "--json")[1])} == {"fresh"}


@pytest.mark.integration
def test_doctor_finds_this_machine_fit(cli: Callable[..., Any]) -> None:
    checks = {c["name"]: c for c in json.loads(cli("doctor", "--json")[1])}
    assert checks["encoder"]["ok"] and checks["store"]["ok"] and checks["python"]["ok"]
