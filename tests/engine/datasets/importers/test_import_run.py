"""What all importers share: the registry, the options, and that a failed import leaves nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from engine.datasets.importers import IMPORTERS, import_dataset
from engine.datasets.reader import Dataset
from engine.errors import InputError


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_registry_says_what_each_format_is() -> None:
    assert list(IMPORTERS) == ["air-bench", "beir", "bright", "pair", "trec"]
    for name, importer in IMPORTERS.items():
        assert importer.name == name and importer.about and importer.expects.startswith("SRC is ")
        assert "\n" not in importer.about + importer.expects
        assert all(importer.options.values())


def test_listing_the_formats_loads_nothing_heavy() -> None:
    script = "import sys, engine.datasets.importers; print({'numpy', 'duckdb', 'dateutil', 'torch'} & set(sys.modules))"
    root = Path(__file__).parents[4]
    out = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (
            "bier",
            {},
            r"there is no format 'bier'\. Did you mean 'beir'\? Known are air-bench, beir, bright, pair, trec",
        ),
        ("zzz", {}, r"there is no format 'zzz'\. Known are air-bench"),
        ("bright", {"domian": "x"}, r"bright has no option 'domian'\. Did you mean 'domain'\?"),
        ("pair", {"domain": "x"}, r"pair has no option 'domain'\. It has no options"),
    ],
)
def test_unknown_names_offer_the_nearest(tmp_path: Path, kind: str, options: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        import_dataset(kind, tmp_path, tmp_path / "out", **options)


@pytest.mark.parametrize("kind", sorted(IMPORTERS))
def test_a_source_that_is_not_one(tmp_path: Path, kind: str) -> None:
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    (tmp_path / "empty").mkdir()
    for source in ("absent", "picture.png", "empty"):
        with pytest.raises(InputError, match="SRC is "):
            import_dataset(kind, tmp_path / source, tmp_path / "out")
    assert names(tmp_path) == ["empty", "picture.png"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"corpus": b"{"}, r"^corpus.jsonl:1: not JSON"),
        (
            {"queries": b'{"_id": "q1", "text": "a"}\n{"_id": "q1", "text": "b"}'},
            r"tiny: .*queries.jsonl:2: id 'q1' stands",
        ),
        ({"qrels": {"test": "q1\td1\n"}}, r"^qrels/test.tsv:1: 2 columns"),
        (
            {"qrels": {"test": "q1\tnone\t1\n"}},
            r"qrels/test.tsv:2: document 'none' is not .*\. Nothing was written.*--drop-unknown",
        ),
        ({"corpus": b""}, r"corpus.jsonl.gz: the corpus holds no document"),
    ],
)
def test_faults_prevent_publishing_and_leave_nothing(make_folder, tmp_path: Path, files, message: str) -> None:
    source = make_folder(**files)
    with pytest.raises(InputError, match=message) as error:
        import_dataset("beir", source, tmp_path / "new" / "out")
    assert error.value.exit_code == 2
    assert names(tmp_path) == ["tiny"]


def test_many_faults_are_told_shortly(make_folder, tmp_path: Path) -> None:
    source = make_folder(qrels={"test": "".join(f"q1\tno{n}\t1\n" for n in range(50))})
    with pytest.raises(InputError, match=r"'no0'.*'no1'.*'no2' is not in the corpus; and 47 more\. ") as error:
        import_dataset("beir", source, tmp_path / "out")
    assert "no3" not in str(error.value)


def test_judgements_of_what_is_not_there_can_be_dropped(make_folder, tmp_path: Path) -> None:
    source = make_folder(
        qrels={"test": "q1\td1\t1\nq1\tnone\t1\nnobody\td1\t1\nq2\td2\t0\n", "dev": "q1\tnone\t0\nq1\td2\t1\n"}
    )
    result = import_dataset("beir", source, tmp_path / "out", drop_unknown=True)
    assert result["judgements"] == {"dev": 1, "test": 2}
    assert result["dropped"] == {"judgements of unknown documents": 2, "judgements of unknown queries": 1}
    assert Dataset(tmp_path / "out").splits == ["dev", "test"]


def test_an_existing_target_is_refused_before_anything_is_read(make_folder, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(InputError, match="out exists already"):
        import_dataset("beir", make_folder(corpus=b"{"), tmp_path / "out")


def test_an_interrupt_leaves_nothing(make_folder, tmp_path: Path, monkeypatch) -> None:
    source = make_folder()

    def interrupted(folder: Path) -> None:
        assert names(folder) == ["corpus.jsonl.gz", "qrels", "queries.jsonl"]
        raise KeyboardInterrupt

    monkeypatch.setattr("engine.datasets.check.check", interrupted)
    with pytest.raises(KeyboardInterrupt):
        import_dataset("beir", source, tmp_path / "out")
    assert names(tmp_path) == ["tiny"]
