"""Generate carpets from seeds: a family's layout, yarns for its colours, and a caption. Same seed, same carpet."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from studio.carpets.captions import CaptionColours, collect_words, write_caption
from studio.carpets.drafts import Draft, Drawing
from studio.carpets.dressing import choose_yarns
from studio.carpets.families.registry import FAMILIES
from studio.carpets.layouts import (
    COLOURS_FEWEST,
    COLOURS_MOST,
    SIDE_LONGEST_PX,
    SIDE_SHORTEST_PX,
    Carpet,
    Layout,
    Phrase,
    measure_contacts,
)
from studio.designs.colours.yarn_families import YARN_FAMILIES
from studio.designs.colours.yarn_names import rank_colours
from studio.errors import RequestError

__all__ = [
    "FAMILIES",
    "Carpet",
    "Layout",
    "draw_carpet",
    "draw_layout",
    "dress",
    "sample_captions",
    "vocabulary",
]


def draw_layout(seed: int, width_px: int, height_px: int, family: str | None = None) -> Layout:
    """Return a design without yarns; a family of None is drawn by the weights of `FAMILIES`.

    Sides are 128 to 1280 px, aspects 1:2 to 2:1. Raises `RequestError` on other sizes and unknown families.
    """
    _check_size(width_px, height_px)
    if family is None:
        weights = np.array([entry.weight for entry in FAMILIES.values()])
        rng = np.random.default_rng([seed, 1])
        family = list(FAMILIES)[rng.choice(len(weights), p=weights / weights.sum())]
    if family not in FAMILIES:
        raise RequestError(f"No family of carpets is called “{family}”. Choose one of: {', '.join(FAMILIES)}.")
    # A draft can have too few colours, such as three thin stripes of the same ink. The next attempt is seeded too.
    for attempt in range(20):
        draft = Draft(np.random.default_rng([seed, 2, attempt]), width_px, height_px)
        layout = _finish_layout(FAMILIES[family].draw(draft), draft, family, seed)
        if COLOURS_FEWEST <= layout.colour_count <= COLOURS_MOST:
            return layout
    raise AssertionError(f"{family}, seed {seed}, {width_px}x{height_px}: no valid draft")


def dress(layout: Layout, seed: int) -> Carpet:
    """Return the layout in yarns chosen by the seed, with a caption that names its true colours."""
    rng = np.random.default_rng([seed, layout.seed, 3])
    family, palette, names = choose_yarns(layout, rng)
    colour, ranked = rank_colours(names, layout.shares)
    colours = CaptionColours(names, ranked, colour, YARN_FAMILIES[family].title)
    caption = write_caption(rng, FAMILIES[layout.family].subject, layout.motif, layout.phrases, colours)
    return Carpet(layout.indices, palette, caption, layout.symmetry, layout.family, seed, names, colour)


def draw_carpet(seed: int, width_px: int, height_px: int, family: str | None = None) -> Carpet:
    """Return a design of this seed in yarns of the same seed."""
    return dress(draw_layout(seed, width_px, height_px, family), seed)


def sample_captions(count: int, seed: int = 0) -> Iterator[str]:
    """Yield captions of carpets; each layout, 128 x 160 px, gets 20 choices of yarns."""
    for i in range(count):
        if i % 20 == 0:
            layout = draw_layout(seed + i, 128, 160)
        yield dress(layout, seed + i).caption


def vocabulary() -> tuple[str, ...]:
    """Return all words that captions may contain, sorted."""
    return collect_words(entry.subject for entry in FAMILIES.values())


def _finish_layout(drawing: Drawing, draft: Draft, family: str, seed: int) -> Layout:
    """Remove unused inks, and phrases of colours below 1 % of the area; measure shares and adjacency."""
    counts = np.bincount(drawing.indices.ravel(), minlength=len(draft.roles))
    used = np.flatnonzero(counts)
    table = np.zeros(len(counts), np.uint8)
    table[used] = np.arange(len(used))
    indices: NDArray[np.uint8] = table[drawing.indices]
    phrases = tuple(
        phrase if phrase.index is None else Phrase(phrase.text, int(table[phrase.index]))
        for phrase in draft.phrases
        if phrase.index is None or counts[phrase.index] > 0.01 * indices.size
    )
    phrases = tuple(sorted(phrases, key=lambda phrase: "border" in phrase.text or "guards" in phrase.text))
    roles = tuple(draft.roles[i] for i in used)
    shares = counts[used] / indices.size
    contacts = measure_contacts(indices, len(used))
    return Layout(indices, roles, shares, contacts, drawing.symmetry, family, drawing.motif, phrases, seed)


def _check_size(width_px: int, height_px: int) -> None:
    for name, side in (("width", width_px), ("height", height_px)):
        if not SIDE_SHORTEST_PX <= side <= SIDE_LONGEST_PX:
            raise RequestError(
                f"The {name} of {side} px is out of range. Choose {SIDE_SHORTEST_PX} to {SIDE_LONGEST_PX} px."
            )
    if max(width_px, height_px) > 2 * min(width_px, height_px):
        raise RequestError(f"{width_px}x{height_px} is too long and narrow. Choose an aspect between 1:2 and 2:1.")
