"""What SPIKE can be taught: a student to write scenarios (paper, distillation), and the encoder to fit a collection.

The student learns the teacher's JSON from a dataset's scenarios and writes those of any other. Fitting the encoder is
ours: every need and its document are a pair to bring together (InPars, Bonifacio et al. 2022; GPL, Wang et al. 2022),
so that what a model wrote once changes how all queries are read. Both make one folder, `models/spike/NAME`. Documents
added later are read with the same model: it is not trained again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from engine.artifacts import Manifest, model_stage
from engine.encoder import find_model, shared_encoder
from engine.errors import InputError
from engine.llm.config import LlmConfig
from engine.methods.base import Target
from engine.methods.spike import generation
from engine.methods.spike.config import SpikeConfig
from engine.methods.spike.generation import SegmentScenarios
from engine.methods.spike.importing import imported
from engine.methods.spike.models import is_written, model_folder
from engine.methods.spike.scenarios import DocumentScenarios, is_noise
from engine.methods.spike.task import DocumentInputs, messages
from engine.records import Document

VERSION = 1


def adapt(target: Target, config: SpikeConfig) -> None:
    """The stage of an index: fit the encoder to this dataset's scenarios, unless a model is named or none is wanted."""
    folder = None if config.model else model_folder(target, config)
    if folder is not None and config.adapt:
        taken = imported(target.workspace, target.dataset_digest)
        source = taken.content if taken else config.llm.identity()
        _train(target, config.model_copy(update={"student": None}), folder, source)


def train(target: Target, config: SpikeConfig, name: str) -> Manifest:
    """Make `models/spike/NAME` of a dataset's scenarios. Raises InputError where there is nothing to learn."""
    if not config.adapt and not config.student:
        raise InputError("nothing is to be trained", where="build", remedy="Set build.adapt or build.student.model")
    if not is_written(target, config):
        remedy = "Import some (data import spike-scenarios FILE --data DIR) or configure build.llm"
        raise InputError("sentences of the documents are no scenarios to learn from", where="build.llm", remedy=remedy)
    own = config.model_copy(update={"model": None})
    generation.build_scenarios(target, own)
    path = generation.folder(target, own)
    parts = [SegmentScenarios(path / segment.name).manifest.digest for segment in target.collection.segments]
    return _train(target, own, target.workspace.model("spike", name), parts)


def _train(target: Target, config: SpikeConfig, folder: Path, source: Any) -> Manifest:
    """`source` says what is learned from: another one is learned anew."""
    from engine.training import adapt_encoder, finetune_causal

    base = shared_encoder(config.dense.encoder)

    def build(made: Path, state: Path) -> Mapping[str, Any]:
        outputs: dict[str, Any] = {}
        if config.adapt:
            pairs = _pairs(target, config)
            outputs["encoder"] = adapt_encoder(
                base, pairs, made / "encoder", config.adapt, state / "encoder", gpus=target.processes
            )
        if config.student:
            path = find_model(config.student.model)
            outputs["student"] = finetune_causal(
                path, _examples(target, config), made / "student", config.student.sft, state / "student",
                gpus=target.processes,
            )  # fmt: skip
        return outputs

    inputs = {
        "version": VERSION,
        "dataset": target.dataset_digest,
        "scenarios": source,
        "encoder": base.digest if config.adapt else None,
        "adapt": config.adapt.model_dump(mode="json") if config.adapt else None,
        "pairs": [config.pairs, config.per_document],
        "student": _student(config),
    }
    return model_stage(folder, inputs, build)


def _student(config: SpikeConfig) -> dict[str, Any] | None:
    if config.student is None:
        return None
    base = LlmConfig(backend="transformers", model=config.student.model).identity()  # a folder by what it holds
    sft = config.student.sft.model_dump(mode="json")
    return {"base": base, "sft": sft, "domain": config.domain, "characters": config.document_characters}


def _documents(target: Target, config: SpikeConfig) -> Iterator[tuple[Document, DocumentScenarios]]:
    """Every document that a teacher or an import says something of, be it that it is noise."""
    path = generation.folder(target, config)
    for segment in target.collection.segments:
        for row, found in enumerate(SegmentScenarios(path / segment.name)):
            if found.scenarios or is_noise(found.main_topic):
                yield segment.document(row), found


def _pairs(target: Target, config: SpikeConfig) -> list[Any]:
    """(need, document) of every scenario; of more than `config.pairs`, so many that lie evenly among them."""
    from engine.training import Pair

    pairs = [
        Pair(query=scenario.information_need, document=document.content, owner=document.id)
        for document, found in _documents(target, config)
        for scenario in found.scenarios[: config.per_document]
    ]
    step = max(1.0, len(pairs) / config.pairs)
    return [pairs[int(i * step)] for i in range(min(len(pairs), config.pairs))]


def _examples(target: Target, config: SpikeConfig) -> list[Any]:
    """The task's own messages, and the teacher's JSON as the answer."""
    from engine.training import ChatExample

    examples = []
    for document, found in _documents(target, config):
        text = document.text[: config.document_characters]
        asked = messages(DocumentInputs(domain=config.domain, title=document.title, text=text))
        needs = [{"information_need": s.information_need, "explanation": s.explanation} for s in found.scenarios]
        answer = {
            "document_analysis": {"main_topic": found.main_topic, "key_points": list(found.key_points)},
            "information_needs": [s.information_need for s in found.scenarios],
            "explanation": needs,
        }
        examples.append(ChatExample(messages=asked, answer=json.dumps(answer, ensure_ascii=False)))
    return examples
