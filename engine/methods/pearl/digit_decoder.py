"""The published decoder: a sequence-to-sequence model that writes a docid as words, "4 6 7 5", one digit after another.

Any such model of transformers will do (`t5-base` as published); of an encoder alone, such as MiniLM, one is made with a
small decoder from scratch (engine/training/seq2seq_models.py). Only pieces of digits and the end can be written, which
the published code has as a switch: the rest of the vocabulary is never part of an id.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from engine.errors import InputError
from engine.losses import IGNORED
from engine.methods.pearl.docids import DocidTree
from engine.methods.pearl.marking import Marks, add_tags
from engine.methods.pearl.model import Encoded, PearlModel, readable
from engine.training.seq2seq_models import load_seq2seq

if TYPE_CHECKING:
    from engine.index.beam import Score
    from engine.methods.pearl.forest import Forest

LARGEST = 200  # digits that can be written; a store with more memories at one node would need more


class DigitModel(PearlModel):
    """A sequence-to-sequence model over texts and digits."""

    def __init__(self, folder: Path | str, tree: DocidTree, length: int = 64, blocks: int = 2) -> None:
        """Of a hub id, a folder or 'minilm'. Raises InputError where that is neither an encoder nor has one."""
        super().__init__()
        self.net, self.tokenizer = load_seq2seq(folder, decoder_layers=blocks, vocabulary=_pieces(folder), eager=True)
        two = self.net.config.model_type == "encoder-decoder"  # two models; T5 is one, with one table of embeddings
        add_tags(self.net.get_encoder() if two else self.net, self.tokenizer)
        self.marks, self.tree = Marks.of(self.tokenizer), tree
        self.length = min(length, readable(self.net.get_encoder().config))
        own = getattr(self.net.config, "decoder", None)
        kept = getattr(own, "target_tokens", None)  # a decoder from scratch numbers what it writes anew
        number = {token: place for place, token in enumerate(kept)} if kept else None
        self._digits = [[number[t] if number else t for t in digit] for digit in digit_tokens(self.tokenizer)]
        end = self.tokenizer.eos_token_id if self.tokenizer.eos_token_id is not None else self.tokenizer.sep_token_id
        self._end = number[end] if number else int(end)
        self._start = int(self.net.config.decoder_start_token_id)
        self._writable = sorted({token for digit in self._digits for token in digit} | {self._end})

    @property
    def encoder(self) -> Any:
        return self.net.get_encoder()

    def written(self, docid: Sequence[int]) -> list[list[int]]:
        if max(docid) > LARGEST:
            raise InputError(
                f"there are more than {LARGEST} memories at one place of the tree, which digits cannot tell apart",
                remedy="Train with the decoder 'tree', which has no such limit",
            )
        tokens = [self._digits[digit] for digit in docid]
        return [*tokens[:-1], [*tokens[-1], self._end]]

    @property
    def places(self) -> np.ndarray:
        return np.sort(self.tree.leaves)  # whole ids of passages, the only ones that it has learned to end

    def nll(self, read: Encoded, leaves: Sequence[int]) -> Tensor:
        targets = [[t for digit in self.written(self.tree.docid(leaf)) for t in digit] for leaf in leaves]
        longest, device = max(len(target) for target in targets), read.states.device
        labels = torch.full((len(targets), longest), IGNORED, device=device)
        for row, target in enumerate(targets):
            labels[row, : len(target)] = torch.tensor(target, device=device)
        before = torch.cat([torch.full_like(labels[:, :1], self._start), labels[:, :-1]], dim=1)
        logits = self._logits(read, before.masked_fill(before == IGNORED, self._end))
        losses = nn.functional.cross_entropy(logits.transpose(1, 2), labels, reduction="none", ignore_index=IGNORED)
        return losses.sum(1)

    def _logits(self, read: Encoded, tokens: Tensor) -> Tensor:
        """(b, l, vocabulary) logits after each of (b, l) tokens; -inf for what no id has in it."""
        out = self.net(
            encoder_outputs=(read.states,), attention_mask=read.mask, decoder_input_ids=tokens, use_cache=False
        )
        kept = torch.full_like(out.logits[0, 0], float("-inf"), dtype=torch.float32)
        kept[self._writable] = 0
        return out.logits.float() + kept

    def scorer(self, read: Encoded, forest: Forest, full: bool) -> Score:
        from engine.index.beam import from_logits

        def score(query: Tensor, prefix: Tensor, node: Tensor, beam: Tensor, edge: Tensor) -> Tensor:
            device = read.states.device  # the forest stays where it is
            start = torch.full((len(query), 1), self._start, device=device)
            own = Encoded(read.ids[query], read.mask[query], read.states[query], None)
            logits = self._logits(own, torch.cat([start, prefix.to(device)], dim=1))[:, -1]
            return from_logits(logits.to(edge.device), forest.trie, beam, edge, full)

        return score

    def save(self, folder: Path) -> None:
        self.net.save_pretrained(str(folder / "model"))
        self.tokenizer.save_pretrained(str(folder / "model"))

    @staticmethod
    def load(folder: Path, tree: DocidTree, length: int, blocks: int) -> DigitModel:
        """What `save` wrote. Raises InputError for damaged files."""
        return DigitModel(folder / "model", tree, length, blocks).eval()


def _pieces(folder: Path | str) -> list[int]:
    """The tokens that digits are written with, for a decoder from scratch."""
    from engine.encoder import find_model
    from engine.training.reranking import transformer_folder
    from engine.training.seq2seq_models import load_tokenizer

    tokenizer = load_tokenizer(transformer_folder(find_model(str(folder))))
    return sorted({token for digit in digit_tokens(tokenizer) for token in digit})


def digit_tokens(tokenizer: Any) -> list[list[int]]:
    """The tokens of each digit 0..LARGEST, such that one knows where the next digit begins: 1 12 is not 11 2.

    Where digits alone are not enough (a tokenizer of bytes), a space comes before each. Raises InputError where that
    does not help.
    """
    for form in ("{}", " {}"):
        digits = [tokenizer(form.format(d), add_special_tokens=False)["input_ids"] for d in range(LARGEST + 1)]
        pieces = {token for digit in digits for token in digit}
        first, later = {digit[0] for digit in digits if digit}, {token for digit in digits for token in digit[1:]}
        apart = len({tuple(digit) for digit in digits}) == len(digits) and not first & later
        if all(digits) and apart and tokenizer.unk_token_id not in pieces:
            return digits
    raise InputError(
        "its tokenizer cannot write digits that stay apart",
        where=str(tokenizer.name_or_path),
        remedy="Take another backbone, or the decoder 'tree'",
    )
