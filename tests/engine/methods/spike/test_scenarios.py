"""Rows made elsewhere, answers of models, the extractive stand-in, and the text of a unit."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.methods.spike.scenarios import PARTS, DocumentScenarios, Scenario, of_row, unit_text
from engine.methods.spike.task import EXTRACTED, SCENARIOS, DocumentInputs, messages

PAPER = {
    "document_analysis": {"main_topic": " Staling ", "key_points": ["starch", " "]},
    "information_needs": ["A user wants to keep bread."],
    "explanation": [
        {"information_need": "A user wants to keep bread.", "explanation": "Freezing stops it."},
        {"information_need": "a user  wants to KEEP bread.", "explanation": "The same need again."},
        {"information_need": "  ", "explanation": "No need at all."},
    ],
}


def test_all_published_rows_parse(collection: Callable[[str], Path]) -> None:
    path = collection("spike_scenarios_sample") / "scenarios.jsonl.gz"
    rows = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    parsed = [of_row(row) for row in rows]
    assert len(parsed) == 84
    assert sum(len(p.scenarios) for p in parsed) / 84 == pytest.approx(4.61, abs=0.01)
    assert all(p.main_topic and p.key_points and all(s.explanation for s in p.scenarios) for p in parsed)


@pytest.mark.parametrize(
    "row",
    [
        {"id": "d1", **PAPER},
        {"doc_id": "d1", "scenario_json": json.dumps(PAPER)},
        {"doc_id": "d1", "scenario_list": json.dumps(PAPER), "content": "..."},
        {"_id": "d1", "scenario": PAPER},
        {"id": "d1", "main_topic": "Staling", "key_points": ["starch"], "scenarios": PAPER["explanation"]},
    ],
)
def test_every_form_of_a_row_says_the_same(row: dict[str, Any]) -> None:
    scenario = Scenario("A user wants to keep bread.", "Freezing stops it.")
    assert of_row(row) == DocumentScenarios("d1", "Staling", ("starch",), (scenario,))
    assert DocumentScenarios.of_record(json.loads(json.dumps(of_row(row).record()))) == of_row(row)


@pytest.mark.parametrize(
    "row",
    [
        {"main_topic": "x", "scenarios": []},
        {"id": "", "scenarios": []},
        {"id": True, "scenarios": []},
        {"id": "d1"},
        {"id": "d1", "scenarios": "no list"},
        {"id": "d1", "scenarios": [{"explanation": "without a need"}]},
        {"id": "d1", "scenario_json": "{not json"},
        {"id": "d1", "scenario_json": "[]"},
        {"id": "d1", "document_analysis": {"key_points": []}, "explanation": []},
    ],
)
def test_rows_that_are_none_are_refused(row: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        of_row(row)


def test_a_noise_document_has_no_scenarios() -> None:
    noise = {"document_analysis": {"main_topic": "This is a noise document", "key_points": []}}
    need = {"information_need": "A user wants nothing.", "explanation": "Noise."}
    assert of_row({"id": 7, **noise, "explanation": [need]}).scenarios == ()
    assert of_row({"id": 7, **noise, "explanation": []}).id == "7"
    assert of_row({"id": 7, "main_topic": "noise document", "scenarios": [need]}).scenarios == ()
    about = {"id": 7, "main_topic": "Detecting noise documents in crawls", "scenarios": [need]}
    assert len(of_row(about).scenarios) == 1


def test_the_text_of_a_unit_keeps_the_papers_order() -> None:
    document = DocumentScenarios("d1", "TOPIC", ("K1", "K2"), (Scenario("NEED", "WHY"),))
    [scenario] = document.scenarios
    assert unit_text(PARTS, "ORIGINAL", document, scenario) == "NEED\nORIGINAL\nTOPIC\nK1 K2\nWHY"
    assert unit_text(("explanation", "need"), "ORIGINAL", document, scenario) == "NEED\nWHY"
    assert unit_text(("need", "explanation"), "", document, Scenario("NEED")) == "NEED"


def test_the_prompt_puts_what_all_share_first() -> None:
    one, two = (messages(DocumentInputs(domain="cooking", title=t, text=t)) for t in ("a", "b"))
    assert one[0] == two[0] and one[0]["role"] == "system" and one[1] != two[1]
    assert one[1]["content"] == "Collection: cooking\nTitle: a\nDocument:\na"


def test_a_reply_without_a_need_is_no_answer() -> None:
    empty = SCENARIOS.answer.model_validate({"document_analysis": {"main_topic": "bread"}, "explanation": []})
    with pytest.raises(ValueError, match="no need"):
        SCENARIOS.check(DocumentInputs(text="bread"), empty)
    noise = SCENARIOS.answer.model_validate({"document_analysis": {"main_topic": "noise document"}, "explanation": []})
    SCENARIOS.check(DocumentInputs(text="0 0 0"), noise)


def test_extractive_scenarios_are_sentences_of_the_document() -> None:
    assert SCENARIOS.extractive
    text = "First one. Short. The longest sentence of them all. Another rather long one. Mid one here. No. Last."
    answer = SCENARIOS.extractive(DocumentInputs(text=text))
    needs = [need.information_need for need in answer.explanation]
    assert len(needs) == EXTRACTED and needs[0] == "First one." and needs[-1] == "Last."
    assert all(need in text for need in needs) and needs == sorted(needs, key=text.index)
    assert SCENARIOS.extractive(DocumentInputs(text=text)) == answer
    assert SCENARIOS.extractive(DocumentInputs(text="  ")).is_noise
    assert len(SCENARIOS.extractive(DocumentInputs(text="same. same. same.")).explanation) == 1
