"""Training the entity tagger: features made once where the transformer is frozen, then engine/training's loop.

Imports torch and flair: import it inside functions.
"""

from __future__ import annotations

import contextlib
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from engine.artifacts import digest, digest_tree
from engine.methods.pearl import partial_crf
from engine.methods.pearl.labelled import Entity, Sentence, f1
from engine.methods.pearl.tagging import Tagger
from engine.methods.pearl.word_features import Word, in_batches, one_a_core, one_thread, windows, words_of
from engine.training.loop import Loop, Plan, fit


@dataclass(frozen=True)
class Example:
    """A text of at most a window, its words, the tags that its labels allow, and its features if they never change."""

    text: str
    words: list[Word]
    masks: torch.Tensor  # (words, tags) bool
    features: torch.Tensor | None  # (words, size)


class Trained:
    """A tagger that learns from `sentences` and is judged on `held`."""

    def __init__(self, tagger: Tagger, sentences: Sequence[Sentence], held: Sequence[Sentence]) -> None:
        self.tagger, self.sentences, self.held = tagger, sentences, held
        self.examples = self._examples(sentences)
        self.judged = self._examples(held) if not tagger.config.fine_tune else []

    def fit(self, state_folder: Path) -> dict[str, Any]:
        """Leave the weights of the best epoch in the tagger; what a manifest shall say of it."""
        config = self.tagger.config
        plan = Plan(
            label="tagger",
            epochs=config.epochs,
            batch_size=1,  # an example of the loop is a whole batch of ours
            micro_batch_size=1,
            learning_rate=config.learning_rate,
            schedule="linear",
            warmup=config.warmup,
            weight_decay=0.0,  # it would pull what is impossible towards the possible
            seed=config.seed,
            metric="f1",
            patience=config.patience,
            cpu=self.tagger.device.type == "cpu",
        )
        inputs = {
            "config": config.model_dump(mode="json"),
            "transformer": digest_tree(self.tagger.path),
            "texts": digest([[s.text, s.entities, sorted(s.known)] for s in (*self.sentences, *self.held)]),
            "held": len(self.held),
        }
        loop = Loop(
            model=self.tagger.network,
            examples=self._batches(),
            collate=lambda batches: batches[0],
            loss=self._loss,
            plan=plan,
            state_folder=state_folder,
            count=len,
            validate=lambda network: self._judge(),
        )
        with contextlib.nullcontext() if config.fine_tune else one_thread():
            outcome = fit(loop, state_folder, inputs)
        self.tagger.network.eval()
        return outcome

    def _batches(self) -> list[list[Example]]:
        """Texts of like lengths together, chance deciding among equals: two thirds of the padding is saved.

        A batch stays the same from epoch to epoch; the loop shuffles them.
        """
        shuffled = random.Random(self.tagger.config.seed).sample(self.examples, len(self.examples))
        ranked = sorted(shuffled, key=lambda example: -len(example.words))
        size = self.tagger.config.batch_size
        return [ranked[start : start + size] for start in range(0, len(ranked), size)]

    def _examples(self, sentences: Sequence[Sentence]) -> list[Example]:
        tagger = self.tagger
        cut = [(s, words) for s in sentences for words in windows(s.text, words_of(s.text))]
        features: Sequence[torch.Tensor | None] = [None] * len(cut)
        if not tagger.config.fine_tune:
            features = in_batches(
                lambda batch: tagger.features.of([s.text for s, _ in batch], [words for _, words in batch]),
                cut,
                lambda piece: len(piece[1]),
                partial(one_a_core, label="word embeddings"),
            )
        return [
            Example(s.text, words, partial_crf.allowed(words, s.entities or (), s.known, tagger.types), made)
            for (s, words), made in zip(cut, features, strict=True)
        ]

    def _features(self, examples: Sequence[Example]) -> list[torch.Tensor]:
        known = [example.features for example in examples if example.features is not None]
        if len(known) == len(examples):
            return known
        return self.tagger.features.of([e.text for e in examples], [e.words for e in examples])

    def _loss(self, network: Any, batch: Sequence[Example], total: int) -> torch.Tensor:
        scores, lengths = self.tagger.scores(self._features(batch), self.tagger.config.lowercase)
        masks = torch.nn.utils.rnn.pad_sequence([e.masks for e in batch], batch_first=True, padding_value=True)
        return partial_crf.loss(self.tagger.network, scores, lengths, masks.to(scores.device)) / total

    def _judge(self) -> dict[str, float]:
        if not self.judged:
            predicted = self.tagger.tag([sentence.text for sentence in self.held])
        else:
            predicted = self._decode()
        return {"f1": f1(self.held, predicted)["micro"]["f1"]}

    def _decode(self) -> list[tuple[Entity, ...]]:
        """As `Tagger.tag`, from features already made, in this thread: training keeps to one."""
        answers = in_batches(
            lambda batch: self.tagger.decode(self._features(batch), [e.words for e in batch]),
            self.judged,
            lambda example: len(example.words),
            map,
        )
        found: dict[str, set[Entity]] = defaultdict(set)
        for example, entities in zip(self.judged, answers, strict=True):
            found[example.text].update(entities)
        return [tuple(sorted(found[sentence.text])) for sentence in self.held]
