"""The dataset of invented people: its bytes, its layout, its command, and what is left when it is stopped."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from admin.cli import run
from engine.datasets.check import check
from engine.datasets.reader import Dataset
from engine.errors import InputError
from engine.synth.dataset import MOST_PAIRS, write
from engine.synth.scenes import read_scenes
from tests.conftest import ROOT


def digest(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, scene_folder: Path) -> Path:
    folder = tmp_path_factory.mktemp("made") / "people"
    write(folder, 4, 90, 0, scenes=scene_folder, processes=1)
    return folder


def test_one_seed_one_sequence_of_bytes(made: Path, tmp_path: Path, scene_folder: Path) -> None:
    write(tmp_path / "again", 4, 90, 0, scenes=scene_folder, processes=1)
    write(tmp_path / "two", 4, 90, 0, scenes=scene_folder, processes=2)
    write(tmp_path / "other", 4, 90, 1, scenes=scene_folder, processes=1)
    assert digest(tmp_path / "again") == digest(made)
    assert digest(tmp_path / "two") == digest(made)
    other = digest(tmp_path / "other")
    assert all(other[name] != digest(made)[name] for name in ("corpus.jsonl", "queries.jsonl"))


def test_bytes_do_not_depend_on_the_hash_seed(tmp_path: Path) -> None:
    found = set()
    for seed in ("1", "2"):
        folder = tmp_path / seed
        command = [sys.executable, "-m", "admin", "data", "synth", "personal", str(folder)]
        command += ["--people", "2", "--pairs", "40"]
        subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHONHASHSEED": seed}, check=True, capture_output=True)
        found.add(json.dumps(digest(folder)))
    assert len(found) == 1


def test_it_is_a_dataset_without_a_fault(made: Path) -> None:
    assert not check(made).errors
    dataset = Dataset(made)
    assert sorted(dataset.splits) == ["dev", "train"]
    rows = [json.loads(line) for line in (made / "queries.jsonl").read_text("utf-8").splitlines()]
    documents = {row["_id"]: row for row in map(json.loads, (made / "corpus.jsonl").read_text("utf-8").splitlines())}
    assert len(rows) == 90
    for row in rows:
        assert row["ask"] in ("who", "what", "when", "where", "yes-no") and row["answerable"]
        assert all(row["text"][start:end].strip() for start, end, _ in row["entities"])
    for row in documents.values():
        assert row["user"] and row["kind"] in ("event", "message", "contact") and row["time"] and row["created"]
        values = [value for key, value in row["fields"].items() if key != "entities"]
        assert row["text"] == " | ".join(" , ".join(v) if isinstance(v, list) else v for v in values)


def test_splits_are_by_person_and_every_pair_is_judged_once(made: Path) -> None:
    users, asked = {}, []
    for split in ("train", "dev"):
        lines = [line.split("\t") for line in (made / "qrels" / f"{split}.tsv").read_text().splitlines()[1:]]
        users[split] = {query.split("/")[0] for query, _, _ in lines}
        assert all(query.split("/")[0] == document.split("/")[0] for query, document, _ in lines)
        asked += [query for query, _, _ in lines]
    assert users == {"train": {"p0000", "p0001", "p0002"}, "dev": {"p0003"}}
    assert len(asked) == len(set(asked)) == 90


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--people", "0"), "two people at least"),
        (("--people", "-3"), "two people at least"),
        (("--people", "5", "--pairs", "100000"), f"{5 * MOST_PAIRS} pairs"),
        (("--people", "5", "--pairs", "0"), "5 to"),
        (("--people", "5", "--pairs", "10", "--shared", "1.5"), "from 0 to 1"),
    ],
)
def test_numbers_that_cannot_be_had(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    assert run(["data", "synth", "personal", str(tmp_path / "out"), *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    arguments = ["data", "synth", "personal", str(out), "--people", "3", "--pairs", "30", "--seed", "7"]
    assert run([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["judgements"] == {"train": 20, "dev": 10}
    assert run(arguments) == 2
    error = capsys.readouterr().err
    assert "exists already" in error and error.count("\n") == 1
    assert "never a result" in (out / "README.md").read_text()
    plain = [*arguments[:3], str(tmp_path / "plain"), *arguments[4:], "--shared", "0.4"]
    assert run(plain) == 0 and "--shared 0.4" in (tmp_path / "plain" / "README.md").read_text()


@pytest.mark.parametrize(("people", "dev"), [(2, 1), (3, 1), (19, 1), (20, 2)])
def test_about_a_tenth_is_dev_and_one_at_least(tmp_path: Path, scene_folder: Path, people: int, dev: int) -> None:
    counts = write(tmp_path / "out", people, people, 0, scenes=scene_folder, processes=1)
    assert counts["judgements"] == {"train": people - dev, "dev": dev}


def test_the_help_says_how_many_are_dev() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "admin", "data", "synth", "personal", "--help"],
        cwd=ROOT,
        env=os.environ | {"COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "about a tenth, one at least, is the dev split" in " ".join(told.stdout.split())


@pytest.mark.parametrize("writer", [("--llm", str(ROOT / "configs" / "spike.yaml")), ("--set", "llm.backend=openai")])
def test_shared_words_are_for_those_drawn_by_rule(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], writer: tuple[str, str]
) -> None:
    assert run(["data", "synth", "personal", str(tmp_path / "out"), "--shared", "0.3", *writer]) == 2
    error = capsys.readouterr().err
    assert "Leave out --shared" in error and error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_scenes_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no scenes"):
        read_scenes(tmp_path)
    (tmp_path / "bad.jsonl").write_text('{"id": "x"}\n')
    with pytest.raises(InputError, match=r"bad.jsonl:1: not a scene"):
        read_scenes(tmp_path)


@pytest.mark.integration
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_stopped_half_way_it_leaves_no_dataset(tmp_path: Path, how: signal.Signals) -> None:
    command = [sys.executable, "-m", "admin", "data", "synth", "personal", str(tmp_path / "out"), "--people", "200"]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [path.name.startswith(".out.") for path in tmp_path.iterdir()] == [True]
    time.sleep(1.0)
    process.send_signal(how)
    process.communicate(timeout=60)
    assert process.returncode != 0
    assert not (tmp_path / "out").exists()
    if how == signal.SIGINT:
        assert list(tmp_path.iterdir()) == []
        return
    [left] = tmp_path.iterdir()
    assert run(["data", "synth", "personal", str(tmp_path / "out"), "--people", "2", "--pairs", "2"]) == 0
    assert not left.exists() and [path.name for path in tmp_path.iterdir()] == ["out"]
