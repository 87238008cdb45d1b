"""The contrast of the theme's colours, and the HTML of pictures."""

from __future__ import annotations

import itertools
import tomllib

import pytest
import streamlit as st

from studio.ui.shared import pictures
from studio.workspace import PROJECT
from tests.support.catalogue_records import make_record

THEME = tomllib.loads((PROJECT / ".streamlit" / "config.toml").read_text("utf-8"))["theme"]
READABLE = 4.5
"""Least contrast of text of any size in WCAG 2.2, level AA. For the edges of controls it is 3."""
CAPTION_SHARE = 0.6
"""Streamlit draws captions in the text colour at 60 % opacity."""


def channels(colour: str) -> tuple[float, ...]:
    return tuple(int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))


def luminance(rgb: tuple[float, ...]) -> float:
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Return the contrast ratio of WCAG 2.2: (lighter + 0.05) / (darker + 0.05)."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(
    ("scheme", "surface"),
    list(itertools.product(("light", "dark"), ("backgroundColor", "secondaryBackgroundColor"))),
)
def test_text_has_enough_contrast(scheme, surface):
    theme = THEME[scheme]
    below = channels(theme[surface])
    text = channels(theme["textColor"])
    caption = tuple(CAPTION_SHARE * one + (1 - CAPTION_SHARE) * two for one, two in zip(text, below, strict=True))
    words = {"text": text, "caption": caption} | {name: channels(theme[name]) for name in ("linkColor", "grayColor")}
    low = {name: round(contrast(colour, below), 2) for name, colour in words.items()}
    assert all(ratio >= READABLE for ratio in low.values()), low


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_buttons_have_enough_contrast(scheme):
    primary = channels(THEME[scheme]["primaryColor"])
    assert contrast(primary, (1.0, 1.0, 1.0)) >= READABLE  # Streamlit writes on primary buttons in white
    assert contrast(primary, channels(THEME[scheme]["backgroundColor"])) >= 3


def test_selected_options_use_the_link_colours_of_the_theme():
    css = (PROJECT / "studio" / "ui" / "frame.css").read_text("utf-8")
    assert f"light-dark({THEME['light']['linkColor']}, {THEME['dark']['linkColor']})" in css


def test_picture_reserves_its_space_and_escapes_its_text():
    html = pictures.picture_html("/pictures/x", alt='a "kilim" <b>', size=(900, 1200), link="/pictures/y")
    assert 'alt="a &quot;kilim&quot; &lt;b&gt;"' in html
    assert "aspect-ratio:900/1200" in html
    assert 'loading="lazy"' in html
    assert html.startswith('<a href="/pictures/y" target="_blank"')
    assert "<a" not in pictures.picture_html("/pictures/x", alt="", size=(1, 1))


def test_alternative_text_names_slot_seed_and_prompt():
    record = make_record(slot=2, seed=41, prompt="kilim " * 60)
    text = pictures.describe_variation(record)
    assert text.startswith("Variation 3, seed 41: kilim kilim")
    assert text.endswith("…")
    assert len(text) < 160


@pytest.mark.parametrize(
    ("base", "expected"), [("", "/pictures/x"), ("studio", "/studio/pictures/x"), ("/a/b/", "/a/b/pictures/x")]
)
def test_addresses_follow_the_servers_base_path(monkeypatch, base, expected):
    monkeypatch.setattr(st, "get_option", {"server.baseUrlPath": base}.__getitem__)
    assert pictures.page_url("/pictures/x") == expected
