"""A model in this process, through transformers: chats in batches, padded on the left.

Temperature 0 takes the likeliest token. Otherwise each request draws with a generator of its own, seeded by its seed,
so that its answer does not depend on which others share the batch: the argmax of logits / T + Gumbel noise is a draw
from their softmax. Needs only torch and transformers, 4.57 or 5.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from engine.errors import BuildError, InputError
from engine.llm.backends.base import Refused, Reply
from engine.llm.config import LlmConfig
from engine.llm.task import Message


class Waiting(NamedTuple):
    """A request that waits for its batch."""

    messages: Sequence[Message]
    seed: int
    reply: asyncio.Future[Reply]


class LocalBackend:
    """One batch at a time in a thread of its own, while the requests of the next one gather."""

    def __init__(self, config: LlmConfig) -> None:
        self._config, self._batch = config, config.server.batch_size
        self._queue: asyncio.Queue[Waiting] = asyncio.Queue()
        self._thread = ThreadPoolExecutor(1, "llm")
        self._loop_task: asyncio.Task[None] | None = None
        self._stopped = False
        self._model: Any = None
        self._tokenizer: Any = None

    @property
    def slots(self) -> int:
        return 2 * self._batch

    async def start(self) -> None:
        """Raises InputError for a model that cannot be loaded."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._load)
        self._loop_task = asyncio.create_task(self._work())

    async def ask(self, messages: Sequence[Message], seed: int) -> Reply:
        request = Waiting(messages, seed, asyncio.get_running_loop().create_future())
        self._queue.put_nowait(request)
        return await request.reply

    async def close(self) -> None:
        self._stopped = True  # the batch ends at its next token
        if self._loop_task is not None:
            self._loop_task.cancel()
        self._thread.shutdown(wait=True)

    def _load(self) -> None:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        name = self._config.model
        device = "cuda" if torch.cuda.is_available() else "cpu"
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=False, padding_side="left")
            model: Any = AutoModelForCausalLM.from_pretrained(name, trust_remote_code=False, dtype="auto")
            self._model = model.to(device).eval()
        except Exception as error:  # each library has its own: safetensors, tokenizers, transformers
            reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
            raise InputError(
                f"cannot load this model ({reason})",
                where=name,
                remedy="Set llm.model to a hub id or a folder with a causal language model",
            ) from None
        if self._tokenizer.pad_token_id is None:
            self._tokenizer.pad_token = self._tokenizer.eos_token or self._tokenizer.convert_ids_to_tokens(0)

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            batch = [await self._queue.get()]
            await asyncio.sleep(0.002)  # those who ask at the same time share it
            while len(batch) < self._batch and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            batch = [request for request in batch if not request.reply.done()]  # else cancelled
            try:
                replies = await loop.run_in_executor(self._thread, self._generate, batch) if batch else []
            except Exception as error:  # each of its requests hears of it
                replies = [error] * len(batch)
            for request, reply in zip(batch, replies, strict=True):
                if request.reply.done():
                    continue
                if isinstance(reply, Exception):
                    request.reply.set_exception(reply)
                else:
                    request.reply.set_result(reply)

    def _generate(self, batch: Sequence[Waiting]) -> list[Reply | Exception]:
        """Replies in the batch's order; Refused where a prompt is too long."""
        texts = [self._render(request.messages) for request in batch]
        lengths = [len(ids) for ids in self._tokenizer(texts, add_special_tokens=False)["input_ids"]]
        limit = self._longest()
        fits = [i for i, length in enumerate(lengths) if length < limit]
        replies: list[Reply | Exception] = [
            Refused(f"the prompt has {length} tokens, the model takes {limit}") for length in lengths
        ]
        if fits:
            made = self._complete([texts[i] for i in fits], [batch[i].seed for i in fits], limit)
            for i, reply in zip(fits, made, strict=True):
                replies[i] = reply
        return replies

    def _complete(self, texts: Sequence[str], seeds: Sequence[int], limit: int) -> list[Reply]:
        import torch
        from transformers import GenerationConfig, LogitsProcessorList, StoppingCriteriaList

        tokenizer, model, sampling = self._tokenizer, self._model, self._config.sampling
        inputs = tokenizer(texts, add_special_tokens=False, padding=True, return_tensors="pt")
        inputs = {key: inputs[key].to(model.device) for key in ("input_ids", "attention_mask")}
        length = inputs["input_ids"].shape[1]
        ends = model.generation_config.eos_token_id
        ends = ends if isinstance(ends, list) else [ends if ends is not None else tokenizer.eos_token_id]
        ends = [end for end in ends if end is not None]
        draw = [Draw(sampling.temperature, sampling.top_p, seeds, model.device)] if sampling.temperature else []
        try:
            with torch.inference_mode():
                out = model.generate(
                    **inputs,
                    generation_config=GenerationConfig(
                        max_new_tokens=min(sampling.max_tokens, limit - length),
                        do_sample=False,
                        num_beams=1,
                        eos_token_id=ends or None,
                        pad_token_id=tokenizer.pad_token_id,
                    ),
                    logits_processor=LogitsProcessorList(draw),
                    stopping_criteria=StoppingCriteriaList([self._is_stopped]),
                )
        except torch.cuda.OutOfMemoryError:
            raise BuildError(
                f"the GPU has no memory for {len(texts)} requests at once",
                where=self._config.model,
                remedy="Lower llm.server.batch_size; the same command goes on from here",
            ) from None
        replies = []
        for prompt, row in zip(inputs["attention_mask"].sum(1).tolist(), out[:, length:].tolist(), strict=True):
            end = next((i for i, token in enumerate(row) if token in ends), None)
            text = tokenizer.decode(row[:end], skip_special_tokens=True)
            written = len(row) if end is None else end + 1
            replies.append(Reply(text, (prompt, written), cut=end is None))
        return replies

    def _render(self, messages: Sequence[Message]) -> str:
        chat = [dict(message) for message in messages]
        if self._tokenizer.chat_template:
            return str(self._tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True))
        return "".join(f"{m['role']}: {m['content']}\n" for m in chat) + "assistant: "

    def _longest(self) -> int:
        """Tokens of prompt and answer that the model takes."""
        known = getattr(self._model.config, "max_position_embeddings", None)
        return int(min(known or 1 << 30, self._tokenizer.model_max_length or 1 << 30))

    def _is_stopped(self, ids: Any, scores: Any, **_: Any) -> Any:
        import torch

        return torch.full((len(ids),), self._stopped, device=ids.device)


class Draw:
    """Turns greedy decoding into seeded sampling with `temperature` > 0 and `top_p`; called once a token."""

    def __init__(self, temperature: float, top_p: float, seeds: Sequence[int], device: Any) -> None:
        import torch

        self._temperature, self._top_p = temperature, top_p
        self._generators = [torch.Generator(device).manual_seed(seed) for seed in seeds]

    def __call__(self, ids: Any, scores: Any) -> Any:
        """`scores`: (batch, vocabulary) logits; returns the same shape, whose argmax is the draw."""
        import torch

        logits = scores.float() / self._temperature
        if self._top_p < 1:
            ordered, order = logits.sort(descending=True)
            before = ordered.softmax(-1).cumsum(-1) - ordered.softmax(-1)
            ordered = ordered.masked_fill(before >= self._top_p, -torch.inf)  # the likeliest always stays
            logits = torch.empty_like(logits).scatter_(1, order, ordered)
        noise = torch.stack(
            [
                torch.empty(logits.shape[1], device=logits.device).exponential_(generator=generator)
                for generator in self._generators
            ]
        )
        return logits - noise.log()  # -log of Exp(1) is Gumbel noise
