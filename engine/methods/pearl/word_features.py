"""Texts cut into words with exact offsets, and what the tagger sees of each word: its embedding and its shape.

flair's own tokenizer (segtok) leaves the full stop on "at the hall. Then": 5 % of the hand-labelled entities of
data/lives end inside one of its words, against 0.1 % here. MiniLM reads lower case only, so that capitals come as
features beside it. Imports torch and flair: import it inside functions.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import threading
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import chain
from pathlib import Path
from typing import TypeVar

import torch
from flair.data import Sentence
from flair.embeddings import TokenEmbeddings, TransformerWordEmbeddings

from engine.errors import InputError
from engine.progress import track

logging.getLogger("flair").setLevel(logging.ERROR)  # it tells of every network it builds

A = TypeVar("A")
B = TypeVar("B")
Word = tuple[int, int]  # offsets in the text
BATCH = 32  # texts in one forward pass where nothing is learnt
WINDOW = 128  # words that are tagged together; longer texts are cut, after a sentence's end where there is one
_WORD = re.compile(r"[^\W_]+|[^\w\s]|_")
_END = frozenset(".!?…|;")
CASE = 3  # the first so many features of a shape, which say nothing in texts without capitals
SHAPE = 10


def words_of(text: str) -> list[Word]:
    """The offsets of the words: runs of letters and digits, and every other visible character for itself."""
    found = (match.span() for match in _WORD.finditer(text))
    return [(start, end) for start, end in found if unicodedata.category(text[start])[0] != "C"]


def windows(text: str, words: Sequence[Word]) -> Iterator[list[Word]]:
    """`words` in pieces of at most WINDOW."""
    start = 0
    while start < len(words):
        end = min(start + WINDOW, len(words))
        if end < len(words):
            ends = (i for i in range(end, start + WINDOW // 2, -1) if text[words[i - 1][0]] in _END)
            end = next(ends, end)
        yield list(words[start:end])
        start = end


def shapes(text: str, words: Sequence[Word]) -> torch.Tensor:
    """(words, SHAPE): capitals first (see CASE), then digits, punctuation, what a word touches, where it stands."""
    rows, fresh = [], True
    for start, end in words:
        word = text[start:end]
        before, after = text[start - 1 : start], text[end : end + 1]
        letters = word[0].isalnum()
        rows.append(
            (
                word[0].isupper(),
                len(word) > 1 and word.isupper(),
                word[0].isupper() and fresh,
                word.isdigit(),
                not word.isalpha() and any(c.isdigit() for c in word),
                not letters,
                bool(before) and not before.isspace(),
                bool(after) and not after.isspace(),
                before in ("@", "#"),
                fresh,
            )
        )
        fresh = word in _END or (fresh and not letters)
    return torch.tensor(rows, dtype=torch.float32).reshape(len(words), SHAPE)


class WordFeatures(TokenEmbeddings):
    """flair's word embeddings of a transformer in a local folder, and shapes beside them.

    Frozen, the transformer is no part of this module: neither trained nor saved with it. Raises InputError if it cannot
    be loaded.
    """

    def __init__(self, folder: Path, layers: str, pooling: str, fine_tune: bool) -> None:
        transformer = _load(folder, layers, pooling, fine_tune)
        self.name, self.static_embeddings = "words", False
        super().__init__()
        self._tokenizing = threading.Lock()  # fast tokenizers keep their padding as state
        if fine_tune:
            self.transformer = transformer
        else:
            object.__setattr__(self, "transformer", transformer.eval())  # nn.Module would register it

    @property
    def embedding_length(self) -> int:
        return self.transformer.embedding_length + SHAPE

    @property
    def embedding_type(self) -> str:
        return "word-level"

    def _add_embeddings_internal(self, sentences: list[Sentence]) -> None:
        """What `of` gives for flair's own tokens, so that flair can predict with a trained tagger's network."""
        sentences = [sentence for sentence in sentences if len(sentence)]
        if not sentences:
            return
        texts, words = zip(*map(_spaced, sentences), strict=True)
        for sentence, rows in zip(sentences, self.of(texts, words), strict=True):
            for token, row in zip(sentence, rows, strict=True):
                token.set_embedding(self.name, row)

    def of(self, texts: Sequence[str], words: Sequence[Sequence[Word]]) -> list[torch.Tensor]:
        """(words, embedding_length) for each text, which has at least one word; differentiable where fine-tuned."""
        sentences = [Sentence([text[s:e] for s, e in w]) for text, w in zip(texts, words, strict=True)]
        with self._tokenizing:
            tensors = self.transformer.prepare_tensors(sentences)
        learns = self.training and self.transformer.fine_tune
        with contextlib.nullcontext() if learns else torch.no_grad():
            embedded = self.transformer(**tensors)["token_embeddings"]  # (texts, words, transformer's)
        return [
            torch.cat([row[: len(w)], shapes(text, w).to(row.device)], dim=1)
            for text, w, row in zip(texts, words, embedded, strict=True)
        ]

    def save_transformer(self, folder: Path) -> None:
        """Weights, configuration and tokenizer as transformers has them."""
        self.transformer.model.save_pretrained(folder)
        self.transformer.tokenizer.save_pretrained(folder)


def _spaced(sentence: Sentence) -> tuple[str, list[Word]]:
    """A flair sentence's text and where its tokens stand in it, from the first on."""
    text, words = "", list[Word]()
    for token in sentence:
        words.append((len(text), len(text) + len(token.text)))
        text += token.text + " " * token.whitespace_after
    return text, words


def without_case(features: torch.Tensor, which: torch.Tensor) -> torch.Tensor:
    """`features` (batch, words, size) with the capitals of the texts `which` (batch, bool) taken away."""
    keep = torch.ones(len(which), 1, features.shape[2], device=features.device)
    first = features.shape[2] - SHAPE
    keep[which, :, first : first + CASE] = 0
    return features * keep


def _load(folder: Path, layers: str, pooling: str, fine_tune: bool) -> TransformerWordEmbeddings:
    parallelism = os.environ.get("TOKENIZERS_PARALLELISM")
    try:
        return TransformerWordEmbeddings(
            str(folder),
            layers=layers,
            layer_mean=False,
            subtoken_pooling=pooling,
            fine_tune=fine_tune,
            use_context_separator=False,  # a token more than the model has
            local_files_only=True,
            transformers_model_kwargs={"use_safetensors": True, "add_pooling_layer": False},
        )
    except Exception as error:  # each library has its own
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
        raise InputError(
            f"not a model whose words can be embedded ({reason})",
            where=str(folder),
            remedy="Name a folder with config.json, a tokenizer and model.safetensors",
        ) from None
    finally:  # flair sets it for good
        os.environ.pop("TOKENIZERS_PARALLELISM", None)
        if parallelism is not None:
            os.environ["TOKENIZERS_PARALLELISM"] = parallelism


Each = Callable[[Callable[[list[A]], Sequence[B]], list[list[A]]], Iterable[Sequence[B]]]


def in_batches(
    function: Callable[[list[A]], Sequence[B]], pieces: Sequence[A], length: Callable[[A], int], each: Each[A, B]
) -> list[B]:
    """What `function` gives for each piece, in the pieces' order.

    It gets `BATCH` pieces of like length at once, the longest first; `each`, which is map or `one_a_core`, applies it.
    """
    order = sorted(range(len(pieces)), key=lambda n: -length(pieces[n]))
    batches = [[pieces[n] for n in order[start : start + BATCH]] for start in range(0, len(order), BATCH)]
    answers = dict(zip(order, chain.from_iterable(each(function, batches)), strict=True))
    return [answers[n] for n in range(len(pieces))]


def one_a_core(function: Callable[[A], B], batches: Sequence[A], label: str) -> Iterator[B]:
    """`function` of each batch, in order, without gradients: a batch a core, not one over all of them.

    Threads that share every small product wait for the slowest: beside another busy process that is 30 times slower.
    """

    def alone(batch: A) -> B:
        with torch.no_grad():
            return function(batch)

    cores = _cores()
    with ThreadPoolExecutor(min(cores, max(1, len(batches))), initializer=torch.set_num_threads, initargs=(1,)) as pool:
        yield from track(pool.map(alone, batches), label, len(batches), "batches")
    torch.set_num_threads(cores)  # what the workers set for themselves, threads made later would inherit


@cache
def _cores() -> int:
    """Torch's own number of threads; asked once, before any worker has set it for those made later."""
    return torch.get_num_threads()


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """One torch thread inside: see `one_a_core`."""
    threads = _cores()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
