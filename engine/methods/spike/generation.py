"""The scenarios of every document of a collection: imported where there are some, otherwise written by the generator.

One file a segment, a line a document in row order. A document whose generation failed has none and is counted: it is
then searched by its own vector.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.artifacts import Manifest, digest, read_manifest, stage
from engine.errors import BuildError
from engine.index.segment import Segment
from engine.llm.job import generate
from engine.llm.log import LOG, RETRY, job_folder
from engine.methods.base import Target
from engine.methods.spike.config import SpikeConfig
from engine.methods.spike.importing import KIND as IMPORT
from engine.methods.spike.importing import ImportedScenarios, imported
from engine.methods.spike.models import writer
from engine.methods.spike.scenarios import DocumentScenarios, Scenario, ScenarioAnswer, of_answer
from engine.methods.spike.stored import StoredScenarios, write_scenarios
from engine.methods.spike.task import SCENARIOS, DocumentInputs

KIND = "scenarios"
VERSION = 1


class SegmentScenarios(StoredScenarios):
    """The scenarios of one segment's documents, by row. Raises FileNotFoundError if they are not there."""

    damaged = "Delete this folder and run the same command again; answers of a model are kept in its job"


def folder(target: Target, config: SpikeConfig) -> Path:
    """Where the scenarios of a target lie; an import is replaced in place."""
    return target.folder("spike", f"scenarios-{digest(_source(target, writer(target, config))['who'])}")


def build_scenarios(target: Target, config: SpikeConfig) -> None:
    """Publish the scenarios of every segment that has none yet, or none of this import."""
    path = folder(target, config)
    config = writer(target, config)
    source = _source(target, config)
    taken = imported(target.workspace, target.dataset_digest)
    for segment in target.collection.segments:
        inputs = {"version": VERSION, "segment": segment.manifest.digest, "source": source}
        if taken:
            inputs["made_from"] = taken.content
        before = read_manifest(path / segment.name)
        # What failed is asked again once `llm retry` was called; where nothing has failed, that changes nothing.
        settled = before and not before.outputs["failed"]
        inputs["retries"] = before.inputs.get("retries", 0) if before and settled else _retries(target, config)

        def build(made: Path, segment: Segment = segment) -> Mapping[str, Any]:
            return _write(made, segment, target, config, taken)

        made = stage(path / segment.name, KIND, inputs, build)
        if note := _note(made, made != before, target, config):
            print(f"note: {note}", file=sys.stderr)  # noqa: T201


def _note(made: Manifest, is_new: bool, target: Target, config: SpikeConfig) -> str:
    """What a person should know of a segment's scenarios; of failures each time, of the rest once."""
    outputs = made.outputs
    if outputs["failed"]:
        job = job_folder(target.workspace, SCENARIOS, config.llm).name
        what = f"{outputs['failed']} of {outputs['documents']} documents lack scenarios that were asked for"
        return f"{what} (see `llm status`; `llm retry {job}` has them asked again)"
    if is_new and outputs["not_imported"]:
        what = f"{outputs['not_imported']} of {outputs['documents']} documents have no scenarios in the import"
        return f"{what}, and count by their own vector"
    if is_new and config.llm.backend == "extractive" and "made_from" not in made.inputs:
        what = "sentences of the documents stand for scenarios; no model is configured and none are imported"
        return f"{what} (data import {IMPORT} FILE --data DIR)"
    return ""


def _source(target: Target, config: SpikeConfig) -> dict[str, Any]:
    """What decides the scenarios: an import, or who writes them, and who writes what an import lacks."""
    taken = imported(target.workspace, target.dataset_digest)
    asks = config.llm.backend != "extractive"
    generator = {
        "task": [SCENARIOS.name, SCENARIOS.version],
        "llm": config.llm.identity(),
        "domain": config.domain,
        "characters": config.document_characters,
    }
    if not taken:
        return {"who": generator}
    # An import stands in for the generator. What documents it lacks is never made up of their own sentences: such
    # scenarios and written ones cannot be compared.
    return {"who": "import", "rest": generator if asks else None}


def _retries(target: Target, config: SpikeConfig) -> int:
    """How often `llm retry` was called on the job of these scenarios."""
    if config.llm.backend == "extractive":
        return 0
    path = job_folder(target.workspace, SCENARIOS, config.llm) / LOG
    if not path.exists():
        return 0
    with path.open("rb") as lines:
        return sum(line == RETRY for line in lines)


def _write(
    made: Path, segment: Segment, target: Target, config: SpikeConfig, taken: ImportedScenarios | None
) -> Mapping[str, Any]:
    def due() -> Iterator[tuple[str, DocumentInputs]]:
        for row in range(len(segment)):
            document = segment.document(row)
            if not taken or document.id not in taken:
                text = document.text[: config.document_characters]
                yield document.id, DocumentInputs(domain=config.domain, title=document.title, text=text)

    written: Iterator[tuple[str, list[Any], str | None]] = iter(())
    spent: Mapping[str, Any] = {}
    if not taken or config.llm.backend != "extractive":
        lacking = len(segment) if not taken else None
        generated = generate(target.workspace, SCENARIOS, due, config.llm, lacking)
        written, spent = iter(generated), generated.counts.as_dict()
    counts = {"documents": len(segment), "scenarios": 0, "without": 0, "not_imported": 0, "asked": 0, "failed": 0}
    answered, first = 0, ""

    def found_for(identity: str) -> DocumentScenarios:
        nonlocal answered, first
        if taken and identity in taken:
            return taken[identity]
        if taken and config.llm.backend == "extractive":
            counts["not_imported"] += 1
            return DocumentScenarios(identity)
        found, reason = _answered(*next(written), config)
        assert found.id == identity
        counts["asked"] += 1
        counts["failed"] += reason is not None
        answered += not reason or bool(found.source)
        first = first or reason or ""
        return found

    def counted() -> Iterator[DocumentScenarios]:
        for identity in segment.ids:
            found = found_for(identity)
            counts["scenarios"] += len(found.scenarios)
            counts["without"] += not found.scenarios
            yield found

    write_scenarios(made, counted())
    if counts["asked"] and not answered:
        job = job_folder(target.workspace, SCENARIOS, config.llm).name
        raise BuildError(
            f"no document got scenarios, of {counts['asked']} that were asked about ({first[:200]})",
            where=config.llm.model or config.llm.backend,
            remedy=f"Mend that, then `python -m admin llm retry {job}` and run the same command again",
        )
    return {**counts, "job": spent}


def _answered(
    identity: str, answers: list[ScenarioAnswer], reason: str | None, config: SpikeConfig
) -> tuple[DocumentScenarios, str | None]:
    """One document's scenarios, those of its samples put together; and why a sample is lacking, if one is."""
    if not answers:
        return DocumentScenarios(identity), reason or "no answer"
    parts = [of_answer(identity, answer, _name(config)) for answer in answers]
    together: dict[str, Scenario] = {}
    for scenario in (scenario for part in parts for scenario in part.scenarios):
        together.setdefault(scenario.information_need.casefold(), scenario)
    first = parts[0]
    return replace(first, scenarios=tuple(together.values())), reason


def _name(config: SpikeConfig) -> str:
    """Who writes, for people: a model by its name, a folder by the end of its path."""
    if config.llm.backend == "extractive":
        return "extractive"
    return "/".join(Path(config.llm.model).parts[-2:])
