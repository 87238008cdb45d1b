"""Contacts: wrong yarns along blurred edges are corrected, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from studio.carpets.generator import draw_carpet
from studio.designs.colours.palette import snap
from studio.designs.weaving.contacts import count_contacts, relabel_by_contacts

YARNS = np.array([[170, 20, 30], [20, 40, 130], [95, 30, 80], [235, 225, 200]], np.uint8)
"""Red, blue, a purple that lies between them, ivory."""


def blur(pixels: NDArray[np.uint8], radius_px: float = 1.0) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(radius_px)))


def draw_halves() -> NDArray[np.uint8]:
    """Return knots of a red half beside a blue one, and purple dots on ivory below."""
    knots = np.zeros((60, 80), np.uint8)
    knots[:, 40:] = 1
    knots[40:] = 3
    knots[45:55:5, 5:75:5] = 2
    return knots


def test_contacts_are_counted_from_both_sides():
    assert count_contacts(np.array([[0, 0, 1], [2, 2, 1]], np.uint8), 4).tolist() == [
        [2, 1, 2, 0],
        [1, 2, 1, 0],
        [2, 1, 2, 0],
        [0, 0, 0, 0],
    ]


def test_a_third_yarn_along_a_blurred_edge_is_removed():
    knots = draw_halves()
    pixels = blur(YARNS[knots])
    nearest = snap(pixels, YARNS)
    assert (nearest[:35, 38:42] == 2).any()
    relabelled = relabel_by_contacts(pixels, nearest, YARNS, count_contacts(knots, 4))
    assert not (relabelled[:35] == 2).any()
    assert np.array_equal(relabelled[:35], knots[:35])


def test_a_third_yarn_that_the_design_has_there_stays():
    knots = draw_halves()
    knots[:40, 38:42] = 2
    pixels = blur(YARNS[knots], 0.6)
    relabelled = relabel_by_contacts(pixels, snap(pixels, YARNS), YARNS, count_contacts(knots, 4))
    assert (relabelled[:39, 39:41] == 2).all()


def test_blurred_carpets_have_fewer_wrong_knots_than_with_the_nearest_yarns():
    gained = []
    for seed in range(8):
        carpet = draw_carpet(seed, 144, 192)
        pixels = blur(carpet.pixels)
        nearest = snap(pixels, carpet.palette)
        relabelled = relabel_by_contacts(
            pixels, nearest, carpet.palette, count_contacts(carpet.indices, len(carpet.palette))
        )
        gained.append((relabelled == carpet.indices).mean() - (nearest == carpet.indices).mean())
    assert min(gained) > -0.005
    assert np.mean(gained) > 0.02


@given(seed=st.integers(0, 2**32 - 1), height=st.integers(1, 24), width=st.integers(1, 24), count=st.integers(1, 12))
@settings(max_examples=60, deadline=None)
def test_a_picture_in_clean_yarns_is_unchanged(seed, height, width, count):
    rng = np.random.default_rng(seed)
    palette = np.unique(rng.integers(0, 256, (count, 3), dtype=np.uint8), axis=0)
    knots = rng.integers(0, len(palette), (height, width), dtype=np.uint8)
    habits = count_contacts(rng.integers(0, len(palette), (9, 9), dtype=np.uint8), len(palette))
    assert np.array_equal(relabel_by_contacts(palette[knots], knots, palette, habits), knots)


@given(seed=st.integers(0, 2**32 - 1), height=st.integers(1, 24), width=st.integers(1, 24))
@settings(max_examples=60, deadline=None)
def test_only_knots_beside_another_yarn_change(seed, height, width):
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    knots = snap(pixels, YARNS)
    relabelled = relabel_by_contacts(pixels, knots, YARNS, count_contacts(knots, 4))
    assert relabelled.shape == knots.shape
    assert relabelled.max() < 4
    framed = np.pad(knots, 1, mode="edge")
    beside = (framed[:-2, 1:-1], framed[2:, 1:-1], framed[1:-1, :-2], framed[1:-1, 2:])
    inside = np.logical_and.reduce([knots == other for other in beside])
    assert np.array_equal(relabelled[inside], knots[inside])


def test_shapes_that_do_not_fit_are_refused():
    knots = np.zeros((3, 4), np.uint8)
    with pytest.raises(ValueError, match="do not fit"):
        relabel_by_contacts(np.zeros((4, 3, 3), np.uint8), knots, YARNS, count_contacts(knots, 4))
    with pytest.raises(ValueError, match="do not fit"):
        relabel_by_contacts(np.zeros((3, 4, 3), np.uint8), knots, YARNS, count_contacts(knots, 3))
