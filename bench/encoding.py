"""Encoding beside `SentenceTransformer.encode`, on an idle machine and beside one busy process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from bench.measure import Comparison, side_by_side
from bench.table import Table, compared
from bench.world import World, zipf_texts
from engine.datasets.reader import Dataset
from engine.encoder import Encoder, EncoderConfig


def run(world: World) -> Table:
    import torch
    from sentence_transformers import SentenceTransformer

    sizes, texts, source = world.sizes, *_texts(world)
    encoder = Encoder(EncoderConfig(), device="cpu")
    direct = SentenceTransformer(str(encoder.path), device="cpu", local_files_only=True)

    def plain(some: Sequence[str]) -> Any:
        size = encoder.config.batch_size
        return direct.encode(list(some), batch_size=size, normalize_embeddings=True, show_progress_bar=False)

    def in_parts(some: Sequence[str]) -> Comparison:
        """Each part encoded once both ways: on so much text a repetition would tell nothing new."""
        parts = [some[i : i + sizes.encoded_part] for i in range(0, len(some), sizes.encoded_part)]
        mine, theirs = iter(parts), iter(parts)
        encode = encoder.encode_documents
        return side_by_side(lambda: encode(next(mine)), lambda: plain(next(theirs)), len(parts), warm_up=0)

    few = texts[: sizes.encoded_beside]
    np.testing.assert_allclose(encoder.encode_documents(texts[:16]), plain(texts[:16]), atol=1e-4)
    idle = in_parts(texts)
    with busy_process():
        beside = in_parts(few)
    note = (
        f"{source}, in parts of {sizes.encoded_part}; MiniLM, batches of {encoder.config.batch_size}, "
        f"{torch.get_num_threads()} threads. Direct: `SentenceTransformer.encode`. The busy process is a Python "
        "loop that does nothing else."
    )
    return Table(
        "encoding",
        note,
        [
            compared(f"{len(texts)} texts, a text", idle, per=sizes.encoded_part),
            compared(f"{len(few)} texts beside a busy process, a text", beside, per=sizes.encoded_part),
        ],
    )


def _texts(world: World) -> tuple[list[str], str]:
    """Real abstracts where SciFact is at hand, and what was taken."""
    count, scifact = world.sizes.encoded, world.real / "scifact"
    if scifact.is_dir():
        return [d.content for d, _ in zip(Dataset(scifact).documents(), range(count))], "abstracts of SciFact"  # noqa: B905
    return zipf_texts(count, world.sizes.vocabulary, 100, seed=2), "made-up texts of about 100 words"


@contextmanager
def busy_process() -> Iterator[None]:
    """One process that keeps a core busy while the context lasts."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()
