"""Sequence-to-sequence models: loading one, making one of an encoder and a new decoder, sampling texts from one.

How they are trained is engine/training/seq2seq.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from engine.encoder import find_model
from engine.errors import InputError
from engine.progress import track
from engine.training.reranking import transformer_folder


def load_seq2seq(
    model: str | Path,
    *,
    decoder_layers: int = 2,
    vocabulary: Sequence[int] | None = None,
    seed: int = 42,
    eager: bool = False,
) -> tuple[Any, Any]:
    """A sequence-to-sequence model in float32 and its tokenizer, of a hub id, a folder or 'minilm'.

    An encoder gets a BERT decoder of `decoder_layers` layers with cross-attention, drawn with `seed`; its word
    embeddings are the encoder's, tied to its output. It writes `vocabulary`, ids of the tokenizer to which the special
    ones are added (None: all); its own ids are positions in `config.decoder.target_tokens`. With `eager` the model can
    tell what it attends to. Only safetensors are read, no code of a model is run. Raises InputError where the model is
    absent or neither of both.
    """
    import torch
    from transformers import AutoConfig, AutoModel, AutoModelForSeq2SeqLM
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING

    path = transformer_folder(find_model(str(model)))
    tokenizer = load_tokenizer(path)
    settings: dict[str, Any] = {"dtype": torch.float32, "use_safetensors": True, "output_loading_info": True}
    if eager:
        settings["attn_implementation"] = "eager"
    with _loading(path):
        config = AutoConfig.from_pretrained(str(path), trust_remote_code=False)
        if not config.is_encoder_decoder and type(config) not in MODEL_FOR_MASKED_LM_MAPPING:
            raise ValueError(f"{config.model_type} is neither an encoder nor has it one")
        kind: Any = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModel
        net, found = kind.from_pretrained(str(path), **settings)
        lacking = sorted(key for key in found["missing_keys"] if "pooler." not in key)
        if lacking:
            raise ValueError(f"{lacking[0]} and {len(lacking) - 1} more weights are not in it")
    if not config.is_encoder_decoder:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            net = _with_decoder(net, tokenizer, decoder_layers, vocabulary)
    for name, parameter in net.named_parameters():
        if ".pooler." in name:
            parameter.requires_grad = False  # no decoder reads it
    return net.eval(), tokenizer


def generate(
    folder: Path | str,
    sources: Sequence[str],
    count: int,
    *,
    top_k: int = 10,
    max_new_tokens: int = 64,
    seed: int = 42,
    batch: int = 32,
    device: str | None = None,
) -> list[list[str]]:
    """`count` targets for each source, drawn token by token from the `top_k` likeliest (top-k sampling).

    What is drawn for a source depends on the seed and its text alone, not on what else is asked or on `batch`, as far
    as rounding leaves the likeliest tokens in their order. Raises InputError when the folder cannot be used.
    """
    import torch
    from transformers.modeling_outputs import BaseModelOutput

    from engine.training.gradients import Workers, on_cpu

    model, tokenizer = load_seq2seq(folder)
    model.to("cpu" if on_cpu(device) else "cuda")
    words = written(model, tokenizer)
    unknown = [at for at, word in enumerate(words) if word == tokenizer.unk_token_id]
    distinct = sorted(dict.fromkeys(sources), key=lambda source: (-len(source), source))
    batches = [distinct[start : start + batch] for start in range(0, len(distinct), batch)]
    features = [tokenizer(some, truncation=True, padding=True, return_tensors="pt") for some in batches]

    def draw(some: Sequence[str], read: Any) -> list[list[int]]:
        draws = torch.from_numpy(np.concatenate([_gumbel(seed, text, count, max_new_tokens, top_k) for text in some]))
        ids, mask = read["input_ids"].to(model.device), read["attention_mask"].to(model.device)
        with torch.inference_mode():  # a thread's own setting
            states = model.get_encoder()(input_ids=ids, attention_mask=mask).last_hidden_state
            made = model.generate(
                encoder_outputs=BaseModelOutput(states.repeat_interleave(count, 0)),  # (batch * count, length, hidden)
                attention_mask=mask.repeat_interleave(count, 0),
                logits_processor=[_Drawn(draws.to(model.device), unknown)],
                do_sample=False,
                num_beams=1,
                max_new_tokens=max_new_tokens,
            )
        return [[words[i] for i in row] for row in made.tolist()]

    workers = Workers(model.device.type == "cpu")
    made: dict[str, list[str]] = {}
    try:
        drawn = track(workers.each(draw, batches, features), "generating", len(batches), "batches")
        for some, rows in zip(batches, drawn, strict=True):
            texts = tokenizer.batch_decode(rows, skip_special_tokens=True)
            made |= {source: texts[at * count : (at + 1) * count] for at, source in enumerate(some)}
    finally:
        workers.close()
    return [list(made[source]) for source in sources]


class _Drawn:
    """Adds Gumbel noise to the k largest logits and removes the others.

    The largest sum is a draw from their softmax (Gumbel 1954), and noise that is made before belongs to its sequence,
    where a random generator would belong to the batch.
    """

    def __init__(self, draws: Any, unknown: Sequence[int]) -> None:
        self.draws, self.unknown, self.step = draws, list(unknown), 0  # (sequences, steps, k)

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        scores = scores.clone()
        scores[:, self.unknown] = float("-inf")
        best = scores.topk(min(self.draws.shape[2], scores.shape[1]), dim=1)  # (sequences, k), largest first
        noisy = best.values + self.draws[:, self.step, : best.values.shape[1]]
        self.step += 1
        return scores.fill_(float("-inf")).scatter_(1, best.indices, noisy)


def _gumbel(seed: int, source: str, count: int, steps: int, top_k: int) -> np.ndarray:
    """(count, steps, top_k) float32 draws of one source."""
    key = int.from_bytes(hashlib.sha256(source.encode()).digest()[:16], "big")
    return np.random.default_rng([seed, key]).gumbel(size=(count, steps, top_k)).astype(np.float32)


def _with_decoder(encoder: Any, tokenizer: Any, layers: int, vocabulary: Sequence[int] | None) -> Any:
    """`encoder` and a BERT decoder of its width that writes the tokens of `vocabulary`."""
    import torch
    from transformers import BertConfig, BertLMHeadModel, EncoderDecoderModel

    start, end = (
        next((i for i in ids if i is not None), None)
        for ids in ((tokenizer.cls_token_id, tokenizer.bos_token_id), (tokenizer.sep_token_id, tokenizer.eos_token_id))
    )
    known = encoder.get_input_embeddings().weight.detach()  # (tokens, hidden)
    with _loading(tokenizer.name_or_path):
        if None in (start, end, tokenizer.pad_token_id):
            raise ValueError("its tokenizer lacks a token that begins, ends or pads a text")
    ids = range(len(known)) if vocabulary is None else sorted({*vocabulary, *tokenizer.all_special_ids})
    width = encoder.config.hidden_size
    places = {"decoder_start_token_id": start, "eos_token_id": end, "pad_token_id": tokenizer.pad_token_id}
    places = {name: ids.index(place) for name, place in places.items()}
    config = BertConfig(
        vocab_size=len(ids),
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=encoder.config.num_attention_heads,
        intermediate_size=getattr(encoder.config, "intermediate_size", 4 * width),
        is_decoder=True,
        add_cross_attention=True,
        pad_token_id=None,  # all of it is at the end, where no token looks; BERT would warn of a mask that is missing
        target_tokens=None if vocabulary is None else list(ids),
    )
    decoder: Any = BertLMHeadModel(config)
    if known.shape[1] == width:
        with torch.no_grad():
            decoder.get_input_embeddings().weight.copy_(known[list(ids)])
    net: Any = EncoderDecoderModel(encoder=encoder, decoder=decoder)
    for name, place in places.items():
        setattr(net.config, name, place)
        setattr(net.generation_config, name, place)
    return net


def load_tokenizer(path: Path) -> Any:
    from transformers import AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()  # its bar stands in the way of ours
    with _loading(path):
        return AutoTokenizer.from_pretrained(str(path), trust_remote_code=False)


@contextmanager
def _loading(path: Path | str) -> Iterator[None]:
    try:
        with quietly():  # it warns of weights that are not needed
            yield
    except InputError:
        raise
    except Exception as error:  # each library has its own; tokenizers' is Exception itself
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:160]
        raise InputError(
            f"no sequence-to-sequence model can be made of it ({reason})",
            where=str(path),
            remedy="Name an encoder or an encoder-decoder: a folder with config.json, a tokenizer and "
            "model.safetensors, or a hub id",
        ) from None


@contextmanager
def quietly() -> Iterator[None]:
    """Only transformers' errors are told."""
    from transformers.utils import logging

    level = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)


def written(model: Any, tokenizer: Any) -> list[int]:
    """The tokenizer's id of each of the decoder's."""
    own = getattr(getattr(model.config, "decoder", None), "target_tokens", None)
    return own or list(range(max(model.get_output_embeddings().weight.shape[0], len(tokenizer))))
