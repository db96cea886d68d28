"""The bundled collections: sound, small, and made as their READMEs say."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from engine.datasets.check import check
from engine.datasets.reader import Dataset
from engine.index.lexical import Analyzer, LexicalConfig

DATA = Path(__file__).parents[1] / "data"
NAMES = sorted(path.name for path in DATA.iterdir() if (path / "corpus.jsonl").exists())


@pytest.mark.parametrize("name", NAMES)
def test_a_bundled_collection_is_sound_and_small(name: str) -> None:
    assert check(DATA / name).errors == []
    assert sum(path.stat().st_size for path in (DATA / name).rglob("*")) < 1_000_000
    assert (DATA / name / "README.md").exists()


def test_each_person_has_a_life_and_questions() -> None:
    lives = Dataset(DATA / "lives")
    documents, requests = list(lives.documents()), lives.requests()
    judged = {judgement.request for judgement in lives.judgements("test")}
    for person in {document.user for document in documents}:
        own = [request for request in requests if request.user == person]
        assert sum(document.user == person for document in documents) >= 100
        assert sum(request.id in judged for request in own) >= 40
        assert sum(request.fields["answerable"] is False for request in own) == 20
    for one in (*documents, *requests):
        for start, end, kind in one.fields.get("entities", ()):
            assert kind in ("PER", "LOC", "EVT", "TIM") and one.text[start:end].strip() == one.text[start:end] != ""


def test_the_almanacs_questions_share_almost_no_word_with_their_answers() -> None:
    almanac = Dataset(DATA / "almanac")
    documents = {document.id: document for document in almanac.documents()}
    texts = {request.id: request.text for request in almanac.requests()}
    analyzer = Analyzer(LexicalConfig())
    shared = []
    for judgement in almanac.judgements("test"):
        question, passage = analyzer.tokens([texts[judgement.request], documents[judgement.document].content])
        shared.append(len({*question} & {*passage}))
    assert len(documents) >= 150 and len(shared) >= 80
    assert max(shared) <= 1 and shared.count(0) == 80


def test_the_almanacs_scenarios_are_three_or_more_a_passage() -> None:
    lines = [json.loads(line) for line in (DATA / "almanac" / "scenarios.jsonl").open(encoding="utf-8")]
    assert [line["id"] for line in lines] == [document.id for document in Dataset(DATA / "almanac").documents()]
    needs = [scenario["information_need"] for line in lines for scenario in line["scenarios"]]
    assert all(len(line["scenarios"]) >= 3 and line["main_topic"] and line["key_points"] for line in lines)
    assert len({re.sub(r"\\W+", " ", need.lower()) for need in needs}) == len(needs)
