"""The commands as a user runs them: what they print, what they keep, how they end."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from admin.cli import run
from engine.methods import MODULES

ROOT = Path(__file__).parents[2]


@pytest.fixture
def cli(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run a command line in this process: (exit code, stdout, stderr)."""
    monkeypatch.setenv("QUINTET_WORKSPACE", str(tmp_path / "workspace"))

    def call(*arguments: str | Path) -> tuple[int, str, str]:
        code = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


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


@pytest.mark.integration
@pytest.mark.parametrize("method", list(MODULES))
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
    for method in MODULES:
        assert cli("evaluate", method, "--data", world)[0] == 0
    code, out, _ = cli("compare", *MODULES, "--metric", "mrr@10", "--by", "topic")
    assert code == 0 and "against bm25" in out and "things" in out
    assert cli("compare", *MODULES, "--format", "latex")[1].startswith("\\begin{tabular}")
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


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("evaluate", "bm2", "--data", "{world}"), "Did you mean 'bm25'"),
        (("evaluate", "bm25", "--data", "nowhere"), "nowhere"),
        (("evaluate", "bm25"), "--data"),
        (("evaluate", "--data", "{world}"), "METHOD"),
        (("evaluate", "bm25", "--data", "{world}", "--split", "dev"), "It has test"),
        (("evaluate", "bm25", "--data", "{world}", "--metric", "ndgc@10"), "ndcg@10"),
        (("evaluate", "bm25", "--data", "{world}", "--k", "0"), "--k"),
        (("evaluate", "bm25", "--data", "{world}", "--set", "build.k=1", "--set", "search.x=1"), "build.k1"),
        (("evaluate", "bm25", "--data", "{world}", "--set", "k1"), "--set build.KEY=VALUE"),
        (("evaluate", "bm25", "--data", "{world}", "--set", "build.stemmer=klingon"), "english"),
        (("evaluate", "bm25", "--data", "{world}", "--config", "dense"), "configuration of 'dense'"),
        (("evaluate", "bm25", "--data", "{world}", "--config", "nothing"), "bm25"),
        (("evaluate", "dense", "--data", "{world}", "--set", "build.encoder.model=./none"), "no folder"),
        (("evaluate", "bm25", "--data", "{world}", "--query-field", "nothing"), "nothing"),
        (("search", "bm25", "  ", "--data", "{world}"), "empty"),
        (("search", "bm25", "x", "--data", "{world}", "--user", "carl"), "ann"),
        (("search", "hybrid", "x", "--data", "{world}", "--set", "search.weights=[1]"), "weight"),
        (("search", "bm25", "x", "--data", "{world}", "--time", "nonsense"), "2023-05-08"),
        (("search", "bm25", "x", "--data", "{world}", "--exclude", "unknown"), "unknown"),
        (("search", "bm25", "x", "--data", "{world}", "--set", "search.rerank.model=./none"), "no folder"),
        (("evaluate", "bm25", "--data", "{world}", "--by", "nothing"), "topic"),
        (("status", "--workspace", "{world}/corpus.jsonl"), "--workspace"),
        (("data", "import", "beir", "{world}", "target", "--option", "drop_unknown=1"), "--drop-unknown"),
        (("index", "bm25", "--data", "{world}", "--add", "{world}/late.jsonl"), "late.jsonl:1"),
        (("evaluate", "bm25", "--data", "{world}", "--set", "build.stemmer=2024-99-99"), "cannot read the value"),
        (("evaluate", "bm25", "--data", "{world}", "--set", "build.stemmer=" + "[" * 5000), "cannot read the value"),
        (("evaluate", "hybrid", "--data", "{world}", "--set", "search.weights=[0, 0]"), "not all 0"),
        (("evaluate", "dense", "--data", "{world}", "--set", "build.encoder.model={world}"), "config.json"),
        (("compare", "", "bm25"), "empty"),
        (("compare", "bm25", "dense"), "no run"),
        (("export", "bm25", "--out", "x"), "no run"),
        (("score", "nowhere.run", "--data", "{world}"), "nowhere.run"),
        (("score", "nowhere.run"), "--qrels"),
        (("data", "import", "beer", "{world}", "target"), "beir"),
        (("data", "check", "nowhere"), "nowhere"),
        (("nonsense",), "nonsense"),
    ],
)
def test_wrong_usage_is_one_line_with_the_remedy(
    cli: Callable[..., Any], world: Path, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    (world / "late.jsonl").write_text('{"_id": "z", "text": "x", "time": "whenever"}\n')
    code, out, err = cli(*(a.format(world=world) for a in arguments))
    told = [line for line in err.splitlines() if line.startswith("error: ")]
    assert code == 2, err
    assert "Traceback" not in out + err
    if arguments[:2] != ("data", "check"):  # its report is its output
        assert len(told) == 1
        assert out == ""
    assert said in out + err


CORRUPT: dict[str, tuple[str, bytes]] = {
    "not JSON": ("corpus.jsonl", b'{"_id": "a", "text": "x"}\n{oops\n'),
    "a duplicate id": ("corpus.jsonl", b'{"_id": "a", "text": "x"}\n{"_id": "a", "text": "y"}\n'),
    "empty": ("corpus.jsonl", b""),
    "a 10 MB line": ("corpus.jsonl", b'{"_id": "a", "text": "' + b"x" * 10_000_000 + b'"}\n'),
    "a NUL byte": ("corpus.jsonl", b'{"_id": "a", "text": "x\x00"}\n'),
    "wrong encoding": ("corpus.jsonl", b'{"_id": "a", "text": "caf\xe9"}\n'),
    "a missing column": ("corpus.jsonl", b'{"_id": "a"}\n'),
    "a broken query": ("queries.jsonl", b'{"_id": "q"\n'),
    "qrels with a word for a gain": ("qrels/test.tsv", b"query-id\tcorpus-id\tscore\nq1\ta1\tgood\n"),
}


@pytest.mark.parametrize("fault", list(CORRUPT))
def test_bad_input_stops_every_command_and_leaves_nothing(
    cli: Callable[..., Any], world: Path, tmp_path: Path, fault: str
) -> None:
    name, content = CORRUPT[fault]
    (world / name).write_bytes(content)
    code, out, err = cli("data", "check", world)
    assert code == 2 and re.search(rf"^{name}(:\d+)?: ", out, flags=re.MULTILINE), out
    code, _, err = cli("evaluate", "bm25", "--data", world)
    assert code == 2 and len(err.strip().splitlines()) <= 2 and "Traceback" not in err, err
    leftovers = [p for p in (tmp_path / "workspace").rglob("*") if p.name.endswith((".building", ".tmp", ".old"))]
    assert leftovers == []
    assert not list((tmp_path / "workspace").glob("runs/*"))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("q1 Q0 a1 1 nan t", "score"),
        ("q1 Q0 a1 first 1 t", "rank"),
        ("q1 Q0 a\0 1 1 t", "NUL"),
        ("other Q0 a1 1 1 t", "none of its 1 requests"),
    ],
)
def test_a_foreign_run_that_cannot_be_judged_is_refused(
    cli: Callable[..., Any], world: Path, tmp_path: Path, line: str, said: str
) -> None:
    foreign = tmp_path / "theirs.run"
    foreign.write_text(line + "\n")
    for judged_by in (("--data", world), ("--qrels", world / "qrels" / "test.tsv")):
        code, out, err = cli("score", foreign, *judged_by)
        assert code == 2 and said in err and out == "" and len(err.splitlines()) == 1
    assert not list((tmp_path / "workspace").glob("runs/*"))


def test_an_unknown_label_or_reranker_costs_no_build(cli: Callable[..., Any], world: Path, tmp_path: Path) -> None:
    for wrong in (("--by", "nothing"), ("--set", "search.rerank.model=./none")):
        assert cli("evaluate", "bm25", "--data", world, *wrong)[0] == 2
    assert not list((tmp_path / "workspace").glob("indexes/*/bm25"))


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


def test_damage_is_told_with_what_mends_it(cli: Callable[..., Any], world: Path, tmp_path: Path) -> None:
    import shutil

    cli("evaluate", "bm25", "--data", world)
    [hits] = (tmp_path / "workspace").glob("runs/*/hits.parquet")
    hits.write_bytes(b"")
    [documents] = (tmp_path / "workspace").glob("indexes/*/documents")
    (documents / "0000" / "ids.txt").write_text("a")
    told = {i["kind"]: i for i in json.loads(cli("status", "--json")[1]) if i["state"] == "damaged"}
    assert hits.parent.name in told["run"]["remedy"] and "0000" in told["documents"]["detail"]
    assert "damaged" in cli("export", "bm25", "--out", tmp_path / "x")[2]
    assert "Delete this folder" in told["documents"]["remedy"]
    assert "Delete this folder" in cli("index", "bm25", "--data", world)[2]
    shutil.rmtree(documents)
    assert cli("evaluate", "bm25", "--data", world)[0] == 0


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


def test_bytes_that_changed_on_the_disk_are_found(cli: Callable[..., Any], world: Path, tmp_path: Path) -> None:
    cli("evaluate", "bm25", "--data", world)
    files = [p for p in (tmp_path / "workspace").rglob("*") if p.suffix in (".npy", ".txt", ".parquet", ".jsonl")]
    assert len(files) == 11
    for path in files:
        content = path.read_bytes()
        path.write_bytes(b"\xfe" * len(content))
        damaged = [i for i in json.loads(cli("status", "--verify", "--json")[1]) if i["state"] == "damaged"]
        assert damaged and all(i["remedy"] for i in damaged), path
        for command in (("search", "bm25", "bicycle"), ("evaluate", "bm25")):
            code, _, err = cli(*command, "--data", world)
            assert "Traceback" not in err and (code == 0 or len(err.splitlines()) == 1), err
        path.write_bytes(content)
    assert {i["state"] for i in json.loads(cli("status", "--verify", "--json")[1])} == {"fresh"}


@pytest.mark.parametrize("shell", ["{} search bm25 bicycle --data {world} --k 100 | true", "{} status >&- 2>&-"])
def test_an_output_that_nobody_reads_is_no_failure(world: Path, tmp_path: Path, shell: str) -> None:
    command = shell.replace("{}", f"{sys.executable} -m admin").replace("{world}", str(world))
    environment = {**os.environ, "QUINTET_WORKSPACE": str(tmp_path / "workspace")}
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0 and "error" not in done.stderr


@pytest.mark.parametrize("arguments", [("status",), ("data", "check", "{world}"), ("status", "--json")])
def test_an_output_that_cannot_be_written_is_one_line(world: Path, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "admin", *(a.format(world=world) for a in arguments)]
    environment = {**os.environ, "QUINTET_WORKSPACE": str(tmp_path / "workspace")}
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, cwd=ROOT, env=environment, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1 and done.stderr.startswith("error: ") and len(done.stderr.splitlines()) == 1
    assert "no space left" in done.stderr and "fault" not in done.stderr


def test_a_workspace_where_nothing_can_be_made_is_one_line(cli: Callable[..., Any], world: Path) -> None:
    code, _, err = cli("index", "bm25", "--data", world, "--workspace", "/proc/nowhere")
    assert code in (1, 2) and "/proc/nowhere" in err and "fault" not in err and len(err.splitlines()) == 1


@pytest.mark.integration
@pytest.mark.parametrize("wait", [0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.2, 1.6, 2.0, 2.5])
def test_ctrl_c_at_any_moment_is_one_line(world: Path, tmp_path: Path, wait: float) -> None:
    command = [sys.executable, "-m", "admin", "evaluate", "hybrid", "--data", str(world)]
    environment = {**os.environ, "QUINTET_WORKSPACE": str(tmp_path / "workspace")}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, stdout=-3, text=True)
    while b"lib-dynload" not in Path(f"/proc/{process.pid}/maps").read_bytes():
        time.sleep(0.001)  # Python itself is starting: what it says of a signal then is not ours
    time.sleep(wait)
    process.send_signal(2)
    _, err = process.communicate(timeout=60)
    assert "Traceback" not in err and process.returncode in (0, 130), err
    if process.returncode == 130:
        assert err.splitlines()[-1].startswith("error: interrupted"), err


def test_debug_shows_the_traceback(cli: Callable[..., Any]) -> None:
    with pytest.raises(Exception, match="no method"):
        cli("--debug", "evaluate", "nothing", "--data", "x")


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


@pytest.mark.integration
def test_an_interrupted_command_says_so_and_ends_with_130(world: Path, tmp_path: Path) -> None:
    (world / "corpus.jsonl").write_text(
        "".join(json.dumps({"_id": f"d{i}", "text": f"word{i} " * 200}) + "\n" for i in range(30_000))
    )
    environment = {**os.environ, "QUINTET_WORKSPACE": str(tmp_path / "workspace")}
    command = [sys.executable, "-m", "admin", "index", "bm25", "--data", str(world)]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 30
    while not list((tmp_path / "workspace").rglob(".*.building")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(2)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130 and "Traceback" not in err
    assert not list((tmp_path / "workspace").rglob(".*.building"))
