"""What SPIKE learns: a tiny student writes what it was taught, and an encoder is fitted once, named, and used."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine import experiment
from engine.artifacts import Workspace
from engine.datasets.reader import Dataset
from engine.errors import InputError
from engine.methods.base import Target
from engine.methods.spike import models, training
from engine.methods.spike.config import SpikeOptions
from engine.methods.spike.importing import import_scenarios
from engine.methods.spike.search import SpikeSearcher
from engine.methods.spike.task import DocumentInputs, messages
from engine.records import Document, MatchedScenario, Request

THINGS = ("lake", "bicycle", "garage", "dentist", "violin", "harbour", "orchard", "glacier")
ADAPT = (
    "build.fewest=2",
    "build.adapt.epochs=2",
    "build.adapt.keep=last",
    "build.adapt.batch_size=2",
    "build.adapt.learning_rate=0.001",
    "build.parts=[need]",
)


def rows(things: Sequence[str] = THINGS) -> list[dict[str, Any]]:
    return [
        {
            "id": f"d{i}",
            "main_topic": thing,
            "scenarios": [{"information_need": f"A user wants the {thing}.", "explanation": f"The {thing} is here."}],
        }
        for i, thing in enumerate(things)
    ]


@pytest.fixture
def target(tmp_path: Path) -> Callable[..., Target]:
    """A dataset of eight documents; its scenarios imported unless `bare`."""

    def make(name: str = "made", bare: bool = False) -> Target:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        documents = [{"_id": f"d{i}", "text": f"{name}: about the {thing}."} for i, thing in enumerate(THINGS)]
        (folder / "corpus.jsonl").write_text("".join(json.dumps(d) + "\n" for d in documents), "utf-8")
        (folder / "queries.jsonl").write_text('{"_id": "q", "text": "x"}\n', "utf-8")
        dataset, workspace = Dataset(folder), Workspace(tmp_path / "workspace")
        if not bare:
            (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows()), "utf-8")
            import_scenarios(workspace, dataset, tmp_path / "rows.jsonl")
        return experiment.target(workspace, dataset)

    return make


def opened(target: Target, *settings: str, model: str | None = None) -> SpikeSearcher:
    chosen = experiment.contestant("spike", "spike_paper", settings, model)
    searcher = experiment.opened(chosen.method, chosen.build, target)
    assert isinstance(searcher, SpikeSearcher)
    return searcher


def test_an_encoder_is_fitted_once_and_used_for_everything(target: Callable[..., Target]) -> None:
    first = opened(target(), *ADAPT)
    folder = first.documents.encoder.path.parent
    assert folder.parent == first.target.workspace.model("spike", "x").parent
    before = (folder / "manifest.json").stat().st_mtime_ns
    request = [Request("q", "who has the violin?")]
    plain = opened(target(), "build.parts=[need]")
    assert not np.allclose(first.documents.encode(request), plain.documents.encode(request))
    dense = experiment.contestant("dense", None, (f"build.encoder.model={first.documents.encoder.path}",))
    theirs = experiment.opened(dense.method, dense.build, target()).search(request, 8)
    ours = first.search(request, 8, SpikeOptions(a=1))
    assert ours.documents(0) == theirs.documents(0) and (ours.scores == theirs.scores).all()
    first.add([Document("d9", "one more")])
    assert (folder / "manifest.json").stat().st_mtime_ns == before
    assert "d9" in opened(target(), *ADAPT).search(request, 20, SpikeOptions()).documents(0)
    assert (folder / "manifest.json").stat().st_mtime_ns == before and not list(folder.parent.glob(".*.state"))


def test_a_model_of_one_dataset_is_used_on_another(target: Callable[..., Target]) -> None:
    chosen = experiment.contestant("spike", "spike_paper", ADAPT)
    made = training.train(target("one"), chosen.build, "mine")
    assert made.outputs["encoder"]["pairs"] > 0
    assert training.train(target("one"), chosen.build, "mine") == made
    other = opened(target("two", bare=True), "build.parts=[need]", model="mine")
    assert other.documents.encoder.path == other.target.workspace.model("spike", "mine") / "encoder"
    with pytest.raises(InputError, match=r"no model 'yours'.*There are mine"):
        opened(target("two"), model="yours")


def test_what_is_learned_from_decides_whether_a_model_is_fresh(target: Callable[..., Target]) -> None:
    chosen = experiment.contestant("spike", "spike_paper", ADAPT)
    first = training.train(target(), chosen.build, "mine")
    assert training.train(target(), chosen.build, "mine") == first
    fewer = experiment.contestant("spike", "spike_paper", (*ADAPT, "build.per_document=1"))
    assert training.train(target(), fewer.build, "mine").inputs != first.inputs
    few = experiment.contestant("spike", "spike_paper", (*ADAPT, "build.fewest=9"))  # there are eight
    searcher = opened(target(), *few.settings)
    assert searcher.trained is None


def test_there_must_be_something_to_learn(target: Callable[..., Target]) -> None:
    nothing = experiment.contestant("spike", "spike_paper")
    with pytest.raises(InputError, match="nothing is to be trained"):
        training.train(target(), nothing.build, "mine")
    bare = experiment.contestant("spike", "spike_paper", ADAPT)
    with pytest.raises(InputError, match="no scenarios to learn from"):
        training.train(target("bare", bare=True), bare.build, "mine")
    assert models.model_folder(target("bare", bare=True), bare.build) is None  # own sentences teach an encoder nothing
    assert not (target("bare", bare=True).workspace.root / "models").exists()


def save_tiny(folder: Path, texts: Sequence[str]) -> Path:
    """A random Llama of two layers whose tokenizer knows the words of `texts`."""
    import torch
    from tokenizers import Tokenizer, decoders, pre_tokenizers, trainers
    from tokenizers.models import BPE
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    raw = Tokenizer(BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    special = ["<s>", "</s>", "<pad>", "<|end|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    raw.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=1200, special_tokens=special, initial_alphabet=alphabet)
    )
    fast = PreTrainedTokenizerFast(tokenizer_object=raw, bos_token="<s>", eos_token="</s>", pad_token="<pad>")
    fast.add_special_tokens({"additional_special_tokens": ["<|end|>"]})
    fast.chat_template = (
        "<s>{% for m in messages %}{{ m['role'] }}:\n{{ m['content'] }}<|end|>{% endfor %}"
        "{% if add_generation_prompt %}assistant:\n{% endif %}"
    )
    torch.manual_seed(0)
    LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(fast), hidden_size=96, intermediate_size=192, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=4, max_position_embeddings=1024, bos_token_id=0, eos_token_id=1, pad_token_id=2,
        )
    ).save_pretrained(folder)  # fmt: skip
    fast.save_pretrained(folder)
    return folder


@pytest.mark.integration
def test_a_tiny_student_learns_eight_documents_and_writes_their_scenarios(
    target: Callable[..., Target], tmp_path: Path
) -> None:
    asked = [m["content"] for thing in THINGS for m in messages(DocumentInputs(text=f"made: about the {thing}."))]
    model = save_tiny(tmp_path / "tiny", [*asked, *(json.dumps(row) for row in rows())] * 3)
    student = (
        f"build.student.model={model}",
        "build.student.sft.full=true",
        "build.student.sft.epochs=250",
        "build.student.sft.learning_rate=0.003",
        "build.student.sft.batch_size=8",
        "build.student.sft.micro_batch_size=8",
        "build.student.sft.validation=0",
        "build.llm.sampling.max_tokens=300",
        "build.parts=[need]",
    )
    chosen = experiment.contestant("spike", "spike_paper", student)
    made = training.train(target(), chosen.build, "student")
    assert made.outputs["student"]["loss"] < 0.05
    # The same documents without their scenarios, in a workspace that has only the model.
    alone = target(bare=True)
    (alone.workspace.imports(alone.dataset_digest) / "spike-scenarios" / "manifest.json").unlink()
    searcher = opened(alone, *student[-2:], model="student")
    for hit, thing in zip(
        searcher.explain(Request("q", "x"), [f"d{i}" for i in range(8)], SpikeOptions()), THINGS, strict=True
    ):
        [why] = hit.why
        assert isinstance(why, MatchedScenario) and why.source == "student/student"
        assert (why.need, why.explanation) == (f"A user wants the {thing}.", f"The {thing} is here.")
