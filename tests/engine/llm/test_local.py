"""The transformers backend with a tiny random model: batches, seeds, lengths."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from engine.artifacts import Workspace
from engine.errors import InputError
from engine.llm.backends.base import Refused, Reply
from engine.llm.backends.local import Draw, LocalBackend
from engine.llm.config import LlmConfig
from engine.llm.job import generate
from engine.llm.task import Message
from llm import tiny
from llm.tasks import ECHO, words

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save(tmp_path_factory.mktemp("tiny"))


def config(model: Path, batch: int = 4, **sampling: Any) -> LlmConfig:
    sampling = {"max_tokens": 12} | sampling
    settings = {"backend": "transformers", "model": str(model), "sampling": sampling}
    return LlmConfig.model_validate(settings | {"server": {"batch_size": batch, "attempts": 2}})


def ask(settings: LlmConfig, texts: list[str], seeds: list[int] | None = None) -> list[Reply | BaseException]:
    async def run() -> list[Reply | BaseException]:
        backend = LocalBackend(settings)
        await backend.start()
        try:
            chats: list[list[Message]] = [[{"role": "user", "content": text}] for text in texts]
            asked = [backend.ask(c, s) for c, s in zip(chats, seeds or range(len(chats)), strict=True)]
            return await asyncio.gather(*asked, return_exceptions=True)
        finally:
            await backend.close()

    return asyncio.run(run())


TEXTS = ["a", "a tiny model", "models for tests " * 4, "x", "why"]


@pytest.mark.parametrize("sampling", [{}, {"temperature": 1.0}, {"temperature": 0.7, "top_p": 0.8}])
def test_a_reply_does_not_depend_on_its_batch(model: Path, sampling: dict[str, float]) -> None:
    together, alone = ask(config(model, 8, **sampling), TEXTS), ask(config(model, 1, **sampling), TEXTS)
    assert together == alone
    assert len({reply.text for reply in together if isinstance(reply, Reply)}) > 1


def test_seeds_decide_what_is_drawn(model: Path) -> None:
    settings = config(model, temperature=1.0)
    one, same, other = ask(settings, ["a tiny model"] * 3, [1, 1, 2])
    assert one == same != other
    greedy = ask(config(model), ["a tiny model"] * 2, [1, 2])
    assert greedy[0] == greedy[1]


def test_draws_follow_the_softmax_within_top_p() -> None:
    import torch

    logits = torch.log(torch.tensor([0.5, 0.3, 0.15, 0.05])).repeat(4000, 1)
    drawn = Draw(1.0, 1.0, range(4000), "cpu")(None, logits).argmax(1)
    shares = torch.bincount(drawn, minlength=4) / 4000
    assert torch.allclose(shares, torch.tensor([0.5, 0.3, 0.15, 0.05]), atol=0.03)
    drawn = Draw(1.0, 0.7, range(4000), "cpu")(None, logits).argmax(1)
    shares = torch.bincount(drawn, minlength=4) / 4000
    assert torch.allclose(shares, torch.tensor([0.625, 0.375, 0, 0]), atol=0.03), "the smallest set that holds 0.7"


def test_greedy_is_what_transformers_generates(model: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer, network = AutoTokenizer.from_pretrained(model), AutoModelForCausalLM.from_pretrained(model)
    for text, reply in zip(TEXTS, ask(config(model), TEXTS), strict=True):
        ids = tokenizer(f"user: {text}\nassistant: ", return_tensors="pt", add_special_tokens=False)
        ids.pop("token_type_ids", None)
        out = network.generate(**ids, max_new_tokens=12, do_sample=False)[0, ids["input_ids"].shape[1] :]
        assert isinstance(reply, Reply)
        assert reply.text == tokenizer.decode(out, skip_special_tokens=True)
        assert reply.usage == (ids["input_ids"].shape[1], len(out)) and reply.cut == (1 not in out.tolist())


def test_a_prompt_that_is_too_long_fails_alone(model: Path) -> None:
    short, long = ask(config(model), ["a", "why " * 400])
    assert isinstance(short, Reply)
    assert isinstance(long, Refused) and "the model takes 256" in str(long)


def test_a_job(model: Path, workspace: Workspace) -> None:
    made = generate(workspace, ECHO, words(3), config(model))
    assert (made.counts.asked, made.counts.failed) == (3, 3), "random weights write no JSON"
    assert all(not answers and reason for _, answers, reason in made)
    assert made.counts.completion_tokens > 0
    assert generate(workspace, ECHO, words(3), config(model)).counts.asked == 0


def test_what_is_no_model_is_told(tmp_path: Path, workspace: Workspace) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="cannot load this model"):
        generate(workspace, ECHO, words(1), config(tmp_path / "empty"))
