"""What the model reads: texts with tags around their entities, as tokens, and which tokens are entities or tags.

The eight tags are tokens of their own, and the set of them is made of these eight alone (a tokenizer's "added tokens"
may hold padding and sentinels too). Their embeddings begin as those of ordinary words, not at random.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.methods.pearl.labelled import TYPES, WORDS

if TYPE_CHECKING:
    from torch import Tensor

OPENING = tuple(f"<{kind}>" for kind in TYPES)
CLOSING = tuple(f"</{kind}>" for kind in TYPES)
TAGS = (*OPENING, *CLOSING)
COUNTED = ("PER", "LOC", "EVT")  # whose tokens EMR counts; time is the prior's business


def add_tags(model: Any, tokenizer: Any) -> None:
    """Make the tags tokens of `tokenizer`, each embedded as the word for its type; those that are there stay."""
    import torch

    known = model.get_input_embeddings().weight.shape[0]  # T5 has rows to spare
    new = {tag for tag in TAGS if tokenizer.get_vocab().get(tag, known) >= known}
    tokenizer.add_tokens([tag for tag in TAGS if tag in new], special_tokens=True)
    if known < len(tokenizer):
        model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    weights = model.get_input_embeddings().weight
    with torch.no_grad():
        for kind, *tags in zip(TYPES, OPENING, CLOSING, strict=True):
            pieces = tokenizer(WORDS[kind], add_special_tokens=False)["input_ids"]
            for tag in new.intersection(tags):
                weights[tokenizer.convert_tokens_to_ids(tag)] = weights[pieces].mean(dim=0)


@dataclass(frozen=True)
class Marks:
    """Token ids of the tags: all of them, and those that open and close an entity that counts."""

    tags: tuple[int, ...]
    opening: tuple[int, ...]
    closing: tuple[int, ...]

    @staticmethod
    def of(tokenizer: Any) -> Marks:
        ids = dict(zip(TAGS, tokenizer.convert_tokens_to_ids(list(TAGS)), strict=True))
        opening, closing = (tuple(ids[form.format(kind)] for kind in COUNTED) for form in ("<{}>", "</{}>"))
        return Marks(tuple(ids.values()), opening, closing)

    def tag_tokens(self, ids: Tensor) -> Tensor:
        """(b, l) whether each token is one of the eight tags."""
        import torch

        return torch.isin(ids, torch.tensor(self.tags, device=ids.device))

    def entity_tokens(self, ids: Tensor, valid: Tensor) -> Tensor:
        """(b, l) whether each token stands strictly inside a PER, LOC or EVT; tags, times and padding do not.

        An entity whose end was cut off lasts to the text's end, of which the tokenizer's own last token is no part.
        """
        import torch

        opens, closes = (
            torch.isin(ids, torch.tensor(some, device=ids.device)) for some in (self.opening, self.closing)
        )
        inside = (opens.long().cumsum(1) - closes.long().cumsum(1)) > 0
        last = valid.long().cumsum(1) == valid.long().sum(1, keepdim=True)  # [SEP] or </s>
        return inside & ~self.tag_tokens(ids) & valid.bool() & ~(last & ~closes)


def tokenised(tokenizer: Any, texts: Sequence[str], length: int) -> dict[str, Any]:
    """input_ids and attention_mask (b, l), padded on the right, cut at `length` tokens."""
    tokenizer.padding_side = tokenizer.truncation_side = "right"
    read = tokenizer(list(texts), truncation=True, max_length=length, padding=True, return_tensors="pt")
    return {"input_ids": read["input_ids"], "attention_mask": read["attention_mask"]}
