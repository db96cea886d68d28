"""A T5 and an encoder with a new decoder: both learn by heart, resume exactly, and write what their seed says."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from crash import tiny as worlds

from engine.errors import InputError
from engine.training import Example, Seq2SeqConfig, finetune_seq2seq, generate, load_seq2seq
from engine.training.seq2seq import _chunk, _collate, _descend, _encode, _loss, _tokens
from engine.training.seq2seq_models import written
from engine.training.state import read_curve
from training.runs import Killed, assert_one_pass, killed_at
from training.texts_to_texts import CONFIG, examples, save_encoder, save_t5


@pytest.fixture(scope="module", params=["encoder", "t5"])
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp(request.param)
    return save_t5(folder) if request.param == "t5" else save_encoder(folder)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_encoder(tmp_path_factory.mktemp("model"))


def train(base: Path, folder: Path, config: Seq2SeqConfig = CONFIG, some: Any = None, **more: Any) -> dict[str, Any]:
    (folder / "out").mkdir(parents=True, exist_ok=True)
    return finetune_seq2seq(base, some or examples(), folder / "out", config, folder / "state", device="cpu", **more)


def loaded(base: Path) -> tuple[Any, Any, list[Any]]:
    """A model, its ids of padding and beginning, and the examples as rows."""
    net, tokenizer = load_seq2seq(base)
    ids = (tokenizer.pad_token_id, net.config.pad_token_id, net.config.decoder_start_token_id)
    return net, ids, _encode(net, tokenizer, examples(), 20)


def test_pieces_give_the_gradient_of_one_pass(base: Path) -> None:
    """Padding too changes nothing: each row alone has none."""
    net, ids, rows = loaded(base)
    total = sum(len(row.target) for row in rows)
    wanted = sum(_loss(net, _chunk(*ids, [row]), total, False) for row in rows)
    assert_one_pass(
        net, wanted, lambda some: _descend(net, _collate(3, *ids, rows), total, bfloat16=False, workers=some)
    )


def test_labels_are_the_target_and_its_end(base: Path) -> None:
    net, tokenizer = load_seq2seq(base)
    (row,) = _encode(net, tokenizer, examples(1), 20)
    words = worlds.WORDS
    end = tokenizer.sep_token_id if tokenizer.sep_token_id is not None else tokenizer.eos_token_id
    assert row.target == [*tokenizer.convert_tokens_to_ids([words[20], words[21]]), end]
    chunk = _chunk(0, net.config.pad_token_id, net.config.decoder_start_token_id, [row])
    assert chunk["decoder_input_ids"].tolist() == [[net.config.decoder_start_token_id, *row.target[:-1]]]
    assert chunk["decoder_input_ids"].equal(net.prepare_decoder_input_ids_from_labels(chunk["labels"]))  # their shift


def test_a_new_decoder_has_the_encoders_words(encoder: Path) -> None:
    net, tokenizer = load_seq2seq(encoder, decoder_layers=3, vocabulary=[9, 7])
    assert written(net, tokenizer) == [0, 1, 2, 3, 4, 7, 9]  # the special ones are always there
    theirs, own = net.encoder.get_input_embeddings().weight, net.decoder.get_input_embeddings().weight
    assert own.equal(theirs[[0, 1, 2, 3, 4, 7, 9]]) and own is net.get_output_embeddings().weight
    assert net.config.decoder.num_hidden_layers == 3 and net.config.decoder.add_cross_attention
    again, _ = load_seq2seq(encoder, decoder_layers=3, vocabulary=[9, 7])
    assert all(a.equal(b) for a, b in zip(net.parameters(), again.parameters(), strict=True))
    other, _ = load_seq2seq(encoder, decoder_layers=3, vocabulary=[9, 7], seed=1)
    query = "decoder.bert.encoder.layer.0.attention.self.query.weight"
    assert not other.get_parameter(query).equal(net.get_parameter(query))
    whole, _ = load_seq2seq(encoder)
    assert written(whole, tokenizer) == list(range(len(tokenizer)))


def test_the_vocabulary_is_that_of_the_examples(encoder: Path) -> None:
    _, tokenizer = load_seq2seq(encoder)
    words = worlds.WORDS
    ids = _tokens(tokenizer, [Example(f"{words[3]} {words[1]}", words[8])])
    assert set(ids) - set(tokenizer.all_special_ids) == {5 + 1, 5 + 3, 5 + 8}
    net, _ = load_seq2seq(encoder, vocabulary=ids)
    (row,) = _encode(net, tokenizer, [Example(words[3], f"{words[8]} {words[30]}")], 20)
    assert [written(net, tokenizer)[i] for i in row.target] == [5 + 8, tokenizer.unk_token_id, tokenizer.sep_token_id]


@pytest.mark.integration
def test_eight_pairs_are_learned_and_the_folder_loads_again(base: Path, tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"epochs": 250, "learning_rate": 1e-2, "checkpoint_steps": 1000})
    outcome = train(base, tmp_path, config)
    assert (outcome["steps"], outcome["examples"], outcome["held_out"]) == (250, 8, 0) and outcome["loss"] < 0.05
    sources = [example.source for example in examples()]
    assert generate(tmp_path / "out", sources, 1, top_k=1) == [[example.target] for example in examples()]
    one, two = (load_seq2seq(tmp_path / "out")[0].state_dict() for _ in range(2))
    assert all(value.equal(two[name]) for name, value in one.items())
    again = train(tmp_path / "out", tmp_path / "again", CONFIG.model_copy(update={"learning_rate": 1e-9, "epochs": 1}))
    assert again["loss"] < 0.05 and again["vocabulary"] == outcome["vocabulary"]  # it is trained further


@pytest.mark.integration
@pytest.mark.parametrize("count", [2, 4, 8])  # before any checkpoint; inside the first epoch of four; in the second
def test_a_killed_training_goes_on_to_the_same_bytes(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    config, some = CONFIG.model_copy(update={"validation": 0.2}), examples(40, people=10)
    assert train(base, tmp_path / "whole", config, some)["steps"] == 8
    with monkeypatch.context() as patch, pytest.raises(Killed):
        killed_at(patch, count)
        train(base, tmp_path / "broken", config, some)
    train(base, tmp_path / "broken", config, some)
    weights = [(tmp_path / name / "out" / "model.safetensors").read_bytes() for name in ("whole", "broken")]
    assert weights[0] == weights[1]


@pytest.mark.integration
def test_two_runs_give_the_same_bytes_whatever_the_cores(base: Path, tmp_path: Path) -> None:
    import torch

    found = set()
    for name, cores in (("a", 1), ("b", 3)):
        torch.set_num_threads(cores)
        train(base, tmp_path / name)
        found.add((tmp_path / name / "out" / "model.safetensors").read_bytes())
    assert len(found) == 1


@pytest.mark.integration
def test_held_out_people_choose_the_epoch(encoder: Path, tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"epochs": 4, "validation": 0.3, "learning_rate": 3e-2})
    outcome = train(encoder, tmp_path, config, examples(40, people=10))
    assert (outcome["examples"], outcome["held_out"]) == (28, 12)
    rows = [row for row in read_curve(tmp_path / "out" / "curve.jsonl") if "validation_loss" in row]
    losses = [row["validation_loss"] for row in rows]
    assert [row["epoch"] for row in rows] == [0, 1, 2, 3, 4]
    assert outcome["untrained"]["validation_loss"] == losses[0]
    assert outcome["validation"]["validation_loss"] == min(losses) == losses[outcome["kept_epoch"]]


@pytest.mark.integration
def test_a_frozen_encoder_stays_as_it_was(encoder: Path, tmp_path: Path) -> None:
    train(encoder, tmp_path, CONFIG.model_copy(update={"freeze_encoder": True}))
    net, _ = load_seq2seq(tmp_path / "out")
    before = load_seq2seq(encoder)[0].encoder.state_dict()
    assert all(value.equal(before[name]) for name, value in net.encoder.state_dict().items())
    drawn, _ = load_seq2seq(encoder, vocabulary=net.config.decoder.target_tokens)
    assert not net.get_output_embeddings().weight.equal(drawn.get_output_embeddings().weight)


@pytest.mark.integration
def test_where_no_epoch_is_better_the_model_stays_as_it_was(base: Path, tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"learning_rate": 1e-12, "epochs": 1, "validation": 0.25})
    outcome = train(base, tmp_path, config)
    assert outcome["kept_epoch"] == 0 and outcome["validation"] == outcome["untrained"]


def test_what_is_drawn_depends_on_seed_and_source_alone(base: Path, tmp_path: Path) -> None:
    net, tokenizer = load_seq2seq(base)
    net.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    sources = [example.source for example in examples()]
    some: dict[str, Any] = {"top_k": 5, "max_new_tokens": 6}
    drawn = generate(tmp_path, sources, 4, seed=1, batch=8, **some)
    assert [len(texts) for texts in drawn] == [4] * 8 and len({text for texts in drawn for text in texts}) > 8
    assert generate(tmp_path, sources, 4, seed=1, batch=3, **some) == drawn
    assert generate(tmp_path, [*sources[::-1], sources[0]], 4, seed=1, **some) == [*drawn[::-1], drawn[0]]
    assert generate(tmp_path, sources, 4, seed=2, **some) != drawn
    assert generate(tmp_path, [], 4) == []


def test_noise_draws_from_the_softmax_of_the_k_likeliest() -> None:
    import torch

    from engine.training.seq2seq_models import _Drawn, _gumbel

    scores = torch.tensor([0.0, 2.0, 1.0, 5.0, -1.0]).repeat(4000, 1)  # 3 is the unknown word, 0 and 4 too unlikely
    drawn = _Drawn(torch.from_numpy(_gumbel(1, "text", 4000, 1, 2)), [3])(None, scores).argmax(1)
    counts = Counter(drawn.tolist())
    assert set(counts) == {1, 2}
    assert counts[1] / 4000 == pytest.approx(1 / (1 + math.exp(-1)), abs=0.03)


def test_what_cannot_be_trained_is_one_line(encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(InputError, match="neither a folder nor a hub model") as absent:
        load_seq2seq("nobody/no-such-model")
    assert absent.value.remedy and "\n" not in str(absent.value)
    with pytest.raises(InputError, match="no target of 8 examples fits into 2 tokens"):
        train(encoder, tmp_path, CONFIG.model_copy(update={"max_target": 2}))
    with pytest.raises(InputError, match="no examples"):
        finetune_seq2seq(encoder, [], tmp_path, CONFIG, tmp_path / "state")
    assert train(encoder, tmp_path, CONFIG, [*examples(), Example("a", "b " * 80)])["dropped"] == 1
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InputError, match="no sequence-to-sequence model can be made of it") as error:
        load_seq2seq(tmp_path)
    assert error.value.remedy and "\n" not in str(error.value)


def test_a_decoder_alone_is_refused(tmp_path: Path) -> None:
    from training import tiny

    with pytest.raises(InputError, match="llama is neither"):
        load_seq2seq(tiny.save(tmp_path))


@pytest.mark.slow
def test_two_processes_train_as_one(base: Path, tmp_path: Path) -> None:
    curves = []
    for count in (1, 2):
        config = CONFIG.model_copy(update={"learning_rate": 1e-3, "epochs": 3, "validation": 0.2})
        out = tmp_path / str(count) / "out"
        out.mkdir(parents=True)
        outcome = finetune_seq2seq(base, examples(40, people=10), out, config, out.with_name("state"), gpus=count)
        assert outcome["steps"] == 12
        rows = read_curve(out / "curve.jsonl")
        curves.append([row[key] for row in rows for key in ("loss", "validation_loss") if key in row])
    assert curves[0] == pytest.approx(curves[1], abs=1e-4)
