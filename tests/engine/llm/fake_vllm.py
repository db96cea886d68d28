"""Stands in for `vllm`: `fake_vllm.py serve MODEL --host H --port P`. A model called `broken` ends at once; a child of
its own shows whether the whole process group is stopped.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from server import Server

if __name__ == "__main__":
    _, command, model, *options = sys.argv
    sys.stdout.write(f"serving {model}, {sorted(key for key in os.environ if 'KEY' in key)}\n")
    sys.stdout.flush()
    if model == "broken":
        sys.exit("no such model")
    subprocess.Popen(["sleep", "987"])
    Path(os.environ["FAKE_PIDS"]).write_text(f"{os.getpid()}")

    async def serve() -> None:
        await asyncio.sleep(0.3)  # it loads the model
        await Server(port=int(options[options.index("--port") + 1]), latency=0.01).open()
        await asyncio.Event().wait()

    asyncio.run(serve())
