"""Batches of one person's documents: how they are put together, that a resumed run has the same, who judges."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from crash import tiny as worlds

from engine.encoder import Encoder, EncoderConfig
from engine.training import AdaptConfig, Pair, adapt_encoder, contrastive
from engine.training.grouping import grouped_order, held_out, split
from training.runs import Killed, killed_at

CONFIG = AdaptConfig(
    batch_size=8, grouped=4, chunk_size=8, learning_rate=1e-2, epochs=2, dtype="float32", checkpoint_steps=2
)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return worlds.save_encoder(tmp_path_factory.mktemp("model"))


def pairs(people: int = 6, documents: int = 9) -> list[Pair]:
    """Everyone has the same words, each person an order of their own."""
    texts = worlds.texts(people * documents, words=12)
    return [
        Pair(text.split()[-1], text, f"{n % people}/{n}", group=f"person {n % people}") for n, text in enumerate(texts)
    ]


def adapt(model: Path, folder: Path, config: AdaptConfig = CONFIG, some: list[Pair] | None = None) -> dict[str, Any]:
    (folder / "out").mkdir(parents=True, exist_ok=True)
    encoder = Encoder(EncoderConfig(model=str(model)), device="cpu")
    return adapt_encoder(encoder, pairs() if some is None else some, folder / "out", config, folder / "state")


def test_an_epoch_is_of_runs_of_one_group() -> None:
    groups = ["a"] * 10 + ["b"] * 5 + ["c"] * 3 + ["d"] * 8 + ["e"]  # 27 pairs: whole runs of 4 are 2, 1, 0, 2 and 0
    orders = [grouped_order(groups, 4, seed=1, epoch=epoch) for epoch in range(20)]
    for order in orders:
        assert sorted(order) == list(range(27))
        runs = [[groups[i] for i in order[start : start + 4]] for start in range(0, 27, 4)]
        whole = [run[0] for run in runs if len(set(run)) == 1 and len(run) == 4]
        assert sorted(whole) == ["a", "a", "b", "d", "d"]
        assert len(runs[-1]) == 3  # what is left over of all, 2 + 1 + 3 + 0 + 1 = 7, is a run of 4 and a last of 3
    assert len({tuple(order) for order in orders}) == 20
    assert grouped_order(groups, 4, 1, 7) == orders[7] and grouped_order(groups, 4, 2, 7) != orders[7]
    neighbours = {frozenset(pair) for order in orders for pair in pairwise(order[:-3]) if groups[pair[0]] == "a"}
    assert len(neighbours) > 30  # who meets whom changes


def test_small_groups_and_none() -> None:
    assert sorted(grouped_order(["a", "b", None], 8, 0, 0)) == [0, 1, 2]
    assert sorted(grouped_order([None] * 9, 4, 0, 0)) == list(range(9))
    assert grouped_order([], 4, 0, 0) == []


def test_who_is_held_out() -> None:
    names = [f"n{i}" for i in range(10)]
    assert len(held_out(names, 0.3, 1)) == 3 and held_out(names, 0.3, 1) == held_out(names, 0.3, 1)
    assert len(held_out(names, 0.01, 1)) == 1 and held_out(names, 0, 1) == set()
    assert held_out(names[:2], 0.5, 1) == set()  # none are left to be told apart


def test_whole_people_are_held_out() -> None:
    training, judged = split(pairs(), CONFIG.validation, CONFIG.seed)
    assert len({pair.group for pair in judged}) == 1 and len(judged) == 9 and len(training) == 45
    assert not {pair.group for pair in judged} & {pair.group for pair in training}
    assert {pair.group for pair in contrastive._candidates(pairs(), {judged[0].group})} == {judged[0].group}


def test_a_document_is_ranked_within_its_own_group(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = {"qa": [1, 0], "qb": [1, 0], "a1": [0.8, 0.6], "a2": [0.6, 0.8], "b1": [1, 0], "b2": [0.6, 0.8]}
    monkeypatch.setattr(contrastive, "_encode", lambda model, texts, *_: np.array([vectors[t] for t in texts]))
    judged = [Pair("qa", "a1", group="a"), Pair("qb", "b2", group="b")]
    some = contrastive._candidates([*judged, Pair("", "a2", group="a"), Pair("", "b1", group="b")], {"a", "b"})
    figures = contrastive._validate(judged, some, ("", ""), CONFIG, False, None, None)  # type: ignore[arg-type]
    # a1 is better than a2, and b1, the best of all, is another person's; b2 comes after b1
    assert figures == {"hit@1": 0.5, "hit@10": 1.0, "ndcg@10": pytest.approx((1 + 1 / np.log2(3)) / 2, abs=1e-6)}


def test_a_batch_is_of_whole_runs() -> None:
    with pytest.raises(ValueError, match="whole runs of 24"):
        AdaptConfig(batch_size=64, grouped=24)
    assert "grouped" not in AdaptConfig().model_dump()  # so that no digest changes
    assert AdaptConfig(**CONFIG.model_dump(mode="json")) == CONFIG


@pytest.mark.integration
def test_every_batch_is_of_runs_and_a_killed_run_goes_on_in_the_same_order(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = CONFIG.model_copy(update={"keep": "last"})
    seen: list[list[Pair]] = []
    collate = contrastive._collate

    def watching(net: Any, prompts: Any, number: Any, size: int, batch: list[Pair]) -> Any:
        seen.append(list(batch))
        return collate(net, prompts, number, size, batch)

    monkeypatch.setattr(contrastive, "_collate", watching)
    outcome = adapt(model, tmp_path / "whole", config)
    assert outcome["steps"] == 10 and outcome["groups"] == 6  # 45 pairs: five batches an epoch, five pairs dropped
    whole, seen[:] = list(seen), []
    assert all(len({pair.belongs for batch in epoch for pair in batch}) == 40 for epoch in (whole[:5], whole[5:]))
    runs = [{pair.group for pair in batch[start : start + 4]} for batch in whole for start in (0, 4)]
    assert sum(len(run) == 1 for run in runs) >= 18  # of 20; one run an epoch is of what was left over
    assert whole[:5] != whole[5:]
    with monkeypatch.context() as patch, pytest.raises(Killed):
        killed_at(patch, 9)  # the fourth of the second epoch's five steps; the last checkpoint is of the eighth
        adapt(model, tmp_path / "broken", config)
    seen.clear()
    adapt(model, tmp_path / "broken", config)
    assert seen == whole[8:]
    weights = [(tmp_path / name / "out" / "model.safetensors").read_bytes() for name in ("whole", "broken")]
    assert weights[0] == weights[1]
