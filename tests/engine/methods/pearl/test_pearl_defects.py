"""The defects of the published code (../shared/methods/pearl.md, section 7), each of which a test holds off.

| defect | where |
|---|---|
| 1 the epoch is chosen on the people who are searched later | here |
| 2 the headline is a reranker's over nearly the whole store | here |
| 3 an id that is a prefix of another cannot be written | here; test_docids.py: ids are prefix-free |
| 4 passages are read without tags where questions have them, with and without an instruction | here, and \
test_query_generation.py: a source is the same in generation as in training |
| 5 digits joined without a separator | test_docids.py, test_decoders.py |
| 6 means count padding | test_decoders.py, test_pearl_losses.py, test_pearl_training.py |
| 7 PCL saturates, and has false negatives | here, and test_pearl_losses.py |
| 8 more than the eight tags toggle entities | test_marking.py |
| 9 EMR's cap is absolute | here, and test_pearl_losses.py |
| 10 duplicates never end the clustering | test_docids.py |
| 11 the cross-encoder reads tags that it never saw | test_transposition.py |
| 12 entities are looked for as strings | test_transposition.py |
| 13 the time filter drops what was misread, and is one-sided | here; engine/timeparse/ has the table of phrases |
| 14 an evaluation changes the ids | here |
| 15 PCL needs exactly one passage row an id | here |
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from crash import tiny as worlds

from engine import experiment, timeparse
from engine.artifacts import digest_tree
from engine.compose import Rerank
from engine.config import PriorOptions
from engine.errors import InputError
from engine.index.beam import beam_search
from engine.losses import entity_mass_regularisation, prefix_contrastive
from engine.methods.base import Searcher
from engine.methods.pearl import steps, training
from engine.methods.pearl.config import PearlConfig, PearlOptions
from engine.methods.pearl.digit_decoder import DigitModel
from engine.methods.pearl.forest import planted
from engine.methods.pearl.preparing import Prepared
from engine.methods.pearl.search import PearlSearcher
from engine.methods.pearl.training import PclConfig, PearlTraining, Row, Siblings, collate, train_model
from engine.priors import Priors
from engine.records import DecodedId, Request
from engine.training.state import read_curve
from methods.pearl.plots import grown, ranked
from methods.pearl.rows import PASSAGES, made, passages, rows, trained
from methods.pearl.tiny_backbones import HIDDEN, TEXTS, save_bert, save_t5
from methods.pearl.worlds import QUICK, TAGGED, Place

SHORT = PearlTraining(
    pcl=PclConfig(normalise=True, masked=True), batch_size=16, chunk_size=16, epochs=3, validation=0.2,
    learning_rate=1e-2, dtype="float32",
)  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("place"))


@pytest.fixture(scope="module")
def searched(place: Place) -> Place:
    """With a model."""
    place.train("mine", *TAGGED)
    return place


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_bert(tmp_path_factory.mktemp("bert"))


@pytest.mark.integration
def test_defect_1_the_epoch_is_chosen_on_people_of_the_training_set(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged: set[Row] = set()
    learned: set[Row] = set()
    judge, collated = steps.judge, training.collate

    def judging(some: Sequence[Row], *arguments: Any) -> dict[str, float]:
        judged.update(some)
        return judge(some, *arguments)

    def collating(model: Any, texts: Any, siblings: Any, config: Any, batch: Sequence[Row]) -> dict[str, Any]:
        learned.update(batch)
        return collated(model, texts, siblings, config, batch)

    monkeypatch.setattr(steps, "judge", judging)
    monkeypatch.setattr(training, "collate", collating)
    settings = ("build.training.keep=best", "build.training.validation=0.34", "build.training.epochs=2")
    figures = place.train("judged", *settings).outputs["pearl"]
    assert figures["held_out"] == len(judged) > 0 and not any(row.is_passage for row in judged)
    assert not {row.group for row in judged} & {row.group for row in learned}
    taught = {request.text: request.user for request in place.people.requests("train")}
    assert all(taught[row.text] == row.group for row in judged)
    searched = {request.user for request in place.people.requests("dev")}
    assert searched and not searched & {row.group for row in judged | learned}
    assert "nll" in figures["validation"] and not {"dev", "test"} & set(inspect.signature(train_model).parameters)


@pytest.mark.integration
def test_defect_1_the_kept_epoch_is_the_best_of_the_held_out(bert: Path, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    grown(HIDDEN, PASSAGES).save(tree)
    outcome = trained(bert, tree, tmp_path, SHORT.model_copy(update={"keep": "best"}))
    curve = [row["nll"] for row in read_curve(tmp_path / "made" / "curve.jsonl") if "nll" in row]
    assert len(curve) == 4 and outcome["untrained"]["nll"] == curve[0]
    assert outcome["validation"]["nll"] == min(curve[1:]) == curve[outcome["kept_epoch"]]


@pytest.mark.integration
def test_defect_2_raw_time_and_reranking_are_apart(searched: Place, tmp_path: Path) -> None:
    target = experiment.target(searched.workspace, searched.strangers)
    requests = searched.strangers.requests("dev")
    cross = worlds.save_cross_encoder(tmp_path)

    def found(method: str, *settings: str) -> tuple[Searcher, list[list[str]]]:
        chosen = experiment.contestant(method, None, settings, "mine" if method == "pearl" else None)
        searcher = experiment.open_searcher(chosen, target)
        run = searcher.search(requests, 100, chosen.options)
        return searcher, [run.documents(i) for i in range(len(requests))]

    few = "search.beams=10"
    raw, ids = found("pearl", few)
    assert isinstance(raw, PearlSearcher) and experiment.contestant("pearl").options == PearlOptions()
    (why,) = raw.explain(requests[0], ids[0][:1], PearlOptions(beams=10))[0].why
    assert isinstance(why, DecodedId) and why.log_probability < 0
    timed, by_time = found("pearl", few, "search.priors.time=3.0", "search.priors.people=0", "search.priors.kind=0")
    assert isinstance(timed, Priors) and by_time != ids
    depth = (f"search.rerank.model={cross}", "search.rerank.depth=4")
    reranked, by_cross = found("pearl", few, *depth)
    assert isinstance(reranked, Rerank)
    other, over_words = found("bm25", *depth)
    assert isinstance(other, Rerank)
    _, words = found("bm25")
    for plain, again in ((ids, by_cross), (words, over_words)):
        for before, after in zip(plain, again, strict=True):
            assert set(after[:4]) == set(before[:4]) and after[4:] == before[4:]  # no deeper, for anybody


def test_defect_3_an_id_that_begins_another_can_be_written(tmp_path: Path) -> None:
    tree = grown(HIDDEN)
    model = DigitModel(save_t5(tmp_path), tree, 48).eval()
    leaf = next(int(leaf) for leaf in tree.leaves if tree.ends[tree.parents[leaf]])
    above = [(tree.digit(node), node) for node in tree.path(leaf)]
    ids: list[list[tuple[int, int | None]]] = [
        [*above[:-1], (above[-1][0], None)],  # a walk that ended above
        [*above, (1, None)],  # an id that the model made
        [*above, (2, None)],
    ]
    written = [[token for digit in model.written([d for d, _ in one]) for token in digit] for one in ids]
    assert written[1][: len(written[0]) - 1] == written[0][:-1]  # a prefix, but for its end
    own = np.zeros((3, HIDDEN), np.float32)
    forest = planted(tree, ids, [None] * 3, np.arange(3), own, model.written)
    with torch.no_grad():
        for full in (True, False):
            score = model.scorer(model.encode(model.tokens(TEXTS[:2])), forest, full)
            found = ranked(beam_search(forest.trie, forest.trie.roots.expand(2), score, 10, not full), forest)
            assert all({row for row, _ in answers} == {0, 1, 2} for answers in found)
    with pytest.raises(InputError, match="prefix"):  # the decoder down the tree has no end, and is told
        planted(tree, ids, [None] * 3, np.arange(3), own, lambda docid: [[digit] for digit in docid])


@pytest.mark.integration
def test_defect_4_a_memory_is_read_alike_in_training_and_in_a_search(searched: Place) -> None:
    """Opened on the people that it was trained on, each passage stands where its leaf does, tags and all."""
    target = experiment.target(searched.workspace, searched.people)
    searcher = searched.opened(target, "mine")
    chosen = experiment.trainee("pearl", None, (*QUICK, f"build.backbone={searched.backbone}", *TAGGED))
    assert isinstance(chosen.build, PearlConfig)
    prepared = Prepared.of(target, searched.people, chosen.build, "mine")
    model = searcher.model
    assert prepared.tree_folder and model.tree.vectors.tobytes() == prepared.tree.vectors.tobytes()
    leaves = model.tree.vectors[model.tree.leaves]
    np.testing.assert_allclose(searcher._ids.vectors[prepared.rows], leaves, atol=1e-5)
    above = model.tree.parents[model.tree.leaves]
    wanted = np.where(model.tree.ends[above], above, model.tree.leaves)
    assert (searcher._ids.nodes[prepared.rows] == wanted).mean() > 0.9  # a nearer centroid is another's, seldom
    texts = [row.text for row in prepared.training_rows() if row.is_passage]
    assert texts == [model.rendered(sentence) for sentence in model.read([m.text for m in prepared.memories])]
    questions = [row.text for row in prepared.training_rows() if not row.is_passage]
    assert questions == [model.rendered(s) for s in model.read([a.request.text for a in prepared.answered])]
    assert any("<PER>" in text or "<EVT>" in text or "<LOC>" in text for text in texts)


def test_defect_7_rows_of_one_id_are_no_negatives(bert: Path) -> None:
    model = made(bert, SHORT)
    some = [rows()[0], rows()[1], rows()[2 * PASSAGES], rows()[6]]  # two questions and their passage; another one
    batch = collate(model, passages(), Siblings(model.tree, 0, False), SHORT, some)
    owners = batch["owners"]
    assert (owners == owners[0]).tolist() == [True, True, True, False] and batch["counts"].tolist() == [1, 1, 0, 1]
    torch.manual_seed(0)
    vectors = torch.randn(3, 4, 8).mul(5)
    slopes = {}
    for masked in (False, True):
        queries, positives, negatives = (part.clone().requires_grad_() for part in vectors)
        others = batch["negative_owners"].clone()
        others[3] = owners[0]  # the other's sibling is what the questions ask for
        losses = prefix_contrastive(queries, positives, negatives, owners, others, 20, False, masked)
        slopes[masked] = [grad.abs().sum(1) for grad in torch.autograd.grad(losses[0], (positives, negatives))]
    assert (slopes[True][0][1:3] == 0).all() and slopes[True][1][3] == 0
    assert (slopes[False][0][1:3] > 0).all() and slopes[False][1][3] > 0


def test_defect_7_cosines_do_not_saturate(bert: Path) -> None:
    model = made(bert, SHORT)
    texts = [row.text for row in rows()[:12]]
    with torch.no_grad():
        h = model.represent(model.encode(model.tokens(texts)), 0.5, True)
    owners = torch.arange(12)
    plain, ours = (
        prefix_contrastive(h, h.roll(1, 0), h.roll(2, 0), owners, owners + 20, 0.05, n) for n in (False, True)
    )
    assert float(plain.max()) > 60  # hundreds of nats: one candidate has it all
    assert float(ours.max()) <= 2 / 0.05 + np.log(24)
    chosen = experiment.contestant("pearl").build
    assert isinstance(chosen, PearlConfig) and chosen.training.pcl.normalise and chosen.training.pcl.masked


def test_defect_9_a_relative_cap_means_the_same_at_every_length() -> None:
    def penalty(length: int, share: float, **cap: Any) -> float:
        """Of a text whose one entity token receives `share` of the uniform."""
        attention = torch.full((1, length, length), (length - share) / length / (length - 1))
        attention[:, :, 1] = share / length
        entity = torch.zeros(1, length, dtype=torch.bool)
        entity[:, 1] = True
        return float(entity_mass_regularisation(attention, entity, torch.ones(1, length), **cap)[0])

    for length in (8, 16, 64):
        assert penalty(length, 0.5) > 0  # the published cap is below half of the uniform share of them all
        assert penalty(length, 0.45, cap=0.5, relative=True) == 0 < penalty(length, 0.55, cap=0.5, relative=True)
    chosen = experiment.contestant("pearl").build
    assert isinstance(chosen, PearlConfig) and chosen.training.emr.relative and 0.25 <= chosen.training.emr.cap <= 1


@pytest.mark.integration
def test_defect_13_a_misread_time_loses_no_memory(searched: Place) -> None:
    target = experiment.target(searched.workspace, searched.strangers)
    searcher = searched.opened(target, "mine")
    user = searched.strangers.requests("dev")[0].user
    own = {document.id for document in target.collection.documents() if document.user == user}
    for text in ("what was on 3 March 1931?", "what did I do two weeks ago?", "who came last winter?"):
        asked = [Request("q", text, user=user, time="2024-01-20T12:00:00")]
        for options in (PriorOptions(), PriorOptions(time=5.0)):
            run = Priors(searcher, options).search(asked, 1000, PearlOptions(beams=5))
            assert set(run.documents(0)) == own  # also those that five beams had dropped
    hard = Priors(searcher, PriorOptions(hard=True))
    asked = [Request("q", "what was on 3 March 1931?", user=user, time="2024-01-20T12:00:00")]
    assert hard.search(asked, 1000, PearlOptions(beams=5)).documents(0) == []  # as published, where it is asked for


@pytest.mark.parametrize("number", [1, 2, 3, 5, 10])
@pytest.mark.parametrize("unit", ["day", "week", "month", "year"])
def test_defect_13_so_long_ago_lies_around_that_day(number: int, unit: str) -> None:
    """Published, "two weeks ago" is everything from then until now."""
    now = datetime(2024, 1, 20, 12)
    then = now - timedelta(days={"day": 1, "week": 7, "month": 30.44, "year": 365.25}[unit] * number)
    text = f"what happened {number} {unit}{'s' if number > 1 else ''} ago?"
    (found, *_) = sorted(timeparse.intervals(text, now.isoformat()), key=lambda interval: -interval.weight)
    assert found.start < then < found.end
    assert found.end <= now.replace(hour=0) or (number, unit) == (1, "day")
    values = timeparse.prior(
        timeparse.intervals(text, now.isoformat()),
        np.asarray(
            [timeparse.seconds(day.isoformat()) for day in (then, now + timedelta(days=1), then - 3 * (now - then))]
        ),
        np.full(3, np.nan),
    )
    assert values[0] > values[1] and values[0] > values[2]


@pytest.mark.parametrize("now", ["2023-12-20", "2024-01-20", "2024-02-29", "2024-03-05", "2024-07-05"])
def test_defect_13_a_winter_spans_two_years(now: str) -> None:
    winters = timeparse.intervals("who came last winter?", f"{now}T12:00:00")
    assert winters
    for winter in winters:
        assert (winter.start.month, winter.start.year) == (12, winter.end.year - 1)
        assert winter.end - winter.start < timedelta(days=92) and winter.start < datetime.fromisoformat(now)


@pytest.mark.integration
def test_defect_14_evaluating_twice_gives_the_same_and_leaves_the_ids(searched: Place) -> None:
    for ids in ("walk", "model"):
        chosen = experiment.contestant("pearl", None, (f"build.ids={ids}",), "mine")
        runs, digests = [], []
        for _ in range(2):
            saved = experiment.evaluate(chosen, searched.workspace, searched.strangers, "dev")
            runs.append([(name, documents, scores.tolist()) for name, documents, scores in saved.run().lists()])
            target = experiment.target(searched.workspace, searched.strangers)
            folders = chosen.method.folders(target, chosen.build)
            digests.append(
                [digest_tree(folder) for folder in folders] + [digest_tree(searched.workspace.model("pearl", "mine"))]
            )
        assert runs[0] == runs[1] and digests[0] == digests[1] and len(digests[0]) == 3


@pytest.mark.parametrize("kept", ["none", "twice", "some"])
def test_defect_15_an_id_may_have_any_number_of_passage_rows(bert: Path, tmp_path: Path, kept: str) -> None:
    """Positives are the passages themselves, whatever the rows are."""
    asked = [row for row in rows() if not row.is_passage]
    own = [row for row in rows() if row.is_passage]
    some = [*asked, *{"none": [], "twice": [*own, *own], "some": own[::3]}[kept]]
    model = made(bert, SHORT)
    batch: Mapping[str, Any] = collate(model, passages(), Siblings(model.tree, 0, False), SHORT, some[:16])
    texts = {
        place: piece["features"]["input_ids"][n]
        for piece in batch["pieces"]
        for n, place in enumerate(piece["texts"].tolist())
    }
    for row, at in zip(some, batch["positive"].tolist(), strict=False):
        wanted = model.tokenizer(passages()[row.passage])["input_ids"]
        assert texts[at][: len(wanted)].tolist() == wanted
    outcome = train_model(
        model, some, passages(), tmp_path, SHORT.model_copy(update={"epochs": 1}), tmp_path / "state", inputs={}
    )
    assert outcome["steps"] > 0 and np.isfinite(outcome["loss"])
