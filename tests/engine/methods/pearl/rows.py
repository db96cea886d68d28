"""Training rows over a small tree: passages of a few words with tags, two questions to each, a person to eight."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import torch

from engine.methods.pearl.config import PearlConfig
from engine.methods.pearl.digit_decoder import DigitModel
from engine.methods.pearl.docids import DocidTree
from engine.methods.pearl.learning import fit_model
from engine.methods.pearl.model import PearlModel, TreeModel
from engine.methods.pearl.training import PearlTraining, Row
from methods.pearl.plots import grown
from methods.pearl.tiny_backbones import HIDDEN

PASSAGES = 40
_PLACES, _NAMES = ("mill", "harbour", "boat", "dentist", "regatta"), ("ann", "anna", "maria", "bob")


def passages(count: int = PASSAGES) -> list[str]:
    """All different; every third has a time, a few have two entities."""
    pairs = itertools.cycle(itertools.product(_NAMES, _PLACES))
    return [
        f"<PER> {name} </PER> met at the <LOC> {place} {number} </LOC>" + (" in <TIM>" if number % 3 == 0 else "")
        for number, (name, place) in zip(range(count), pairs, strict=False)
    ]


def rows(count: int = PASSAGES) -> list[Row]:
    """Two questions to each passage, then the passages, as a training has them."""
    made = []
    for number in range(count):
        group = f"person {number // 8}"
        made += [
            Row(f"the {number} of <PER> {_NAMES[number % 4]} </PER>", number, group),
            Row(f"in may with the {number}", number, group),
        ]
    return [*made, *(Row(text, n, f"person {n // 8}", True) for n, text in enumerate(passages(count)))]


def made(backbone: Path, config: PearlTraining, tree: DocidTree | None = None, decoder: str = "tree") -> PearlModel:
    """A model none of whose parts is at its beginning, where many gradients are zero."""
    torch.manual_seed(1)
    kind = TreeModel if decoder == "tree" else DigitModel
    model = kind(backbone, tree or grown(HIDDEN, PASSAGES), config.length)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.startswith("decoder."):
                parameter.add_(0.1 * torch.randn_like(parameter))
    return model.eval()


def trained(backbone: Path, tree: Path, out: Path, training: PearlTraining, gpus: int = 1, **more: Any) -> Any:
    """What `train pearl` does once all is prepared: `out/made` and `out/state`; `tree` is a folder."""
    (out / "made").mkdir(parents=True, exist_ok=True)
    config = PearlConfig(backbone=str(backbone), training=training, **more)
    return fit_model(str(backbone), config, tree, rows(), passages(), out / "made", out / "state", gpus=gpus)


def weights(folder: Path) -> dict[str, bytes]:
    """The bytes of all weights below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.safetensors"))}
