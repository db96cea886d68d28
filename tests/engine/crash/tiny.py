"""Models and texts so small that a test may encode hundreds of them: random weights, a vocabulary of made-up words."""

from __future__ import annotations

import random
from pathlib import Path

WORDS = [f"{a}{b}{c}" for a in "bdfgk" for b in "aeiou" for c in "lmnrst"]  # 150, none of them an English stop word
DIMENSION = 16


def texts(count: int, seed: int = 0, words: int = 12) -> list[str]:
    """Random texts of 1 to `words` words, common words first as in any language; some come twice."""
    generator = random.Random(seed)
    weights = [1 / (rank + 1) for rank in range(len(WORDS))]
    return [" ".join(generator.choices(WORDS, weights, k=generator.randint(1, words))) for _ in range(count)]


def save_encoder(folder: Path, dimension: int = DIMENSION) -> Path:
    """A BERT of one layer with mean pooling, as sentence-transformers saves it."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Pooling, Transformer
    from transformers import BertModel

    torch.manual_seed(0)
    _save(BertModel(_config(dimension)), folder / "body")
    modules = [Transformer(str(folder / "body")), Pooling(dimension, pooling_mode="mean")]
    SentenceTransformer(modules=modules, device="cpu").save(str(folder / "encoder"))
    return folder / "encoder"


def save_cross_encoder(folder: Path, labels: int = 1) -> Path:
    """A BERT of one layer that reads query and document together."""
    import torch
    from transformers import BertForSequenceClassification

    torch.manual_seed(0)
    config = _config(DIMENSION)
    config.num_labels = labels
    return _save(BertForSequenceClassification(config), folder / "cross")


def _config(dimension: int):
    from transformers import BertConfig

    return BertConfig(
        vocab_size=len(WORDS) + 5,
        hidden_size=dimension,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=2 * dimension,
        max_position_embeddings=64,
        initializer_range=0.5,  # far enough from zero for vectors to differ
    )


def _save(model, folder: Path) -> Path:
    from transformers import BertTokenizerFast

    folder.mkdir(parents=True)
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]) + "\n")
    BertTokenizerFast(str(vocabulary), model_max_length=64).save_pretrained(folder)
    model.save_pretrained(folder)
    return folder
