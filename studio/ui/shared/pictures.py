"""Pictures on a page, as `<img>` elements with an alternative text that point to the studio's picture routes.

So the browser fetches each picture once and caches it. `st.image` would copy every picture through the server's memory
at each rerun, shrink it to 1460 px and convert it to JPEG.
"""

from __future__ import annotations

import base64
from html import escape

import streamlit as st

from studio.catalogue.records import Source
from studio.errors import NotFoundError
from studio.schema import VariationRecord
from studio.ui.picture_routes import source_thumbnail_url, source_url, thumbnail_url, untouched_url, variation_url
from studio.ui.session import workspace

TALLEST = "29vh"
"""CSS limit of a picture's height among others, so that two rows fit on a screen."""
_ALT_PROMPT_LENGTH = 120
FRAME = (
    "display:block;box-sizing:border-box;width:100%;border-radius:4px;"
    "background:color-mix(in srgb, currentColor 5%, transparent);"
)
"""CSS of the frame in which a picture is centred."""
_CAPTION = (
    "display:flex;flex-wrap:wrap;justify-content:space-between;column-gap:8px;"
    "font-size:0.85rem;line-height:1.35;opacity:.78;"
)


def page_url(address: str) -> str:
    """Return an address of the studio for the browser: from the root, below `server.baseUrlPath` if set."""
    base = (st.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}{address}" if base else address


def describe_source(source: Source) -> str:
    """Return the alternative text of a source design."""
    return f"The design {source.label}" if source.label else "The design"


def describe_variation(record: VariationRecord) -> str:
    """Return the alternative text of a variation."""
    prompt = record.prompt
    prompt = prompt if len(prompt) <= _ALT_PROMPT_LENGTH else prompt[:_ALT_PROMPT_LENGTH].rstrip() + "…"
    return f"Variation {record.slot + 1}, seed {record.seed}" + (f": {prompt}" if prompt else "")


def show_variation(record: VariationRecord, *, full: bool = False, tallest: str | None = TALLEST) -> None:
    """Draw a variation: its thumbnail, or with `full` its own file. A click opens the file in a new tab.

    `tallest` is a CSS length that limits the height (None: the full width of its container).
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


def show_source(source: Source, *, tallest: str | None = TALLEST) -> None:
    """Draw the thumbnail of a source design. A click opens the design in a new tab."""
    st.html(
        picture_html(
            page_url(source_thumbnail_url(source.sha256)),
            alt=describe_source(source),
            size=(source.width_px, source.height_px),
            tallest=tallest,
            link=page_url(source_url(source.sha256)),
        )
    )


def show_preview(webp: bytes, *, alt: str, size: tuple[int, int], tallest: str | None = TALLEST) -> None:
    """Draw a small picture (WebP) in the space of the finished picture, which has the size `size`."""
    address = "data:image/webp;base64," + base64.b64encode(webp).decode("ascii")
    st.html(picture_html(address, alt=alt, size=size, tallest=tallest))


def show_caption(text: str, *, link: str = "", help_text: str = "") -> None:
    """Draw a small dimmed line under a picture, with a link (HTML) at its right and a help text at the pointer."""
    title = f' title="{escape(help_text)}"' if help_text else ""
    st.html(f'<div style="{_CAPTION}"><span{title}>{escape(text)}</span>{link}</div>')


def download_link(variation_id: str) -> str:
    """Return a link (HTML) that downloads a variation's own file."""
    return (
        f'<a href="{escape(page_url(variation_url(variation_id)))}" download="{escape(variation_id)}.png" '
        'title="The full-size PNG, with all of its parameters stored inside" style="color:inherit">Download</a>'
    )


def untouched_link(record: VariationRecord) -> str:
    """Return a link (HTML) that opens a woven variation as the model drew it, in a new tab; empty without its file."""
    try:
        workspace().catalogue.untouched_path(record.id)
    except NotFoundError:  # no model drew, or the designer has removed it
        return ""
    return (
        f'<a href="{escape(page_url(untouched_url(record.id)))}" target="_blank" style="color:inherit" '
        'title="The picture before it was made ready for the loom">See what the model drew</a>'
    )


def show_place(text: str, *, size: tuple[int, int], tallest: str | None = TALLEST) -> None:
    """Draw an empty frame for a picture of `size` (width, height in pixels) with a few words in it."""
    style = f"{FRAME}{_shape(size, tallest)}display:flex;align-items:center;justify-content:center;"
    st.html(f'<div style="{style}"><span style="opacity:.72;padding:8px;text-align:center">{escape(text)}</span></div>')


def picture_html(
    address: str, *, alt: str, size: tuple[int, int], tallest: str | None = TALLEST, link: str | None = None
) -> str:
    """Return an `<img>` that reserves its space before it is loaded. A click opens `link` in a new tab."""
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
    """Return the title of a design on a page."""
    return source.label or "Design"
