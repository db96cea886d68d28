"""A BERT and a T5 of a few thousand weights, whose tokenizers know digits; random, far from uniform."""

from __future__ import annotations

from pathlib import Path
from typing import Any

_SENTENCE = "the with in at of met ann anna maria bob mill harbour regatta dentist may boat person location event time"
WORDS = _SENTENCE.split()
HIDDEN = 32
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
TEXTS = [
    "<PER> anna </PER> met <PER> bob </PER> at the <LOC> mill </LOC>",
    "the <EVT> regatta </EVT> in <TIM>",
    "boat",
    "dentist with maria , ann , bob and the boat of the harbour in may at the mill",
    "",
]


def vocabulary() -> list[str]:
    pieces = [*WORDS, *LETTERS, *(f"##{letter}" for letter in LETTERS), *"?,.;<>/"]
    return list(dict.fromkeys(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *pieces]))


def save_bert(folder: Path, hidden: int = HIDDEN, spread: float = 0.4, **tokenizer: Any) -> Path:
    """A BERT of two layers that knows no tags; weights are drawn with a deviation of `spread`."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(vocabulary()), "utf-8")
    BertTokenizerFast(str(folder / "vocab.txt"), **tokenizer).save_pretrained(folder)
    torch.manual_seed(3)
    config = BertConfig(
        vocab_size=len(vocabulary()), hidden_size=hidden, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=80, initializer_range=spread,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    return folder


def save_t5(folder: Path, spare: int = 0, bytewise: bool = False) -> Path:
    """A T5 whose digits are words, as T5's are; or whose tokens are characters. `spare` rows of embeddings are unused,
    as in T5's."""
    import torch
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast, T5Config, T5ForConditionalGeneration

    words = [*LETTERS, " ", ",", "?"] if bytewise else [*WORDS, *map(str, range(1200)), ","]
    tokens = ["<pad>", "</s>", "<unk>", *words, "<extra_id_0>"]
    raw = Tokenizer(models.WordLevel({token: n for n, token in enumerate(tokens)}, unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated") if bytewise else pre_tokenizers.WhitespaceSplit()
    raw.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    special: dict[str, Any] = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    PreTrainedTokenizerFast(
        tokenizer_object=raw, additional_special_tokens=["<extra_id_0>"], **special
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = T5Config(
        vocab_size=len(tokens) + spare, d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2,
        decoder_start_token_id=0, pad_token_id=0, eos_token_id=1,
    )  # fmt: skip
    net = T5ForConditionalGeneration(config)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    net.save_pretrained(folder)
    return folder
