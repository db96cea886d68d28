"""flair's sequence tagger taught by labels that may be partial: the likelihood of all taggings that the labels allow.

Where an annotator looked for some types only, a word without a label is not "no entity": it is any tag but those of the
types looked for. The loss of a text is log Z(all taggings) - log Z(taggings that its labels allow) (Tsuboi et al. 2008,
"Training conditional random fields using incomplete annotations"); with every type known, one tagging is allowed and it
is the ordinary CRF's. Imports torch and flair: import it inside functions.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import torch

from engine.methods.pearl.labelled import Entity
from engine.methods.pearl.word_features import Word

IMPOSSIBLE = -1e4
_FOLLOWS = {"O": "OBS", "E": "OBS", "S": "OBS", "<START>": "OBS", "B": "IE", "I": "IE"}  # "OBS": of any type


def tags_of(types: Sequence[str]) -> list[str]:
    """BIOES tags, in the order of the network's outputs."""
    return ["O", *(f"{position}-{kind}" for kind in types for position in "SBEI")]


def network(features: Any, types: Sequence[str], hidden: int, dropout: float, rnn: bool, seed: int) -> Any:
    """A flair SequenceTagger over `features`, of which taggings that are no spans have no probability at all."""
    import flair
    from flair.data import Dictionary
    from flair.models import SequenceTagger

    tags = Dictionary(add_unk=False)
    for tag in tags_of(types):
        tags.add_item(tag)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        tagger = SequenceTagger(
            features,
            tags,
            "ner",
            use_rnn=rnn,
            hidden_size=hidden,
            locked_dropout=dropout,
            word_dropout=0.05,
            reproject_embeddings=rnn,
            use_crf=True,
        )
        names = tagger.label_dictionary.get_items()
        legal = torch.tensor([[_may_follow(before, after) for before in names] for after in names])
        with torch.no_grad():
            tagger.crf.transitions.mul_(0.1)
            tagger.crf.transitions[~legal.to(flair.device)] = IMPOSSIBLE
    return tagger


def _may_follow(before: str, after: str) -> bool:
    here, there = before.partition("-"), after.partition("-")
    if there[0] == "<STOP>":
        return here[0] in ("O", "E", "S")
    follows = _FOLLOWS.get(here[0], "")
    return there[0] in tuple(follows) and (follows == "OBS" or here[2] == there[2])


def allowed(
    words: Sequence[Word], entities: Sequence[Entity], known: Collection[str], types: Sequence[str]
) -> torch.Tensor:
    """(words, tags) bool: the tags that the labels leave possible. An entity takes every word that it touches."""
    tags = tags_of(types)
    free = torch.tensor([tag == "O" or tag[2:] not in known for tag in tags])
    masks = free.repeat(len(words), 1)
    last = -1
    for start, end, kind in entities:
        inside = [i for i, (s, e) in enumerate(words) if s < end and e > start and i > last]
        if not inside or kind not in types:
            continue
        last = inside[-1]
        for i in inside:
            position = "S" if len(inside) == 1 else "B" if i == inside[0] else "E" if i == last else "I"
            masks[i] = False
            masks[i, tags.index(f"{position}-{kind}")] = True
    return masks


def loss(tagger: Any, scores: torch.Tensor, lengths: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Summed over the texts. `scores` are `tagger.forward`'s (batch, words, to, from), `masks` (batch, words, tags)."""
    batch, _, size, _ = scores.shape
    extra = torch.zeros(*masks.shape[:2], size - masks.shape[2], dtype=torch.bool, device=masks.device)
    possible = torch.cat([masks, extra], dim=2)  # the two artificial tags come last
    both = torch.cat([scores, scores.masked_fill(~possible[..., None], IMPOSSIBLE)])
    z = _log_z(tagger, both, lengths.to(scores.device).repeat(2))
    return (z[:batch] - z[batch:]).sum()


def _log_z(tagger: Any, scores: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """(batch,): the logarithm of the sum over all taggings."""
    index, transitions = tagger.label_dictionary.get_idx_for_item, tagger.crf.transitions
    total = scores[:, 0, :, index("<START>")]  # (batch, tags)
    for t in range(1, scores.shape[1]):
        later = torch.logsumexp(scores[:, t] + total[:, None, :], dim=2)
        total = torch.where((lengths > t)[:, None], later, total)
    return torch.logsumexp(total + transitions[index("<STOP>")][None], dim=1)
