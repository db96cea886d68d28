"""The remote encoder against a server that embeds with the local one or draws vectors from the text, and misbehaves."""

from __future__ import annotations

import json
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from embeddings_server import Embeddings, drawn, reply, unit
from llm.server import Act, Server

from engine import remote_encoder
from engine.encoder import Encoder, EncoderConfig, shared_encoder
from engine.errors import BuildError, InputError
from engine.remote_encoder import RemoteEncoder
from engine.vectors import write_vectors

KEY = "sk-secret-0123456789"
TEXTS = [f"text {i}" for i in range(100)] + ["", "Ünbekannt 日本 🙂", "half \ud83d"]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setattr(remote_encoder, "FIRST_PAUSE", 0.01)


def encoder(*servers: Server | str, **settings: Any) -> Encoder:
    urls = [server.url if isinstance(server, Server) else server for server in servers]
    return Encoder(EncoderConfig(**{"model": "m", "batch_size": 7, "base_urls": urls, **settings}))


def unused() -> str:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{held.getsockname()[1]}/v1"


def failure(made: Encoder, kind: type[Exception], texts: Sequence[str] = TEXTS) -> str:
    with pytest.raises(kind) as caught:
        made.encode_documents(texts)
    assert "\n" not in str(caught.value) and KEY not in str(caught.value)
    return str(caught.value)


def test_prompts_order_and_batches_are_those_of_the_local_encoder() -> None:
    with Embeddings() as server:
        ours = encoder(server, query_prompt="Do {instruction}: ", document_prompt="passage: ")
        assert isinstance(ours, RemoteEncoder) and ours.remote
        np.testing.assert_allclose(
            ours.encode_documents(TEXTS), unit(drawn([f"passage: {t}" for t in TEXTS])), atol=1e-6
        )
        assert max(len(body["input"]) for body in server.bodies) == 7 and len(server.bodies) == 15
        np.testing.assert_allclose(ours.encode_queries(["a"], "find"), unit(drawn(["Do find: a"])), atol=1e-6)
        np.testing.assert_allclose(ours.encode_queries(["a"]), unit(drawn(["Do : a"])), atol=1e-6)
        assert {body["model"] for body in server.bodies} == {"m"}
        assert {body["encoding_format"] for body in server.bodies} == {"base64"}
        assert {headers["Authorization"] for headers in server.headers} == {f"Bearer {KEY}"}
        assert all("truncate_prompt_tokens" not in body for body in server.bodies)


def test_vectors_are_left_alone_where_they_are_not_to_be_normalised() -> None:
    with Embeddings() as server:
        vectors = encoder(server, normalize=False).encode_documents(TEXTS)
        assert vectors.dtype == np.float32 and vectors.flags.c_contiguous
        np.testing.assert_array_equal(vectors, drawn(TEXTS))


@pytest.mark.parametrize("encoding", ["float", "base64"])
@pytest.mark.parametrize("shuffle", [False, True])
def test_both_encodings_are_read_in_any_order(encoding: str, shuffle: bool) -> None:
    with Embeddings(lambda body, _: Act(raw=reply(drawn(body["input"]), encoding, shuffle))) as server:
        np.testing.assert_allclose(encoder(server).encode_documents(TEXTS), unit(drawn(TEXTS)), atol=1e-6)


def test_nothing_to_encode_asks_for_the_dimension_once() -> None:
    with Embeddings() as server:
        ours = encoder(server)
        for vectors in (ours.encode_documents([]), ours.encode_queries([]), ours.recall([], queries=True)):
            assert vectors.shape == (0, 8)
        assert ours.dimension == 8 and len(server.bodies) == 1


def test_what_is_recalled_is_asked_for_once() -> None:
    with Embeddings() as server:
        ours = encoder(server, query_prompt="q ")
        for _ in range(2):
            np.testing.assert_array_equal(
                ours.recall(["a", "b", "a"], queries=True), unit(drawn(["q a", "q b", "q a"]))
            )
        assert len(server.bodies) == 1


def test_servers_share_the_load_up_to_eight_requests_each() -> None:
    def slow(_: dict[str, Any], __: int) -> Act:
        return Act(seconds=0.02)

    with Embeddings(slow) as one, Embeddings(slow) as other:
        vectors = encoder(one, other, batch_size=1).encode_documents(TEXTS)
        np.testing.assert_allclose(vectors, unit(drawn(TEXTS)), atol=1e-6)
        assert one.peak <= 8 and other.peak <= 8 and one.peak + other.peak > 8
        assert min(len(one.bodies), len(other.bodies)) > len(TEXTS) / 4


def test_threads_share_one_encoder_and_its_limit() -> None:
    with Embeddings(lambda *_: Act(seconds=0.01)) as server:
        ours, seen = encoder(server, batch_size=5), []
        threads = [threading.Thread(target=lambda: seen.append(ours.encode_documents(TEXTS))) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(seen) == 6 and all(np.array_equal(vectors, seen[0]) for vectors in seen)
        assert server.peak == 8


@pytest.mark.parametrize(
    "fault",
    [
        Act(status=500, raw=b"oh"),
        Act(status=503, raw=b'{"error": {"message": "loading"}}', headers={"Retry-After": "0"}),
        Act(status=429, headers={"Retry-After": "0.1"}),
        Act(half=True),
        Act(reset=True),
        Act(raw=b'{"data": [{"embedding": "AAAA'),
        Act(raw=b'{"data": [{"embedding": "not base64!"}]}'),
        Act(raw=b"<html>"),
        Act(raw=b"[]"),
    ],
    ids=["500", "503", "429", "half", "reset", "cut", "base64", "html", "list"],
)
def test_what_passes_is_asked_again(fault: Act) -> None:
    from dataclasses import replace

    def script(body: dict[str, Any], before: int) -> Act | None:
        if before >= 3:
            return None
        return replace(fault, raw=reply(drawn(body["input"])) if fault.half else fault.raw)

    with Embeddings(script) as server:
        np.testing.assert_allclose(encoder(server).encode_documents(TEXTS), unit(drawn(TEXTS)), atol=1e-6)
        assert len(server.bodies) == 18


def test_retry_after_is_waited_for_by_all() -> None:
    busy = Act(status=429, headers={"Retry-After": "0.7"})
    with Embeddings(lambda _, before: busy if before == 0 else None) as server:
        encoder(server).encode_documents(["a"])
        assert server.times[1] - server.times[0] >= 0.7


def test_what_does_not_pass_ends_after_five_attempts() -> None:
    with Embeddings(lambda *_: Act(status=500, raw=f'{{"error": "boom {KEY}"}}'.encode())) as server:
        told = failure(encoder(server), BuildError, ["a"])
        assert "no embeddings after 5 attempts" in told and "500: boom [key]" in told and server.url in told
        assert len(server.bodies) == 5


def test_a_server_that_is_silent_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with Embeddings(lambda *_: Act(seconds=5)) as server:
        ours = encoder(server)
        assert isinstance(ours, RemoteEncoder)
        ours._server = ours._server.model_copy(update={"timeout": 0.1})
        assert "no reply within 0.1 s" in failure(ours, BuildError, ["a"])


def test_no_server_is_one_line_and_another_that_is_there_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    url = unused()
    assert f"no server answers at {url}" in failure(encoder(url), BuildError, ["a"]), "five attempts"
    monkeypatch.setattr(remote_encoder, "PATIENCE", 0.5)
    told = failure(encoder(url), BuildError)  # many batches wait for the same server
    assert f"no server answers at {url}" in told and "llm.server" not in told
    with Embeddings() as other:
        both = encoder(unused(), other)
        np.testing.assert_allclose(both.encode_documents(TEXTS), unit(drawn(TEXTS)), atol=1e-6)


def test_a_server_that_never_has_time_is_no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_encoder, "PATIENCE", 0.5)
    with Embeddings(lambda *_: Act(status=503, raw=b'{"error": "loading"}')) as server:
        told = failure(encoder(server), BuildError)
        assert "no server answers at" in told and "loading" in told and "llm.server" not in told


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_named_by_its_variable(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTHER_KEY", f"{KEY}\n")  # as read from a file
    refusal = f'{{"error": {{"message": "Incorrect API key: {KEY}"}}}}'.encode()
    with Embeddings(lambda *_: Act(status=status, raw=refusal)) as server:
        assert "OTHER_KEY" in failure(encoder(server, key_env="OTHER_KEY"), InputError)
        asked = [body["input"][0] for body in server.bodies]
        assert len(asked) == len(set(asked)), "nothing is asked again"


def test_a_key_that_is_none_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    with Embeddings() as server:
        monkeypatch.setenv("OPENAI_API_KEY", f"{KEY}\nX-More: 1")
        assert "OPENAI_API_KEY" in failure(encoder(server), InputError)
        monkeypatch.delenv("OPENAI_API_KEY")
        encoder(server).encode_documents(["a"])
        assert [("Authorization" in headers) for headers in server.headers] == [False]


def test_a_key_does_not_follow_a_redirection() -> None:
    with Embeddings() as other:
        away = Act(status=307, headers={"Location": f"{other.url}/embeddings"})
        with Embeddings(lambda *_: away) as server:
            assert "status 307" in failure(encoder(server), InputError, ["a"])
        assert other.bodies == []


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (lambda v: v[:-1], "6 vectors for 7 texts"),
        (lambda v: np.concatenate([v, v]), "14 vectors for 7 texts"),
        (lambda v: v[:, :0], "vectors of 0 dimensions"),
        (lambda v: v[:, :5], "vectors of 5 dimensions where it gave 8 before"),
        (lambda v: np.where(np.arange(8) == 3, np.nan, v), "no numbers"),
        (lambda v: np.where(np.arange(8) == 3, -np.inf, v), "no numbers"),
    ],
    ids=["few", "many", "empty", "dimension", "nan", "inf"],
)
@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_wrong_vectors_are_one_line(harm: Callable[[np.ndarray], np.ndarray], told: str, encoding: str) -> None:
    with Embeddings(lambda body, n: Act(raw=reply(harm(drawn(body["input"])), encoding)) if n else None) as server:
        ours = encoder(server)
        assert ours.dimension == 8
        assert told in failure(ours, BuildError, TEXTS[:7])
        assert len(server.bodies) == 2, "the same would come again"


def test_vectors_with_wrong_numbers_or_nulls_are_one_line() -> None:
    rows = json.loads(reply(drawn(["a", "b"]), "float"))["data"]
    twice = [rows[0], rows[0]]
    null = [rows[0], rows[1] | {"embedding": [None] * 8}]
    for data, told in ((twice, "not numbered from 0 to 1"), (null, "no numbers")):
        act = Act(raw=json.dumps({"data": data}).encode())
        with Embeddings(lambda *_, act=act: act) as server:
            assert told in failure(encoder(server), BuildError, ["a", "b"])


def test_an_unknown_model_is_told_at_once() -> None:
    gone = Act(status=404, raw=b'{"error": {"message": "The model m does not exist"}}')
    with Embeddings(lambda *_: gone) as server:
        told = failure(encoder(server), InputError, ["a"])
        assert "does not exist" in told and "build.encoder.model" in told and len(server.bodies) == 1


def test_a_maximum_length_is_sent_and_long_texts_are_cut_by_the_server() -> None:
    def script(body: dict[str, Any], _: int) -> Act | None:
        if any(len(text) > 50 for text in body["input"]) and "truncate_prompt_tokens" not in body:
            message = "This model's maximum context length is 50 tokens"
            return Act(status=400, raw=json.dumps({"error": {"message": message}}).encode())
        return None

    texts = ["a" * 60, *"abcdefgh"]
    with Embeddings(script) as server:
        np.testing.assert_allclose(encoder(server).encode_documents(texts), unit(drawn(texts)), atol=1e-6)
        assert sorted(body.get("truncate_prompt_tokens", 0) for body in server.bodies) == [-1, 0, 0]
        server.bodies.clear()
        encoder(server, max_length=64).encode_documents(texts)
        assert [body["truncate_prompt_tokens"] for body in server.bodies] == [64, 64]


@pytest.mark.parametrize("setting", [{"pooling": "mean"}, {"dtype": "float16"}, {"revision": "main"}])
def test_what_a_server_cannot_be_told_is_refused(setting: dict[str, str]) -> None:
    with pytest.raises(InputError, match=next(iter(setting))):
        encoder(unused(), **setting)


@pytest.mark.parametrize("url", ["localhost:8000", "", "http://me:secret@host/v1", "http://host/v1?key=secret"])
def test_what_is_no_url_is_refused(url: str) -> None:
    from engine.experiment import contestant

    with pytest.raises(InputError, match="base_urls") as caught:
        contestant("dense", settings=[f"build.encoder.base_urls=['{url}']"])
    assert "secret" not in str(caught.value)


def test_weights_are_not_here() -> None:
    for name in ("model", "path"):
        with pytest.raises(InputError, match="at a server"):
            getattr(encoder(unused()), name)


def test_the_digest_knows_the_model_and_not_the_server() -> None:
    here = encoder("http://a:1/v1", key_env="A")
    assert here.digest == encoder("http://b:2/v1", "http://c/v1/").digest
    for changed in ({"model": "n"}, {"query_prompt": "q"}, {"normalize": False}, {"max_length": 9}):
        assert encoder("http://a:1/v1", **changed).digest != here.digest
    dumped = here.config.model_dump()
    assert "base_urls" not in dumped and "key_env" not in dumped
    assert EncoderConfig(base_urls="http://a:1/v1/").base_urls == ("http://a:1/v1",)  # type: ignore[arg-type]


def test_one_encoder_a_process_and_configuration() -> None:
    config = EncoderConfig(model="m", base_urls=("http://a:1/v1",))
    assert shared_encoder(config) is shared_encoder(config.model_copy())
    assert shared_encoder(config) is not shared_encoder(config.model_copy(update={"base_urls": ("http://b:1/v1",)}))


def test_vectors_are_written_without_worker_processes_and_kept_when_the_server_moves(tmp_path: Path) -> None:
    texts = TEXTS[:-1]
    with Embeddings() as server:
        counts = write_vectors(
            tmp_path / "v.npy", encoder(server), lambda: iter(texts), tmp_path / "cache", processes=4
        )
        assert counts == {"texts": len(texts), "encoded": len(texts), "dimension": 8}
        np.testing.assert_allclose(np.load(tmp_path / "v.npy"), unit(drawn(texts)), atol=1e-6)
    moved = encoder(unused())
    assert write_vectors(tmp_path / "w.npy", moved, lambda: iter(texts), tmp_path / "cache")["encoded"] == 0
    with (
        Embeddings(embed=lambda some: drawn(some, 9)) as server,
        pytest.raises(BuildError, match=r"9 dimensions.* had 8"),
    ):
        write_vectors(tmp_path / "x.npy", encoder(server), lambda: iter([*texts, "new"]), tmp_path / "cache")
    assert write_vectors(tmp_path / "w.npy", moved, lambda: iter(texts), tmp_path / "cache")["encoded"] == 0


def test_an_encoder_that_nobody_holds_ends_its_thread(caplog: pytest.LogCaptureFixture) -> None:
    import gc

    def threads() -> int:
        gc.collect()
        return sum(thread.name == "remote encoder" for thread in threading.enumerate())

    before = threads()
    with Embeddings() as server, caplog.at_level(logging.DEBUG):
        ours = encoder(server)
        ours.encode_documents(TEXTS)
        assert threads() == before + 1
        del ours
        assert threads() == before
    assert "Unclosed" not in caplog.text


def test_an_interrupted_call_leaves_nothing_in_flight() -> None:
    with Embeddings(lambda _, n: Act(status=404) if n == 3 else Act(seconds=0.5)) as server:
        ours = encoder(server, batch_size=1)
        failure(ours, InputError)
        time.sleep(0.3)  # what had left by then may still arrive
        asked = len(server.bodies)
        time.sleep(0.6)
        assert len(server.bodies) == asked <= 12, "of 103"


@pytest.fixture(scope="module")
def minilm() -> Iterator[Server]:
    """A server whose model is the bundled one."""
    local = Encoder(EncoderConfig(normalize=False))
    with Embeddings(embed=local.encode_documents) as server:
        yield server


@pytest.mark.integration
@pytest.mark.parametrize(("method", "prefix"), [("dense", ""), ("hybrid", "dense."), ("spike", "dense.")])
def test_a_served_model_ranks_as_the_same_model_here(
    method: str,
    prefix: str,
    minilm: Server,
    world: Path,
    tmp_path: Path,
    admin: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    remote = ["--set", f"build.{prefix}encoder.base_urls=[{minilm.url}]"]
    remote += ["--set", f"build.{prefix}encoder.model=served-name"]
    minilm.bodies.clear()
    admin("index", method, "--data", world, "--gpus", "2", *remote)
    assert minilm.bodies, "encoded by the server"
    minilm.bodies.clear()
    served, local = (hits(tmp_path, admin("evaluate", method, "--data", world, *rest)) for rest in (remote, ()))
    assert served and [(r, d) for r, d, _ in served] == [(r, d) for r, d, _ in local]
    np.testing.assert_allclose([score for *_, score in served], [score for *_, score in local], atol=1e-5)
    assert minilm.bodies and {body["model"] for body in minilm.bodies} == {"served-name"}
    for path in (tmp_path / "workspace").rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert KEY.encode() not in content, path
            if path.name == "manifest.json" and "runs" not in path.parts:
                assert str(minilm.port).encode() not in content, path


def hits(tmp_path: Path, done: subprocess.CompletedProcess[str]) -> list[tuple[str, str, float]]:
    import duckdb

    assert KEY not in done.stdout + done.stderr
    runs = sorted((tmp_path / "workspace" / "runs").glob("*/hits.parquet"), key=lambda path: path.stat().st_mtime_ns)
    return duckdb.sql(f"select request, document, score from '{runs[-1]}' order by request, rank").fetchall()


@pytest.mark.integration
def test_a_process_ends_quietly(minilm: Server) -> None:
    code = (
        "from engine.encoder import *; "
        f"print(shared_encoder(EncoderConfig(model='m', base_urls='{minilm.url}')).encode_queries(['a']).shape)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ}, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "(1, 384)\n", "")
