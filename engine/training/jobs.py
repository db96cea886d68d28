"""A training function in several processes: its arguments in a file, torchrun, its outcome in a file.

`python -m engine.training.jobs JOB.json` is what each process runs.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

from engine.errors import QuintetError
from engine.files import write_json
from engine.training.launch import launch
from engine.training.state import CURVE

_OUTCOME = "outcome.json"


def in_processes(
    function: str, values: Mapping[str, Any], rows: Mapping[str, Sequence[Any]], out: Path, state: Path, gpus: int
) -> dict[str, Any]:
    """Run `function` with `values` and dataclass `rows` in `gpus` processes.

    It is the name of a training here, or in full that of a module with a function `resume(job, out, state)`.
    """
    state.mkdir(parents=True, exist_ok=True)
    job = {name: [asdict(row) for row in many] for name, many in rows.items()}
    write_json(state / "job.json", {"function": function, "out": str(out), "state": str(state), **job, **values})
    (state / _OUTCOME).unlink(missing_ok=True)
    launch("engine.training.jobs", [str(state / "job.json")], gpus)
    return json.loads((state / _OUTCOME).read_text("utf-8"))


def report(outcome: Mapping[str, Any], out: Path, state: Path) -> None:
    """Leave the curve beside the model, and the outcome for whoever started this process."""
    shutil.copyfile(state / CURVE, out / CURVE)
    write_json(state / _OUTCOME, outcome)


def run(job: dict[str, Any]) -> None:
    """What one of the processes does."""
    folders = (Path(job["out"]), Path(job["state"]))
    if "." in job["function"]:  # a method's own training
        import_module(job["function"]).resume(job, *folders)
    elif job["function"] == "causal":
        from engine.training.causal import SftConfig, finetune_causal
        from engine.training.chat import ChatExample

        examples, held_out = ([ChatExample(**row) for row in job[name]] for name in ("examples", "held_out"))
        config = SftConfig(**job["config"])
        finetune_causal(
            job["model_path"], examples, folders[0], config, folders[1], held_out=held_out, wandb=job["wandb"]
        )
    elif job["function"] == "reranking":
        from engine.training.reranking import CrossEncoderConfig, Group, train_cross_encoder

        groups = [Group(**{**row, "negatives": tuple(row["negatives"])}) for row in job["groups"]]
        cross = CrossEncoderConfig(**job["config"])
        train_cross_encoder(Path(job["base"]), groups, folders[0], cross, folders[1], wandb=job["wandb"])
    elif job["function"] == "seq2seq":
        from engine.training.seq2seq import Example, Seq2SeqConfig, finetune_seq2seq

        pairs_of_texts = [Example(**row) for row in job["examples"]]
        seq2seq = Seq2SeqConfig(**job["config"])
        finetune_seq2seq(job["base"], pairs_of_texts, folders[0], seq2seq, folders[1], wandb=job["wandb"])
    else:
        from engine.encoder import Encoder, EncoderConfig
        from engine.training.contrastive import AdaptConfig, Pair, adapt_encoder

        encoder, pairs = Encoder(EncoderConfig(**job["encoder"])), [Pair(**row) for row in job["pairs"]]
        adapt_encoder(encoder, pairs, folders[0], AdaptConfig(**job["config"]), folders[1], wandb=job["wandb"])


if __name__ == "__main__":
    try:
        run(json.loads(Path(sys.argv[1]).read_text("utf-8")))
    except QuintetError as error:
        sys.exit(f"error: {error}")
