"""Every test here may meet a server that fails, and none waits for it long."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _quick(quick: None) -> None: ...
