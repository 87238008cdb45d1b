"""Pictures on a page: by address, so that the browser fetches and keeps each once, and with a text for screen readers.

`st.image` would copy every picture through the server's memory at each rerun, shrink it to 1460 px and turn it into
JPEG; these functions write an `<img>` that points to the studio's own picture routes instead.
"""

from __future__ import annotations

import base64
from html import escape

import streamlit as st

from studio.catalogue.records import Source
from studio.schema import VariationRecord
from studio.ui.media import source_thumbnail_url, source_url, thumbnail_url, untouched_url, variation_url

TALLEST = "29vh"
"""Pictures in a sheet are never taller than this, so that two rows fit on a screen."""
_ALT_PROMPT_LENGTH = 120
FRAME = (
    "display:block;box-sizing:border-box;width:100%;border-radius:4px;"
    "background:color-mix(in srgb, currentColor 5%, transparent);"
)
"""The style of the place that a picture stands in the middle of."""
_CAPTION = (
    "display:flex;flex-wrap:wrap;justify-content:space-between;column-gap:8px;"
    "font-size:0.85rem;line-height:1.35;opacity:.78;"
)


def page_url(address: str) -> str:
    """Return an address of the studio as the browser needs it: from the root, below `server.baseUrlPath` if set."""
    base = (st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}{address}" if base else address


def describe_source(source: Source) -> str:
    """Return the text that stands for a source where it cannot be seen."""
    return f"The design {source.label}" if source.label else "The design"


def describe_variation(record: VariationRecord) -> str:
    """Return the text that stands for a variation where it cannot be seen."""
    prompt = record.prompt
    prompt = prompt if len(prompt) <= _ALT_PROMPT_LENGTH else prompt[:_ALT_PROMPT_LENGTH].rstrip() + "…"
    return f"Variation {record.slot + 1}, seed {record.seed}: {prompt}"


def show_variation(record: VariationRecord, *, full: bool = False, tallest: str | None = TALLEST) -> None:
    """Draw a variation: its thumbnail, or with `full` its own file. A click opens the file in a tab of its own.

    `tallest` is a CSS length that the height is kept below (None: as wide as the place it is in).
    """
    address = variation_url(record.id) if full else thumbnail_url(record.id)
    size = (record.facts.width_px, record.facts.height_px)
    st.html(
        picture_html(
            page_url(address),
            alt=describe_variation(record),
            size=size,
            tallest=tallest,
            link=page_url(variation_url(record.id)),
        )
    )


def show_source(source: Source, *, full: bool = False, tallest: str | None = TALLEST) -> None:
    """Draw a source: its thumbnail, or with `full` the design itself. A click opens it in a tab of its own."""
    address = source_url(source.sha256) if full else source_thumbnail_url(source.sha256)
    st.html(
        picture_html(
            page_url(address),
            alt=describe_source(source),
            size=(source.width_px, source.height_px),
            tallest=tallest,
            link=page_url(source_url(source.sha256)),
        )
    )


def show_preview(webp: bytes, *, alt: str, size: tuple[int, int], tallest: str | None = TALLEST) -> None:
    """Draw a small picture from memory in the place that the finished one of `size` will take."""
    address = "data:image/webp;base64," + base64.b64encode(webp).decode("ascii")
    st.html(picture_html(address, alt=alt, size=size, tallest=tallest))


def show_caption(text: str, *, link: str = "") -> None:
    """Draw a quiet line under a picture, with a link as HTML beside it."""
    st.html(f'<div style="{_CAPTION}"><span>{escape(text)}</span>{link}</div>')


def download_link(variation_id: str) -> str:
    """Return a link, as HTML, that fetches a variation's own file."""
    return (
        f'<a href="{escape(page_url(variation_url(variation_id)))}" download="{escape(variation_id)}.png" '
        'title="The picture’s own file, with everything that made it" style="color:inherit">Download</a>'
    )


def untouched_link(variation_id: str) -> str:
    """Return a link, as HTML, that opens what the model drew of a woven variation in a tab of its own."""
    return (
        f'<a href="{escape(page_url(untouched_url(variation_id)))}" target="_blank" style="color:inherit" '
        'title="The picture before it was made ready for the loom">See what the model drew</a>'
    )


def show_place(text: str, *, size: tuple[int, int], tallest: str | None = TALLEST) -> None:
    """Draw the empty place of a picture of `size` (width and height in pixels) with a few words in it."""
    style = f"{FRAME}{_shape(size, tallest)}display:flex;align-items:center;justify-content:center;"
    st.html(f'<div style="{style}"><span style="opacity:.72;padding:8px;text-align:center">{escape(text)}</span></div>')


def picture_html(
    address: str, *, alt: str, size: tuple[int, int], tallest: str | None = TALLEST, link: str | None = None
) -> str:
    """Return an `<img>` that takes its place before it is loaded; `link` is opened in a new tab by a click."""
    image = (
        f'<img src="{escape(address)}" alt="{escape(alt)}" loading="lazy" decoding="async" '
        f'style="{FRAME}{_shape(size, tallest)}object-fit:contain;">'
    )
    if link is None:
        return image
    return f'<a href="{escape(link)}" target="_blank" title="Open at full size" style="color:inherit">{image}</a>'


def _shape(size: tuple[int, int], tallest: str | None) -> str:
    width_px, height_px = size
    limit = f"max-height:{tallest};" if tallest is not None else ""
    return f"aspect-ratio:{max(width_px, 1)}/{max(height_px, 1)};{limit}"


def title_of(source: Source) -> str:
    """Return what a design is called on a page."""
    return source.label or "Design"
