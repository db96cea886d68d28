"""The two indexes of the paper, documents and scenarios, side by side; and the words of the needs, if wanted.

The document index is that of `dense`, not a copy: it is neither changed nor duplicated by the scenarios.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from engine.artifacts import digest
from engine.index import dense
from engine.index.dense import DenseIndex
from engine.index.grouped import GroupedIndex, write_grouped
from engine.index.lexical import LexicalIndex
from engine.index.segment import Segment
from engine.methods.base import Target
from engine.methods.spike import generation
from engine.methods.spike.config import SpikeConfig
from engine.methods.spike.generation import SegmentScenarios
from engine.methods.spike.models import model_folder, trained_encoder
from engine.methods.spike.scenarios import unit_text


def documents_folder(target: Target, config: SpikeConfig) -> Path:
    """The document index, which `dense` shares."""
    return target.folder("dense", dense.name(config.dense, trained_encoder(target, config)))


def scenarios_folder(target: Target, config: SpikeConfig) -> Path:
    """The scenario index."""
    return target.folder("spike", digest([trained_encoder(target, config).digest, *_texts_of(target, config)]))


def needs_folder(target: Target, config: SpikeConfig) -> Path:
    """The postings of the needs."""
    assert config.needs is not None
    return target.folder("spike", f"needs-{digest([config.needs.model_dump(), *_texts_of(target, config)])}")


def _texts_of(target: Target, config: SpikeConfig) -> tuple[str, list[str], int | None]:
    return generation.folder(target, config).name, list(config.parts), config.per_document


def build_documents(target: Target, config: SpikeConfig) -> None:
    """One vector a document."""
    model = trained_encoder(target, config)
    cache = target.workspace.vectors(model.digest)
    DenseIndex.build(documents_folder(target, config), target.collection, config.dense, model, cache, target.processes)


def build_index(target: Target, config: SpikeConfig) -> None:
    """One vector a scenario, and the needs' postings."""
    model = trained_encoder(target, config)
    cache, path = target.workspace.vectors(model.digest), scenarios_folder(target, config)
    for segment in target.collection.segments:
        scenarios = SegmentScenarios(generation.folder(target, config) / segment.name)
        how = {"parts": config.parts, "first": config.per_document}

        def texts(part: Segment, scenarios: SegmentScenarios = scenarios) -> Iterator[Sequence[str]]:
            for row, found in enumerate(scenarios):
                content = part.document(row).content if "document" in config.parts else ""
                chosen = found.scenarios[: config.per_document]
                yield [unit_text(config.parts, content, found, scenario) for scenario in chosen]

        origin = scenarios.manifest.digest
        write_grouped(path / segment.name, segment, texts, origin, how, model, cache, target.processes)
    if config.needs:
        _build_needs(target, config)


def _build_needs(target: Target, config: SpikeConfig) -> None:
    assert config.needs is not None
    origin = generation.folder(target, config)

    def needs(segment: Segment) -> Iterator[str]:
        for found in SegmentScenarios(origin / segment.name):
            yield "\n".join(s.information_need for s in islice(found.scenarios, config.per_document))

    def made_from(segment: Segment) -> str:
        return SegmentScenarios(origin / segment.name).manifest.digest

    path = needs_folder(target, config)
    LexicalIndex.build(path, target.collection, config.needs, texts=needs, made_from=made_from)


def folders(target: Target, config: SpikeConfig) -> list[Path]:
    """All that a search opens; of an index whose encoder is still to be trained, what is known of it."""
    try:
        trained_encoder(target, config)
    except FileNotFoundError:
        return [p for p in (generation.folder(target, config), model_folder(target, config)) if p]
    found = [generation.folder(target, config), documents_folder(target, config), scenarios_folder(target, config)]
    return [*found, needs_folder(target, config)] if config.needs else found


def opened(target: Target, config: SpikeConfig) -> tuple[DenseIndex, GroupedIndex, LexicalIndex | None]:
    """The indexes of a target. Raises FileNotFoundError if a part is missing."""
    documents = DenseIndex(documents_folder(target, config), target.collection, trained_encoder(target, config))
    scenarios = GroupedIndex(scenarios_folder(target, config), target.collection)
    needs = LexicalIndex(needs_folder(target, config), target.collection, config.needs) if config.needs else None
    return documents, scenarios, needs
