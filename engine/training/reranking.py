"""Training a cross-encoder to rerank: one query, the document that answers it, and negatives that a search meets too.

Localized Contrastive Estimation (Gao, Dai & Callan 2021): the loss compares a query's documents with each other only,
so that negatives are to be what the first retriever finds, in a personal search documents of the same person's store.
Who mines them is not our concern. The gradients are engine/training/gradients.py's.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from engine.artifacts import digest, digest_tree
from engine.config import BuildConfig
from engine.encoder import find_model
from engine.errors import InputError
from engine.training.grouping import split

if TYPE_CHECKING:
    from engine.training.gradients import Workers

JUDGED = "mrr@10"  # what chooses the epoch
# Raw logits: sentence-transformers' own default for one output is a sigmoid, which makes all above 17 the same float32.
_RAW = {"activation_fn": "torch.nn.modules.linear.Identity"}


@dataclass(frozen=True)
class Group:
    """A query, the document that answers it, and documents that do not, of the same store.

    What only a time tells apart from the positive is no negative for a reader of texts: leave it out; a negative of
    the positive's own text is. Groups of one `owner`, a person (None: of one positive), are held out together.
    """

    query: str
    positive: str
    negatives: tuple[str, ...]
    owner: str | None = None

    @property
    def held_with(self) -> str:
        return self.positive if self.owner is None else self.owner

    @property
    def documents(self) -> list[str]:
        """The positive first, then each different negative."""
        return list(dict.fromkeys((self.positive, *self.negatives)))


class CrossEncoderConfig(BuildConfig):
    """Training of a cross-encoder with localized contrastive estimation."""

    layers: int | None = Field(None, ge=1, description="keep so many of the base's layers, evenly spaced; None: all")
    learning_rate: float = Field(5e-5, gt=0, description="AdamW's, falling linearly to 0")
    warmup: float = Field(0.1, ge=0, lt=1, description="share of the steps in which the rate rises")
    weight_decay: float = Field(0.0, ge=0, description="AdamW's, not on biases and norms")
    batch_size: int = Field(32, ge=1, description="groups in one step, over all GPUs")
    chunk_size: int = Field(64, ge=1, description="pairs in one forward pass, a group at least; more keep a GPU busy")
    epochs: int = Field(2, ge=1, description="passes over the groups")
    keep: Literal["best", "last"] = Field("best", description="best: the epoch of highest mrr@10 on held-out groups")
    validation: float = Field(0.1, ge=0, lt=1, description="share of owners whose groups are held out")
    max_length: int = Field(128, ge=8, description="tokens of query and document together, then and later")
    dtype: Literal["auto", "float32", "bfloat16"] = Field("auto", description="auto: bfloat16 where it is native")
    checkpoint_steps: int = Field(200, ge=1, description="steps between checkpoints inside an epoch")
    seed: int = Field(42, ge=0, description="of the new head, of the order and of what is held out")


def train_cross_encoder(
    base: Path | str,
    groups: Sequence[Group],
    out_folder: Path,
    config: CrossEncoderConfig,
    state_folder: Path,
    *,
    gpus: int = 1,
    device: str | None = None,
    wandb: bool = False,
) -> dict[str, Any]:
    """Make a reranker of `base`, an encoder (a sentence-transformers folder too, or 'minilm') or a cross-encoder.

    Only the head is new, and only where the base has none of one output. `out_folder` gets a sequence-classification
    model for transformers, sentence-transformers or `search.rerank.model`, whose scores are raw logits, and
    `curve.jsonl`. `state_folder` holds checkpoints: a killed run with the same inputs goes on there, to the same
    weights bit for bit on a CPU; remove it when `out_folder` is published. Held-out groups are judged by where the
    positive stands among the group's documents; where no epoch beats the untrained model, `keep: best` keeps that
    (`kept_epoch` 0). Returns counts and figures for a manifest. Raises InputError when there is no group with a
    negative or the base cannot be used, BuildError when a run on several GPUs fails.
    """
    from engine.training.jobs import in_processes, report

    if gpus > 1:
        values = {"base": str(base), "config": config.model_dump(mode="json"), "wandb": wandb}
        return in_processes("reranking", values, {"groups": groups}, out_folder, state_folder, gpus)

    from transformers import set_seed

    from engine.training.gradients import Workers, contrast_locally, in_bfloat16, on_cpu
    from engine.training.loop import Loop, Plan, fit, processes

    usable = [group for group in groups if len(group.documents) > 1]
    if not usable:
        remedy = "Give every query documents of its store that do not answer it"
        raise InputError(f"none of {len(groups)} groups has a negative", where="groups", remedy=remedy)
    path = transformer_folder(find_model(str(base)))
    set_seed(config.seed)  # the head is drawn
    model, tokenizer = _load(path, config)
    cpu = on_cpu(device)
    workers = Workers(cpu)
    bfloat16 = in_bfloat16(config.dtype, cpu)
    training, judged = split(usable, config.validation, config.seed)
    chooses = config.keep == "best" and bool(judged)
    plan = Plan(
        label="training the reranker",
        micro_batch_size=config.batch_size // processes(),  # pieces, not micro-batches, bound the memory
        schedule="linear",
        metric=JUDGED if chooses else None,
        cpu=cpu,
        wandb=wandb,
        **config.model_dump(
            include={"epochs", "batch_size", "learning_rate", "warmup", "weight_decay", "seed", "checkpoint_steps"}
        ),
    )
    loop = Loop(
        model,
        training,
        partial(_collate, tokenizer, config),
        partial(contrast_locally, bfloat16=bfloat16, workers=workers),
        plan,
        state_folder,
        count=lambda batch: sum(len(chunk["lengths"]) for chunk in batch["chunks"]),
        validate=partial(_validate, judged, tokenizer, config, bfloat16, workers) if judged else None,
    )
    inputs = {
        "base": digest_tree(path),
        "config": config.model_dump(mode="json"),
        "groups": digest([[group.query, group.documents, group.owner] for group in usable]),
    }
    try:
        outcome = fit(loop, state_folder, inputs)
    finally:
        workers.close()
    outcome |= {"groups": len(training), "held_out": len(judged), "without_negatives": len(groups) - len(usable)}
    outcome |= {"owners": len({group.held_with for group in usable}), "untrained": loop.figures(0)}
    if chooses and outcome["untrained"][JUDGED] >= outcome["validation"][JUDGED]:
        set_seed(config.seed)
        model, _ = _load(path, config)
        outcome |= {"kept_epoch": 0, "validation": outcome["untrained"]}
    if loop.is_world_process_zero():
        model.save_pretrained(str(out_folder))
        tokenizer.save_pretrained(str(out_folder))
        report(outcome, out_folder, state_folder)
    return outcome


def transformer_folder(path: Path) -> Path:
    """Where in a model's folder the transformer is: in a sentence-transformers folder, what its first module names."""
    try:
        modules = json.loads((path / "modules.json").read_text("utf-8"))
        return path / modules[0]["path"]
    except FileNotFoundError:
        return path
    except (ValueError, LookupError, TypeError):
        remedy = "Name a folder that sentence-transformers has saved"
        raise InputError("not readable as a list of modules", where=str(path / "modules.json"), remedy=remedy) from None


def _load(path: Path, config: CrossEncoderConfig) -> tuple[Any, Any]:
    """The model, its head drawn at random where `path` has none, and its tokenizer."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer
    from transformers.utils import logging

    level = logging.get_verbosity()
    logging.set_verbosity_error()  # it warns of the new head
    logging.disable_progress_bar()  # its bar stands in the way of ours
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(path))
        loaded: Any = AutoModelForSequenceClassification.from_pretrained(
            str(path), num_labels=1, dtype=torch.float32, use_safetensors=True, output_loading_info=True
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise _unusable(path, str(error).strip().splitlines()[0][:160]) from None
    finally:
        logging.set_verbosity(level)
    model, found = loaded
    body = f"{model.base_model_prefix}."
    lacking = sorted(key for key in found["missing_keys"] if key.startswith(body) and ".pooler." not in key)
    if lacking:
        raise _unusable(path, f"{lacking[0]} and {len(lacking) - 1} more weights are not in it")
    tokenizer.model_max_length = min(config.max_length, tokenizer.model_max_length)
    if config.layers is not None:
        _thin(model, config.layers, path)
    model.config.sentence_transformers = _RAW
    return model, tokenizer


def _unusable(path: Path, reason: str) -> InputError:
    remedy = "Name a folder with config.json, a tokenizer and model.safetensors, or a hub id"
    return InputError(f"no cross-encoder can be made of it ({reason})", where=str(path), remedy=remedy)


def _thin(model: Any, count: int, path: Path) -> None:
    """Keep `count` layers, evenly spaced from the first: of 6, 3 are every second (as DistilBERT, Sanh et al. 2019)."""
    from torch.nn import ModuleList

    stack: Any = getattr(model.base_model, "encoder", None) or getattr(model.base_model, "transformer", None)
    layers = getattr(stack, "layer", None)
    if not isinstance(layers, ModuleList):
        raise InputError(
            "its layers are not BERT's or DistilBERT's", where=str(path), remedy="Leave build.layers out for this model"
        )
    if count > len(layers):
        raise InputError(f"it has {len(layers)} layers", where=str(path), remedy="Lower build.layers")
    stack.layer = ModuleList(layers[index * len(layers) // count] for index in range(count))
    model.config.num_hidden_layers = count


def _collate(tokenizer: Any, config: CrossEncoderConfig, groups: Sequence[Group]) -> dict[str, Any]:
    """Pieces of whole groups of like length: what is random is which groups share a step."""
    order = sorted(groups, key=lambda group: -max(len(text) for text in group.documents) - len(group.query))
    pieces: list[list[Group]] = []
    pairs = config.chunk_size
    for group in order:
        if pairs + len(group.documents) > config.chunk_size:
            pieces.append([])
            pairs = 0
        pieces[-1].append(group)
        pairs += len(group.documents)
    return {"chunks": [_chunk(tokenizer, piece) for piece in pieces]}


def _chunk(tokenizer: Any, groups: Sequence[Group]) -> dict[str, Any]:
    queries = [group.query for group in groups for _ in group.documents]
    documents = [document for group in groups for document in group.documents]
    features = tokenizer(queries, documents, truncation="longest_first", padding=True, return_tensors="pt")
    return {"features": dict(features), "lengths": [len(group.documents) for group in groups]}


def _validate(
    judged: Sequence[Group], tokenizer: Any, config: CrossEncoderConfig, bfloat16: bool, workers: Workers, model: Any
) -> dict[str, float]:
    """Where the positive of each held-out group stands among its documents; others win ties."""
    import torch

    from engine.training.gradients import pair_scores, unwrapped

    net = unwrapped(model)
    device = next(net.parameters()).device

    def ranks(chunk: dict[str, Any]) -> list[int]:
        features = {key: value.to(device) for key, value in chunk["features"].items()}
        with torch.no_grad():  # a thread's own setting
            scores = pair_scores(net, {**chunk, "features": features}, bfloat16)
        return [1 + int((some[1:] >= some[0]).sum()) for some in scores]

    found: list[int] = []
    for start in range(0, len(judged), 1024):  # tokenised a thousand at a time
        for some in workers(ranks, _collate(tokenizer, config, judged[start : start + 1024])["chunks"]):
            found += some
    places = np.array(found)
    figures = {"hit@1": places <= 1, JUDGED: np.where(places <= 10, 1 / places, 0)}
    return {name: round(float(values.mean()), 6) for name, values in figures.items()}
