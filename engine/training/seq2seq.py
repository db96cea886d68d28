"""Fine-tuning a sequence-to-sequence model, and sampling from it: a text in, texts out.

A T5 or any other encoder-decoder of transformers, or an encoder such as the bundled MiniLM with a small decoder that
is trained from scratch (an EncoderDecoderModel). Such a decoder has its own vocabulary, the tokens that its training
examples hold: over 30,000 words the output layer would cost more than all that stands before it. The training loop is
engine/training/loop.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from engine.artifacts import digest, digest_tree
from engine.config import BuildConfig
from engine.encoder import find_model
from engine.errors import InputError
from engine.training.grouping import grouped_order, split
from engine.training.reranking import transformer_folder
from engine.training.seq2seq_models import load_seq2seq, load_tokenizer, quietly, written

if TYPE_CHECKING:
    from engine.training.gradients import Workers

JUDGED = "validation_loss"  # what chooses the epoch
_ALIKE = 8  # tokens: sources whose lengths differ by less are read in one batch


@dataclass(frozen=True)
class Example:
    """A text and what is to be written of it. Those of one `group`, a person (None: of one source), stay together."""

    source: str
    target: str
    group: str | None = None

    @property
    def held_with(self) -> str:
        return self.source if self.group is None else self.group


@dataclass(frozen=True)
class Row:
    """An example as ids: the source's of the tokenizer, the target's, its end included, of the decoder."""

    source: list[int]
    target: list[int]


class Seq2SeqConfig(BuildConfig):
    """Fine-tuning of a sequence-to-sequence model; an encoder gets a new decoder."""

    decoder_layers: int = Field(2, ge=1, description="of a new decoder; a model that has a decoder keeps its own")
    vocabulary: Literal["seen", "all"] = Field(
        "seen", description="what a new decoder can write: the tokens of the training examples, or the tokenizer's"
    )
    freeze_encoder: bool = Field(
        False,
        description="train a new decoder alone: it wants a rate at which the encoder collapses; T5's are trained whole",
    )
    learning_rate: float = Field(1e-4, gt=0, description="AdamW's, falling linearly to 0")
    warmup: float = Field(0.1, ge=0, lt=1, description="share of the steps in which the rate rises")
    weight_decay: float = Field(0.01, ge=0, description="AdamW's, not on biases and norms")
    batch_size: int = Field(48, ge=1, description="examples in one step, over all GPUs")
    chunk_size: int = Field(8, ge=1, description="examples in one forward pass; more keep a GPU busy")
    epochs: int = Field(3, ge=1, description="passes over the examples")
    keep: Literal["best", "last"] = Field("best", description="best: the epoch of lowest loss on held-out examples")
    validation: float = Field(0.1, ge=0, lt=1, description="share of groups whose examples are held out")
    max_source: int = Field(96, ge=8, description="tokens read of a source, then and later")
    max_target: int = Field(64, ge=2, description="tokens of a target; an example with a longer one is left out")
    dtype: Literal["auto", "float32", "bfloat16"] = Field("auto", description="auto: bfloat16 where it is native")
    checkpoint_steps: int = Field(200, ge=1, description="steps between checkpoints inside an epoch")
    seed: int = Field(42, ge=0, description="of a new decoder, of the order and of what is held out")


def finetune_seq2seq(
    base: Path | str,
    examples: Sequence[Example],
    out_folder: Path,
    config: Seq2SeqConfig,
    state_folder: Path,
    *,
    gpus: int = 1,
    device: str | None = None,
    wandb: bool = False,
) -> dict[str, Any]:
    """Teach `base`, a sequence-to-sequence model or an encoder ('minilm', a hub id or a folder), to write the targets.

    The loss is the cross-entropy of a target's tokens and its end, a mean over all of a step; dropout stays off.
    `out_folder` gets the model, its tokenizer and `curve.jsonl`, for transformers or `generate` (the ids that a new
    decoder writes are explained at `load_seq2seq`). `state_folder` holds checkpoints: a killed run with the same inputs
    goes on there, to the same weights bit for bit on a CPU; remove it when `out_folder` is published. Held-out groups
    judge by their mean loss; where no epoch is better than the model was, `keep: best` keeps that (`kept_epoch` 0).
    Returns counts and figures for a manifest. Raises InputError when no example fits `max_target` or the base cannot be
    used, BuildError when a run on several GPUs fails.
    """
    from engine.training.jobs import in_processes, report

    if gpus > 1:
        values = {"base": str(base), "config": config.model_dump(mode="json"), "wandb": wandb}
        return in_processes("seq2seq", values, {"examples": examples}, out_folder, state_folder, gpus)

    from engine.training.gradients import Workers, in_bfloat16, on_cpu
    from engine.training.loop import Loop, Plan, fit, processes

    parts = split(examples, config.validation, config.seed)
    path = transformer_folder(find_model(str(base)))
    tokenizer = load_tokenizer(path)
    tokenizer.model_max_length = min(config.max_source, tokenizer.model_max_length)
    load = partial(
        load_seq2seq,
        path,
        decoder_layers=config.decoder_layers,
        vocabulary=_tokens(tokenizer, parts[0]) if config.vocabulary == "seen" else None,
        seed=config.seed,
    )
    model, _ = load()
    if config.freeze_encoder and model.config.model_type == "encoder-decoder":
        model.get_encoder().requires_grad_(False)
    getattr(model, "warnings_issued", {})["estimate_tokens"] = True  # Trainer would warn that it cannot count pieces
    training, judged = (_encode(model, tokenizer, part, config.max_target) for part in parts)
    if not training:
        raise InputError(
            f"no target of {len(examples)} examples fits into {config.max_target} tokens"
            if examples
            else "no examples",
            where="examples",
            remedy="Raise max_target" if examples else "Give texts and what is to be written of them",
        )
    cpu = on_cpu(device)
    bfloat16 = in_bfloat16(config.dtype, cpu)
    chooses = config.keep == "best" and bool(judged)
    plan = Plan(
        label="fine-tuning",
        micro_batch_size=max(1, config.batch_size // processes()),  # pieces bound the memory
        schedule="linear",
        metric=JUDGED if chooses else None,
        greater=False,
        cpu=cpu,
        wandb=wandb,
        **config.model_dump(
            include={"epochs", "batch_size", "learning_rate", "warmup", "weight_decay", "seed", "checkpoint_steps"}
        ),
    )
    pads = (tokenizer.pad_token_id, model.config.pad_token_id, model.config.decoder_start_token_id)
    pack = partial(_collate, config.chunk_size, *pads)
    workers = Workers(cpu)
    loop = Loop(
        model,
        training,
        pack,
        partial(_descend, bfloat16=bfloat16, workers=workers),
        plan,
        state_folder,
        count=_target_tokens,
        validate=partial(_validate, pack(judged), bfloat16, workers) if judged else None,
        order=partial(grouped_order, [len(row.source) // _ALIKE for row in training], config.batch_size, config.seed),
    )
    inputs = {
        "base": digest_tree(path),
        "config": config.model_dump(mode="json"),
        "examples": digest([[asdict(row) for row in rows] for rows in (training, judged)]),
    }
    try:
        with quietly():  # Trainer warns of the keys of tied weights
            outcome = fit(loop, state_folder, inputs)
    finally:
        workers.close()
    outcome |= {"examples": len(training), "held_out": len(judged), "untrained": loop.figures(0)}
    outcome |= {"dropped": len(examples) - len(training) - len(judged), "vocabulary": len(written(model, tokenizer))}
    if chooses and outcome["untrained"][JUDGED] <= outcome["validation"][JUDGED]:
        model, _ = load()
        outcome |= {"kept_epoch": 0, "validation": outcome["untrained"]}
    if loop.is_world_process_zero():
        model.save_pretrained(str(out_folder))
        tokenizer.save_pretrained(str(out_folder))
        report(outcome, out_folder, state_folder)
    return outcome


def _tokens(tokenizer: Any, examples: Sequence[Example]) -> list[int]:
    """The ids that occur in the examples: those of the sources too, for names are copied from there."""
    texts = [text for example in examples for text in (example.source, example.target)]
    return sorted({i for ids in tokenizer(texts, truncation=True)["input_ids"] for i in ids}) if texts else []


def _encode(model: Any, tokenizer: Any, examples: Sequence[Example], longest: int) -> list[Row]:
    """The examples whose target has at most `longest` tokens; a token that the decoder cannot write is its unknown."""
    if not examples:
        return []
    place = {token: at for at, token in enumerate(written(model, tokenizer))}
    start, unknown = model.config.decoder_start_token_id, place.get(tokenizer.unk_token_id, 0)
    sources = tokenizer([example.source for example in examples], truncation=True)["input_ids"]
    targets = tokenizer(text_target=[example.target for example in examples])["input_ids"]
    rows = []
    for source, target in zip(sources, targets, strict=True):
        ids = [place.get(token, unknown) for token in target]
        ids = ids[1:] if ids[:1] == [start] else ids  # BERT's [CLS] is what it begins with
        if len(ids) <= longest:
            rows.append(Row(source, ids))
    return rows


def _collate(size: int, pad: int, target_pad: int, start: int, rows: Sequence[Row]) -> dict[str, Any]:
    """Pieces of at most `size` rows of like length."""
    order = sorted(rows, key=lambda row: (-len(row.source), -len(row.target)))
    pieces = (order[at : at + size] for at in range(0, len(order), size))
    return {"chunks": [_chunk(pad, target_pad, start, piece) for piece in pieces]}


def _chunk(pad: int, target_pad: int, start: int, rows: Sequence[Row]) -> dict[str, Any]:
    """(n, source) ids and mask, (n, target) what the decoder reads and what it shall write next."""
    import torch
    from torch.nn.utils.rnn import pad_sequence

    from engine.losses import IGNORED

    def padded(lists: Sequence[list[int]], value: int) -> Any:
        return pad_sequence([torch.tensor(ids) for ids in lists], batch_first=True, padding_value=value)

    return {
        "input_ids": padded([row.source for row in rows], pad),
        "attention_mask": padded([[1] * len(row.source) for row in rows], 0),
        "decoder_input_ids": padded([[start, *row.target[:-1]] for row in rows], target_pad),
        "labels": padded([row.target for row in rows], IGNORED),
    }


def _target_tokens(batch: Mapping[str, Any]) -> int:
    from engine.losses import IGNORED

    return sum(int((chunk["labels"] != IGNORED).sum()) for chunk in batch["chunks"])


def _loss(net: Any, chunk: Mapping[str, Any], total: int, bfloat16: bool) -> Any:
    """The share of one piece in the loss of a step that has `total` target tokens in all."""
    import torch

    from engine.losses import answer_nll

    read = {name: ids for name, ids in chunk.items() if name != "labels"}
    with torch.autocast(chunk["labels"].device.type, torch.bfloat16, enabled=bfloat16):
        logits = net(**read, use_cache=False).logits  # (n, target, words)
    return answer_nll(logits, chunk["labels"], total)


def _descend(model: Any, batch: Mapping[str, Any], total: int, *, bfloat16: bool, workers: Workers) -> Any:
    """Fill the parameters' .grad, a piece a core, dropout off; returns the loss, whose mean over processes is right."""
    import torch

    from engine.training.gradients import fill, learning
    from engine.training.loop import processes

    net, parameters = learning(model)
    losses = []

    def step(chunk: Mapping[str, Any]) -> tuple[Any, ...]:
        loss = _loss(net, chunk, total, bfloat16)
        return loss.detach(), *torch.autograd.grad(loss, parameters, allow_unused=True)

    def gradients() -> Iterator[Sequence[Any]]:
        for loss, *rest in workers.each(step, batch["chunks"]):
            losses.append(loss)
            yield rest

    fill(parameters, gradients())
    return torch.stack(losses).sum() * processes()


def _validate(judged: Mapping[str, Any], bfloat16: bool, workers: Workers, model: Any) -> dict[str, float]:
    """The mean loss over all target tokens of the held-out examples."""
    import torch

    from engine.training.gradients import unwrapped

    net = unwrapped(model)
    device = next(net.parameters()).device
    total = _target_tokens(judged)

    def share(chunk: Mapping[str, Any]) -> float:
        with torch.no_grad():  # a thread's own setting
            return float(_loss(net, {name: ids.to(device) for name, ids in chunk.items()}, total, bfloat16))

    return {JUDGED: round(sum(workers(share, judged["chunks"])), 6)}
