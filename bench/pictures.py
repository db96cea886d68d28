"""`python -m bench.pictures [DIR]`: the page as it looks, wide and on a phone, light and dark, for the README."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.page import CHROMIUM, ROOT
from bench.serving import free_port, served
from engine.artifacts import Workspace
from engine.learning import invented, learn

WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
QUESTION = "#question :is(textarea, input)"
ASKED = "did the old man accept a cuppa when he dropped the package off two weeks ago?"  # one of the first person's own


def main(folder: Path) -> None:
    from playwright.sync_api import sync_playwright

    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    with tempfile.TemporaryDirectory() as workspace, sync_playwright() as playwright:
        learn(Workspace(workspace), invented(Workspace(workspace)), ("tagger",))  # so that entities are underlined
        command = [sys.executable, "app.py", "--workspace", workspace, "--port", str(port)]
        with served(command, ROOT, port):
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
            for name, size, theme in (
                ("wide-light", WIDE, "light"),
                ("wide-dark", WIDE, "dark"),
                ("phone-light", PHONE, "light"),
                ("phone-dark", PHONE, "dark"),
            ):
                page = browser.new_page(viewport=size, color_scheme=theme)
                page.goto(f"http://127.0.0.1:{port}/?__theme={theme}")
                _search(page)
                _take(page, folder / f"search-{name}.png")
                _scenarios(page)
                _take(page, folder / f"scenarios-{name}.png")
                _evaluation(page)
                _take(page, folder / f"evaluation-{name}.png")
                page.close()
            browser.close()


def _take(page: Any, file: Path) -> None:
    """A screenshot of 256 colours: text looks the same, and the repository stays small."""
    from PIL import Image

    page.screenshot(path=file)
    Image.open(file).convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE).save(file, optimize=True)


def _search(page: Any) -> None:
    page.wait_for_selector(QUESTION)
    page.fill(QUESTION, ASKED)
    page.press(QUESTION, "Enter")
    page.wait_for_selector("#results .q-card")
    page.wait_for_timeout(500)


def _scenarios(page: Any) -> None:
    page.get_by_role("tab", name="Scenarios").click()  # it opens with its first example answered
    page.wait_for_selector("#scenario-results .q-card")
    page.evaluate("document.querySelector('#scenario-side').scrollIntoView()")  # the weight above what it ranks
    page.wait_for_timeout(500)


def _evaluation(page: Any) -> None:
    page.evaluate("scrollTo(0, 0)")
    page.get_by_role("tab", name="Evaluation").click()
    page.wait_for_selector("#rounds tbody tr")
    page.wait_for_timeout(500)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/pictures"))
