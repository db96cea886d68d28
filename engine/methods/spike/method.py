"""SPIKE, declared."""

from __future__ import annotations

from engine.methods.base import Import, Method, Paper, Stage
from engine.methods.spike import generation, importing, index, training
from engine.methods.spike.config import SpikeConfig, SpikeOptions
from engine.methods.spike.search import SpikeSearcher
from engine.records import MatchedScenario

METHOD = Method(
    name="spike",
    title="SPIKE",
    task="search",
    summary="ranks documents by their own vector and by the needs that a language model imagined each to serve",
    paper=Paper(
        "Imagine All The Relevance: Scenario-Profiled Indexing with Knowledge Expansion for Dense Retrieval",
        "COLM 2025",
        "https://arxiv.org/abs/2503.23033",
    ),
    needs=("an encoder (MiniLM is bundled)", "scenarios: imported, or a language model (else own sentences)"),
    explains=(MatchedScenario,),
    build_config=SpikeConfig,
    search_options=SpikeOptions,
    stages=(
        Stage("scenarios", "the needs that each document serves", generation.build_scenarios),
        Stage("adaptation", "an encoder fitted to the needs, where wanted", training.adapt),
        Stage("documents", "one vector a document", index.build_documents),
        Stage("index", "one vector a scenario", index.build_index),
    ),
    load=SpikeSearcher,
    train=lambda target, dataset, config, name: training.train(target, config, name),  # of its scenarios
    first_start=("build.adapt=null",),
    folders=index.folders,
    imports=(Import(importing.KIND, "scenarios made elsewhere", "scenarios.jsonl", importing.import_scenarios),),
    versions={generation.KIND: generation.VERSION},
    lives_on=lambda workspace, dataset: importing.imported(workspace, dataset) is not None,
)
