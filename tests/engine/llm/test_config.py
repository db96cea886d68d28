"""What belongs to a digest and what does not; that every key is read."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from pydantic import ValidationError

from engine.config import keys
from engine.errors import InputError
from engine.llm.config import LlmConfig, ServerOptions, api_key, redact, secrets
from engine.llm.log import job_folder
from engine.llm.task import Sampling
from llm.tasks import ECHO, config

ENGINE = Path(__file__).parents[3] / "engine" / "llm"


def test_every_key_is_read_by_some_code() -> None:
    read = {
        node.attr
        for path in ENGINE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
    }
    assert [key for key in keys(LlmConfig) if any(part not in read for part in key.split("."))] == []


def test_the_server_is_no_part_of_digests() -> None:
    one, other = config("http://a/v1", slots=1), config("http://b/v1", max_cost=3.0, price_in=1.0)
    assert one.model_dump() == other.model_dump() and "server" not in one.model_dump()
    assert one.identity() == other.identity()
    assert LlmConfig(**one.model_dump()).identity() == one.identity()


def test_what_decides_the_words_is_part_of_the_identity(workspace, tmp_path: Path) -> None:
    base = config("http://a/v1")
    for change in ({"model": "n"}, {"samples": 2}, {"sampling": {"temperature": 0.5}}, {"backend": "transformers"}):
        changed = LlmConfig.model_validate(base.model_dump() | change)
        assert changed.identity() != base.identity(), change
        same_job = job_folder(workspace, ECHO, changed) == job_folder(workspace, ECHO, base)
        assert same_job == ("samples" in change), "more samples go on with the same log"


def test_a_models_folder_counts_by_its_files(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name / "m").mkdir(parents=True)
        (tmp_path / name / "m" / "weights").write_bytes(b"1")
    one, two = (LlmConfig(backend="transformers", model=str(tmp_path / n / "m")) for n in ("one", "two"))
    assert one.identity() == two.identity() and one.model_key() == two.model_key()
    (tmp_path / "two" / "m" / "weights").write_bytes(b"22")
    assert one.identity() != two.identity() and one.model_key() != two.model_key()


@pytest.mark.parametrize(
    "server",
    [
        {"base_urls": []},
        {"base_urls": ["localhost:8000"]},
        {"base_urls": ["http://me:password@host/v1"]},
        {"base_urls": ["http://host/v1?key=secret"]},
        {"max_cost": 3.0},
        {"slots": 0},
        {"slot": 4},
        {"attempts": 0},
    ],
)
def test_nonsense_is_refused(server: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ServerOptions.model_validate(server)


def test_a_refused_address_is_not_said_back() -> None:
    with pytest.raises(ValidationError) as caught:
        ServerOptions.model_validate({"base_urls": ["http://me:password@host/v1"]})
    assert "key_env" in caught.value.errors()[0]["msg"] and "password" not in caught.value.errors()[0]["msg"]


@pytest.mark.parametrize(
    "sampling",
    [{"temperature": -0.1}, {"temperature": 5.1}, {"top_p": 0}, {"top_p": 1.1}, {"max_tokens": 0}, {"seed": -1}],
)
def test_sampling_has_bounds(sampling: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Sampling.model_validate(sampling)


def test_one_url_may_be_a_string() -> None:
    assert ServerOptions.model_validate({"base_urls": "http://a/v1/"}).base_urls == ("http://a/v1",)


def test_a_word_that_stands_for_no_key_is_not_hidden() -> None:
    for word in ("EMPTY", "none", "Null", "dummy", "test", "TOKEN", "abc", "", " \n"):
        assert secrets(ServerOptions(), {"OPENAI_API_KEY": word}) == ()
    assert secrets(ServerOptions(), {"OPENAI_API_KEY": "k3y!\n"}) == ("k3y!",)
    hidden = secrets(ServerOptions(key_env="MINE"), {"MINE": "sk-1234567890"})
    assert redact("bad key sk-1234567890!", hidden) == "bad key [key]!"


def test_a_key_is_stripped_and_one_with_line_breaks_is_refused() -> None:
    assert api_key(ServerOptions(key_env="MINE"), {"MINE": " sk-1\n"}) == "sk-1" and api_key(ServerOptions(), {}) == ""
    for wrong in ("sk-1\nX-More: 1", "sk\x001", "sk\udc801"):
        with pytest.raises(InputError, match=r"^MINE: this is no key: .*Set it again$"):
            api_key(ServerOptions(key_env="MINE"), {"MINE": wrong})
