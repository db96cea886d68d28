"""How the page looks: Gradio's own colours, so that dark and light both work; system fonts, nothing is fetched."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

THEME = gr.themes.Soft(
    primary_hue="teal",
    neutral_hue="slate",
    font=["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"],
    font_mono=["ui-monospace", "Menlo", "Consolas", "monospace"],
).set(
    block_title_text_color="*body_text_color",
    block_title_text_color_dark="*body_text_color",
    block_title_background_fill="none",
    block_title_background_fill_dark="none",
    block_title_padding="0",
    block_label_text_color="*body_text_color",
)
CSS = (Path(__file__).parent / "style.css").read_text("utf-8")
