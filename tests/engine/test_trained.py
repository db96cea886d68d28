"""What is trained on invented people: dense's encoder, a reranker, the tagger; made by name, used by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from engine import experiment
from engine.artifacts import Manifest, Workspace
from engine.compose import Rerank
from engine.datasets.reader import Dataset
from engine.encoder import EncoderConfig, shared_encoder
from engine.errors import InputError
from engine.index import reading
from engine.methods import parts
from engine.methods.base import Target
from engine.personal import Questions
from engine.priors import Priors
from engine.records import Request
from engine.reranking import RerankerConfig, mined
from tests.engine.people_world import STORE

QUICK = (
    "build.adapt.epochs=1",
    "build.adapt.batch_size=4",
    "build.adapt.grouped=2",
    "build.adapt.validation=0",
    "build.adapt.keep=last",
)
SMALL = (
    "build.negatives=2", "build.cross.layers=1", "build.cross.epochs=1", "build.cross.batch_size=4",
    "build.cross.validation=0", "build.cross.keep=last",
)  # fmt: skip
ASKED = {
    "q1": ("what became of the vessel my sister had?", "m1"),
    "q2": ("what did Luz think of the meal?", "m2"),
    "q3": ("did something come for me next door?", "m3"),
    "q4": ("when did the three of us eat out?", "e1"),
    "q5": ("how do I reach the one who does my teeth?", "c1"),
    "q6": ("and Liz, what is her address?", "c2"),
}


@pytest.fixture
def target(tmp_path: Path) -> Target:
    folder = tmp_path / "ann"
    (folder / "qrels").mkdir(parents=True)
    rows = [
        {"_id": d.id, "text": d.text, "user": "ann", "kind": d.kind, "time": d.time, "created": d.created,
         "fields": {**d.fields, "entities": [[0, len(d.text.split(" | ")[0]), "EVT" if d.kind == "event" else "PER"]]}}
        for d in STORE
    ]  # fmt: skip
    (folder / "corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    queries = [{"_id": q, "text": text, "user": "ann", "entities": []} for q, (text, _) in ASKED.items()]
    (folder / "queries.jsonl").write_text("".join(json.dumps(row) + "\n" for row in queries), "utf-8")
    judged = "".join(f"{q}\t{d}\t1\n" for q, (_, d) in ASKED.items())
    (folder / "qrels" / "train.tsv").write_text("query-id\tcorpus-id\tscore\n" + judged, "utf-8")
    return experiment.target(Workspace(tmp_path / "workspace"), Dataset(folder))


@pytest.fixture
def train(target: Target, tmp_path: Path) -> Callable[..., Manifest]:
    def run(what: str, *settings: str, config: str | None = None) -> Manifest:
        trainee = experiment.trainee(what, config, settings)
        return trainee.train(target, Dataset(tmp_path / "ann"), trainee.build, "anns")

    return run


def test_the_encoder_is_fitted_by_name_and_used_by_name(target: Target, train: Callable[..., Manifest]) -> None:
    made = train("dense", *QUICK, config="dense_personal")
    assert made.outputs["encoder"]["pairs"] == len(ASKED)
    assert train("dense", *QUICK, config="dense_personal") == made  # nothing is trained twice
    request = [Request("q", ASKED["q1"][0], user="ann", time="2023-07-01T12:00:00")]
    chosen = experiment.contestant("dense", "dense_personal", (), "anns")
    searcher = experiment.open_searcher(chosen, target)
    assert isinstance(searcher, Priors) and searcher.trained == target.workspace.model("dense", "anns")
    assert len(searcher.search(request, 10).documents(0)) == len(STORE)
    both = experiment.contestant("hybrid", "hybrid_personal", ("build.dense.model=anns",))
    assert experiment.open_searcher(both, target).trained == searcher.trained
    with pytest.raises(InputError, match=r"dense has no model 'bobs'.*There are anns"):
        experiment.open_searcher(experiment.contestant("dense", None, (), "bobs"), target)


def test_a_reranker_reads_as_it_was_trained_to(target: Target, train: Callable[..., Manifest]) -> None:
    assert train("reranker", *SMALL).outputs["reranker"]["groups"] > 0
    chosen = experiment.contestant("bm25", None, ("search.rerank.model=anns", "search.rerank.weight=1.0"))
    searcher = experiment.open_searcher(chosen, target)
    assert isinstance(searcher, Rerank) and searcher.reader.reads == "memory"
    row = target.collection.row_of["e1"]
    assert searcher.reader.text(row).startswith("Calendar event: Dinner") and "Luz (sister)" in searcher.reader.text(
        row
    )
    run = searcher.search([Request("q", "the boat of my sister", user="ann")], 5)
    assert run.documents(0) and searcher.explain(Request("q", "the boat", user="ann"), run.documents(0))
    assert parts.newest(target.workspace, "reranker").scores("a", ["b", "c"]).shape == (2,)


def test_the_tagger_is_a_part(target: Target, train: Callable[..., Manifest]) -> None:
    assert parts.newest(target.workspace, "tagger") is None
    train("tagger", "build.tagger.epochs=1", "build.tagger.hidden=8")
    tagger = parts.newest(target.workspace, "tagger")
    assert len(tagger.tag(["Luz was here", ""])) == 2
    (target.workspace.model("tagger", "anns") / "tagger" / "tagger.json").write_text("{}", "utf-8")
    assert parts.newest(target.workspace, "tagger") is None  # damaged: the page does without


def test_negatives_are_of_the_store_and_do_not_read_alike(target: Target, tmp_path: Path) -> None:
    questions = Questions(Dataset(tmp_path / "ann"), target.collection, "memory")
    encoder = shared_encoder(EncoderConfig())
    groups = mined(questions, encoder, RerankerConfig(negatives=3, nearly=0.9))
    assert [group.query for group in groups] == [text for text, _ in ASKED.values()]
    for group, (_, gold) in zip(groups, ASKED.values(), strict=True):
        assert group.positive == questions.texts[target.collection.row_of[gold]] and group.owner == "ann"
        assert len(group.negatives) == len(set(group.negatives)) == 3 and group.positive not in group.negatives
        own, others = encoder.encode_documents([group.positive]), encoder.encode_documents(list(group.negatives))
        assert (others @ own[0] < 0.9).all()
    dinners = {group.positive: group.negatives for group in groups}
    e1 = next(text for text in dinners if "Luz (sister) , Jacob" in text)
    assert groups == mined(questions, encoder, RerankerConfig(negatives=3, nearly=0.9)) and e1


@pytest.mark.parametrize("what", ["dense", "reranker"])
def test_what_has_nothing_to_learn_from_says_so(what: str, world: Path, tmp_path: Path) -> None:
    trainee = experiment.trainee(what)
    goal = experiment.target(Workspace(tmp_path / "w"), Dataset(world))
    with pytest.raises(InputError, match=r"no train split to learn from.*data synth personal"):
        trainee.train(goal, Dataset(world), trainee.build, "x")
    assert not list(goal.workspace.models(what))


def test_only_what_can_be_trained_is_trained() -> None:
    with pytest.raises(InputError, match=r"nothing called 'rerank' can be trained.*Did you mean 'reranker'"):
        experiment.trainee("rerank")
    with pytest.raises(InputError, match=r"bm25 needs no training.*reranker, tagger"):
        experiment.trainee("bm25")
    with pytest.raises(InputError, match=r"nearest is 'negatives'"):
        experiment.trainee("reranker", None, ("build.negative=3",))


def test_segments_read_what_was_known_when_they_were_written(target: Target) -> None:
    first = target.collection.segments[0]
    texts = dict(zip(first.ids, reading.texts(first, [], "memory"), strict=True))
    assert texts["e2"] == "Calendar event: Dinner | Harbour Grill | Elizabeth (best friend)"
    assert list(reading.texts(first, [], "content")) == list(first.contents())
    assert reading.inputs([], "content") == {} and reading.inputs([], "memory") != reading.inputs([first], "memory")
