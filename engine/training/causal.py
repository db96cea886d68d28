"""Supervised fine-tuning of a causal language model on chat examples, with LoRA or of all its weights.

As SPIKE distils its scenario generator (Lee et al. 2025, section 3.2). How an example becomes labels is
engine/training/chat.py; the training loop is engine/training/loop.py.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from engine.artifacts import digest
from engine.config import BuildConfig
from engine.errors import InputError
from engine.training.chat import ChatExample, Encoded, Frame, collate, encode, frame

JUDGED = "validation_loss"  # what chooses the epoch


class SftConfig(BuildConfig):
    """Supervised fine-tuning; the defaults are those of SPIKE's generator."""

    full: bool = Field(False, description="train all weights instead of LoRA's, for models made from scratch")
    lora_rank: int = Field(32, ge=1, description="LoRA's r")
    lora_alpha: int = Field(64, ge=1, description="LoRA's scale, divided by its rank")
    lora_dropout: float = Field(0.1, ge=0, lt=1, description="dropout before LoRA's matrices")
    lora_targets: tuple[str, ...] = Field(
        ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"),
        description="the layers that get LoRA matrices",
    )
    qlora: bool = Field(False, description="base weights in 4 bits; needs CUDA and bitsandbytes")
    learning_rate: float = Field(2e-5, gt=0, description="AdamW's")
    schedule: Literal["constant", "linear", "cosine"] = Field("constant", description="of the learning rate")
    warmup: float = Field(0.0, ge=0, lt=1, description="share of the steps; unused by a constant schedule")
    weight_decay: float = Field(0.1, ge=0, description="AdamW's, not on biases and norms")
    batch_size: int = Field(64, ge=1, description="examples in one optimiser step, over all GPUs")
    micro_batch_size: int = Field(4, ge=1, description="examples in one forward pass; gradients are accumulated")
    epochs: int = Field(20, ge=1, description="at most so many passes")
    patience: int = Field(10, ge=1, description="epochs without a lower validation loss before training stops")
    validation: float = Field(0.1, ge=0, lt=1, description="share of examples held out; 0 keeps the last epoch")
    max_length: int = Field(4096, ge=8, description="tokens of an example; a longer one is left out, and counted")
    dtype: Literal["auto", "float32", "bfloat16"] = Field("auto", description="auto: bfloat16 on GPUs that have it")
    gradient_checkpointing: bool = Field(False, description="less memory, a third more time")
    checkpoint_steps: int = Field(200, ge=1, description="optimiser steps between checkpoints inside an epoch")
    template: Mapping[str, Any] = Field({}, description="the chat template's own variables: enable_thinking: false")
    seed: int = Field(42, ge=0, description="of initial weights, order and dropout")


def finetune_causal(
    model_path: Path | str,
    examples: Sequence[ChatExample],
    out_folder: Path,
    config: SftConfig,
    state_folder: Path,
    *,
    held_out: Sequence[ChatExample] = (),
    gpus: int = 1,
    device: str | None = None,
    wandb: bool = False,
) -> dict[str, Any]:
    """Teach a causal LM to give each example's answer; the loss is on the answer's tokens and its end alone.

    `out_folder` gets a whole model (LoRA merged in, safetensors) and its tokenizer, for transformers or vLLM alone,
    with LoRA the adapter too (`adapter/`), and `curve.jsonl`. `state_folder` holds checkpoints: a killed run with the
    same inputs goes on there, to the same weights bit for bit on a CPU; remove it when `out_folder` is published.
    Validation is on `held_out`, else on a share of the examples; the epoch of lowest validation loss is kept.
    Returns counts and figures for a manifest. Raises InputError when no example fits `max_length`, when the model or
    its chat template cannot be used, or QLoRA has no GPU; BuildError when a run on several GPUs fails.
    """
    from engine.training.jobs import in_processes, report

    if gpus > 1:
        values = {"model_path": str(model_path), "config": config.model_dump(mode="json"), "wandb": wandb}
        return in_processes(
            "causal", values, {"examples": examples, "held_out": held_out}, out_folder, state_folder, gpus
        )

    from transformers import AutoTokenizer, set_seed
    from transformers.utils.logging import disable_progress_bar

    from engine.training.loop import Loop, Plan, fit

    disable_progress_bar()  # its bars stand in the way of ours
    with _loading(model_path):
        tokenizer = AutoTokenizer.from_pretrained(str(model_path))
    parts = frame(tokenizer, config.template)
    training, judged, dropped = _split(tokenizer, parts, examples, held_out, config)
    set_seed(config.seed)
    bfloat16 = _bfloat16(config, device)
    model = _model(model_path, config, bfloat16)
    validated = bool(judged)
    plan = Plan(
        label="fine-tuning",
        metric=JUDGED if validated else None,
        greater=False,
        patience=config.patience if validated else None,
        cpu=device == "cpu",
        wandb=wandb,
        **config.model_dump(
            include={"epochs", "batch_size", "micro_batch_size", "learning_rate", "schedule", "warmup", "weight_decay"}
            | {"seed", "checkpoint_steps"}
        ),
    )
    loss = partial(_loss, bfloat16=bfloat16)
    pack = partial(collate, pad_id=parts.pad_id)
    loop = Loop(
        model,
        training,
        pack,
        loss,
        plan,
        state_folder,
        count=_answer_tokens,
        validate=partial(_validate, judged, pack, loss, config.micro_batch_size) if validated else None,
    )
    inputs = {
        "model": sorted((p.name, p.stat().st_size) for p in Path(model_path).glob("*")) or str(model_path),
        "config": config.model_dump(mode="json"),
        "examples": digest([[[*row.ids, row.start] for row in rows] for rows in (training, judged)]),
    }
    outcome = fit(loop, state_folder, inputs)
    outcome |= {"examples": len(training), "held_out": len(judged), "dropped": dropped}
    if loop.is_world_process_zero():
        _save(loop.model, tokenizer, parts, out_folder, model_path, config, bfloat16)
        report(outcome, out_folder, state_folder)
    return outcome


def _split(
    tokenizer: Any, parts: Frame, examples: Sequence[ChatExample], held_out: Sequence[ChatExample], config: SftConfig
) -> tuple[list[Encoded], list[Encoded], int]:
    """Examples to learn from, those to judge by, and how many of either were too long."""

    def fitting(rows: Sequence[ChatExample]) -> list[Encoded]:
        encoded = (encode(tokenizer, row, parts, config.template) for row in rows)
        return [row for row in encoded if len(row.ids) <= config.max_length]

    training, judged = fitting(examples), fitting(held_out)
    dropped = len(examples) + len(held_out) - len(training) - len(judged)
    if not training:
        raise InputError(
            f"none of {len(examples)} examples fits into {config.max_length} tokens" if examples else "no examples",
            where="examples",
            remedy="Raise build.max_length or shorten the documents" if examples else "Generate some first",
        )
    if not held_out and config.validation:
        order = random.Random(config.seed).sample(range(len(training)), len(training))
        share = min(max(1, round(config.validation * len(training))), len(training) - 1)
        judged = [training[index] for index in sorted(order[:share])]
        training = [training[index] for index in sorted(order[share:])]
    return training, judged, dropped


def _bfloat16(config: SftConfig, device: str | None) -> bool:
    import torch

    gpu = device != "cpu" and torch.cuda.is_available()
    return config.dtype == "bfloat16" or (config.dtype == "auto" and gpu and torch.cuda.is_bf16_supported())


def _model(model_path: Path | str, config: SftConfig, bfloat16: bool) -> Any:
    """The model to train. Frozen weights are in bfloat16 where that is asked for, trained ones always in float32."""
    import torch
    from transformers import AutoModelForCausalLM

    settings: dict[str, Any] = {}
    if config.qlora:
        settings["quantization_config"] = _four_bits()
        settings["device_map"] = {"": torch.cuda.current_device()}
    weights = torch.bfloat16 if bfloat16 and not config.full else torch.float32
    with _loading(model_path):
        model: Any = AutoModelForCausalLM.from_pretrained(str(model_path), dtype=weights, **settings)
    model.config.use_cache = False
    if not config.full:
        from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training

        if config.qlora:
            model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
        lora = LoraConfig(
            r=config.lora_rank,
            lora_alpha=config.lora_alpha,
            lora_dropout=config.lora_dropout,
            target_modules=list(config.lora_targets),
            task_type="CAUSAL_LM",
        )
        try:
            model = get_peft_model(model, lora)  # makes LoRA's own weights float32
        except ValueError as error:
            raise InputError(
                str(error).strip().splitlines()[0][:160], where="build.lora_targets", remedy="Name layers that it has"
            ) from None
    if config.gradient_checkpointing:
        model.enable_input_require_grads()
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    return model


@contextmanager
def _loading(model_path: Path | str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        raise InputError(
            f"not a causal language model that transformers can load ({str(error).strip().splitlines()[0][:160]})",
            where=str(model_path),
            remedy="Name a folder with config.json, a tokenizer and model.safetensors, or a hub id",
        ) from None


def _four_bits() -> Any:
    import importlib.util

    import torch
    from transformers import BitsAndBytesConfig

    if not torch.cuda.is_available() or importlib.util.find_spec("bitsandbytes") is None:
        remedy = "Set build.qlora=false, or install bitsandbytes on a machine with CUDA"
        raise InputError("QLoRA needs CUDA and bitsandbytes", where="build.qlora", remedy=remedy)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )


def _loss(model: Any, batch: Mapping[str, Any], total: int, *, bfloat16: bool) -> Any:
    """The share of the step's loss in one micro-batch, which has `total` answer tokens in all."""
    import torch

    from engine.losses import answer_nll

    with torch.autocast(batch["input_ids"].device.type, torch.bfloat16, enabled=bfloat16):
        logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    return answer_nll(logits[:, :-1], batch["labels"][:, 1:], total)


def _answer_tokens(batch: Mapping[str, Any]) -> int:
    from engine.losses import IGNORED

    return int((batch["labels"][:, 1:] != IGNORED).sum())


def _validate(judged: Sequence[Encoded], pack: Any, loss: Any, size: int, model: Any) -> dict[str, float]:
    """The mean loss over all answer tokens of the held-out examples."""
    device = next(model.parameters()).device
    batches = [pack(judged[start : start + size]) for start in range(0, len(judged), size)]
    total = sum(_answer_tokens(batch) for batch in batches)
    shares = [loss(model, {key: value.to(device) for key, value in batch.items()}, total) for batch in batches]
    return {JUDGED: float(sum(shares))}


def _save(
    model: Any, tokenizer: Any, parts: Frame, out: Path, base: Path | str, config: SftConfig, bfloat16: bool
) -> None:
    """The whole model in `out`. LoRA is merged in float32: in bfloat16 small updates would be rounded away."""
    import torch

    if not config.full:
        model.save_pretrained(str(out / "adapter"))
        if config.qlora:
            from peft import PeftModel
            from transformers import AutoModelForCausalLM

            whole: Any = AutoModelForCausalLM.from_pretrained(str(base), dtype=torch.float32)
            model = PeftModel.from_pretrained(whole, str(out / "adapter"))
        model = model.to("cpu").float().merge_and_unload()
    model = model.to(torch.bfloat16 if bfloat16 else torch.float32)
    model.config.use_cache = True
    ends = model.generation_config.eos_token_id
    ends = ends if isinstance(ends, list) else [] if ends is None else [ends]
    if parts.closing_id not in ends:  # what ends a turn ends the generation
        model.generation_config.eos_token_id = [*ends, parts.closing_id]
    model.save_pretrained(str(out))
    tokenizer.save_pretrained(str(out))
