"""Several processes: what torchrun is asked for, and that two train as one does."""

from __future__ import annotations

from pathlib import Path

import pytest
from crash import tiny as worlds

from engine.encoder import Encoder, EncoderConfig
from engine.errors import BuildError, InputError
from engine.training import adapt_encoder, finetune_causal, launch
from training import tiny
from training.test_training_contrastive import CONFIG, pairs


def test_one_process_is_the_module_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "job.py").write_text(
        "import os, pathlib, sys\npathlib.Path(sys.argv[1]).write_text(str(os.environ.get('RANK')))"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    launch("job", [str(tmp_path / "rank")])
    assert (tmp_path / "rank").read_text() == "None"
    with pytest.raises(BuildError, match="ended with code 1") as error:
        launch("job")
    assert error.value.remedy


def test_no_more_processes_than_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(InputError, match="there are 2 GPUs, not 3"):
        launch("job", gpus=3)


@pytest.mark.slow
def test_two_processes_fine_tune_as_one(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    model = tiny.save(tmp_path / "model")
    config = tiny.FULL.model_copy(update={"micro_batch_size": 2, "learning_rate": 1e-4, "validation": 0.25})
    weights = []
    for count in (1, 2):
        folder = tmp_path / str(count)
        (folder / "out").mkdir(parents=True)
        outcome = finetune_causal(model, tiny.examples() * 4, folder / "out", config, folder / "state", gpus=count)
        assert outcome["steps"] == 12
        weights.append(load_file(folder / "out" / "model.safetensors"))
    for name, value in weights[0].items():
        assert value.allclose(weights[1][name], atol=1e-4), name


@pytest.mark.slow
def test_two_processes_share_their_negatives(tmp_path: Path) -> None:
    from safetensors.torch import load_file

    encoder = Encoder(EncoderConfig(model=str(worlds.save_encoder(tmp_path / "model"))))
    config = CONFIG.model_copy(update={"keep": "last", "learning_rate": 1e-3})
    weights = []
    for count in (1, 2):
        folder = tmp_path / str(count)
        (folder / "out").mkdir(parents=True)
        adapt_encoder(encoder, pairs(), folder / "out", config, folder / "state", gpus=count)
        weights.append(load_file(folder / "out" / "model.safetensors"))
    for name, value in weights[0].items():
        if not name.endswith("key.bias"):  # softmax takes it out: its gradient is rounding, which Adam makes large
            assert value.allclose(weights[1][name], atol=2e-4), name
