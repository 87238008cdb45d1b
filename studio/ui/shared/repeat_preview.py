"""Preview of a repeat: three by three tiles side by side, all from the thumbnail that the browser already has."""

from __future__ import annotations

from html import escape

import streamlit as st

from studio.schema import VariationRecord
from studio.ui.picture_routes import thumbnail_url
from studio.ui.shared.pictures import FRAME, page_url

ACROSS = 3
"""Tiles side by side in each direction."""
_SMALL, _LARGE = "18vh", "40vh"
"""Height limits of the preview in CSS: under a card, and in the viewer."""


def draw_laid_out(record: VariationRecord, *, large: bool = False) -> None:
    """Draw the preview of a picture's repeat. Draws nothing when the picture is not a repeat."""
    repeat = record.constraints.repeat
    if repeat == "none":
        return
    size = (record.facts.width_px, record.facts.height_px)
    tallest = _LARGE if large else _SMALL
    st.html(_preview_html(page_url(thumbnail_url(record.id)), repeat, size, tallest=tallest))


def _preview_html(address: str, repeat: str, size: tuple[int, int], *, tallest: str) -> str:
    """Return three by three tiles of a picture as HTML. The frame cuts the tiles that a half-drop or a brick shifts."""
    tiles = "".join(
        f'<img src="{escape(address)}" alt="" loading="lazy" decoding="async" style="position:absolute;max-width:none;'
        f"width:{100 / ACROSS:.4f}%;height:{100 / ACROSS:.4f}%;left:{100 * x / ACROSS:.4f}%;top:{100 * y / ACROSS:.4f}%"
        f'{_flip_css(flip_x, flip_y)}">'
        for x, y, flip_x, flip_y in place_tiles(repeat, size)
    )
    width_px, height_px = size
    words = escape(f"Nine repeats side by side, {repeat}")
    return (
        f'<div style="{FRAME}"><div role="img" aria-label="{words}" title="{words}" style="position:relative;'
        f"overflow:hidden;margin:0 auto;width:min(100%,{tallest} * {width_px} / {height_px});"
        f'aspect-ratio:{width_px}/{height_px}">{tiles}</div></div>'
    )


def place_tiles(repeat: str, size: tuple[int, int]) -> list[tuple[float, float, int, int]]:
    """Return (x, y, flip x, flip y) of each tile of a picture of `size` (width, height in pixels).

    x and y are the tile's upper left corner in widths and heights of one tile. A flip is 1 or -1. Half of an odd side
    is rounded down, as on the loom.
    """
    width, height = size
    tiles = []
    for column in range(-1, ACROSS):
        for row in range(-1, ACROSS):
            x, y = float(column), float(row)
            if repeat == "half-drop":
                y += column * (height // 2) % height / height
            elif repeat == "brick":
                x += row * (width // 2) % width / width
            mirrored = repeat == "mirror"
            if x > -1 and y > -1 and x < ACROSS and y < ACROSS:
                flips = (-1 if mirrored and column % 2 else 1, -1 if mirrored and row % 2 else 1)
                tiles.append((x, y, *flips))
    return tiles


def _flip_css(flip_x: int, flip_y: int) -> str:
    return "" if flip_x == flip_y == 1 else f";transform:scale({flip_x},{flip_y})"
