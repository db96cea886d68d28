"""A T5 and a BERT of a few thousand weights over made-up words, and eight pairs of texts to learn by heart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from crash import tiny as worlds

from engine.training import Example, Seq2SeqConfig

CONFIG = Seq2SeqConfig(
    batch_size=8, chunk_size=3, learning_rate=5e-3, epochs=2, validation=0, dtype="float32", checkpoint_steps=2
)


def examples(count: int = 8, people: int = 4) -> list[Example]:
    """The target is the source's second word and the one after it in the list; sources differ in length."""
    words = worlds.WORDS
    texts = [" ".join([words[n], words[n + 20], *words[60 : 60 + n % 5]]) for n in range(count)]
    return [Example(text, f"{words[n + 20]} {words[n + 21]}", f"p{n % people}") for n, text in enumerate(texts)]


def save_encoder(folder: Path) -> Path:
    return worlds.save_encoder(folder, dimension=32)


def save_t5(folder: Path) -> Path:
    """A T5 whose tokenizer cuts at spaces and ends a text as T5's does."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration

    tokens = ["<pad>", "</s>", "<unk>", *worlds.WORDS]
    raw = Tokenizer(models.WordLevel({token: n for n, token in enumerate(tokens)}, unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    raw.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    special: dict[str, Any] = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    PreTrainedTokenizerFast(tokenizer_object=raw, **special).save_pretrained(folder)
    torch.manual_seed(0)
    config = T5Config(
        vocab_size=len(tokens), d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2, decoder_start_token_id=0
    )
    T5ForConditionalGeneration(config).save_pretrained(folder)
    return folder
