"""What can be set of SPIKE: how its index is built, and how it is searched."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from engine.config import BuildConfig, SearchOptions
from engine.index.dense import DenseConfig
from engine.index.lexical import LexicalConfig
from engine.llm.config import LlmConfig
from engine.methods.spike.scenarios import PARTS, Part
from engine.training import AdaptConfig, SftConfig


class StudentConfig(BuildConfig):
    """A small model that learns to write the teacher's scenarios; `train` makes it."""

    model: str = Field(description="a causal language model to start from: hub id or folder")
    sft: SftConfig = SftConfig()


class SpikeConfig(BuildConfig):
    """A generator of scenarios, an encoder, and what of a scenario is embedded."""

    llm: LlmConfig = Field(LlmConfig(), description="who writes the scenarios of documents that none are imported for")
    domain: str = Field("", description="what kind of collection it is, as the prompt tells the model")
    document_characters: int = Field(32_000, ge=100, description="how much of a document the model reads")
    per_document: int | None = Field(None, ge=1, description="only a document's first so many scenarios; None: all")
    parts: tuple[Part, ...] = Field(PARTS, min_length=1, description="of what a scenario's text is made")
    dense: DenseConfig = DenseConfig()
    model: str | None = Field(None, description="a model that `train` made, by its name: its encoder and its student")
    adapt: AdaptConfig | None = Field(None, description="fit the encoder to the needs and their documents")
    pairs: int = Field(20_000, ge=2, description="at most so many needs are learned from")
    fewest: int = Field(200, ge=2, description="with fewer needs, an index is made with the encoder as it is")
    student: StudentConfig | None = Field(None, description="what `train` makes a writer of scenarios of")
    needs: LexicalConfig | None = Field(None, description="postings of the needs' words, for `search.lexical`")

    @field_validator("parts")
    @classmethod
    def _in_order(cls, parts: tuple[Part, ...]) -> tuple[Part, ...]:
        return tuple(part for part in PARTS if part in parts)  # one set of parts is one index


class SpikeOptions(SearchOptions):
    """How a document's similarity and those of its scenarios become one score."""

    a: float = Field(0.5, ge=0, le=1, description="weight of the document itself; 1 is dense search, 0 scenarios alone")
    pool: Literal["max", "soft", "mean"] = Field("max", description="how a document's scenarios become one similarity")
    lexical: float = Field(0.0, ge=0, le=1, description="weight of BM25 over the needs; takes `build.needs`")
    depth: int = Field(100, ge=1, description="candidates first taken of each list; more where those do not suffice")
