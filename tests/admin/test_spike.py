"""SPIKE from the command line: what is imported, found, said, and refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

Admin = Callable[..., CompletedProcess[str]]


@pytest.fixture
def scenarios(tmp_path: Path) -> Path:
    needs = {
        "a1": [{"information_need": "who came along on the water", "explanation": "E1"}],
        "b2": [{"information_need": "where the bike is kept"}, {"information_need": "cycling home"}],
        "zz": [{"information_need": "nobody's"}],
    }
    rows = [{"id": identity, "main_topic": "t", "scenarios": own} for identity, own in needs.items()]
    path = tmp_path / "made.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.integration
def test_scenarios_are_imported_and_found(admin: Admin, world: Path, scenarios: Path) -> None:
    counts = json.loads(admin("data", "import", "spike-scenarios", scenarios, "--data", world, "--json").stdout)
    assert counts == {"documents": 2, "scenarios": 3, "without": 0, "unknown": 1, "missing": 3}
    asked = (
        "search",
        "spike",
        "who was with me on the water?",
        "--data",
        world,
        "--user",
        "ann",
        "--set",
        "build.adapt=null",
    )
    found = json.loads(admin(*asked, "--json").stdout)["hits"]
    assert found[0]["id"] == "a1"
    [why] = found[0]["why"]
    assert (why["need"], why["source"], why["rank_without"]) == ("who came along on the water", "import:made.jsonl", 1)
    assert {hit["id"] for hit in found} == {"a1", "a2", "a3"}
    context = admin(*asked, "--as-context", "--k", "1").stdout
    assert context.startswith("[1] id: a1, time: 2024-05-03T18:00:00\nBoat trip") and "How: E1" in context
    states = {(i["kind"], i["state"]) for i in json.loads(admin("status", "--json").stdout)}
    assert ("import", "fresh") in states and ("index", "fresh") in states and not {s for _, s in states} - {"fresh"}
    scenarios.write_text(scenarios.read_text().replace("water", "lake"))
    admin("data", "import", "spike-scenarios", scenarios, "--data", world)
    stale = [i for i in json.loads(admin("status", "--json").stdout) if i["state"] == "stale"]
    assert stale and all("has been replaced" in i["detail"] for i in stale)
    assert "on the lake" in admin(*asked).stdout
    assert all(i["state"] == "fresh" for i in json.loads(admin("status", "--json").stdout))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("data", "import", "spike-scenarios", "made.jsonl"), "FILE --data DIR"),
        (("data", "import", "spike-scenarios", "made.jsonl", "target", "--data", "WORLD"), "FILE --data DIR"),
        (("data", "import", "spike-scenarios", "nowhere", "--data", "WORLD"), "no such file"),
        (("data", "import", "beir", "somewhere"), "no folder to make"),
        (("data", "import", "beir", "somewhere", "--data", "WORLD"), "makes a dataset"),
        (("search", "spike", "x", "--data", "WORLD", "--as-context", "--json"), "both say"),
        (("train", "bm25", "--data", "WORLD"), "needs no training"),
        (("train", "spike", "--data", "WORLD", "--name", "../x"), "cannot be a model's name"),
        (("train", "spike", "--data", "WORLD"), "no scenarios to learn from"),
        (("search", "bm25", "x", "--data", "WORLD", "--model", "m"), "no trained models"),
        (("search", "spike", "x", "--data", "WORLD", "--model", "m"), "no model 'm'"),
        (("search", "spike", "x", "--data", "WORLD", "--set", "build.parts=[]"), "build.parts"),
        (("search", "spike", "x", "--data", "WORLD", "--set", "build.parts=[word]"), "build.parts"),
        (("search", "spike", "x", "--data", "WORLD", "--set", "search.a=1.5"), "search.a"),
        (("index", "spike", "--data", "WORLD", "--set", "build.llm.backend=openai"), "model"),
    ],
)
def test_bad_wishes_end_in_one_line(admin: Admin, world: Path, arguments: tuple[str, ...], told: str) -> None:
    done = admin(*(str(world) if a == "WORLD" else a for a in arguments), check=2)
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ") and told in last and done.stdout == "" and "Traceback" not in done.stderr
