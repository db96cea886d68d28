"""Training PEARL: L = CE + lambda1 EMR + lambda2 PCL over (tagged text, docid) rows (sections 3.5 and 3.6 of its code).

A row is a question, a passage, a generated question or one half of a transposed pair; all have the id of their passage.
Beside each stand the passage itself and one that shares the longest prefix of its id, PCL's positive and negative.
A batch is read in pieces, one a core (engine/training/gradients.py): what PCL needs of all of them at once are vectors.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from engine.artifacts import digest
from engine.config import BuildConfig
from engine.errors import InputError
from engine.methods.pearl.docids import DocidTree
from engine.training.blending import blend
from engine.training.grouping import split

if TYPE_CHECKING:
    from engine.methods.pearl.model import PearlModel

JUDGED = "nll"  # what chooses the epoch


class EmrConfig(BuildConfig):
    """Entity-span mass regularisation: the names in a text shall not decide alone."""

    weight: float = Field(1.0, ge=0, description="lambda1; 0 leaves it out")
    cap: float = Field(0.005, ge=0, le=10, description="attention an entity token may receive; 0.005 as published")
    relative: bool = Field(False, description="the cap is a multiple of the uniform share 1 / length")


class PclConfig(BuildConfig):
    """Prefix-based contrastive learning: a question beside its passage and a passage of nearly the same id."""

    weight: float = Field(1.0, ge=0, description="lambda2; 0 leaves it out")
    temperature: float = Field(0.05, gt=0, description="what inner products are divided by")
    gamma: float = Field(0.5, ge=0, description="weight of the mean over tags beside the mean over all tokens")
    surfaces: bool = Field(False, description="pool what stands between the tags too")
    normalise: bool = Field(False, description="cosines instead of plain inner products")
    masked: bool = Field(False, description="rows of one id are no negatives, a passage is not its own positive")
    refresh: bool = Field(False, description="draw the negatives anew each epoch")
    beta: float = Field(0.0, ge=0, description="a negative counts 1 + beta x the shared part of its id")


class PearlTraining(BuildConfig):
    """The training's length, and its losses."""

    emr: EmrConfig = EmrConfig()
    pcl: PclConfig = PclConfig()
    learning_rate: float = Field(5e-4, gt=0, description="AdamW's, falling linearly to 0")
    decoder_learning_rate: float | None = Field(None, gt=0, description="the decoder's own; None: the same")
    warmup: float = Field(0.1, ge=0, lt=1, description="share of the steps in which the rate rises")
    weight_decay: float = Field(0.0, ge=0, description="AdamW's, not on biases and norms")
    batch_size: int = Field(64, ge=2, description="rows in one step, over all GPUs")
    chunk_size: int = Field(32, ge=1, description="texts in one forward pass; more keep a GPU busy")
    epochs: int = Field(1, ge=1, description="passes over the rows")
    keep: Literal["best", "last"] = Field("last", description="best: the epoch of lowest -log p on people held out")
    validation: float = Field(0.05, ge=0, lt=1, description="share of the people whose questions are held out")
    length: int = Field(64, ge=8, description="tokens of a text, then and later")
    blend: float = Field(
        1.0,
        gt=0,
        le=1,
        description="share of the encoder's trained weights that is kept in the end, beside untrained",
    )
    checkpoint_steps: int = Field(200, ge=1, description="steps between checkpoints inside an epoch")
    dtype: Literal["auto", "float32", "bfloat16"] = Field("auto", description="auto: bfloat16 where it is native")
    seed: int = Field(313, ge=0, description="of the decoder's first weights, the order and the negatives")


@dataclass(frozen=True)
class Row:
    """A tagged text whose id is that of training passage `passage`; `group` is whose it is."""

    text: str
    passage: int
    group: str
    is_passage: bool = False

    @property
    def held_with(self) -> str:
        return self.group


@dataclass
class Siblings:
    """Which passage stands against each: one whose id shares the longest prefix, of several one by lot."""

    tree: DocidTree
    seed: int
    refresh: bool
    epoch: int = 0

    @cached_property
    def passage_of(self) -> dict[int, int]:
        """The passage of each leaf."""
        return {leaf: passage for passage, leaf in enumerate(self.tree.leaves.tolist())}

    def of(self, passage: int) -> int:
        """Climb to the deepest ancestor with another child, take another of its children, go down by lot.

        The passage itself where it is the only one.
        """
        generator = random.Random(f"{self.seed} {passage} {self.epoch if self.refresh else 0}")
        path = [0, *self.tree.path(int(self.tree.leaves[passage]))]
        for above, node in zip(path[-2::-1], path[:0:-1], strict=True):
            first, last = 1 + int(self.tree.starts[above]), 1 + int(self.tree.starts[above + 1])
            others = [child for child in range(first, last) if child != node]
            if others:
                return self._descend(generator.choice(others), generator)
        return passage

    def _descend(self, node: int, generator: random.Random) -> int:
        while self.tree.children[node]:
            node = 1 + int(self.tree.starts[node]) + generator.randrange(int(self.tree.children[node]))
        return self.passage_of[node]

    def shared(self, one: int, other: int) -> float:
        """The part of the shorter of two passages' ids that is the same in both, from its start."""
        a, b = (self.tree.path(int(self.tree.leaves[passage])) for passage in (one, other))
        same = sum(x == y for x, y in zip(a, b, strict=False))
        return same / min(len(a), len(b))


def train_model(
    model: PearlModel,
    rows: Sequence[Row],
    passages: Sequence[str],
    out_folder: Path,
    config: PearlTraining,
    state_folder: Path,
    *,
    inputs: Mapping[str, Any],
    wandb: bool = False,
) -> dict[str, Any]:
    """Train `model` in place and save it; `passages` are the tagged training passages, row by row of the tree.

    `inputs` names all that `model` was made of: a killed run with the same goes on from `state_folder`, to the same
    weights bit for bit on a CPU. Returns counts and figures for a manifest. Raises InputError where there is nothing
    to learn.
    """
    from engine.training.gradients import Workers, in_bfloat16, on_cpu
    from engine.training.jobs import report
    from engine.training.loop import Loop, Plan, fit, processes

    if not rows:
        raise InputError("there is no question to learn from", where="rows", remedy="Give a dataset with a train split")
    cpu = on_cpu()
    bfloat16 = in_bfloat16(config.dtype, cpu)
    training, judged = split(rows, config.validation, config.seed)
    judged = [row for row in judged if not row.is_passage]
    chooses = config.keep == "best" and bool(judged)
    workers = Workers(cpu)
    plan = Plan(
        label="training PEARL",
        micro_batch_size=config.batch_size // processes(),  # never accumulated: PCL needs the batch at once
        schedule="linear",
        metric=JUDGED if chooses else None,
        greater=False,
        drop_last=True,
        cpu=cpu,
        wandb=wandb,
        **config.model_dump(
            include={"epochs", "batch_size", "learning_rate", "warmup", "weight_decay", "seed", "checkpoint_steps"}
        ),
    )
    untrained = {name: weight.detach().clone() for name, weight in model.encoder.state_dict().items()}
    siblings = Siblings(model.tree, config.seed, config.pcl.refresh)
    order = _Order(len(training), config.seed, siblings)
    from engine.methods.pearl import steps

    loop = Loop(
        model,
        training,
        partial(collate, model, passages, siblings, config),
        partial(steps.learn, config=config, bfloat16=bfloat16, workers=workers),
        plan,
        state_folder,
        count=lambda batch: len(batch["x"]),
        validate=partial(steps.judge, judged, config, bfloat16, workers) if judged else None,
        order=order,
        rates=None if config.decoder_learning_rate is None else {"decoder.": config.decoder_learning_rate},
    )
    told = digest([[row.text, row.passage, row.group, row.is_passage] for row in rows])
    known = {**inputs, "config": config.model_dump(mode="json"), "rows": told}
    try:
        outcome = fit(loop, state_folder, known)
    finally:
        workers.close()
    outcome |= {"rows": len(training), "held_out": len(judged), "people": len({row.group for row in rows})}
    outcome["untrained"] = loop.figures(0)
    if loop.is_world_process_zero():
        blend(model.encoder, untrained, config.blend)
        model.save(out_folder)
        report(outcome, out_folder, state_folder)
    return outcome


class _Order:
    """Every row once an epoch, at random; tells the negatives which epoch it is."""

    def __init__(self, rows: int, seed: int, siblings: Siblings) -> None:
        self.rows, self.seed, self.siblings = rows, seed, siblings

    def __call__(self, epoch: int) -> list[int]:
        self.siblings.epoch = epoch
        positions = list(range(self.rows))
        random.Random(f"{self.seed} {epoch}").shuffle(positions)
        return positions


def collate(
    model: PearlModel, passages: Sequence[str], siblings: Siblings, config: PearlTraining, batch: Sequence[Row]
) -> dict[str, Any]:
    """A batch: each different text once, cut into pieces of like length, and who is whose positive and negative.

    `x`, `positive` and `negative` (b,) are positions among the texts; pieces hold `features`, `texts`, their positions,
    and `rows`, the rows of the batch that are to be decoded from them, with `leaves`.
    """
    import torch

    place: dict[str, int] = {}

    def position(text: str) -> int:
        return place.setdefault(text, len(place))

    x = [position(row.text) for row in batch]
    contrasted = config.pcl.weight > 0
    others = [siblings.of(row.passage) for row in batch] if contrasted else []
    positive = [position(passages[row.passage]) for row in batch] if contrasted else []
    negative = [position(passages[other]) for other in others]
    counts = [not (config.pcl.masked and a == b) for a, b in zip(x, positive, strict=False)]
    beta = config.pcl.beta
    weights = [1 + beta * siblings.shared(row.passage, o) for row, o in zip(batch, others, strict=False)]
    leaves = siblings.tree.leaves
    pieces = list(_pieces(model, list(place), config.chunk_size))
    for piece in pieces:
        at = {text: number for number, text in enumerate(piece["texts"].tolist())}
        rows = [number for number, text in enumerate(x) if text in at]
        piece["rows"] = torch.tensor([at[x[number]] for number in rows], dtype=torch.long)
        piece["leaves"] = [int(leaves[batch[number].passage]) for number in rows]
    return {
        "pieces": pieces,
        "x": torch.tensor(x),
        "positive": torch.tensor(positive, dtype=torch.long),
        "negative": torch.tensor(negative, dtype=torch.long),
        "owners": torch.tensor([_named(passages[row.passage]) for row in batch]),
        "negative_owners": torch.tensor([_named(passages[other]) for other in others], dtype=torch.long),
        "counts": torch.tensor(counts, dtype=torch.float32),
        "weights": torch.tensor(weights),
        "texts": torch.tensor(len(place)),
    }


def _named(text: str) -> int:
    """A number for a passage's text, the same in every process: equal texts are no negatives of each other."""
    return int(digest(text)[:15], 16)


def _pieces(model: PearlModel, texts: Sequence[str], size: int) -> Iterator[dict[str, Any]]:
    import torch

    order = sorted(range(len(texts)), key=lambda number: (-len(texts[number]), number))
    for start in range(0, len(order), size):
        some = order[start : start + size]
        yield {"features": model.tokens([texts[number] for number in some]), "texts": torch.tensor(some)}
