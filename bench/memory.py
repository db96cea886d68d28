"""How much memory a build takes beyond what it maps: anonymous memory of a child process, while it works.

    python -m bench.memory DOCUMENTS CHARACTERS DIMENSION FOLDER

is that child; it waits for a line on stdin before each phase, so that the parent can look at it in between. Pages of
memory-mapped files are left out (RssAnon of /proc/PID/status): the kernel takes them back whenever it wants.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.table import Row, Table, number, size
from bench.world import StandInEncoder, World
from engine.records import Document

ROOT = Path(__file__).parent.parent
PER_DOCUMENT = 100  # bytes: ids and keys
PHASES = ("documents", "vectors", "postings")
EVERY = 0.002  # seconds between two looks


def run(world: World) -> Table:
    from engine.vectors import CHUNK

    sizes = world.sizes
    few, many = sizes.documents // 4, sizes.documents
    small, large = (peaks(n, world, world.scratch / f"memory-{n}") for n in (few, many))
    rows = []
    for phase in PHASES:
        slope = (large[phase] - small[phase]) / (many - few)
        held = phase != "postings"
        rows.append(
            Row(
                f"{phase}, peak above the start",
                size(large[phase]),
                f"{size(small[phase])} with {few:,}",
                f"{number(slope)} B a document" if slope > 0 else "0 B a document",
                f"<= {PER_DOCUMENT} B a document" if held else "",
                slope <= PER_DOCUMENT if held else None,
            )
        )
    chunk = CHUNK * (sizes.characters + 4 * sizes.dimension)
    note = (
        f"Peak anonymous memory of a process that builds {many:,} documents of {sizes.characters:,} characters, "
        "above what it held before each phase; 'direct' is the same with a quarter of them, the ratio what a "
        f"document more adds. The corpus has {size(many * sizes.characters)}; one chunk of {CHUNK} texts and their "
        f"vectors {size(chunk)}; all vectors {size(4 * many * sizes.dimension)}. Ids, rows and keys may grow with "
        "the corpus, texts and vectors may not. Postings are counted in memory; there is no budget for them."
    )
    return Table("memory", note, rows)


def peaks(documents: int, world: World, folder: Path) -> dict[str, int]:
    """Bytes of anonymous memory at the peak of each phase, above what there was before it."""
    arguments = [str(documents), str(world.sizes.characters), str(world.sizes.dimension), str(folder)]
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.memory", *arguments],
        cwd=ROOT,
        env={**os.environ, "QUINTET_NO_PROGRESS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None and process.stdout is not None
    found = {}
    try:
        _wait(process)
        for phase in PHASES:
            before = anonymous(process.pid)
            process.stdin.write(b"go\n")
            process.stdin.flush()
            found[phase] = max(_wait(process) - before, 0)
    finally:
        process.kill()
        process.wait()
    return found


def anonymous(pid: int) -> int:
    """Bytes of anonymous memory that a process holds now."""
    return int(Path(f"/proc/{pid}/status").read_text("ascii").split("RssAnon:")[1].split()[0]) * 1024


def _wait(process: subprocess.Popen[bytes]) -> int:
    """Until the child says that it is done: the most anonymous memory it was seen with."""
    assert process.stdout is not None
    most = 0
    while not select.select([process.stdout], [], [], EVERY)[0]:
        most = max(most, anonymous(process.pid))
    if not process.stdout.readline():
        raise RuntimeError("the measured process died")
    return most


def main(documents: int, characters: int, dimension: int, folder: Path) -> None:
    """The child: builds what PHASES names, one after the other."""
    import faiss  # noqa: F401  (its own memory is not what is measured)

    from bench.world import open_dense, open_lexical
    from engine.artifacts import Workspace
    from engine.index import collection

    workspace, encoder = Workspace(folder), StandInEncoder(dimension)
    encoder.encode_documents(["warm"])
    _pause()
    made = collection.ensure(workspace.collection("world"), "world", _documents(documents, characters))
    _pause()
    open_dense(workspace, made, encoder)
    _pause()
    open_lexical(workspace, made)
    _pause()


def _documents(count: int, characters: int) -> Iterator[Document]:
    """Documents one at a time; nothing of them stays."""
    import random

    draw = random.Random(0)
    for i in range(count):
        text = " ".join(f"word{int(draw.paretovariate(0.6)) % 100_000}" for _ in range(characters // 5))
        yield Document(f"d{i:07d}", text[:characters], user=f"u{i // 100}")


def _pause() -> None:
    sys.stdout.write("done\n")
    sys.stdout.flush()
    sys.stdin.readline()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
