"""docT5query in PEARL: a model learns from passages and their questions to ask, then asks of passages without any.

The generated questions make a passage's id known under more words than its own. Training and generation read a
passage through the same function and the same prefix, which is kept beside the model; the published code trains with
an instruction and runs without it. The model itself is engine/training/seq2seq.py's.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from engine.config import BuildConfig
from engine.encoder import BUNDLED
from engine.errors import InputError
from engine.files import write_json
from engine.training.seq2seq import Example, Seq2SeqConfig, finetune_seq2seq
from engine.training.seq2seq_models import generate

PREFIX = "prefix.json"
_APART = re.compile(r"(\w) ' (s|t|m|d|re|ve|ll)\b", re.IGNORECASE)  # as BERT's tokenizer leaves "what's"


class QueryGeneratorConfig(BuildConfig):
    """A generator of questions; the defaults are for a CPU. Published: T5-base, 500 steps of 48, 64 new tokens."""

    model: str = Field(BUNDLED, description="a sequence-to-sequence model such as T5, or an encoder: hub id or folder")
    prefix: str = Field(
        "Ask what this memory answers: ", description="instruction before a passage, in training as in generation"
    )
    questions: int = Field(3000, ge=1, description="learn from at most so many pairs of passage and question")
    per_passage: int = Field(5, ge=1, description="questions drawn of a passage; those drawn twice are kept once")
    top_k: int = Field(10, ge=1, description="a token is drawn from so many likeliest; 1: always the likeliest")
    max_new_tokens: int = Field(24, ge=1, description="of a question")
    seq2seq: Seq2SeqConfig = Seq2SeqConfig(
        freeze_encoder=True, learning_rate=5e-4, batch_size=16, epochs=4, max_source=64, max_target=24, decoder_layers=2
    )


def source(passage: str, prefix: str) -> str:
    """What the model reads of a passage."""
    return prefix + " ".join(passage.split())


def train_generator(
    pairs: Sequence[tuple[str, str, str | None]],
    out_folder: Path,
    config: QueryGeneratorConfig,
    state_folder: Path,
    gpus: int = 1,
) -> dict[str, Any]:
    """Learn from `pairs`: a passage, a question that it answers, and whose memory it is (None: nobody's).

    A person's pairs are held out together. `out_folder` gets a model for `generated`; `state_folder` is that of
    finetune_seq2seq, as are the figures and errors.
    """
    pairs = [pair for pair in dict.fromkeys(pairs) if pair[0].strip() and pair[1].strip()]
    if len(pairs) > config.questions:
        kept = random.Random(config.seq2seq.seed).sample(range(len(pairs)), config.questions)
        pairs = [pairs[at] for at in sorted(kept)]
    examples = [Example(source(passage, config.prefix), question, user) for passage, question, user in pairs]
    outcome = finetune_seq2seq(config.model, examples, out_folder, config.seq2seq, state_folder, gpus=gpus)
    write_json(out_folder / PREFIX, {"prefix": config.prefix})
    return outcome


def generated(folder: Path, passages: Sequence[str], config: QueryGeneratorConfig, seed: int = 42) -> list[list[str]]:
    """For each passage at most `per_passage` different questions, in the order in which they were drawn.

    The prefix is the one that the model was trained with. Raises InputError if `folder` has none or no model.
    """
    try:
        prefix = str(json.loads((folder / PREFIX).read_text("utf-8"))["prefix"])
    except (OSError, ValueError, LookupError, TypeError):
        remedy = "Name a folder that train_generator has made"
        raise InputError("not a generator of questions", where=str(folder / PREFIX), remedy=remedy) from None
    drawn = generate(
        folder,
        [source(passage, prefix) for passage in passages],
        config.per_passage,
        top_k=config.top_k,
        max_new_tokens=config.max_new_tokens,
        seed=seed,
    )
    return [_different(questions) for questions in drawn]


def _different(questions: Sequence[str]) -> list[str]:
    known: dict[str, str] = {}
    for text in questions:
        question = _APART.sub(r"\1'\2", " ".join(text.split()))
        if question:
            known.setdefault(question.casefold(), question)
    return list(known.values())
