"""How scenarios come to be: imported, asked for, failed and asked again; and what is made anew when they change."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from llm.server import Act, Server, prompt

from engine.artifacts import Workspace, read_manifest
from engine.datasets.reader import Dataset
from engine.errors import BuildError, InputError
from engine.llm import status as jobs
from engine.methods.spike.config import SpikeOptions
from engine.methods.spike.importing import import_scenarios, imported
from engine.methods.spike.search import SpikeSearcher
from engine.records import Document, MatchedScenario, Request

DOCUMENTS = [{"_id": f"d{i}", "title": f"T{i}", "text": f"text {i}. More of {i}."} for i in range(3)]
ROW = {"id": "d0", "main_topic": "t", "scenarios": [{"information_need": "n0", "explanation": "e"}]}


def whys(searcher: SpikeSearcher, ids: list[str]) -> list[MatchedScenario]:
    hits = searcher.explain(Request("q", "question"), ids, SpikeOptions())
    return [why for hit in hits for why in hit.why if isinstance(why, MatchedScenario)]


def test_an_import_stands_in_and_is_never_mixed_with_own_sentences(opened: Callable[..., SpikeSearcher]) -> None:
    first, second, third = whys(opened(DOCUMENTS, [ROW]), ["d0", "d1", "d2"])
    assert (first.need, first.source) == ("n0", "import:rows.jsonl")
    assert second.scenarios == third.scenarios == 0 and second.scenario_similarity is None


def test_without_anything_sentences_stand_for_scenarios_and_are_called_so(
    opened: Callable[..., SpikeSearcher], capsys: pytest.CaptureFixture[str]
) -> None:
    [why] = whys(opened(DOCUMENTS, None), ["d1"])
    assert why.source == "extractive" and why.need in ("text 1.", "More of 1.") and why.line.startswith("says")
    assert "sentences of the documents stand for scenarios" in capsys.readouterr().err


def test_another_import_replaces_what_was_made_of_the_first(opened: Callable[..., SpikeSearcher]) -> None:
    opened(DOCUMENTS, [ROW])
    changed = {**ROW, "scenarios": [{"information_need": "another need"}]}
    assert whys(opened(DOCUMENTS, [changed]), ["d0"])[0].need == "another need"
    assert whys(opened(DOCUMENTS, None), ["d0"])[0].need == "another need"  # nothing new is imported: it stays


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (['{"id": "d0"}'], "bad.jsonl:1"),
        ([json.dumps(ROW), "not json"], "bad.jsonl:2"),
        ([json.dumps(ROW), json.dumps(ROW)], "came in line 1 already"),
        ([json.dumps({**ROW, "id": "nobody"})], "none of its 1 ids is a document"),
        ([], "none of its 0 ids"),
        ([json.dumps({**ROW, "scenarios": [{"information_need": None}]})], "scenarios.0.information_need"),
    ],
)
def test_a_bad_file_changes_nothing(tmp_path: Path, opened: Callable[..., Any], lines: list[str], told: str) -> None:
    opened(DOCUMENTS, [ROW])
    workspace, dataset = Workspace(tmp_path / "workspace"), Dataset(tmp_path / "made")
    before = imported(workspace, dataset.digest)
    (tmp_path / "bad.jsonl").write_text("".join(line + "\n" for line in lines))
    with pytest.raises(InputError, match=told):
        import_scenarios(workspace, dataset, tmp_path / "bad.jsonl")
    with pytest.raises(InputError, match="no such file"):
        import_scenarios(workspace, dataset, tmp_path / "nowhere.jsonl")
    after = imported(workspace, dataset.digest)
    assert before and after and before.manifest == after.manifest and after["d0"].scenarios


def answer(document: str) -> dict[str, Any]:
    need = {"information_need": f"A user wants {document}.", "explanation": f"It holds {document}."}
    analysis = {"main_topic": document, "key_points": ["k"]}
    return {"document_analysis": analysis, "information_needs": [need["information_need"]], "explanation": [need]}


class Teacher(Server):
    """Writes scenarios; refuses document 1 until it is mended."""

    mended = False

    def __init__(self) -> None:
        super().__init__(lambda body, _: self._act(prompt(body)))

    @property
    def requests(self) -> int:
        return len(self.bodies)

    def _act(self, asked: str) -> Act:
        if "text 1." in asked and not self.mended:
            return Act(status=400, raw=b'{"error": {"message": "this document is refused"}}')
        return Act(json.dumps(answer(asked.split("Document:\n")[1])))


@pytest.fixture
def server() -> Iterator[Teacher]:
    with Teacher() as running:
        yield running  # type: ignore[misc]


def asked_for(server: Teacher) -> tuple[str, ...]:
    return (
        "build.parts=[need]",
        "build.llm.backend=openai",
        "build.llm.model=tiny",
        f"build.llm.server.base_urls=[{server.url}]",
    )


def test_scenarios_are_asked_for_once_and_failures_again_on_demand(
    opened: Callable[..., SpikeSearcher], server: Teacher, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, _ = whys(opened(DOCUMENTS, None, asked_for(server)), ["d0", "d1", "d2"])
    assert first.need == "A user wants text 0. More of 0.." and first.source == "tiny"
    assert second.scenarios == 0 and "1 of 3 documents lack scenarios that were asked for" in capsys.readouterr().err
    sent = server.requests
    searcher = opened(DOCUMENTS, None, asked_for(server))
    assert server.requests == sent and whys(searcher, ["d1"])[0].scenarios == 0
    [job] = jobs.survey(Workspace(tmp_path / "workspace"))
    assert (job.answered, job.failed) == (2, 1)
    server.mended = True
    jobs.retry(Workspace(tmp_path / "workspace").jobs / job.job)
    searcher = opened(DOCUMENTS, None, asked_for(server))
    assert whys(searcher, ["d1"])[0].need == "A user wants text 1. More of 1.." and server.requests == sent + 1
    opened(DOCUMENTS, None, asked_for(server))
    assert server.requests == sent + 1


def test_an_added_document_costs_one_question(opened: Callable[..., SpikeSearcher], server: Teacher) -> None:
    server.mended = True
    searcher = opened(DOCUMENTS, None, asked_for(server))
    sent = server.requests
    searcher.add([Document("d9", "text 9.")])
    assert server.requests == sent + 1 and whys(searcher, ["d9"])[0].need == "A user wants text 9.."
    searcher.compact()
    assert server.requests == sent + 1 and whys(searcher, ["d9"])[0].need == "A user wants text 9.."


def test_what_an_import_lacks_is_asked_for_where_a_model_is_configured(
    opened: Callable[..., SpikeSearcher], server: Teacher
) -> None:
    server.mended = True
    first, second = whys(opened(DOCUMENTS, [ROW], asked_for(server)), ["d0", "d2"])
    assert (first.source, second.source) == ("import:rows.jsonl", "tiny") and server.requests == 2


def test_the_index_reads_back_bit_for_bit(opened: Callable[..., SpikeSearcher]) -> None:
    searcher = opened(DOCUMENTS, [ROW])
    path = searcher.scenarios.path / "0000"
    manifest = read_manifest(path)
    assert manifest and manifest.outputs == {"documents": 3, "without": 2, "vectors": 1}
    np.testing.assert_array_equal(np.load(path / "vectors.npy"), searcher.documents.encoder.encode_documents(["n0"]))


def test_a_document_of_which_nothing_is_left_has_no_scenarios(opened: Callable[..., SpikeSearcher]) -> None:
    """No scenario at all in the whole index: every document counts by its own vector."""
    searcher = opened(DOCUMENTS, [{**ROW, "scenarios": []}])
    run = searcher.search([Request("q", "question")], 3, SpikeOptions(a=0.2))
    dense = searcher.documents.search([Request("q", "question")], 3)
    assert run.documents(0) == dense.documents(0)
    np.testing.assert_allclose(run.scores, dense.scores, atol=1e-6)


def test_nothing_is_published_where_nobody_got_an_answer(opened: Callable[..., SpikeSearcher], tmp_path: Path) -> None:
    """A wrong model's name, say; once it is right, the same command goes on."""
    with Server(lambda body, _: Act(status=404, raw=b'{"error": {"message": "no such model"}}')) as server:
        with pytest.raises(BuildError, match=r"no document got scenarios, of 3 .*no such model.*llm retry"):
            opened(DOCUMENTS, None, asked_for(server))  # type: ignore[arg-type]
        assert not list((tmp_path / "workspace").rglob("scenarios.jsonl"))


def test_time_outs_are_asked_again_on_demand_too(opened: Callable[..., SpikeSearcher], tmp_path: Path) -> None:
    sick = {"on": True}

    def act(body: dict[str, Any], _: int) -> Act:
        asked = prompt(body)
        if sick["on"] and "text 1." in asked:
            return Act(status=500, raw=b"{}")
        return Act(json.dumps(answer(asked.split("Document:\n")[1])))

    with Server(act) as server:
        settings = (*asked_for(server), "build.llm.server.attempts=1")  # type: ignore[arg-type]
        assert whys(opened(DOCUMENTS, None, settings), ["d1"])[0].scenarios == 0
        sick["on"] = False
        workspace = Workspace(tmp_path / "workspace")
        assert jobs.retry(workspace.jobs / jobs.survey(workspace)[0].job) == 1
        assert whys(opened(DOCUMENTS, None, settings), ["d1"])[0].scenarios == 1


def test_a_sample_that_failed_is_counted_and_asked_again(opened: Callable[..., SpikeSearcher], tmp_path: Path) -> None:
    sick = {"on": True}

    def act(body: dict[str, Any], _: int) -> Act:
        if sick["on"] and body["seed"] % 2:
            return Act(status=400, raw=b'{"error": {"message": "odd"}}')
        return Act(json.dumps(answer(f"seed {body['seed'] % 2}")))

    with Server(act) as server:
        settings = (*asked_for(server), "build.llm.samples=2")  # type: ignore[arg-type]
        assert [why.scenarios for why in whys(opened(DOCUMENTS, None, settings), ["d0", "d1"])] == [1, 1]
        sick["on"] = False
        workspace = Workspace(tmp_path / "workspace")
        assert jobs.retry(workspace.jobs / jobs.survey(workspace)[0].job) == 3
        assert [why.scenarios for why in whys(opened(DOCUMENTS, None, settings), ["d0", "d1"])] == [2, 2]


def test_an_added_document_gets_its_scenarios_by_another_import(
    opened: Callable[..., SpikeSearcher], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    searcher = opened(DOCUMENTS, [{**ROW, "id": f"d{i}"} for i in range(3)])
    searcher.add([Document("new", "one more")])
    assert "1 of 1 documents have no scenarios in the import" in capsys.readouterr().err
    assert whys(searcher, ["new"])[0].scenarios == 0
    searcher = opened(DOCUMENTS, [{**ROW, "id": i} for i in ("d0", "d1", "d2", "new")])
    assert whys(searcher, ["new"])[0].need == "n0"
