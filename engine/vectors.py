"""The cache of document vectors, keyed by content: an unchanged text is never encoded twice.

A cache is a folder of immutable chunks, each a `.vectors.npy` (m, dimension) and a `.keys.npy` (m,) written after it; a
chunk without keys is not there. Texts are streamed, so that memory holds one chunk of them, and a killed build goes on
with the chunk it was in: what is still missing is cut at the same places as before, so the vectors come out the same.
"""

from __future__ import annotations

import hashlib
import io
import multiprocessing
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from engine.encoder import Encoder, EncoderConfig
from engine.errors import BuildError
from engine.files import full_disk, replace_file, sweep
from engine.progress import bar

# Python's resource tracker removes what killed workers leave, and would warn of it under our one line.
TRACKER = "ignore:resource_tracker:UserWarning"
CHUNK = 1024  # texts encoded between two saves
BLOCK = CHUNK  # vectors copied at once: memory holds no more of them than while encoding


class VectorCache:
    """What is in a cache folder now. A chunk that does not read (cut short by others) is not there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        names = sorted(path.name.removesuffix(".keys.npy") for path in folder.glob("*.keys.npy"))
        pairs = [pair for name in names if (pair := _read(folder, name))]
        keys, self._chunks = [k for k, _ in pairs], [vectors for _, vectors in pairs]
        lengths = [len(k) for k in keys]
        flat = np.concatenate(keys) if keys else np.empty(0, dtype="S16")
        order = np.argsort(flat, kind="stable")
        self._keys = flat[order]
        self._chunk = np.repeat(np.arange(len(pairs)), lengths)[order]
        self._row = np.concatenate([np.arange(n) for n in lengths])[order] if lengths else np.empty(0, dtype=np.int64)

    def has(self, keys: np.ndarray) -> np.ndarray:
        """(n,) bool: which keys are cached."""
        if not len(self._keys):
            return np.zeros(len(keys), dtype=bool)
        place = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        return self._keys[place] == keys

    def get(self, keys: np.ndarray) -> np.ndarray:
        """(n, dimension) float32 vectors of keys that are all cached."""
        place = np.searchsorted(self._keys, keys)
        chunks, rows = self._chunk[place], self._row[place]
        vectors = np.empty((len(keys), self._chunks[0].shape[1]), dtype=np.float32)
        for chunk in np.unique(chunks):
            here = chunks == chunk
            vectors[here] = self._chunks[chunk][rows[here]]
        return vectors


def _read(folder: Path, name: str) -> tuple[np.ndarray, np.ndarray] | None:
    try:
        keys, vectors = np.load(folder / f"{name}.keys.npy"), np.load(folder / f"{name}.vectors.npy", mmap_mode="r")
    except (FileNotFoundError, ValueError, EOFError):
        return None
    return (keys, vectors) if len(keys) == len(vectors) else None


def content_keys(texts: Iterable[str]) -> np.ndarray:
    """(n,) 16-byte keys of texts."""
    return np.fromiter((hashlib.blake2b(t.encode(), digest_size=16).digest() for t in texts), dtype="S16")


def write_vectors(
    target: Path, encoder: Encoder, texts: Callable[[], Iterator[str]], folder: Path, processes: int = 1
) -> dict[str, Any]:
    """Write the (n, dimension) float32 vectors of `texts()` to the npy file `target`, row by row in order.

    `texts` is called up to three times and streamed; `folder` is the encoder's cache. `processes` > 1 encodes on that
    many GPUs, or CPU processes where there is none; a remote encoder needs neither. Returns counts. Raises BuildError
    if the disk is full, a worker dies or a server has another model than before.
    """
    keys = content_keys(texts())
    try:
        folder.mkdir(parents=True, exist_ok=True)
        sweep(folder)
        missing = _first_occurrences(keys, ~VectorCache(folder).has(keys))
        if len(missing):
            chunks = _chunks(texts(), keys, missing)
            with bar("encoding", len(missing), "texts") as progress:
                encode = _encode_here if processes <= 1 or encoder.remote else _encode_apart(processes)
                encode(encoder, folder, chunks, progress.update)
        cache = VectorCache(folder)
        with target.open("wb") as file:
            shape = (len(keys), cache.get(keys[:1]).shape[1])
            header = {"descr": "<f4", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
            for start in range(0, len(keys), BLOCK):  # plain writes: a full disk under a memory map kills the process
                file.write(cache.get(keys[start : start + BLOCK]).tobytes())
    except OSError as error:
        raise full_disk(error, folder) from error
    return {"texts": len(keys), "encoded": len(missing), "dimension": shape[1]}


def _first_occurrences(keys: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Rows of `wanted` keys in ascending order, each key once."""
    rows = np.flatnonzero(wanted)
    return np.sort(rows[np.unique(keys[rows], return_index=True)[1]])


def _chunks(texts: Iterator[str], keys: np.ndarray, rows: np.ndarray) -> Iterator[tuple[np.ndarray, list[str]]]:
    """(keys, texts) of `rows`, CHUNK at a time; reads `texts` once and holds one chunk."""
    chosen, batch, start = iter(rows.tolist()), [], 0
    following = next(chosen, None)
    for row, text in enumerate(texts):
        if row != following:
            continue
        batch.append(text)
        following = next(chosen, None)
        if len(batch) == CHUNK or following is None:
            yield keys[rows[start : start + len(batch)]], batch
            start, batch = start + len(batch), []
        if following is None:
            return


def _save(folder: Path, keys: np.ndarray, vectors: np.ndarray) -> None:
    name = hashlib.blake2b(keys.tobytes(), digest_size=8).hexdigest()
    for kind, array in (("vectors", vectors), ("keys", keys)):  # keys last: they make the chunk count
        buffer = io.BytesIO()
        np.save(buffer, array)
        replace_file(folder / f"{name}.{kind}.npy", buffer.getvalue())


Encode = Callable[[Encoder, Path, Iterator[tuple[np.ndarray, list[str]]], Callable[[int], Any]], None]


def _encode_here(
    encoder: Encoder, folder: Path, chunks: Iterator[tuple[np.ndarray, list[str]]], done: Callable[[int], Any]
) -> None:
    names = (path.name.removesuffix(".keys.npy") for path in folder.glob("*.keys.npy"))
    cached = next((pair[1].shape[1] for name in names if (pair := _read(folder, name))), None)
    for keys, texts in chunks:
        vectors = encoder.encode_documents(texts)
        if cached not in (None, vectors.shape[1]):
            what = f"vectors of {vectors.shape[1]} dimensions, where those of the same model had {cached} before"
            raise BuildError(what, where=str(folder), remedy="Serve another model under another name")
        _save(folder, keys, vectors)
        done(len(texts))
        del texts  # before the next chunk is read


def _encode_apart(processes: int) -> Encode:
    """Encode in worker processes, one a GPU; each saves its own chunks, and holds one while one more waits for it."""

    def encode(
        encoder: Encoder, folder: Path, chunks: Iterator[tuple[np.ndarray, list[str]]], done: Callable[[int], Any]
    ) -> None:
        import torch

        if TRACKER not in sys.warnoptions:  # which only new processes read
            sys.warnoptions.append(TRACKER)
        context = multiprocessing.get_context("spawn")
        tasks, results = context.Queue(maxsize=processes), context.Queue()
        devices = [
            f"cuda:{i % torch.cuda.device_count()}" if torch.cuda.is_available() else "cpu" for i in range(processes)
        ]
        threads = max(1, (os.cpu_count() or 1) // processes)
        config = encoder.config.model_copy(update={"model": str(encoder.path), "revision": None})
        workers = [
            context.Process(target=_worker, args=(config, folder, device, threads, tasks, results), daemon=True)
            for device in devices
        ]
        sent = finished = 0

        def attend(wait: float = 0) -> None:
            nonlocal finished
            finished += _drain(results, done, wait)
            _check(workers)

        try:
            for worker in workers:
                worker.start()
            for chunk in chunks:
                _put(tasks, chunk, attend)
                sent += 1
                attend()
            for _ in workers:
                _put(tasks, None, attend)
            while finished < sent:
                attend(wait=0.2)
            for worker in workers:
                worker.join()
        finally:
            for worker in filter(multiprocessing.process.BaseProcess.is_alive, workers):
                worker.terminate()
                worker.join()
            tasks.cancel_join_thread()  # what nobody will fetch shall not hold up our own end
            sweep(folder)

    return encode


def _worker(config: EncoderConfig, folder: Path, device: str, threads: int, tasks: Any, results: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent is told too, and ends us
    threading.Thread(target=_end_with_parent, daemon=True).start()  # a killed parent leaves nobody to send the end
    import torch

    torch.set_num_threads(threads)
    try:
        encoder = Encoder(config, device)
        while (chunk := tasks.get()) is not None:
            keys, texts = chunk
            _save(folder, keys, encoder.encode_documents(texts))
            results.put(len(texts))
            del chunk, texts  # before the next is fetched
    except Exception as error:
        results.put(error)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _put(tasks: Any, item: Any, attend: Callable[[], None]) -> None:
    while True:
        try:
            return tasks.put(item, timeout=0.5)
        except queue.Full:
            attend()


def _drain(results: Any, done: Callable[[int], Any], wait: float = 0) -> int:
    """Count finished chunks; an error that a worker sent is raised here."""
    count = 0
    while True:
        try:
            result = results.get(timeout=wait) if wait else results.get_nowait()
        except queue.Empty:
            return count
        if isinstance(result, Exception):
            raise result
        done(result)
        count += 1


def _check(workers: list[Any]) -> None:
    for worker in workers:
        if worker.exitcode not in (None, 0):
            raise BuildError(
                f"an encoding process died (exit code {worker.exitcode})",
                remedy="Run the same command again: finished chunks are kept; fewer --gpus need less memory",
            )
