"""Chat examples as token ids and labels: rendered once, tokenised once, the answer found by token offsets.

What a model is taught is by construction what it will be asked: prompt as the chat template renders it for generation,
then the answer, then the token that ends a turn. No training here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.errors import InputError

_PROBE = "QUINTETANSWER"
_SPARE = ("<|finetune_right_pad_id|>", "<|vision_pad|>", "<pad>", "[PAD]", "<|pad|>", "<|endoftext|>")


@dataclass(frozen=True)
class ChatExample:
    """A conversation and the answer to learn. `messages` are {"role", "content"}, the last one the user's."""

    messages: Sequence[Mapping[str, object]]
    answer: str


@dataclass(frozen=True)
class Encoded:
    """Token ids of one example; those from `start` on are the answer and the token that ends it."""

    ids: list[int]
    start: int


@dataclass(frozen=True)
class Frame:
    """What a tokenizer's template puts between prompt and answer (white space at most) and what ends the answer."""

    opening: str
    closing: str
    closing_id: int
    pad_id: int


def frame(tokenizer: Any, template: Mapping[str, Any]) -> Frame:
    """How the chat template of `tokenizer` frames an answer; `template` are its own variables (`enable_thinking`).

    The turn's own end-of-turn token closes an answer where the template has one, else the end-of-sequence token.
    Raises InputError for a tokenizer without template, without offsets or without any token to end with.
    """
    name = str(getattr(tokenizer, "name_or_path", "")) or "tokenizer"
    if not tokenizer.is_fast:
        remedy = "Name a model with a tokenizer.json"
        raise InputError("this tokenizer gives no offsets", where=name, remedy=remedy)
    if not tokenizer.chat_template:
        remedy = "Name an instruction-tuned model, or add a chat_template to its tokenizer_config.json"
        raise InputError("this tokenizer has no chat template", where=name, remedy=remedy)
    asked = [{"role": "user", "content": "Hello"}]
    prompt = _render(tokenizer, asked, template, generate=True)
    whole = _render(tokenizer, [*asked, {"role": "assistant", "content": _PROBE}], template, generate=False)
    before, found, after = whole.rpartition(_PROBE)
    if not found:
        remedy = "Mend the chat_template: it must write an assistant's content"
        raise InputError("the chat template leaves the answer out", where=name, remedy=remedy)
    gap = before[len(prompt) :] if before.startswith(prompt) else ""
    special = {token.content for token in tokenizer.added_tokens_decoder.values() if token.special}
    special |= {str(token) for token in tokenizer.all_special_tokens}
    rest = after.lstrip()
    ends = sorted((token for token in special if rest.startswith(token)), key=len)
    if ends:
        closing, token = after[: len(after) - len(rest)] + ends[-1], ends[-1]
    elif tokenizer.eos_token:
        closing = token = tokenizer.eos_token
    else:
        remedy = "Set eos_token in its tokenizer_config.json"
        raise InputError("nothing ends an answer: no end-of-turn and no eos token", where=name, remedy=remedy)
    closing_id = tokenizer.convert_tokens_to_ids(token)
    return Frame(gap if gap.isspace() else "", closing, closing_id, _pad(tokenizer, closing_id))


def encode(tokenizer: Any, example: ChatExample, parts: Frame, template: Mapping[str, Any]) -> Encoded:
    """The example's ids and where the answer starts; no special token is added to those that the template wrote.

    Raises InputError when the answer is empty, or when its first token has swallowed a part of the prompt: a model
    asked with that prompt could never begin with such a token.
    """
    answer = example.answer.strip()
    if not answer:
        raise InputError("an example has an empty answer", where="examples", remedy="Leave it out")
    prompt = _render(tokenizer, example.messages, template, generate=True)
    text = prompt + parts.opening + answer + parts.closing
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    ids, spans = encoded["input_ids"], encoded["offset_mapping"]
    start = next(index for index, (_, end) in enumerate(spans) if end > len(prompt))
    first = tokenizer.decode(ids[start : start + 1], clean_up_tokenization_spaces=False)
    expected = (parts.opening + answer)[:1]
    begins = first.startswith((expected, answer[0], "\ufffd"))  # the last: a byte of a longer character
    if spans[start][0] < len(prompt) or not begins:
        raise InputError(
            f"the answer's first token {first!r} begins in the prompt ({prompt[-12:]!r})",
            where="chat template",
            remedy="End its generation prompt with a line break or a special token instead of a space",
        )
    if ids[-1] != parts.closing_id:
        remedy = "Mark it as special in tokenizer.json"
        raise InputError(f"{parts.closing!r} is not read as one token", where="chat template", remedy=remedy)
    return Encoded(ids, start)


def collate(batch: Sequence[Encoded], pad_id: int) -> dict[str, Any]:
    """Right-padded tensors: input_ids, attention_mask and labels, each (batch, longest).

    The mask goes by length, never by comparing ids, so that an end-of-turn token is attended to even where a
    tokenizer pads with it. Labels are -100 outside answers.
    """
    import torch

    from engine.losses import IGNORED

    longest = max(len(example.ids) for example in batch)
    ids = torch.full((len(batch), longest), pad_id)
    mask, labels = torch.zeros_like(ids), torch.full_like(ids, IGNORED)
    for row, example in enumerate(batch):
        length = len(example.ids)
        ids[row, :length] = torch.tensor(example.ids)
        mask[row, :length] = 1
        labels[row, example.start : length] = ids[row, example.start : length]
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def _render(
    tokenizer: Any, messages: Sequence[Mapping[str, object]], template: Mapping[str, Any], generate: bool
) -> str:
    try:
        rendered = tokenizer.apply_chat_template(
            [dict(message) for message in messages], tokenize=False, add_generation_prompt=generate, **template
        )
    except Exception as error:  # jinja's own, and whatever a template raises on roles that it does not know
        raise InputError(
            f"the chat template cannot render these messages ({str(error).strip()[:120]})",
            where="chat template",
            remedy="Use the roles that the model knows",
        ) from None
    return str(rendered)


def _pad(tokenizer: Any, closing_id: int) -> int:
    """An id to pad with that ends nothing. Padding is masked by length, so that any other id would do."""
    ends = {tokenizer.eos_token_id, closing_id}
    vocabulary = tokenizer.get_vocab()
    candidates = [tokenizer.pad_token_id, *(vocabulary.get(token) for token in _SPARE), tokenizer.unk_token_id, 0, 1, 2]
    return next(token for token in candidates if token is not None and token not in ends)
