"""The part of a design to keep: a rectangle dragged over its picture, or typed as four numbers.

The form holds the rectangle. Picture and numbers both show it, so they always agree.
"""

from __future__ import annotations

import functools
from pathlib import Path

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

from studio.catalogue import Source
from studio.designs.inspection import describe_share
from studio.ui.generate.form.form_values import key_of, read_form
from studio.ui.picture_routes import source_thumbnail_url
from studio.ui.shared.pictures import describe_source, page_url

Rectangle = tuple[int, int, int, int]
"""Left, top, right and bottom in knots of the design; right and bottom are excluded."""
SIDES = ("left", "top", "right", "bottom")
_PICTURE = "rectangle_picture"
_CRISP_PX = 240
"""A design up to this size is shown without smoothing, as the page enlarges it: each knot is a square."""
_NUMBER_PX = 64
_HANDLES = "".join(f'<i data-handle="{name}"></i>' for name in ("n", "e", "s", "w", "nw", "ne", "se", "sw"))
_HTML = (
    '<div class="stage"><img draggable="false" alt=""><div class="shade"></div>'
    '<div class="frame" tabindex="0" role="group" aria-label="The part that stays; arrow keys move it">'
    f"<output></output>{_HANDLES}</div></div>"
)


def draw_rectangle(source: Source) -> None:
    """Draw the design with the rectangle over it, the rectangle's size, and its four sides as numbers."""
    rectangle = read_form().rectangle
    size = (source.width_px, source.height_px)
    _component()(
        key=_PICTURE,
        data={
            "address": page_url(source_thumbnail_url(source.sha256)),
            "alt": describe_source(source),
            "width": source.width_px,
            "height": source.height_px,
            "crisp": max(size) <= _CRISP_PX,
            "rectangle": rectangle,
        },
        on_drawn_change=functools.partial(_take_drag, size),
    )
    if rectangle is None:
        st.caption("Drag over the part that must stay, or type where it begins and ends.")
    else:
        st.caption(describe_rectangle(rectangle, size))
    with st.grid(len(SIDES), min_column_width=_NUMBER_PX, gap="small") as grid:
        for side, name in enumerate(SIDES):
            with grid.cell():
                _draw_side(side, name, size, None if rectangle is None else rectangle[side])


def describe_rectangle(rectangle: Rectangle, size: tuple[int, int]) -> str:
    """Return a sentence such as “40 × 30 knots stay, 12 % of the design.”; `size` is width and height in knots."""
    left, top, right, bottom = rectangle
    across, down = right - left, bottom - top
    return f"{across} × {down} knots stay, {describe_share(across * down / (size[0] * size[1]))} of the design."


def read_rectangle(sides: object, size: tuple[int, int]) -> Rectangle | None:
    """Return the rectangle that a browser sent, clipped to a design of `size`; None if it is invalid or empty."""
    if not isinstance(sides, (list, tuple)) or len(sides) != len(SIDES):
        return None
    if not all(isinstance(side, int) and not isinstance(side, bool) for side in sides):
        return None
    left, top, right, bottom = (min(max(side, 0), size[number % 2]) for number, side in enumerate(sides))
    return (left, top, right, bottom) if left < right and top < bottom else None


def move_side(rectangle: Rectangle | None, side: int, place: int | None, size: tuple[int, int]) -> Rectangle:
    """Return the rectangle with one side (an index into `SIDES`) at `place`; the opposite side moves if it must.

    A missing rectangle is the whole design, a missing place is the design's edge.
    """
    edges = (0, 0, *size)
    sides = list(rectangle or edges)
    first, last = (side, side + 2) if side < 2 else (side - 2, side)
    wanted = edges[side] if place is None else place
    if side == first:
        sides[first] = min(max(wanted, 0), edges[last] - 1)
        sides[last] = max(sides[last], sides[first] + 1)
    else:
        sides[last] = min(max(wanted, 1), edges[last])
        sides[first] = min(sides[first], sides[last] - 1)
    return sides[0], sides[1], sides[2], sides[3]


def _draw_side(side: int, name: str, size: tuple[int, int], place: int | None) -> None:
    key = f"rectangle_{name}"
    if st.session_state.get(key, "") != place:  # a value that agrees is not set again: the designer may be typing
        st.session_state[key] = place
    first = side < 2
    most = size[side % 2]
    st.number_input(
        name.capitalize(),
        min_value=0 if first else 1,
        max_value=most - 1 if first else most,
        step=1,
        key=key,
        placeholder="–",
        on_change=_take_number,
        args=(side, key, size),
    )


def _take_drag(size: tuple[int, int]) -> None:
    """Put the dragged rectangle into the form; a browser may have sent anything."""
    drawn = read_rectangle(st.session_state[_PICTURE].get("drawn"), size)
    if drawn is not None:
        st.session_state[key_of("rectangle")] = drawn


def _take_number(side: int, key: str, size: tuple[int, int]) -> None:
    st.session_state[key_of("rectangle")] = move_side(read_form().rectangle, side, st.session_state[key], size)


@functools.cache
def _component() -> ComponentRenderer:
    here = Path(__file__)
    return st.components.v2.component(
        "studio_rectangle",
        html=_HTML,
        css=here.with_suffix(".css").read_text("utf-8"),
        js=here.with_suffix(".js").read_text("utf-8"),
    )
