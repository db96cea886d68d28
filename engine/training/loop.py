"""The one subclass of transformers.Trainer: a loss function in, a learning curve out, exact resume.

Imports torch and transformers: import it inside functions. What Trainer computes differently from version to version
(scaling of accumulated losses, autocast, best-model loading) is done here, so that 4.57 and 5 train alike.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import Sampler
from transformers import Trainer, TrainingArguments
from transformers.trainer_callback import PrinterCallback, ProgressCallback, TrainerState

from engine.errors import BuildError, InputError, QuintetError
from engine.files import full_disk
from engine.training import state as states
from engine.training.gradients import unwrapped
from engine.training.keeper import Keeper

Loss = Callable[[Any, Any, int], torch.Tensor]  # (model, batch, what `count` gave for the whole step) -> scalar
Validation = Callable[[Any], Mapping[str, float]]  # model in evaluation mode -> figures
Order = Callable[[int], Sequence[int]]  # epoch, from 0 -> every example's position once


@dataclass(frozen=True)
class Plan:
    """How a model is trained, whatever it is."""

    label: str  # of the progress bar
    epochs: int
    batch_size: int  # examples in one optimiser step, over all processes
    micro_batch_size: int  # examples in one call of the loss function
    learning_rate: float
    schedule: str  # transformers' name: constant, linear, cosine
    warmup: float  # share of the steps
    weight_decay: float
    seed: int
    metric: str | None = None  # the figure that chooses the epoch; None keeps the last
    greater: bool = True  # whether more of `metric` is better
    patience: int | None = None  # validations without a better one before training stops
    checkpoint_steps: int = 500  # between checkpoints inside an epoch
    drop_last: bool = False  # leave out an epoch's last, smaller batch
    cpu: bool = False  # even where there is a GPU
    wandb: bool = False


class Loop(Trainer):
    """A Trainer whose loss, validation and counting are functions.

    A loss that needs no gradient any more (its function has filled the parameters' .grad, already summed over the
    processes) is not differentiated again.
    """

    def __init__(
        self,
        model: Any,
        examples: Sequence[Any],
        collate: Callable[[list[Any]], Any],
        loss: Loss,
        plan: Plan,
        state_folder: Path,
        count: Callable[[Any], int] = lambda batch: 0,
        validate: Validation | None = None,
        order: Order | None = None,
        rates: Mapping[str, float] | None = None,
    ) -> None:
        """`rates`: learning rates of parameters whose names begin so, where they are not the plan's."""
        self.loss, self.count, self.validate, self.plan, self.order = loss, count, validate, plan, order
        self.rates = dict(rates or {})
        self.stepped = False  # whether this process has trained, so that what was to be resumed has been read
        super().__init__(
            model=model,
            args=_arguments(plan, len(examples), state_folder, validate is not None),
            train_dataset=examples,
            eval_dataset=[None] if validate else None,  # only asked whether it is there
            data_collator=collate,
        )
        for talkative in (PrinterCallback, ProgressCallback):
            self.remove_callback(talkative)
        self.add_callback(Keeper(self, state_folder))

    def create_optimizer(self, *arguments: Any, **settings: Any) -> Any:
        """The optimiser, with groups of their own for parameters of another rate."""
        made = super().create_optimizer(*arguments, **settings)
        names = {parameter: name for name, parameter in unwrapped(self.model).named_parameters()}
        groups, made.param_groups[:] = list(made.param_groups), []
        for group in groups:
            of_rate: dict[float, list[Any]] = {}
            for parameter in group["params"]:
                own = (rate for start, rate in self.rates.items() if names[parameter].startswith(start))
                of_rate.setdefault(next(own, group["lr"]), []).append(parameter)
            for rate, parameters in of_rate.items():
                made.add_param_group({**group, "params": parameters, "lr": rate})
        return made

    def _get_train_sampler(self, *arguments: Any, **settings: Any) -> Any:
        """The examples in a random order, or in that of `order`, each epoch's its own."""
        order = self.order
        if order is None:
            return super()._get_train_sampler(*arguments, **settings)

        def epoch() -> int:  # by the steps done: accelerate's own count begins at 0 again in a resumed epoch
            return self.state.global_step // max(self.state.max_steps // self.plan.epochs, 1)

        return _Ordered(lambda: order(epoch()), len(self.train_dataset))  # type: ignore[arg-type]

    def get_batch_samples(self, epoch_iterator: Any, num_batches: int, device: Any = None) -> Any:
        """The micro-batches of one optimiser step and what they count together, over all processes."""
        batches = [batch for _, batch in zip(range(num_batches), epoch_iterator, strict=False)]
        total = torch.tensor(sum(self.count(batch) for batch in batches), device=self.args.device)
        if self.args.world_size > 1:
            torch.distributed.all_reduce(total)
        return batches, total

    def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> torch.Tensor:
        """Forward and backward of one micro-batch; the loss is a share of the whole step's."""
        self.stepped = True
        model.train()
        loss = self.loss(model, self._prepare_inputs(inputs), int(num_items_in_batch))
        if loss.requires_grad:
            # shares add up over the processes, but DistributedDataParallel takes the mean of their gradients
            loss = loss * self.args.world_size
            loss.backward()
        return loss.detach()

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """The figures of `validate`, those of process 0 on all, so that all stop at the same time."""
        assert self.validate is not None and self.model is not None
        self.model.eval()
        with torch.no_grad():
            figures = dict(self.validate(self.model))
        if self.args.world_size > 1:
            shared = [figures]
            torch.distributed.broadcast_object_list(shared)
            figures = shared[0]
        metrics = {f"eval_{name}": value for name, value in figures.items()}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def figures(self, step: int) -> dict[str, float]:
        """What `validate` gave at `step`; empty where nothing was validated."""
        rows = [row for row in self.state.log_history if row["step"] == step]
        return {k.removeprefix("eval_"): v for row in rows for k, v in row.items() if k.startswith("eval_")}


class _Ordered(Sampler[int]):
    """Positions as a function gives them, asked at each epoch's start."""

    def __init__(self, order: Callable[[], Sequence[int]], length: int) -> None:
        self.order, self.length = order, length

    def __iter__(self) -> Iterator[int]:
        return iter(self.order())

    def __len__(self) -> int:
        return self.length


def processes() -> int:
    """How many processes train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def fit(loop: Loop, state_folder: Path, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Train, or go on where a killed run with the same `inputs` stopped; the model then has the weights to keep.

    Returns what a manifest shall say: steps, epochs, the epoch kept, the last loss, the kept epoch's figures. Raises
    BuildError when the resume state cannot be read. It is read with weights_only=True: no pickle is ever run.
    """
    plan = loop.plan
    with loop.args.main_process_first():
        if loop.args.process_index == 0:
            states.prepare(state_folder, inputs)
        last = states.newest_checkpoint(state_folder)
    known = TrainerState.load_from_json(str(last / states.TRAINER_STATE)) if last else None
    forced = os.environ.get("TORCH_FORCE_WEIGHTS_ONLY_LOAD")
    os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = "1"  # 4.57 leaves it to torch's default for the random states
    try:
        warnings.filterwarnings("ignore", "mtime may not be reliable")  # it then goes by numbers, as it should
        if last and known and _finished(known, plan):
            loop.state = known
            loop._load_from_checkpoint(str(last))
        else:
            loop.train(resume_from_checkpoint=str(last) if last else None)
        best = loop.state.best_global_step if plan.metric else None
        if best:
            loop._load_from_checkpoint(str(state_folder / f"checkpoint-{best}"))
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise full_disk(error, state_folder) from error
        if last is None or loop.stepped or isinstance(error, QuintetError):
            raise
        raise BuildError(  # damaged, of another model's shape, or a pickle that torch refuses
            f"the state to resume from cannot be read ({_reason(error)})",
            where=str(last),
            remedy=f"Remove {state_folder} to begin anew",
        ) from error
    finally:
        if forced is None:
            del os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"]
        else:
            os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = forced
    return _outcome(loop, best)


def _reason(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:100]


def _outcome(loop: Loop, best: int | None) -> dict[str, Any]:
    history = loop.state.log_history
    losses = [row["loss"] for row in history if "loss" in row]
    kept = best or loop.state.global_step
    per_epoch = max(loop.state.max_steps // loop.plan.epochs, 1)
    return {
        "steps": loop.state.global_step,
        "epochs": loop.state.global_step // per_epoch,
        "kept_epoch": kept // per_epoch,
        "loss": losses[-1] if losses else None,
        "validation": loop.figures(kept),
    }


def _finished(known: TrainerState, plan: Plan) -> bool:
    if known.global_step >= known.max_steps:
        return True
    if not plan.metric or plan.patience is None:
        return False
    return states.exhausted(known.log_history, f"eval_{plan.metric}", plan.greater, plan.patience)


def _arguments(plan: Plan, examples: int, state_folder: Path, validated: bool) -> TrainingArguments:
    world = processes()
    if plan.batch_size % (plan.micro_batch_size * world):
        raise InputError(
            f"a batch of {plan.batch_size} cannot be cut into micro-batches of {plan.micro_batch_size}"
            + (f" on {world} processes" if world > 1 else ""),
            where="batch_size",
            remedy="Make batch_size a multiple of micro_batch_size times the number of processes",
        )
    drop_last = plan.drop_last and examples >= plan.batch_size
    steps = (examples // plan.batch_size if drop_last else math.ceil(examples / plan.batch_size)) * plan.epochs
    arguments = TrainingArguments(
        output_dir=str(state_folder),
        num_train_epochs=plan.epochs,
        per_device_train_batch_size=plan.micro_batch_size,
        gradient_accumulation_steps=plan.batch_size // (plan.micro_batch_size * world),
        learning_rate=plan.learning_rate,
        lr_scheduler_type=plan.schedule,
        warmup_steps=math.ceil(plan.warmup * steps),  # warmup_ratio is gone from version 5
        weight_decay=plan.weight_decay,
        adam_epsilon=1e-8,
        max_grad_norm=1.0,
        optim="adamw_torch_fused",
        seed=plan.seed,
        logging_strategy="steps",
        logging_steps=max(1, steps // 1000),
        logging_nan_inf_filter=False,  # a loss that is no number shall be seen
        eval_strategy="epoch" if validated else "no",
        save_strategy="epoch",
        save_total_limit=2,  # the last and the best
        metric_for_best_model=plan.metric and f"eval_{plan.metric}",
        greater_is_better=plan.greater if plan.metric else None,
        dataloader_drop_last=drop_last,
        remove_unused_columns=False,
        use_cpu=plan.cpu or not torch.cuda.is_available(),
        report_to=["wandb"] if plan.wandb else [],
        disable_tqdm=True,
    )
    if arguments.n_gpu > 1:
        arguments._n_gpu = 1  # several GPUs are several processes, never DataParallel
    return arguments
