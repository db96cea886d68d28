"""Fitting a bi-encoder to a collection: contrastive fine-tuning on (query, document) pairs.

Queries are generated for the collection's own documents, as in InPars (Bonifacio et al. 2022) and GPL (Wang et al.
2021); who generates them is not our concern. Where a query searches one person's documents only, its pair names their
store (`group`): batches may then be of runs of one store, whose documents are the negatives that a search meets, and
whole stores are held out. The gradients are engine/training/gradients.py's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from engine.artifacts import digest
from engine.config import BuildConfig
from engine.encoder import Encoder
from engine.errors import InputError
from engine.training.blending import blend
from engine.training.grouping import grouped_order, split

if TYPE_CHECKING:
    from engine.training.gradients import Workers

JUDGED = "ndcg@10"  # what chooses the epoch


@dataclass(frozen=True)
class Pair:
    """A query and a document that answers it. Pairs of one `owner` (None: of one text) are no negatives.

    An owner may be more than a document: memories that only their time tells apart are no negatives of each other
    either, and share one. `group` is the store that the query searches; None: all documents.
    """

    query: str
    document: str
    owner: str | None = None
    group: str | None = None

    @property
    def belongs(self) -> str:
        return self.document if self.owner is None else self.owner

    @property
    def held_with(self) -> str:
        """What it is held out with: its store, or its document alone."""
        return self.belongs if self.group is None else self.group


class AdaptConfig(BuildConfig):
    """Contrastive fine-tuning of a bi-encoder."""

    learning_rate: float = Field(2e-5, gt=0, description="AdamW's, falling linearly to 0")
    warmup: float = Field(0.1, ge=0, lt=1, description="share of the steps in which the rate rises")
    weight_decay: float = Field(0.0, ge=0, description="AdamW's, not on biases and norms")
    scale: float = Field(20.0, gt=0, description="of the cosines in the loss; 1 / temperature")
    batch_size: int = Field(64, ge=2, description="pairs in one step, over all GPUs; all are each other's negatives")
    # Left out at its default, so that what was trained before there was this key stays what it is.
    grouped: int = Field(
        0,
        ge=0,
        exclude_if=lambda size: size == 0,
        description="runs of so many pairs of one store; 0: pairs as they fall",
    )
    chunk_size: int = Field(32, ge=1, description="texts in one forward pass; more keep a GPU busy")
    cached: bool = Field(False, description="GradCache: memory for one chunk only, a third more time")
    epochs: int = Field(3, ge=1, description="passes over the pairs")
    keep: Literal["best", "last"] = Field("best", description="best: the epoch of highest ndcg@10 on held-out pairs")
    blend: float = Field(
        1.0,
        gt=0,
        le=1,
        exclude_if=lambda share: share == 1.0,
        description="share of the trained weights in the result, the rest is the untrained encoder's: fitting to one"
        " collection costs less elsewhere (WiSE-FT, Wortsman et al., CVPR 2022)",
    )
    validation: float = Field(0.1, ge=0, lt=1, description="share of documents, or of stores, whose pairs are held out")
    max_length: int | None = Field(None, ge=8, description="tokens read in training; None: as the encoder has it")
    dtype: Literal["auto", "float32", "bfloat16"] = Field("auto", description="auto: bfloat16 where it is native")
    checkpoint_steps: int = Field(200, ge=1, description="steps between checkpoints inside an epoch")
    seed: int = Field(42, ge=0, description="of the order of pairs and of what is held out")

    @model_validator(mode="after")
    def _whole_runs(self) -> AdaptConfig:
        if self.grouped and self.batch_size % self.grouped:
            raise ValueError(f"a batch of {self.batch_size} is not of whole runs of {self.grouped} (grouped)")
        return self


def adapt_encoder(
    encoder: Encoder,
    pairs: Sequence[Pair],
    out_folder: Path,
    config: AdaptConfig,
    state_folder: Path,
    *,
    gpus: int = 1,
    wandb: bool = False,
) -> dict[str, Any]:
    """Fine-tune a copy of `encoder` so that each query is nearest to its own document.

    `out_folder` gets a sentence-transformers folder with the same modules, pooling and length, and `curve.jsonl`;
    load it with `encoder.config.model_copy(update={"model": str(out_folder), "revision": None})`, prompts included,
    for prompts stay the configuration's. `state_folder` holds checkpoints: a killed run with the same inputs goes on
    there, to the same weights bit for bit on a CPU; remove it when `out_folder` is published. Where no epoch beats the
    untrained encoder on the held-out pairs, `keep: best` keeps that (`kept_epoch` 0). Loss: `engine.losses.info_nce`
    on cosines, even for an encoder that does not normalise. Returns counts and figures for a manifest. Raises
    InputError for fewer than two documents, BuildError when a run on several GPUs fails.
    """
    from engine.training.jobs import in_processes, report

    if encoder.remote:
        remedy = "Name a folder or a hub id without base_urls, or set build.adapt=null"
        raise InputError("an encoder behind a server cannot be trained", where="base_urls", remedy=remedy)
    if gpus > 1:
        values = {"encoder": encoder.config.model_dump(), "config": config.model_dump(mode="json"), "wandb": wandb}
        return in_processes("contrastive", values, {"pairs": pairs}, out_folder, state_folder, gpus)

    from transformers import set_seed

    from engine.training.gradients import Workers, contrast, in_bfloat16, on_cpu
    from engine.training.loop import Loop, Plan, fit, processes

    names = sorted({pair.belongs for pair in pairs})
    if len(names) < 2:
        remedy = "Generate queries for two documents at least"
        raise InputError(f"pairs of {len(names)} documents cannot be told apart", where="pairs", remedy=remedy)
    set_seed(config.seed)
    fresh = Encoder(encoder.config.model_copy(update={"dtype": "float32"}), encoder.device)
    model = fresh.model
    length = model.max_seq_length
    if config.max_length is not None:
        model.max_seq_length = min(config.max_length, length or config.max_length)
    cpu = on_cpu(encoder.device)
    workers = Workers(cpu)
    bfloat16 = in_bfloat16(config.dtype, cpu)
    prompts = (encoder.config.query_prompt, encoder.config.document_prompt)
    training, judged = split(pairs, config.validation, config.seed)
    chooses = config.keep == "best" and bool(judged)
    plan = Plan(
        label="adapting the encoder",
        micro_batch_size=config.batch_size // processes(),  # never accumulated: negatives need the batch at once
        schedule="linear",
        metric=JUDGED if chooses else None,
        drop_last=True,  # a batch of few pairs has few negatives
        cpu=cpu,
        wandb=wandb,
        **config.model_dump(
            include={"epochs", "batch_size", "learning_rate", "warmup", "weight_decay", "seed", "checkpoint_steps"}
        ),
    )
    candidates = _candidates(pairs, {pair.group for pair in judged})
    number = {name: index for index, name in enumerate(names)}
    loop = Loop(
        model,
        training,
        partial(_collate, model, prompts, number, config.chunk_size),
        partial(contrast, scale=config.scale, cached=config.cached, bfloat16=bfloat16, workers=workers),
        plan,
        state_folder,
        validate=partial(_validate, judged, candidates, prompts, config, bfloat16, workers) if judged else None,
        order=partial(grouped_order, [p.group for p in training], config.grouped, config.seed)
        if config.grouped
        else None,
    )
    inputs = {
        "encoder": encoder.digest,
        "config": config.model_dump(mode="json"),
        "pairs": digest([_named(pair) for pair in pairs]),
    }
    try:
        outcome = fit(loop, state_folder, inputs)
    finally:
        workers.close()
    outcome |= {"pairs": len(training), "held_out": len(judged), "documents": len(names)}
    if groups := {pair.group for pair in pairs} - {None}:
        outcome["groups"] = len(groups)
    outcome["untrained"] = loop.figures(0)
    if chooses and outcome["untrained"][JUDGED] >= outcome["validation"][JUDGED]:
        model = Encoder(fresh.config, encoder.device).model
        outcome |= {"kept_epoch": 0, "validation": outcome["untrained"]}
    if loop.is_world_process_zero():
        if config.blend < 1:
            blend(model, Encoder(fresh.config, encoder.device).model.state_dict(), config.blend)
        model.max_seq_length = length
        model.save(str(out_folder), create_model_card=False)
        report(outcome, out_folder, state_folder)
    return outcome


def _named(pair: Pair) -> list[str | None]:
    return [pair.query, pair.document, pair.owner, *([] if pair.group is None else [pair.group])]


def _candidates(pairs: Sequence[Pair], groups: set[str | None]) -> list[Pair]:
    """One pair for each different document of `groups`, in the pairs' order."""
    return list({(p.group, p.belongs, p.document): p for p in reversed(pairs) if p.group in groups}.values())[::-1]


def _collate(
    model: Any, prompts: tuple[str, str], number: dict[str, int], size: int, batch: Sequence[Pair]
) -> dict[str, Any]:
    """Queries and documents of a batch, cut into pieces of like length: what is random is who meets whom."""
    import torch

    texts = [prompts[0] + pair.query for pair in batch] + [prompts[1] + pair.document for pair in batch]
    owners = torch.tensor([number[pair.belongs] for pair in batch])
    return {"owners": owners, "chunks": _chunks(model, texts, size)}


def _chunks(model: Any, texts: Sequence[str], size: int) -> list[dict[str, Any]]:
    import torch

    order = sorted(range(len(texts)), key=lambda index: -len(texts[index]))
    pieces = [order[start : start + size] for start in range(0, len(order), size)]
    return [
        {"rows": torch.tensor(piece), "features": model.preprocess([texts[index] for index in piece])}
        for piece in pieces
    ]


def _validate(
    judged: Sequence[Pair],
    candidates: Sequence[Pair],
    prompts: tuple[str, str],
    config: AdaptConfig,
    bfloat16: bool,
    workers: Workers,
    model: Any,
) -> dict[str, float]:
    """Where held-out queries find their own document among all of its store; without stores, training's included."""
    queries, documents = (
        _encode(model, texts, config.chunk_size, bfloat16, workers)
        for texts in ([prompts[0] + p.query for p in judged], [prompts[1] + p.document for p in candidates])
    )
    ranks = np.empty(len(judged), dtype=np.int64)
    for group in {pair.group: None for pair in judged}:
        asked, theirs = ([n for n, pair in enumerate(many) if pair.group == group] for many in (judged, candidates))
        ranks[asked] = own_ranks(
            queries[asked],
            documents[theirs],
            [judged[n].belongs for n in asked],
            [candidates[n].belongs for n in theirs],
        )
    gains = np.where(ranks <= 10, 1 / np.log2(ranks + 1), 0)
    figures = {"hit@1": ranks <= 1, "hit@10": ranks <= 10, JUDGED: gains}
    return {name: round(float(values.mean()), 6) for name, values in figures.items()}


def own_ranks(queries: np.ndarray, documents: np.ndarray, asked: Sequence[str], owners: Sequence[str]) -> np.ndarray:
    """(n,) rank, from 1, of each query's best own document among those of others; others win ties.

    `queries` (n, d) and `documents` (m, d) are unit vectors; `asked` (n,) and `owners` (m,) name the documents.
    """
    ranks = np.empty(len(queries), dtype=np.int64)
    names = np.array(owners, dtype=object)
    for start in range(0, len(queries), 256):  # never (n, m) at once
        scores = queries[start : start + 256] @ documents.T
        for row, name in enumerate(asked[start : start + 256]):
            own = names == name
            ranks[start + row] = 1 + np.count_nonzero(scores[row][~own] >= scores[row][own].max())
    return ranks


def _encode(model: Any, texts: Sequence[str], size: int, bfloat16: bool, workers: Workers) -> np.ndarray:
    """(n, d) unit vectors, tokenised a few thousand texts at a time."""
    import torch

    from engine.training.gradients import embed, unwrapped

    net = unwrapped(model)
    device = next(net.parameters()).device
    parts = []
    for start in range(0, len(texts), 4096):
        some = texts[start : start + 4096]
        chunks = [
            {
                "rows": chunk["rows"].to(device),
                "features": {k: v.to(device) if torch.is_tensor(v) else v for k, v in chunk["features"].items()},
            }
            for chunk in _chunks(net, some, size)
        ]
        outputs = embed(net, chunks, workers, bfloat16)
        vectors = torch.empty(len(some), outputs[0].shape[1])
        for chunk, output in zip(chunks, outputs, strict=True):
            vectors[chunk["rows"].cpu()] = output.cpu()
        parts.append(torch.nn.functional.normalize(vectors, dim=1).numpy())
    return np.concatenate(parts)
