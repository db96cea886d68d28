"""hybrid: the lists of bm25 and dense made into one by reciprocal rank fusion."""

from __future__ import annotations

from engine.compose import Fusion, FusionOptions
from engine.config import BuildConfig
from engine.methods.base import Method, Paper, Stage, Target
from engine.methods.baselines import bm25, dense
from engine.methods.baselines.bm25 import Bm25Config
from engine.methods.baselines.dense import DenseBuild
from engine.records import ClosestSentence, FusedRanks, MatchedTerms


class HybridConfig(BuildConfig):
    """The two indexes that are fused; they are those of bm25 and dense, not copies."""

    bm25: Bm25Config = Bm25Config()
    dense: DenseBuild = DenseBuild()


def load(target: Target, config: HybridConfig) -> Fusion:
    return Fusion("hybrid", [bm25.Bm25Searcher(target, config.bm25), dense.DenseSearcher(target, config.dense)])


METHOD = Method(
    name="hybrid",
    title="Hybrid",
    task="search",
    summary="merges what bm25 and dense find, by reciprocal ranks or by weighted scores",
    paper=Paper(
        "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning Methods",
        "SIGIR 2009",
        "https://dl.acm.org/doi/10.1145/1571941.1572114",
    ),
    needs=("an encoder (MiniLM is bundled)",),
    explains=(FusedRanks, MatchedTerms, ClosestSentence),
    build_config=HybridConfig,
    search_options=FusionOptions,
    stages=(
        Stage("lexical", "postings with finished scores", lambda target, config: bm25.build(target, config.bm25)),
        Stage("dense", "one vector a document", lambda target, config: dense.build(target, config.dense)),
    ),
    load=load,
    folders=lambda target, config: [
        *bm25.METHOD.folders(target, config.bm25),
        *dense.METHOD.folders(target, config.dense),
    ],
)
