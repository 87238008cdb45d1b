"""A repeat as it will lie on the floor: nine of them side by side, from the one picture that a browser has already."""

from __future__ import annotations

from html import escape

import streamlit as st

from studio.media import thumbnail_url
from studio.requests import VariationRecord
from studio.widgets.pictures import page_url

ACROSS = 3


def draw_laid_out(record: VariationRecord, *, place: str) -> None:
    """Draw a button that shows the repeat laid out; nothing for a picture that is none."""
    repeat = record.constraints.repeat
    if repeat == "none":
        return
    with st.popover("Laid out", key=f"{place}_laid_{record.id}", help="Nine repeats side by side"):
        size = (record.facts.width_px, record.facts.height_px)
        st.html(laid_out_html(page_url(thumbnail_url(record.id)), repeat, size))


def laid_out_html(address: str, repeat: str, size: tuple[int, int]) -> str:
    """Return three by three tiles of a picture as HTML; what a half-drop or a brick moves goes on beyond the frame."""
    tiles = "".join(
        f'<img src="{escape(address)}" alt="" style="position:absolute;'
        f"width:{100 / ACROSS:.4f}%;height:{100 / ACROSS:.4f}%;"
        f"left:{100 * x / ACROSS:.4f}%;top:{100 * y / ACROSS:.4f}%;"
        f'transform:scale({flip_x},{flip_y})">'
        for x, y, flip_x, flip_y in place_tiles(repeat)
    )
    return (
        f'<div role="img" aria-label="Nine repeats side by side, {escape(repeat)}" style="position:relative;'
        f'overflow:hidden;width:min(70vw,28rem);aspect-ratio:{size[0]}/{size[1]};border-radius:4px">{tiles}</div>'
    )


def place_tiles(repeat: str) -> list[tuple[float, float, int, int]]:
    """Return where the tiles lie, in widths and heights of one from the corner, and how each is turned (1 or -1)."""
    tiles = []
    for column in range(-1, ACROSS):
        for row in range(-1, ACROSS):
            x, y = float(column), float(row)
            if repeat == "half-drop":
                y += column % 2 / 2
            elif repeat == "brick":
                x += row % 2 / 2
            mirrored = repeat == "mirror"
            if x > -1 and y > -1 and x < ACROSS and y < ACROSS:
                flips = (-1 if mirrored and column % 2 else 1, -1 if mirrored and row % 2 else 1)
                tiles.append((x, y, *flips))
    return tiles
