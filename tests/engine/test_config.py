"""Configurations: what is accepted, what is refused, and what the refusal says."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import config as configs
from engine.compose import FusionOptions
from engine.config import MethodConfig
from engine.errors import InputError
from engine.experiment import contestant
from engine.index.lexical import LexicalConfig


def test_settings_are_laid_over_the_file_and_read_as_yaml() -> None:
    base = MethodConfig(method="m", build={"k1": 1.0, "deep": {"a": 1, "b": 2}}, search={})
    merged = configs.override(base, ["build.k1=0.3", "build.deep.a=null", "search.weights=[1, 2]"])
    assert merged.build == {"k1": 0.3, "deep": {"a": None, "b": 2}}
    assert merged.search == {"weights": [1, 2]}
    assert base.build["deep"] == {"a": 1, "b": 2}  # the file's own values are not touched


def test_a_prompt_is_taken_as_it_is_written() -> None:
    merged = configs.override(MethodConfig(method="m"), ["build.query_prompt=query: ", "build.name= x "])
    assert merged.build == {"query_prompt": "query: ", "name": " x "}


def test_a_mapping_is_set_key_by_key_and_may_be_empty() -> None:
    merged = configs.override(
        MethodConfig(method="m"), ["search.others.a={}", "search.others.b.k=1", "search.prompt={a: b}", "search.n=null"]
    )
    assert merged.search == {"others": {"a": {}, "b": {"k": 1}}, "prompt": "{a: b}", "n": None}


@pytest.mark.parametrize("setting", ["k1=3", "build=3", "build.=3", "build.k1", "", "=", "other.k=1", "build.k1=[1"])
def test_a_setting_that_cannot_be_read_is_refused(setting: str) -> None:
    with pytest.raises(InputError, match="--set"):
        configs.override(MethodConfig(method="m"), [setting])


def test_all_faults_are_told_at_once_with_the_nearest_key() -> None:
    with pytest.raises(InputError) as caught:
        contestant("bm25", settings=["build.k_1=1", "build.b=7", "search.rerank.dept=3"])
    for part in ("build.k1", "build.b", "less than or equal to 1", "search.rerank.depth", "search.rerank.model"):
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_keys_are_dotted_through_nested_and_optional_configurations() -> None:
    assert configs.keys(LexicalConfig) == ["k1", "b", "stemmer", "stopwords"]
    assert "rerank.depth" in configs.keys(FusionOptions) and "fusion" in configs.keys(FusionOptions)


@pytest.mark.parametrize("text", ["- a\n", "method: [", "method: bm25\nbuidl: {}\n", "build: {}\n"])
def test_a_broken_file_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=r"broken\.yaml"):
        configs.read_yaml(path)


def test_search_options_never_change_what_is_built() -> None:
    plain, other = contestant("hybrid"), contestant("hybrid", settings=["search.rrf_k=10", "search.depth=5"])
    assert plain.build == other.build and plain.options != other.options


def test_where_a_server_is_stands_in_no_run() -> None:
    settings = ("build.llm.server.base_urls=[http://secret:1/v1]", "build.llm.backend=openai", "build.llm.model=m",
                "build.dense.encoder.base_urls=[http://secret:2/v1]", "build.adapt=null", "search.a=0.3")  # fmt: skip
    chosen = contestant("spike", None, settings)
    assert chosen.settings == ("build.llm.backend=openai", "build.llm.model=m", "build.adapt=null", "search.a=0.3")
    assert "secret" not in str(chosen.build.model_dump())
