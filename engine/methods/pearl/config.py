"""What can be set of PEARL: how its texts, ids and model are made, and how it is searched."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from engine.config import BuildConfig, SearchOptions
from engine.encoder import EncoderConfig
from engine.index.reading import Reads
from engine.methods.pearl.docids import DocidConfig
from engine.methods.pearl.query_generation import QueryGeneratorConfig
from engine.methods.pearl.tagging_stage import TaggerBuild
from engine.methods.pearl.training import PearlTraining


class TranspositionConfig(BuildConfig):
    """Whose attention says which entity of a question is which of its memory."""

    model: str = Field("minilm", description="a cross-encoder or encoder: hub id, folder, or a trained reranker's name")
    threshold: float = Field(0.05, ge=0, description="attention mass from which two spans are exchanged")


class PearlConfig(BuildConfig):
    """How a model of PEARL is made, and the ids of memories."""

    model: str | None = Field(None, description="the one that `train pearl` made; None: the newest")
    reads: Reads = Field("memory", description="how a memory is read; 'memory' names its kind and who people are")
    tags: bool = Field(True, description="mark entities in texts, and name their types in what is clustered")
    mask_time: bool = Field(True, description="a time is a lone <TIM> to the model: when, is the prior's business")
    tagger: str | None = Field(None, description="a trained tagger's name; None: one is trained with the model")
    tagger_build: TaggerBuild = TaggerBuild()
    encoder: EncoderConfig = EncoderConfig()
    docids: DocidConfig = DocidConfig()
    ids: Literal["walk", "model"] = Field("walk", description="of strangers' memories: down the tree, or model-made")
    decoder: Literal["tree", "digits"] = Field("tree", description="compares with the tree's vectors, or writes digits")
    backbone: str = Field("minilm", description="an encoder, for digits also a sequence-to-sequence model")
    blocks: int = Field(2, ge=1, description="layers of a decoder made from scratch")
    questions: int = Field(20_000, ge=2, description="learn from at most so many")
    generator: QueryGeneratorConfig | None = Field(None, description="write more questions to each passage")
    transposition: TranspositionConfig | None = Field(None, description="exchange entities of question and memory")
    training: PearlTraining = PearlTraining()


class PearlOptions(SearchOptions):
    """How ids are searched."""

    beams: int = Field(20, ge=1, description="ids that are followed at once: no list is longer")
    normalise: Literal["legal", "full"] = Field(
        "full", description="p of a step among all of the tree's digits there, or among those of this store's ids alone"
    )
