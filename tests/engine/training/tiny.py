"""A random Llama with a tokenizer trained on the test's own words, and examples whose answers are JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from engine.training import ChatExample, SftConfig

HEADERS = (  # as Llama 3 writes it: an end-of-turn token after every turn, the answer's among them
    "<s>{% for m in messages %}<|start_header_id|>{{ m['role'] }}<|end_header_id|>\n\n"
    "{{ m['content'] | trim }}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
PLAIN = (  # no special token anywhere, and the last line is there with or without a question
    "{% for m in messages %}{{ m['role'] }}:\n{{ m['content'] }}\n{% endfor %}{{ 'assistant:\n' }}"
)
SPACED = PLAIN.replace("assistant:\n", "assistant: ")  # a space that a first token may swallow
TOPICS = ("lake", "bicycle", "garage", "dentist", "violin", "harbour", "orchard", "glacier")
FULL = SftConfig(
    full=True, epochs=4, learning_rate=3e-3, batch_size=8, micro_batch_size=8, validation=0, weight_decay=0
)


def answer(topic: str) -> str:
    return json.dumps({"topic": topic, "needs": [f"find the {topic}"]})


def examples(topics: tuple[str, ...] = TOPICS, prompt: str = "Who needs this?") -> list[ChatExample]:
    return [ChatExample([{"role": "user", "content": f"{prompt} The {t} is here."}], answer(t)) for t in topics]


def save(folder: Path, template: str = HEADERS, pad: str | None = "<pad>", hidden: int = 64) -> Path:
    """A Llama of two layers (about 150,000 parameters) in `folder`."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    special = ["<s>", "</s>", "<pad>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=template != SPACED)
    raw.decoder = decoders.ByteLevel()
    texts = [f"user:\n{e.messages[0]['content']}\nassistant: {e.answer}" for e in examples()]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    raw.train_from_iterator(
        texts * 20, trainers.BpeTrainer(vocab_size=420, special_tokens=special, initial_alphabet=alphabet)
    )
    settings: dict[str, Any] = {"pad_token": pad} if pad else {}
    settings["model_input_names"] = ["input_ids", "attention_mask"]
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw, bos_token="<s>", eos_token="</s>", additional_special_tokens=special[3:], **settings
    )
    tokenizer.chat_template = template
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=512,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=2,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
