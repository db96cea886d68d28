"""The key is shown nowhere: not in the log, manifests, errors or answers, even if the server says it back."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from engine.artifacts import Workspace
from llm.child import finish, start
from llm.server import Act, Server, prompt

pytestmark = pytest.mark.integration
KEY = "sk-a-very-secret-key-0123456789"


@pytest.mark.parametrize("ending", ["failures", "refused", "busy"])
def test_the_key_is_nowhere(workspace: Workspace, serve: Callable[..., Server], ending: str) -> None:
    def script(body, before: int) -> Act:
        if ending == "refused":
            return Act(status=401, raw=b'{"error": {"message": "Incorrect API key provided: %s"}}' % KEY.encode())
        if ending == "busy":
            return Act(status=503, raw=KEY.encode())
        word = prompt(body).split()[-1]
        return {
            "w0": Act(status=400, raw=b"x" * 290 + KEY.encode()),
            "w1": Act(text=KEY),
            "w2": Act(text=json.dumps({"word": "w2", "score": KEY})),
            "w3": Act(status=500, raw=b'{"detail": ["%s"]}' % KEY.encode()),
            "w4": Act(text=json.dumps({"word": KEY, "score": 1})),
        }.get(word, Act())

    server = serve(script)
    _, error = finish(
        start(workspace.root, server.url, 6, 4, OPENAI_API_KEY=KEY), code=0 if ending == "failures" else 1
    )
    assert server.headers and all(headers["Authorization"] == f"Bearer {KEY}" for headers in server.headers)
    files = [path for path in workspace.root.rglob("*") if path.is_file()]
    assert len(files) >= 2
    for shown in (KEY, KEY[:20]):
        assert shown not in error
        assert not [path for path in files if shown.encode() in path.read_bytes()]
