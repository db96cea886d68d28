"""Fine-tuning a tiny Llama: it learns what it is taught, stops when it learns no more, and leaves a whole model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.errors import InputError
from engine.training import ChatExample, SftConfig, finetune_causal
from engine.training.state import read_curve
from training import tiny

pytestmark = pytest.mark.integration
QUICK = SftConfig(epochs=2, batch_size=4, micro_batch_size=2, learning_rate=1e-3, validation=0.25)


def train(
    folder: Path, config: SftConfig, examples: list[ChatExample] | None = None, **settings: Any
) -> dict[str, Any]:
    model = folder / "model"
    if not model.exists():
        tiny.save(model)
    out = folder / "out"
    out.mkdir(exist_ok=True)
    return finetune_causal(model, examples or tiny.examples(), out, config, folder / "state", device="cpu", **settings)


def reply(folder: Path, example: ChatExample) -> str:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    prompt = tokenizer.apply_chat_template(example.messages, tokenize=False, add_generation_prompt=True)
    ids = tokenizer(prompt, add_special_tokens=False, return_tensors="pt")
    made = model.generate(**ids, max_new_tokens=80, do_sample=False)[0, ids["input_ids"].shape[1] :]
    return tokenizer.decode(made, skip_special_tokens=True)


def test_a_tiny_model_learns_eight_documents_by_heart(tmp_path: Path) -> None:
    outcome = train(tmp_path, tiny.FULL, tiny.examples() * 80)
    assert outcome["loss"] < 0.05
    for example in tiny.examples():
        assert json.loads(reply(tmp_path / "out", example)) == json.loads(example.answer)
    rows = read_curve(tmp_path / "out" / "curve.jsonl")
    assert [row["step"] for row in rows] == list(range(1, 321))
    assert set(rows[0]) == {"step", "epoch", "loss", "lr", "seconds"} and rows[0]["lr"] == tiny.FULL.learning_rate


def test_lora_leaves_a_whole_model_that_needs_no_peft(tmp_path: Path) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    outcome = train(tmp_path, QUICK)
    assert (outcome["examples"], outcome["held_out"], outcome["dropped"]) == (6, 2, 0)
    assert not (tmp_path / "out" / "adapter_config.json").exists()
    assert not [path for path in (tmp_path / "out").rglob("*") if path.suffix in (".bin", ".pt", ".pth", ".pkl")]
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    base = AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    adapted = PeftModel.from_pretrained(base, str(tmp_path / "out" / "adapter"))
    ids = torch.arange(6, 30)[None]
    with torch.no_grad():
        wanted = adapted(ids).logits
        assert torch.allclose(merged(ids).logits, wanted, atol=1e-5)
        with adapted.disable_adapter():
            assert not torch.allclose(adapted(ids).logits, wanted, atol=1e-3)
    assert 5 in merged.generation_config.eos_token_id  # <|eot_id|> ends what it writes


def test_the_validation_loss_is_the_mean_over_all_held_out_tokens(tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    held_out = tiny.examples(("lake", "bicycle", "orchard"))
    outcome = train(tmp_path, SftConfig(full=True, epochs=1, batch_size=4, micro_batch_size=2), held_out=held_out)
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    losses: list[float] = []
    for example in held_out:  # token by token, one example at a time, without our labels
        prompt = tokenizer.apply_chat_template(example.messages, tokenize=False, add_generation_prompt=True)
        start = len(tokenizer(prompt, add_special_tokens=False)["input_ids"])
        ids = tokenizer(prompt + example.answer + "<|eot_id|>", add_special_tokens=False, return_tensors="pt")
        with torch.no_grad():
            scores = model(**ids).logits[0].log_softmax(-1)
        losses += [-float(scores[at - 1, ids["input_ids"][0, at]]) for at in range(start, ids["input_ids"].shape[1])]
    assert outcome["validation"]["validation_loss"] == pytest.approx(sum(losses) / len(losses), abs=1e-5)


def test_accumulation_is_one_large_batch(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    weights = []
    for size in (1, 8):  # rows of different length: a mean of means would differ
        config = tiny.FULL.model_copy(update={"micro_batch_size": size, "epochs": 2, "learning_rate": 1e-4})
        folder = tmp_path / str(size)
        folder.mkdir()
        examples = [ChatExample(e.messages, e.answer * (n + 1)) for n, e in enumerate(tiny.examples())]
        train(folder, config, examples)
        weights.append(load_file(folder / "out" / "model.safetensors"))
    for name, value in weights[0].items():
        assert value.allclose(weights[1][name], atol=2e-5), name


def test_training_ends_when_patience_does_and_keeps_the_best_epoch(tmp_path: Path) -> None:
    config = tiny.FULL.model_copy(update={"epochs": 40, "patience": 2, "learning_rate": 2e-2})
    outcome = train(tmp_path, config, held_out=tiny.examples(("comet", "engine", "carpet")))
    losses = [
        row["validation_loss"] for row in read_curve(tmp_path / "out" / "curve.jsonl") if "validation_loss" in row
    ]
    best = 1 + losses[1:].index(min(losses[1:]))  # the first is the untrained model's
    assert outcome["epochs"] == len(losses) - 1 == best + 2 < 40
    assert outcome["kept_epoch"] == best
    assert outcome["validation"]["validation_loss"] == losses[best]


def test_examples_too_long_are_left_out_and_counted(tmp_path: Path) -> None:
    long = ChatExample([{"role": "user", "content": "word " * 300}], tiny.answer("lake"))
    config = QUICK.model_copy(update={"max_length": 100, "epochs": 1})
    assert train(tmp_path, config, [*tiny.examples(), long])["dropped"] == 1
    with pytest.raises(InputError, match="none of 1 examples fits into 100 tokens"):
        train(tmp_path, config, [long])


def test_less_memory_gives_the_same_model(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    weights = []
    for name, spare in (("usual", False), ("spare", True)):
        folder = tmp_path / name
        folder.mkdir()
        train(folder, QUICK.model_copy(update={"gradient_checkpointing": spare, "lora_dropout": 0.0}))
        weights.append(load_file(folder / "out" / "model.safetensors"))
    for name, value in weights[0].items():
        assert value.allclose(weights[1][name], atol=1e-6), name


@pytest.mark.parametrize("full", [False, True])
def test_bfloat16_leaves_a_model_in_bfloat16_that_has_learned(tmp_path: Path, full: bool) -> None:
    from safetensors.torch import load_file

    config = QUICK.model_copy(update={"dtype": "bfloat16", "full": full, "epochs": 4})
    train(tmp_path, config)
    losses = [
        row["validation_loss"] for row in read_curve(tmp_path / "out" / "curve.jsonl") if "validation_loss" in row
    ]
    assert losses[-1] < losses[0] - 0.1
    assert {str(value.dtype) for value in load_file(tmp_path / "out" / "model.safetensors").values()} == {
        "torch.bfloat16"
    }


def test_settings_that_cannot_be_met(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be cut into micro-batches"):
        train(tmp_path, QUICK.model_copy(update={"batch_size": 5}))
    with pytest.raises(InputError, match="lora_targets"):
        train(tmp_path, QUICK.model_copy(update={"lora_targets": ("nowhere",)}))
    with pytest.raises(InputError, match="QLoRA needs CUDA"):
        train(tmp_path, QUICK.model_copy(update={"qlora": True}))
    with pytest.raises(InputError, match="not a causal language model"):
        finetune_causal(tmp_path / "none", tiny.examples(), tmp_path, QUICK, tmp_path / "s", device="cpu")
