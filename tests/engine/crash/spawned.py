"""Encoding in two spawned workers, as `--gpus 2` does: a few lines of Python in a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from crash import harness

COUNT, CHUNK = 6000, 24
SCRIPT = """
import sys
from pathlib import Path
from crash import tiny
from engine import vectors
from engine.encoder import Encoder, EncoderConfig
from engine.errors import QuintetError

if __name__ == "__main__":
    folder, count, chunk, processes = Path(sys.argv[1]), *map(int, sys.argv[2:])
    vectors.CHUNK = chunk
    encoder = Encoder(EncoderConfig(model=str(folder / "model" / "encoder")))
    texts = [text * 20 for text in tiny.texts(count)]  # a message to a worker is larger than the pipe
    try:
        print(vectors.write_vectors(folder / "out.npy", encoder, lambda: iter(texts), folder / "cache", processes))
    except QuintetError as error:
        sys.exit(f"error: {error}")
"""


def encode(folder: Path, processes: int = 2) -> subprocess.Popen[str]:
    """`out.npy` from `cache` and the texts; a session of its own, so that nothing but a kill of ours reaches it."""
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(folder), str(COUNT), str(CHUNK), str(processes)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(harness.ROOTS), "QUINTET_NO_PROGRESS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
