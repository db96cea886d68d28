"""Words where they stand, and what the tagger sees of them."""

from __future__ import annotations

import itertools

import torch
from flair.data import Sentence
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.encoder import find_model
from engine.methods.pearl.word_features import (
    CASE,
    SHAPE,
    WINDOW,
    WordFeatures,
    shapes,
    windows,
    without_case,
    words_of,
)


@given(st.text(max_size=400))
@settings(max_examples=100, deadline=None)
def test_words_are_where_they_are(text: str) -> None:
    words = words_of(text)
    assert all(a <= b for (_, a), (b, _) in itertools.pairwise(words))
    assert not any(c.isspace() for start, end in words for c in text[start:end])
    assert [word for window in windows(text, words) for word in window] == words
    assert shapes(text, words).shape == (len(words), SHAPE)


def test_long_texts_are_cut_after_a_sentence() -> None:
    text = "one two three four. " * 100
    pieces = list(windows(text, words_of(text)))
    assert all(len(piece) <= WINDOW for piece in pieces) and len(pieces) == 4
    assert all(text[piece[-1][0]] == "." for piece in pieces)


def test_capitals_can_be_hidden() -> None:
    upper, lower = (shapes(text, words_of(text)) for text in ("Ann met BOB", "ann met bob"))
    assert not torch.equal(upper, lower)
    both = torch.stack([upper, upper])
    hidden = without_case(both, torch.tensor([True, False]))
    assert torch.equal(hidden[0], lower) and torch.equal(hidden[1], upper)
    assert not lower[:, :CASE].any()


def test_a_flair_sentence_is_embedded_as_the_text_is() -> None:
    features = WordFeatures(find_model("minilm"), layers="-1", pooling="mean", fine_tune=False).eval()
    texts = ["  Ann, (Ann's) dinner  at O'Neil's!", "A note: the mill.", "9"]
    sentences = [Sentence(text) for text in texts]
    words = [[(token.start_position, token.end_position) for token in sentence] for sentence in sentences]
    features.embed([*sentences, Sentence("")])
    for sentence, rows in zip(sentences, features.of(texts, words), strict=True):
        assert torch.equal(torch.stack([token.get_embedding() for token in sentence]), rows)
