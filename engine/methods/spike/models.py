"""Which trained model a target is indexed with, and what is taken of it: its encoder, its student."""

from __future__ import annotations

from pathlib import Path

from engine.artifacts import digest, read_manifest
from engine.encoder import Encoder, shared_encoder
from engine.llm.config import LlmConfig
from engine.llm.task import Sampling
from engine.methods.base import Target
from engine.methods.spike.config import SpikeConfig
from engine.methods.spike.importing import imported


def model_folder(target: Target, config: SpikeConfig) -> Path | None:
    """Where the model lies that a target is indexed with: the one named, else its own; None where none is trained."""
    if config.model:
        return target.workspace.trained("spike", config.model)
    served = bool(config.dense.encoder.base_urls)  # then its weights are not here
    if config.adapt is None or served or not is_written(target, config) or not _is_enough(target, config):
        return None
    own = digest(
        [config.adapt.model_dump(), config.pairs, config.per_document, shared_encoder(config.dense.encoder).digest]
    )
    return target.workspace.model("spike", f"{target.dataset_digest[:8]}-{own[:8]}")


def _is_enough(target: Target, config: SpikeConfig) -> bool:
    """Whether the first segment has needs enough to learn from: what is added later changes no encoder."""
    from engine.methods.spike import generation  # which asks here who writes

    first = read_manifest(generation.folder(target, config) / target.collection.segments[0].name)
    return first is not None and first.outputs["scenarios"] >= config.fewest


def trained_encoder(target: Target, config: SpikeConfig) -> Encoder:
    """The model's encoder, or the one that the configuration names. FileNotFoundError if it is still to be trained."""
    folder = model_folder(target, config)
    if folder is None:
        return shared_encoder(config.dense.encoder)
    if read_manifest(folder) is None:
        raise FileNotFoundError(folder)
    path = folder / "encoder"
    if not path.is_dir():
        return shared_encoder(config.dense.encoder)
    return shared_encoder(
        config.dense.encoder.model_copy(update={"model": str(path), "revision": None, "base_urls": ()})
    )


def writer(target: Target, config: SpikeConfig) -> SpikeConfig:
    """The configuration with the model's student, if it has one, as who writes scenarios."""
    folder = model_folder(target, config) if config.model else None
    if folder is None or not (folder / "student").is_dir():
        return config
    student = LlmConfig(
        backend="transformers",
        model=str(folder / "student"),
        sampling=Sampling(max_tokens=config.llm.sampling.max_tokens),
        server=config.llm.server,
    )
    return config.model_copy(update={"llm": student})


def is_written(target: Target, config: SpikeConfig) -> bool:
    """Whether the scenarios are a model's or a person's, not the documents' own sentences."""
    return config.llm.backend != "extractive" or imported(target.workspace, target.dataset_digest) is not None
