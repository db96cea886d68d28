"""Wrong usage, bad input, damage, interrupts: how the commands fail, in one line, with nothing half-written."""

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

ROOT = Path(__file__).parents[2]


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
