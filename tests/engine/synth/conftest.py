"""Twelve scenes for tests that need no real ones, and people drawn from the real ones once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.synth.asking import Rules
from engine.synth.dataset import Invented, invent
from engine.synth.scenes import Scene, read_scenes

WORDS = "pottery choir dentist football garden thesis bakery sailing vet chess market yoga".split()  # noqa: SIM905


def scene_row(word: str) -> dict:
    """A scene about one word; its veiled phrases share nothing with what happens."""
    return {
        "id": f"{word}-club",
        "domain": "hobby",
        "people": [f"{word} teacher", "sister", "friend"],
        "places": [f"The {word.title()} House", f"{word.title()} Corner", f"{word} hall"],
        "events": [{"title": f"{word.title()} {n}", "desc": f"Bring the {word} bag for {{with}}"} for n in "ABCD"],
        "messages": [f"{word} note {n}, see you {{day}} at {{hour}} in {{place}}" for n in "abcde"],
        "contacts": [
            {"role": f"{word} teacher", "group": f"{word} club", "org": f"{word.title()} House"},
            {"role": f"fellow {word} fan", "group": f"{word} club", "org": None},
        ],
        "np": [f"that [occasion] number {len(word)}{word[:2]}x", f"my [pastime] of kind {word[::-1]}"] * 3,
        "vp": [f"do the thing called {word[::-1]}", f"enjoy myself like {word[:2]}zz"] * 3,
        "about": [f"matter {n}{word[::-1]}" for n in "abcde"],
        "told": [f"matter {n}{word[::-1]} was settled" for n in "abcde"],
        "who": [[f"shows me {word[::-1]}"] * 2, [f"likes {word[::-1]} too"] * 2],
    }


@pytest.fixture(scope="session")
def scene_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scenes")
    (folder / "some.jsonl").write_text("".join(json.dumps(scene_row(word)) + "\n" for word in WORDS), "utf-8")
    return folder


@pytest.fixture(scope="session")
def scenes(scene_folder: Path) -> list[Scene]:
    return read_scenes(scene_folder)


@pytest.fixture(scope="session")
def thirty() -> list[Invented]:
    """Thirty people of the real scenes."""
    real = read_scenes()
    return [invent(real, 5, Rules(), number, 120) for number in range(30)]
