"""What partial labels teach: the loss against every tagging listed, and which taggings the labels allow."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from engine.methods.pearl import partial_crf
from engine.methods.pearl.tagging import Tagger, TaggerConfig
from engine.methods.pearl.word_features import words_of


def tiny(types: tuple[str, ...], seed: int = 3) -> Tagger:
    return Tagger.untrained(TaggerConfig(hidden=4, dropout=0.0, seed=seed), types)


def brute_force(tagger: Tagger, text: str, possible: torch.Tensor) -> float:
    """The loss by listing every tagging."""
    words = words_of(text)
    scores, _ = tagger.scores(tagger.features.of([text], [words]))
    names, transitions = tagger.network.label_dictionary, tagger.network.crf.transitions
    start, stop = names.get_idx_for_item("<START>"), names.get_idx_for_item("<STOP>")
    sums: dict[bool, list[float]] = {True: [], False: []}
    for tags in itertools.product(range(possible.shape[1]), repeat=len(words)):
        path = (start, *tags)
        total = sum(scores[0, i, path[i + 1], path[i]].item() for i in range(len(tags)))
        total += transitions[stop, tags[-1]].item()
        sums[all(possible[i, tag] for i, tag in enumerate(tags))].append(total)
    inside = torch.tensor(sums[True]).double().logsumexp(0).item()
    return torch.tensor(sums[True] + sums[False]).double().logsumexp(0).item() - inside


@pytest.mark.parametrize("known", [frozenset({"PER"}), frozenset({"PER", "TIM"})])
def test_the_loss_sums_over_the_taggings_that_the_labels_allow(known: frozenset[str]) -> None:
    tagger = tiny(("PER", "TIM"))
    tagger.network.eval()
    text, words = "Ann left now", words_of("Ann left now")
    masks = partial_crf.allowed(words, [(0, 3, "PER")], known, tagger.types)
    with torch.no_grad():
        scores, lengths = tagger.scores(tagger.features.of([text], [words]))
        ours = partial_crf.loss(tagger.network, scores, lengths, masks[None]).item()
        assert math.isclose(ours, brute_force(tagger, text, masks), rel_tol=1e-4, abs_tol=1e-3)


def test_what_nobody_looked_for_is_not_taught_as_nothing() -> None:
    words = words_of("Ann left at seven")
    tags = partial_crf.tags_of(("PER", "TIM"))
    masks = partial_crf.allowed(words, [(0, 3, "PER")], frozenset({"PER"}), ("PER", "TIM"))
    assert [tag for tag, may in zip(tags, masks[0], strict=True) if may] == ["S-PER"]
    for row in masks[1:]:  # any time, but no person
        assert [tag for tag, may in zip(tags, row, strict=True) if may] == ["O", "S-TIM", "B-TIM", "E-TIM", "I-TIM"]
    everything = partial_crf.allowed(words, [(0, 3, "PER"), (9, 17, "TIM")], frozenset(("PER", "TIM")), ("PER", "TIM"))
    assert everything.sum(1).tolist() == [1, 1, 1, 1]
    assert [tags[row.int().argmax()] for row in everything] == ["S-PER", "O", "B-TIM", "E-TIM"]


def test_padding_changes_no_loss() -> None:
    tagger = tiny(("PER",))
    tagger.network.eval()
    texts = ["Ann was not at home today", "Ann left"]
    words = [words_of(text) for text in texts]
    masks = [partial_crf.allowed(w, [(0, 3, "PER")], frozenset({"PER"}), ("PER",)) for w in words]
    with torch.no_grad():
        features = tagger.features.of(texts, words)
        padded = torch.nn.utils.rnn.pad_sequence(masks, batch_first=True, padding_value=True)
        together = partial_crf.loss(tagger.network, *tagger.scores(features), padded).item()
        alone = [
            partial_crf.loss(tagger.network, *tagger.scores([f]), m[None]).item()
            for f, m in zip(features, masks, strict=True)
        ]
    assert math.isclose(together, sum(alone), rel_tol=1e-4)
