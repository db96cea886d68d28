"""Gradients of a batch read in pieces, one piece a core: a bi-encoder's and a cross-encoder's.

A bi-encoder's loss needs all vectors of a batch at once, negatives shared over all processes, the model does not:
vectors first, then the loss's gradient at the vectors, then each piece's own backward pass with it (GradCache, Gao et
al. 2021, section 3.1). A cross-encoder's groups know nothing of each other. Results depend on how the batch is cut,
never on how many cores or processes share the work. Imports torch: import it inside functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from engine.losses import info_nce, localized_contrastive

Chunk = Mapping[str, Any]  # features: what the model reads; rows: (texts,) where their vectors stand in the batch


class Workers:
    """A `map` over pieces: on a CPU one piece a core, each in a single thread; elsewhere one after another.

    Threads that share every matrix product wait for the slowest at each one; pieces need no waiting. The main thread
    keeps to one thread too until `close`, so that no sum depends on the number of cores.
    """

    def __init__(self, cpu: bool) -> None:
        self.cores, self.pool = torch.get_num_threads(), None
        if cpu:
            self.pool = ThreadPoolExecutor(self.cores, initializer=torch.set_num_threads, initargs=(1,))
            torch.set_num_threads(1)

    def __call__(self, function: Callable[..., Any], *items: Iterable[Any]) -> list[Any]:
        return list(self.each(function, *items))

    def each(self, function: Callable[..., Any], *items: Iterable[Any]) -> Iterator[Any]:
        """One result after the other, in the items' order: what the caller lets go of is freed."""
        yield from (self.pool.map if self.pool else map)(function, *items)

    def close(self) -> None:
        if self.pool:
            self.pool.shutdown()
            torch.set_num_threads(self.cores)


def embed(model: Any, chunks: Sequence[Chunk], workers: Workers, bfloat16: bool) -> list[Tensor]:
    """The (texts, d) float32 vectors of each piece, without gradient."""

    def forward(chunk: Chunk) -> Tensor:
        with torch.no_grad():  # a thread's own setting
            return _forward(model, chunk, bfloat16)

    return workers(forward, chunks)


def contrast(
    model: Any, batch: Mapping[str, Any], _total: int, *, scale: float, cached: bool, bfloat16: bool, workers: Workers
) -> Tensor:
    """Fill the parameters' .grad with info_nce's over the whole batch of all processes; returns the loss.

    `batch` has `owners` (n,) and `chunks`, whose rows count queries 0..n-1 and documents n..2n-1. With `cached` no
    piece's activations outlive its turn, at the price of a second forward pass: memory is then that of one piece a
    core whatever the batch. Dropout stays off: a second pass would have to draw it again alike, and threads share one
    random generator, so that no two runs would.
    """
    net, parameters = learning(model)
    chunks, owners = batch["chunks"], batch["owners"]
    if cached:
        outputs = embed(net, chunks, workers, bfloat16)
    else:
        outputs = workers(lambda chunk: _forward(net, chunk, bfloat16), chunks)
    vectors = outputs[0].new_empty(2 * len(owners), outputs[0].shape[1])
    for chunk, output in zip(chunks, outputs, strict=True):
        vectors[chunk["rows"]] = output.detach()
    vectors.requires_grad_()
    queries, documents, everyone = (
        everyones(part) for part in (vectors[: len(owners)], vectors[len(owners) :], owners)
    )
    loss = info_nce(queries, documents, everyone, scale)
    (slope,) = torch.autograd.grad(loss, vectors)  # (2n, d)

    def backward(chunk: Chunk, output: Tensor) -> tuple[Tensor | None, ...]:
        output = _forward(net, chunk, bfloat16) if cached else output
        return torch.autograd.grad(output, parameters, slope[chunk["rows"]], allow_unused=True)

    fill(parameters, workers.each(backward, chunks, outputs))
    return loss.detach()


def contrast_locally(model: Any, batch: Mapping[str, Any], total: int, *, bfloat16: bool, workers: Workers) -> Tensor:
    """Fill the parameters' .grad with localized_contrastive's of a cross-encoder.

    Returns this process's share of the loss times the number of processes: the mean over them is the step's loss.

    `batch` has `chunks`, each of whole groups: `features` of its pairs, `lengths` the pairs of each group, its own
    document's first. `total` is the number of groups in the step, over all processes. Dropout stays off, as above.
    """
    net, parameters = learning(model)
    losses = []

    def step(chunk: Chunk) -> tuple[Tensor | None, ...]:
        scores = pad_sequence(list(pair_scores(net, chunk, bfloat16)), batch_first=True, padding_value=float("-inf"))
        loss = localized_contrastive(scores, total)
        return loss.detach(), *torch.autograd.grad(loss, parameters, allow_unused=True)

    def gradients() -> Iterator[tuple[Tensor | None, ...]]:
        for loss, *rest in workers.each(step, batch["chunks"]):
            losses.append(loss)
            yield tuple(rest)

    fill(parameters, gradients())
    return torch.stack(losses).sum() * world()


def pair_scores(model: Any, chunk: Chunk, bfloat16: bool) -> tuple[Tensor, ...]:
    """A cross-encoder's float32 logits for the pairs of a piece, (pairs of the group,) for each group."""
    with torch.autocast(chunk["features"]["input_ids"].device.type, torch.bfloat16, enabled=bfloat16):
        logits = model(**chunk["features"]).logits  # (pairs, 1)
    return logits.float().squeeze(1).split(chunk["lengths"])


def unwrapped(model: Any) -> Any:
    """Without DistributedDataParallel, whose hooks are not for gradients made by hand."""
    return getattr(model, "module", model)


def learning(model: Any) -> tuple[Any, list[Any]]:
    """The model itself without dropout, and those of its parameters that are trained."""
    net = unwrapped(model)
    net.eval()
    return net, [parameter for parameter in net.parameters() if parameter.requires_grad]


def fill(parameters: Sequence[Any], pieces: Iterable[Sequence[Tensor | None]]) -> None:
    """Add each piece's gradients, in the order of the pieces, whoever was first; then those of all processes."""
    for gradients in pieces:
        for parameter, gradient in zip(parameters, gradients, strict=True):
            if gradient is not None:
                parameter.grad = gradient if parameter.grad is None else parameter.grad.add_(gradient)
    if world() > 1:
        for parameter in parameters:
            if parameter.grad is not None:
                torch.distributed.all_reduce(parameter.grad)


def _forward(model: Any, chunk: Chunk, bfloat16: bool) -> Tensor:
    with torch.autocast(chunk["rows"].device.type, torch.bfloat16, enabled=bfloat16):
        return model(dict(chunk["features"]))["sentence_embedding"].float()


def everyones(own: Tensor) -> Tensor:
    """The rows of all processes. Gradients reach the own rows alone: the others' are made where they belong."""
    if world() == 1:
        return own
    parts = [torch.empty_like(own) for _ in range(world())]
    torch.distributed.all_gather(parts, own.detach().contiguous())
    parts[torch.distributed.get_rank()] = own
    return torch.cat(parts)


def world() -> int:
    """How many processes train together."""
    return torch.distributed.get_world_size() if torch.distributed.is_initialized() else 1


def on_cpu(device: str | None = None) -> bool:
    """Whether training is on a CPU, for want of a GPU or because `device` says so."""
    return device == "cpu" or not torch.cuda.is_available()


def in_bfloat16(dtype: str, cpu: bool) -> bool:
    """Whether to multiply in bfloat16: as `dtype` says or, where it is 'auto', if the processor does so itself.

    Where it does not, bfloat16 is slower than float32.
    """
    if dtype != "auto":
        return dtype == "bfloat16"
    if not cpu:
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
