"""The colourway that a prompt names: a missing colour takes the yarns of a family that the design uses."""

from __future__ import annotations

import numpy as np

from studio.designs.colours.colour_words import BASIC_COLOURS
from studio.designs.colours.named_colourway import make_named_colourway

RED, NAVY, IVORY, BLUE, DARK_BLUE = (170, 35, 40), (30, 50, 110), (240, 230, 205), (60, 100, 170), (20, 30, 70)
NAMES = {colour: name for name, colours in BASIC_COLOURS.items() for colour in colours}


def name_colours(
    colours: list[tuple[int, int, int]], shares: list[float], text: str, locked: tuple[int, ...] = ()
) -> list[str] | None:
    """Return the basic names of the colourway that a text names, None where there is none."""
    made = make_named_colourway(np.array(colours, np.uint8), np.array(shares), text, locked)
    return None if made is None else [NAMES[red, green, blue] for red, green, blue in made.palette.tolist()]


def test_a_colour_that_only_an_unused_entry_has_is_missing() -> None:
    assert name_colours([RED, NAVY, IVORY], [0.7, 0, 0.3], "navy field") == ["blue", "blue", "ivory"]
    assert name_colours([RED, NAVY, IVORY], [0.3, 0, 0.7], "navy field") == ["red", "blue", "blue"]
    assert name_colours([RED, NAVY, IVORY], [0.6, 0.1, 0.3], "navy field") is None


def test_an_unused_entry_takes_no_colour() -> None:
    assert name_colours([RED, BLUE], [1, 0], "red and green") is None
    assert name_colours([RED, BLUE, IVORY], [0.9, 0, 0.1], "red and green") == ["red", "blue", "green"]
    of_one_family = [RED, BLUE, DARK_BLUE]
    made = make_named_colourway(np.array(of_one_family, np.uint8), np.array([0.2, 0, 0.8]), "red and green")
    assert made is not None
    assert made.palette[1].tolist() == list(BLUE)
    assert NAMES[tuple(made.palette[2].tolist())] == "green"


def test_only_used_entries_can_be_locked() -> None:
    assert name_colours([RED, IVORY], [0.7, 0.3], "navy", locked=(0,)) == ["red", "blue"]
    assert name_colours([RED, IVORY, RED], [0.7, 0.3, 0], "navy", locked=(2,)) == ["blue", "ivory", "red"]
    assert name_colours([RED, IVORY], [0, 0], "navy") is None
