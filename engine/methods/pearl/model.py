"""The model of PEARL: an encoder that reads tagged text, and a decoder that writes an id; how it is saved and loaded.

Two decoders share this interface. `TreeModel` is ours (tree_decoder.py), over any encoder. `DigitModel` is the
published one (digit_decoder.py), over any sequence-to-sequence model: it writes the digits as words.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from engine.artifacts import undamaged
from engine.encoder import find_model
from engine.errors import InputError
from engine.methods.pearl.docids import REMEDY, DocidTree
from engine.methods.pearl.marking import Marks, add_tags, tokenised
from engine.methods.pearl.tree_decoder import TreeDecoder, masked_mean
from engine.training.reranking import transformer_folder
from engine.training.seq2seq_models import quietly

if TYPE_CHECKING:
    from engine.index.beam import Score
    from engine.methods.pearl.forest import Forest

DECODER = "decoder.safetensors"


class Encoded(NamedTuple):
    """Texts as the encoder has read them."""

    ids: Tensor  # (b, l)
    mask: Tensor  # (b, l)
    states: Tensor  # (b, l, d) of the last layer
    attention: Tensor | None  # (b, l, l) of the last layer, mean over heads


class PearlModel(nn.Module):
    """What both decoders have in common. `length` is the longest text, in tokens."""

    tokenizer: Any
    marks: Marks
    tree: DocidTree
    length: int

    @property
    @abstractmethod
    def encoder(self) -> Any:
        """The transformer that reads."""

    @abstractmethod
    def nll(self, read: Encoded, leaves: Sequence[int]) -> Tensor:
        """(b,) -log p of each training passage's id, by its leaf in the tree; the sum over its steps."""

    @abstractmethod
    def scorer(self, read: Encoded, forest: Forest, full: bool) -> Score:
        """What beam search asks: log p of the edges of `forest`, for the texts of `read`.

        `full`: normalised over all that the model could write there, not over what is legal in this store.
        """

    @abstractmethod
    def written(self, docid: Sequence[int]) -> list[list[int]]:
        """The tokens of each digit of a docid, as a forest's tree has them."""

    @property
    @abstractmethod
    def places(self) -> np.ndarray:
        """(n,) nodes of the tree at which an id that the model makes for a memory may end, before its last digit."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write all but the tree."""

    def state_dict(self, *arguments: Any, **settings: Any) -> Any:
        """As any module's, but a weight of several names, as T5's embeddings are, under its first alone.

        A checkpoint of safetensors holds no tensor twice.
        """
        found = super().state_dict(*arguments, **settings)
        for name in self._tied(found):
            del found[name]
        return found

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        """Of what `state_dict` gives."""
        again = {
            name: state_dict[first] for name, first in self._tied(super().state_dict()).items() if first in state_dict
        }
        return super().load_state_dict({**again, **state_dict}, strict, assign)

    @staticmethod
    def _tied(weights: Mapping[str, Tensor]) -> dict[str, str]:
        """The first name of each weight that has another one, by its other names."""
        first: dict[int, str] = {}
        names = {name: first.setdefault(weight.data_ptr(), name) for name, weight in weights.items()}
        return {name: other for name, other in names.items() if name != other}

    def tokens(self, texts: Sequence[str]) -> dict[str, Tensor]:
        return tokenised(self.tokenizer, texts, self.length)

    def encode(self, features: Mapping[str, Tensor], attention: bool = False) -> Encoded:
        """Read `features`, which are those of `tokens`; with `attention` also what its last layer attends to."""
        ids, mask = features["input_ids"], features["attention_mask"]
        out = self.encoder(input_ids=ids, attention_mask=mask, output_attentions=attention)
        mean = out.attentions[-1].mean(dim=1) if attention else None
        return Encoded(ids, mask, out.last_hidden_state, mean)

    def represent(self, read: Encoded, tags: float, surfaces: bool) -> Tensor:
        """(b, d) h(x) of PCL: the mean of the states plus `tags` times the mean over the tags.

        As published the entity part pools the tags alone; with `surfaces` what stands between them too. Padding never
        counts.
        """
        marked = self.marks.tag_tokens(read.ids) & read.mask.bool()
        if surfaces:
            marked = marked | self.marks.entity_tokens(read.ids, read.mask)
        return masked_mean(read.states, read.mask) + tags * masked_mean(read.states, marked)


class TreeModel(PearlModel):
    """An encoder and a decoder that compares with the tree's own vectors."""

    _vectors: Tensor
    _starts: Tensor
    _depths: Tensor

    def __init__(self, folder: Path | str, tree: DocidTree, length: int = 64, blocks: int = 2) -> None:
        """Of a hub id, a folder or 'minilm'. Raises InputError where that is no encoder."""
        super().__init__()
        self.transformer, self.tokenizer = load_encoder(str(folder))
        add_tags(self.transformer, self.tokenizer)
        self.marks, self.tree = Marks.of(self.tokenizer), tree
        self.length = min(length, readable(self.transformer.config))
        config = self.transformer.config
        self.decoder = TreeDecoder(config.hidden_size, tree.vectors.shape[1], blocks, _heads(config.hidden_size))
        for name in ("vectors", "starts", "depths"):  # the tree's, so in no checkpoint
            self.register_buffer(f"_{name}", torch.from_numpy(getattr(tree, name)), persistent=False)

    @property
    def encoder(self) -> Any:
        return self.transformer

    def written(self, docid: Sequence[int]) -> list[list[int]]:
        return [[digit] for digit in docid]

    @property
    def places(self) -> np.ndarray:
        return self.tree.stops  # the last digit is compared with the memory's own vector, as in a walk

    def nll(self, read: Encoded, leaves: Sequence[int]) -> Tensor:
        paths = [[0, *self.tree.path(leaf)] for leaf in leaves]
        longest = max(len(path) for path in paths)
        device = read.states.device
        padded = torch.tensor([path + [path[-1]] * (longest - len(path)) for path in paths], device=device)
        real = torch.tensor([[step + 1 < len(path) for step in range(longest - 1)] for path in paths], device=device)
        nodes, wanted = padded[:, :-1], padded[:, 1:]  # (b, steps)
        looked_for = self.decoder(read.states, read.mask, self._vectors[nodes], self._depths[nodes])
        logits, first = self._children(looked_for[real], nodes[real])  # (steps taken, most children)
        losses = nn.functional.cross_entropy(logits, wanted[real] - first, reduction="none")
        row = torch.arange(len(paths), device=device)[:, None].expand_as(real)[real]
        return losses.new_zeros(len(paths)).index_add(0, row, losses)

    def _children(self, looked_for: Tensor, nodes: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (n, most children) of the children of (n,) nodes, -inf where one has fewer; (n,) its first child."""
        first = 1 + self._starts[nodes]
        count = self._starts[nodes + 1] + 1 - first
        place = torch.arange(max(int(count.max()), 1), device=nodes.device)
        children = (first[:, None] + place).clamp(max=len(self._vectors) - 1)
        logits = torch.einsum("nd,nkd->nk", looked_for, self._vectors[children])
        return logits.masked_fill(place >= count[:, None], float("-inf")), first

    def scorer(self, read: Encoded, forest: Forest, full: bool) -> Score:
        from engine.index.trie import segment_log_softmax

        def score(query: Tensor, prefix: Tensor, node: Tensor, beam: Tensor, edge: Tensor) -> Tensor:
            device = read.states.device  # the forest stays where it is
            inner = forest.tree_node[node].to(device)  # (b,)
            query, beam = query.to(device), beam.to(device)
            looked_for = self._at(read, query, inner)  # (b, width)
            logits = (looked_for[beam] * forest.vectors(edge, self._vectors)).sum(dim=1)  # (e,)
            if not full:
                return segment_log_softmax(logits, beam, len(node))
            known, _ = self._children(looked_for, inner)
            total = torch.logsumexp(known, dim=1)  # (b,) -inf at a leaf of the tree
            last = forest.is_memory[edge].to(device)
            # what a stranger has here competes with what was there in training
            own = total.new_full((len(node), 1 + int(torch.bincount(beam).max())), float("-inf"))
            own[:, 0] = total
            place = torch.arange(len(beam), device=beam.device) - torch.searchsorted(beam, beam)
            own[beam[last], 1 + place[last]] = logits[last]
            return logits - torch.logsumexp(own, dim=1)[beam]

        return score

    def _at(self, read: Encoded, query: Tensor, nodes: Tensor) -> Tensor:
        """(b, width) what each query, by number and ascending, looks for at each of (b,) nodes of the tree."""
        asked, own, counts = torch.unique_consecutive(query, return_inverse=True, return_counts=True)
        place = torch.arange(len(query), device=query.device) - (counts.cumsum(0) - counts)[own]
        table = nodes.new_zeros((len(asked), int(counts.max())))
        table[own, place] = nodes
        looked_for = self.decoder(read.states[asked], read.mask[asked], self._vectors[table], self._depths[table])
        return looked_for[own, place]

    def save(self, folder: Path) -> None:
        from safetensors.torch import save_file

        self.transformer.save_pretrained(str(folder / "encoder"))
        self.tokenizer.save_pretrained(str(folder / "encoder"))
        save_file({k: v.detach().cpu().contiguous() for k, v in self.decoder.state_dict().items()}, folder / DECODER)

    @staticmethod
    def load(folder: Path, tree: DocidTree, length: int, blocks: int) -> TreeModel:
        """What `save` wrote. Raises InputError for damaged files."""
        from safetensors.torch import load_file

        model = TreeModel(folder / "encoder", tree, length, blocks)
        with undamaged(folder, REMEDY):
            try:
                model.decoder.load_state_dict(load_file(folder / DECODER))
            except SafetensorError as error:  # no subclass of ValueError
                raise ValueError(str(error)) from None
        return model.eval()


def load_encoder(name: str) -> tuple[Any, Any]:
    """An encoder of transformers in float32 whose attention can be read, and its tokenizer; of T5 and its like the
    encoder. Only safetensors, no code of a model is run. Raises InputError in one line."""
    from transformers import AutoConfig, AutoModel, AutoModelForTextEncoding, AutoTokenizer
    from transformers.models.auto.modeling_auto import MODEL_FOR_TEXT_ENCODING_MAPPING
    from transformers.utils import logging

    path = transformer_folder(find_model(name))
    logging.disable_progress_bar()  # its bar stands in the way of ours
    try:
        with quietly():  # it warns of poolers
            config = AutoConfig.from_pretrained(str(path))
            tokenizer = AutoTokenizer.from_pretrained(str(path))
            # an encoder cut out of T5 by hand would be saved as what nothing loads again
            kind: Any = AutoModelForTextEncoding if type(config) in MODEL_FOR_TEXT_ENCODING_MAPPING else AutoModel
            model, found = kind.from_pretrained(
                str(path), config=config, dtype=torch.float32, use_safetensors=True, attn_implementation="eager",
                output_loading_info=True,
            )  # fmt: skip
        if config.is_encoder_decoder and kind is AutoModel:
            raise ValueError(f"the encoder of {config.model_type} cannot be had alone")
        lacking = sorted(key for key in found["missing_keys"] if "pooler." not in key)
        if lacking:
            raise ValueError(f"{lacking[0]} and {len(lacking) - 1} more weights are not in it")
    except Exception as error:  # each library has its own; tokenizers' is Exception itself
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
        remedy = "Name a folder with config.json, a tokenizer and model.safetensors, or a hub id"
        raise InputError(f"no encoder can be read ({reason})", where=str(path), remedy=remedy) from None
    for name, parameter in model.named_parameters():
        if ".pooler." in f".{name}":
            parameter.requires_grad = False  # nothing reads it
    return model.eval(), tokenizer


def readable(config: Any) -> int:
    """How many tokens a transformer reads; those with relative positions read any number."""
    return int(getattr(config, "max_position_embeddings", None) or 1_000_000)


def _heads(dimension: int) -> int:
    """As many heads of 64 numbers as fit; one where none does."""
    return next((heads for heads in range(max(dimension // 64, 1), 0, -1) if dimension % heads == 0), 1)
