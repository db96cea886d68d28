"""How the page looks: Gradio's own colours, so that dark and light both work; system fonts, nothing is fetched."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

THEME = gr.themes.Soft(
    primary_hue="teal",
    neutral_hue="slate",
    font=["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"],
    font_mono=["ui-monospace", "Menlo", "Consolas", "monospace"],
)
CSS = (Path(__file__).parent / "style.css").read_text("utf-8")
