"""One optimiser step of PEARL: the three losses over a batch in pieces, and their gradient.

CE and EMR of a text concern its own piece; PCL compares vectors of all texts of all processes. So every piece is read
once with its graph, PCL's gradient is taken at the vectors, and each piece's backward pass brings both (as in
engine/training/gradients.py). Dropout stays off. Imports torch: import it inside functions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from engine.losses import entity_mass_regularisation, prefix_contrastive
from engine.methods.pearl.model import PearlModel
from engine.methods.pearl.training import JUDGED, PearlTraining, Row
from engine.training.gradients import Workers, everyones, fill, learning, unwrapped, world


def learn(
    model: Any, batch: Mapping[str, Any], total: int, *, config: PearlTraining, bfloat16: bool, workers: Workers
) -> Tensor:
    """Fill the parameters' .grad with that of CE + lambda1 EMR + lambda2 PCL; returns the step's whole loss.

    `batch` is what `collate` makes; `total` counts the rows of the step over all processes.
    """
    net, parameters = learning(model)
    pieces = batch["pieces"]

    def forward(piece: Mapping[str, Any]) -> tuple[Tensor, Tensor | None]:
        return _read(net, piece, config, total, bfloat16)

    read = workers(forward, pieces)
    own = torch.stack([loss.detach() for loss, _ in read]).sum() * world()
    contrast, slope = _contrast(batch, pieces, [vectors for _, vectors in read], config, total)

    def backward(piece: Mapping[str, Any], losses: tuple[Tensor, Tensor | None]) -> tuple[Tensor | None, ...]:
        loss, vectors = losses
        if vectors is not None and slope is not None:
            loss = loss + (vectors * slope[piece["texts"]]).sum()
        if not loss.requires_grad:
            return (None,) * len(parameters)
        return torch.autograd.grad(loss, parameters, allow_unused=True)

    fill(parameters, workers.each(backward, pieces, read))
    return own + contrast


def _read(
    net: PearlModel, piece: Mapping[str, Any], config: PearlTraining, total: int, bfloat16: bool
) -> tuple[Tensor, Tensor | None]:
    """A piece's share of CE and EMR, and the vectors that PCL compares."""
    rows = piece["rows"]
    regularised = config.emr.weight > 0 and len(rows) > 0
    device = piece["features"]["input_ids"].device
    with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
        encoded = net.encode(piece["features"], attention=regularised)
        vectors = None
        if config.pcl.weight > 0:
            vectors = net.represent(encoded, config.pcl.gamma, config.pcl.surfaces).float()
        loss = torch.zeros((), device=device)
        if len(rows):
            asked = encoded._replace(ids=encoded.ids[rows], mask=encoded.mask[rows], states=encoded.states[rows])
            loss = net.nll(asked, piece["leaves"]).float().sum() / total
    if regularised:
        assert encoded.attention is not None
        entity = net.marks.entity_tokens(asked.ids, asked.mask)
        attention = encoded.attention[rows].float()
        emr = entity_mass_regularisation(attention, entity, asked.mask, config.emr.cap, config.emr.relative)
        loss = loss + config.emr.weight * emr.sum() / total
    return loss, vectors


def _contrast(
    batch: Mapping[str, Any],
    pieces: Sequence[Mapping[str, Any]],
    parts: Sequence[Tensor | None],
    config: PearlTraining,
    total: int,
) -> tuple[Tensor, Tensor | None]:
    """lambda2 PCL over the rows of all processes, and its gradient at this process's vectors, (texts, d)."""
    given = [part for part in parts if part is not None]
    if not given:
        return torch.zeros(()), None
    vectors = given[0].new_empty((int(batch["texts"]), given[0].shape[1]))
    for piece, part in zip(pieces, given, strict=True):
        vectors[piece["texts"]] = part.detach()
    vectors.requires_grad_()
    names = ("x", "positive", "negative")
    queries, positives, negatives = (everyones(vectors[batch[name]]) for name in names)
    owners, others, counts, weights = (
        everyones(batch[name]) for name in ("owners", "negative_owners", "counts", "weights")
    )
    pcl = config.pcl
    losses = prefix_contrastive(
        queries,
        positives,
        negatives,
        owners,
        others,
        pcl.temperature,
        pcl.normalise,
        pcl.masked,
        weights if pcl.beta else None,
    )
    loss = pcl.weight * (losses * counts).sum() / total
    (slope,) = torch.autograd.grad(loss, vectors)
    return loss.detach(), slope


def judge(
    judged: Sequence[Row], config: PearlTraining, bfloat16: bool, workers: Workers, model: Any
) -> dict[str, float]:
    """-log p of the ids that held-out people's questions ask for, a question."""
    net = unwrapped(model)
    device = next(net.parameters()).device
    leaves = net.tree.leaves

    def losses(some: Sequence[Row]) -> float:
        features = {name: value.to(device) for name, value in net.tokens([row.text for row in some]).items()}
        with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
            return float(net.nll(net.encode(features), [int(leaves[row.passage]) for row in some]).sum())

    def cut() -> Iterator[Sequence[Row]]:
        for start in range(0, len(judged), config.chunk_size):
            yield judged[start : start + config.chunk_size]

    return {JUDGED: round(sum(workers(losses, list(cut()))) / len(judged), 6)}
