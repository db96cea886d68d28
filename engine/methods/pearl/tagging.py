"""Named entities of personal texts (paper 3.1): a flair SequenceTagger over the bundled MiniLM's word embeddings.

Labelled texts in, a folder of safetensors and JSON out, and entities as exact offsets from it. What a labelled
text is stands in labelled.py, what the network sees of a word in word_features.py, how partial labels teach it in
partial_crf.py.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from engine.artifacts import digest_tree, undamaged
from engine.config import BuildConfig
from engine.encoder import BUNDLED, find_model
from engine.errors import InputError
from engine.files import write_json
from engine.methods.pearl.labelled import (
    TYPES,
    Entity,
    Sentence,
    f1,
    of_dataset,
    read_conll,
    sample,
    tagged,
    verbalised,
)

if TYPE_CHECKING:
    import torch

    from engine.methods.pearl.word_features import Word

__all__ = [
    "Entity",
    "Sentence",
    "Tagger",
    "TaggerConfig",
    "f1",
    "of_dataset",
    "read_conll",
    "sample",
    "shared_tagger",
    "tagged",
    "train_tagger",
    "verbalised",
]
WEIGHTS, CARD, TRANSFORMER = "model.safetensors", "tagger.json", "transformer"
REMEDY = "Train the tagger again"


class TaggerConfig(BuildConfig):
    """The entity tagger: what it is made of and how it is trained."""

    encoder: str = Field(BUNDLED, description="the transformer under it: 'minilm', a hub id or a folder")
    layers: str = Field("-1,-4", description="whose outputs, joined, are a word's embedding; -1 is the last")
    pooling: Literal["first", "mean"] = Field("mean", description="how a word's pieces speak for it")
    fine_tune: bool = Field(False, description="train the transformer too, with no recurrent layer above it")
    hidden: int = Field(128, ge=1, description="units of the recurrent layer in each direction")
    dropout: float = Field(0.5, ge=0, lt=1, description="of whole features, the same for all words of a text")
    lowercase: float = Field(0.2, ge=0, le=1, description="share of the texts whose capitals are hidden in training")
    learning_rate: float = Field(2e-3, gt=0, description="Adam's, falling linearly to 0")
    warmup: float = Field(0.1, ge=0, lt=1, description="share of the steps in which the rate rises")
    batch_size: int = Field(32, ge=1, description="texts in one step")
    epochs: int = Field(8, ge=1, description="passes over the texts; the one of best F1 on held-out texts is kept")
    patience: int = Field(3, ge=1, description="epochs without a better one before training stops")
    validation: float = Field(0.1, gt=0, lt=1, description="share of the texts held out where none are given for it")
    seed: int = Field(0, ge=0, description="of the first weights, the order of texts and what is held out")


class Tagger:
    """A trained tagger. Raises InputError for a damaged folder, or where its transformer is another now."""

    def __init__(self, folder: Path) -> None:
        try:
            with undamaged(folder, REMEDY):
                card = json.loads((folder / CARD).read_text("utf-8"))
                config, types = TaggerConfig(**card["config"]), tuple(card["types"])
                weights = _read(folder / WEIGHTS)
                if config.fine_tune and card["transformer"] != digest_tree(folder / TRANSFORMER):
                    raise ValueError("the transformer's files have changed")
        except FileNotFoundError as error:
            missing = Path(error.filename or CARD).name
            raise InputError(f"there is no tagger here ({missing})", where=str(folder), remedy=REMEDY) from None
        base = folder / TRANSFORMER if config.fine_tune else find_model(config.encoder)
        if not config.fine_tune and digest_tree(base) != card["transformer"]:
            raise InputError(
                f"it was trained over another {config.encoder!r} (sha256 {card['transformer'][:12]}…)",
                where=str(folder),
                remedy=REMEDY,
            )
        self._build(config, types, base)
        with undamaged(folder, REMEDY):
            self.network.load_state_dict(weights, strict=False)
            if set(weights) != set(self._head()):
                raise ValueError("its weights are another network's")
        self.network.eval()

    @classmethod
    def untrained(cls, config: TaggerConfig, types: Sequence[str]) -> Tagger:
        """One with random weights."""
        tagger = cls.__new__(cls)
        tagger._build(config, types, find_model(config.encoder))
        return tagger

    def _build(self, config: TaggerConfig, types: Sequence[str], transformer: Path) -> None:
        import flair

        from engine.methods.pearl.partial_crf import network
        from engine.methods.pearl.word_features import WordFeatures

        self.config, self.types, self.path, self.device = config, tuple(types), transformer, flair.device
        self.features = WordFeatures(transformer, config.layers, config.pooling, config.fine_tune)
        self.network = network(
            self.features, self.types, config.hidden, config.dropout, not config.fine_tune, config.seed
        )

    def _head(self) -> dict[str, torch.Tensor]:
        """What is trained above the transformer."""
        return {k: v for k, v in self.network.state_dict().items() if not k.startswith("embeddings.")}

    def save(self, folder: Path) -> None:
        """The tagger's folder: the head, a card, and the transformer only where it was trained too."""
        from safetensors.torch import save_file

        save_file({k: v.detach().cpu().contiguous() for k, v in self._head().items()}, folder / WEIGHTS)
        base = self.path
        if self.config.fine_tune:
            base = folder / TRANSFORMER
            self.features.save_transformer(base)
        card = {
            "config": self.config.model_dump(mode="json"),
            "types": self.types,
            "transformer": digest_tree(base),
            "versions": {name: version(name) for name in ("flair", "torch", "transformers")},
        }
        write_json(folder / CARD, card)

    def tag(self, texts: Sequence[str]) -> list[tuple[Entity, ...]]:
        """The entities of each text: sorted, disjoint, as exact offsets. A text may be empty or of any length."""
        from engine.methods.pearl.word_features import in_batches, one_a_core, windows, words_of

        pieces = [(i, words) for i, text in enumerate(texts) for words in windows(text, words_of(text))]

        def tag_batch(batch: Sequence[tuple[int, list[Word]]]) -> list[list[Entity]]:
            words = [w for _, w in batch]
            return self.decode(self.features.of([texts[i] for i, _ in batch], words), words)

        answers = in_batches(tag_batch, pieces, lambda piece: len(piece[1]), partial(one_a_core, label="entities"))
        found: list[tuple[Entity, ...]] = [()] * len(texts)
        for (i, _), entities in zip(pieces, answers, strict=True):
            found[i] += tuple(entities)
        return found

    def scores(self, features: Sequence[torch.Tensor], hide_case: float = 0.0) -> tuple[torch.Tensor, torch.Tensor]:
        """(batch, words, to, from) scores and (batch,) lengths; texts come longest first, as flair wants them.

        `hide_case` is the share of the texts whose capitals are hidden, drawn from torch's generator.
        """
        import torch

        from engine.methods.pearl.word_features import without_case

        padded = torch.nn.utils.rnn.pad_sequence([f.to(self.device) for f in features], batch_first=True)
        if hide_case:
            padded = without_case(padded, torch.rand(len(features)) < hide_case)
        lengths = torch.tensor([len(f) for f in features])
        return self.network(padded, lengths)[0], lengths

    def decode(self, features: Sequence[torch.Tensor], words: Sequence[Sequence[Word]]) -> list[list[Entity]]:
        """The most likely entities of texts, which come longest first."""
        scores, lengths = self.scores(features)
        transitions = self.network.crf.transitions
        best, _ = self.network.viterbi_decoder.decode((scores, lengths.tolist(), transitions), False, [])
        return [_entities([tag for tag, _ in tags], w) for tags, w in zip(best, words, strict=True)]


def _read(file: Path) -> dict[str, torch.Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        return load(file.read_bytes())
    except SafetensorError as error:  # no subclass of ValueError
        raise ValueError(error) from None


def _entities(tags: Sequence[str], words: Sequence[Word]) -> list[Entity]:
    begun = 0
    entities: list[Entity] = []
    for i, tag in enumerate(tags):
        position, _, kind = tag.partition("-")
        if position in ("B", "S"):
            begun = i
        if position in ("E", "S"):
            entities.append((words[begun][0], words[i][1], kind))
    return entities


def shared_tagger(folder: Path) -> Tagger:
    """The tagger of a folder, one a process; made anew where its files are no longer the same."""
    stamp = tuple((p.name, s.st_size, s.st_mtime_ns) for p in sorted(folder.rglob("*")) if (s := p.stat()))
    return _shared_tagger(folder, stamp)


@lru_cache(maxsize=2)
def _shared_tagger(folder: Path, stamp: tuple[tuple[str, int, int], ...]) -> Tagger:
    return Tagger(folder)


def train_tagger(
    sentences: Sequence[Sentence],
    out_folder: Path,
    config: TaggerConfig,
    state_folder: Path,
    validation: Sequence[Sentence] = (),
) -> dict[str, Any]:
    """Train on `sentences`, keep the epoch of best F1 on `validation` (else on a share of them), fill `out_folder`.

    A killed run goes on from `state_folder` and ends with the same weights. The tagger knows the types that some
    sentence knows. Returns what a manifest shall say. Raises InputError if nothing is labelled.
    """
    from engine.methods.pearl.tagger_training import Trained

    labelled = [sentence for sentence in sentences if sentence.entities is not None and sentence.text.strip()]
    held = [sentence for sentence in validation if sentence.entities is not None]
    types = tuple(kind for kind in TYPES if any(kind in sentence.known for sentence in labelled))
    if not types:
        raise InputError("no text is labelled", where="entities", remedy="Give texts with fields.entities")
    if not held:
        labelled, held = _held_out(labelled, config)
    tagger = Tagger.untrained(config, types)
    outcome = Trained(tagger, labelled, held).fit(state_folder)
    out_folder.mkdir(parents=True, exist_ok=True)
    tagger.save(out_folder)
    return {"types": types, "texts": len(labelled), "held_out": len(held), **outcome}


def _held_out(sentences: Sequence[Sentence], config: TaggerConfig) -> tuple[list[Sentence], list[Sentence]]:
    """Those to learn from and those held out; equal texts stay together. One text is both."""
    count = max(1, round(len({s.text for s in sentences}) * config.validation))
    chosen = {s.text for s in sample(sentences, count, config.seed)}
    rest = [s for s in sentences if s.text not in chosen]
    return rest or list(sentences), [s for s in sentences if s.text in chosen]
