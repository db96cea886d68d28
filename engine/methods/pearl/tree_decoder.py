"""A decoder that writes an id down the stored tree: at every node, which child the question asks for.

Where the published decoder writes digits whose meaning depends on all digits before, this one knows what they mean:
it looks at the question from where it stands (the node's own centroid asks, the question's tokens answer), and compares
what it sees with the centroids of the children. New, as the weights of NCI's prefix-aware decoder are (Wang et al.
2022), they are not learned but taken from the clustering, so that a branch can be right that no question has taught;
each step is trained against its siblings alone, as it is asked in a search. Untrained it goes to the child nearest to
the question's mean; its own blocks begin at zero.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

DEEPEST = 16  # levels that are told apart


class Block(nn.Module):
    """Attention from nodes to a question's tokens, and a layer of its own; adds nothing before it is trained."""

    def __init__(self, dimension: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before, self.between = nn.LayerNorm(dimension), nn.LayerNorm(dimension)
        self.query, self.key, self.value, self.out = (nn.Linear(dimension, dimension) for _ in range(4))
        self.wide, self.narrow = nn.Linear(dimension, 2 * dimension), nn.Linear(2 * dimension, dimension)
        for last in (self.out, self.narrow):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def forward(self, x: Tensor, states: Tensor, mask: Tensor) -> Tensor:
        """`x` (b, n, d) are nodes, `states` (b, l, d) tokens, `mask` (b, l) which of these are no padding."""
        asked, keys, values = self.query(self.before(x)), self.key(states), self.value(states)
        q, k, v = (t.unflatten(2, (self.heads, -1)).transpose(1, 2) for t in (asked, keys, values))
        seen = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask[:, None, None, :].bool())
        x = x + self.out(seen.transpose(1, 2).flatten(2))
        return x + self.narrow(functional.gelu(self.wide(self.between(x))))


class TreeDecoder(nn.Module):
    """`dimension` is the encoder's; vectors of nodes have `width` numbers."""

    def __init__(self, dimension: int, width: int, blocks: int = 2, heads: int = 6) -> None:
        super().__init__()
        self.node, self.level = nn.Linear(width, dimension), nn.Embedding(DEEPEST, dimension)
        nn.init.normal_(self.level.weight, std=0.02)
        self.blocks = nn.ModuleList(Block(dimension, heads) for _ in range(blocks))
        self.out = nn.Linear(dimension, width, bias=False)
        if dimension == width:
            nn.init.eye_(self.out.weight)
        self.log_scale = nn.Parameter(torch.tensor(math.log(20.0)))

    def forward(self, states: Tensor, mask: Tensor, nodes: Tensor, depths: Tensor) -> Tensor:
        """What is looked for at each node: (b, n, width), whose inner products with children are their logits.

        `states` (b, l, d) and `mask` (b, l) are the question's, `nodes` (b, n, width) vectors of nodes, `depths` (b, n)
        how many digits lead there.
        """
        mean = functional.normalize(masked_mean(states, mask), dim=-1)[:, None, :]  # (b, 1, d)
        start = self.node(nodes) + self.level(depths.clamp(max=DEEPEST - 1)) + mean
        x = start
        for block in self.blocks:
            x = block(x, states, mask)
        wanted = functional.normalize(mean + (x - start), dim=-1)
        return self.log_scale.exp() * self.out(wanted)


def masked_mean(states: Tensor, mask: Tensor) -> Tensor:
    """(b, d) mean of (b, l, d) over the tokens of `mask` (b, l); 0 where there are none."""
    real = mask.to(states.dtype)[:, :, None]
    return (states * real).sum(1) / real.sum(1).clamp(min=1)
