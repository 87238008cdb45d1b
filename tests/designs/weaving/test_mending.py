"""Mending: closed seams, the symmetry of the cloth, few stray knots and kept parts hold at the same time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from studio.designs.structure.repeat import SEAM_LIMIT, lay, measure_seams
from studio.designs.structure.repeat_symmetry import find_sources, join_edges, mirror_repeat
from studio.designs.structure.symmetry import measure_agreement
from studio.designs.weaving.mending import mend, mirror_knots
from studio.designs.weaving.orphans import clean_orphans, find_orphans, measure_orphan_share
from studio.designs.weaving.plan import plan_weave
from studio.designs.weaving.weave import weave
from studio.schema import Constraints
from tests.support.knots import YARNS, as_design, carpet, draw_noise

CLOSED = ("straight", "half-drop", "brick")
OFFSETS = st.one_of(st.none(), st.integers(-5, 5))


def draw_blocks(shape: tuple[int, int], seed: int, side: int = 7) -> np.ndarray:
    """Draw random blocks of yarns; the edges meet by chance alone."""
    height, width = shape
    coarse = np.random.default_rng(seed).integers(0, 4, (height // side + 1, width // side + 1), dtype=np.uint8)
    return coarse.repeat(side, axis=0).repeat(side, axis=1)[:height, :width]


def draw_picture(kind: str, shape: tuple[int, int], seed: int) -> Image.Image:
    """Draw a picture as a model could: noise, or blocks with soft edges."""
    if kind == "noise":
        return draw_noise(shape, seed)
    return Image.fromarray(YARNS[draw_blocks(shape, seed + 1)]).filter(ImageFilter.GaussianBlur(1.2))


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10_000),
    st.sampled_from(CLOSED),
    st.sampled_from(["none", "vertical", "horizontal", "quarter"]),
    st.sampled_from(["source", "new", "free"]),
    st.sampled_from(["noise", "blocks"]),
    st.integers(30, 50),
    st.integers(30, 50),
)
def test_a_repeat_closes_with_its_symmetry_and_few_stray_knots(seed, repeat, symmetry, palette, kind, half_h, half_w):  # noqa: PLR0917
    shape = (2 * half_h, 2 * half_w)
    design = as_design(draw_blocks(shape, seed), YARNS)
    plan = plan_weave(design, Constraints(palette=palette, colours=6, symmetry=symmetry, repeat=repeat))
    woven = weave(draw_picture(kind, shape, seed), plan)
    seams = measure_seams(np.asarray(woven.image.convert("RGB")), repeat)
    assert max(seams.vertical or 0, seams.horizontal or 0) <= SEAM_LIMIT
    assert woven.weaving.seam_vertical == seams.vertical
    assert woven.weaving.seam_horizontal == seams.horizontal
    knots = np.asarray(woven.image)
    assert woven.weaving.agreement == (None if symmetry == "none" else 1.0)
    ys, xs = np.arange(-shape[0], 2 * shape[0]), np.arange(-shape[1], 2 * shape[1])
    cloth = knots[lay(shape, repeat, ys, xs)]
    if plan.vertical is not None:
        assert np.array_equal(cloth, knots[lay(shape, repeat, ys, shape[1] - 1 + plan.vertical - xs)])
    if plan.horizontal is not None:
        assert np.array_equal(cloth, knots[lay(shape, repeat, shape[0] - 1 + plan.horizontal - ys, xs)])
    if palette != "free":
        assert measure_orphan_share(knots) == woven.weaving.orphan_share <= plan.orphan_share


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(CLOSED), st.integers(6, 20), st.integers(6, 20), OFFSETS, OFFSETS)
def test_every_knot_of_a_symmetric_cloth_has_a_partner(repeat, height, width, vertical, horizontal):
    sources = find_sources((height, width), repeat, vertical, horizontal)
    askew = (repeat == "half-drop" and height % 2) or (repeat == "brick" and width % 2)
    assert (sources is None) == bool(askew)
    tile = np.arange(height * width, dtype=np.int32).reshape(height, width)
    mirrored = mirror_repeat(tile, repeat, vertical, horizontal)
    assert np.array_equal(mirror_repeat(mirrored, repeat, vertical, horizontal), mirrored)
    for direction, offset in (("vertical", vertical), ("horizontal", horizontal)):
        if offset is not None:
            assert measure_agreement(mirrored, direction, offset) == 1


def test_a_mirrored_tile_of_a_smooth_design_has_no_seam():
    """All knots are copied from one piece of the tile: the step between its ends is not in the mirrored cloth."""
    tile = np.tile(np.arange(40, dtype=np.uint8), (24, 1))  # a ramp: its ends differ most
    for offset in (0, 3, -4):
        mirrored = mirror_repeat(tile, "straight", offset, None).astype(int)
        steps = np.abs(np.diff(np.concatenate([mirrored, mirrored[:, :1]], axis=1), axis=1))
        assert steps.max() <= 1


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(CLOSED), st.integers(6, 20), st.integers(6, 20), OFFSETS, OFFSETS)
def test_joined_edges_equal_their_neighbours_and_the_cloth_stays_symmetric(  # noqa: PLR0917
    seed, repeat, height, width, vertical, horizontal
):
    tile = np.random.default_rng(seed).integers(0, 200, (height, width), dtype=np.uint8)
    mirrored = mirror_repeat(tile, repeat, vertical, horizontal)
    joined = join_edges(mirrored, repeat, vertical, horizontal)
    across = joined[lay((height, width), repeat, np.arange(height), np.array([width]))]
    down = joined[lay((height, width), repeat, np.array([height]), np.arange(width))]
    assert np.array_equal(joined[:, -1:], across)
    assert np.array_equal(joined[-1:], down)
    assert np.array_equal(mirror_repeat(joined, repeat, vertical, horizontal), joined)
    inner = np.s_[2:-2, 2:-2]
    if vertical is None and horizontal is None:
        assert np.array_equal(joined[inner], tile[inner])
    pixels = np.stack([mirrored] * 3, axis=-1)
    assert np.array_equal(join_edges(pixels, repeat, vertical, horizontal)[..., 1], joined)


def test_a_half_drop_of_odd_height_is_symmetric_tile_by_tile_with_a_note():
    design = as_design(draw_blocks((61, 60), 2), YARNS)
    plan = plan_weave(design, Constraints(palette="source", symmetry="vertical", repeat="half-drop"))
    assert "61 knots is odd" in plan.notes[0]
    woven = weave(draw_noise((61, 60), 0), plan)
    assert measure_agreement(np.asarray(woven.image), "vertical", 0) == 1
    assert not plan_weave(design, Constraints(symmetry="vertical", repeat="brick")).notes


def test_agreement_of_pixels_needs_all_channels_to_agree():
    knots = np.array([[0, 1, 1, 1]], np.uint8)
    assert measure_agreement(knots, "vertical", 0) == 0.5
    pixels = np.stack([knots, np.zeros_like(knots), np.zeros_like(knots)], axis=-1)
    assert measure_agreement(pixels, "vertical", 0) == 0.5
    with pytest.raises(ValueError, match="diagonal"):
        measure_agreement(knots, "diagonal", 0)


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(st.integers(0, 200))
@example(158)
def test_cleaning_to_the_measured_share_changes_nothing(seed):
    knots = carpet(seed % 9).index_map.indices.copy()
    rng = np.random.default_rng(seed)
    places = rng.choice(knots.size, 100 + seed, replace=False)
    knots.ravel()[places] = 7
    cleaned, changed = clean_orphans(knots, measure_orphan_share(knots))
    assert changed == 0
    assert np.array_equal(cleaned, knots)


def test_stray_knots_of_the_design_stay_and_others_are_cleaned():
    rng = np.random.default_rng(3)
    knots = draw_blocks((80, 64), 5, side=16)
    meant = np.zeros(knots.shape, dtype=bool)
    meant[4::8, 4::8] = True
    knots = np.where(meant, (knots + 1) % 4, knots)
    design = as_design(knots, YARNS)
    plan = plan_weave(design, Constraints(palette="source", symmetry="none"))
    strays = find_orphans(knots)
    assert strays.mean() > 0.002
    spoilt = knots.copy()
    spots = rng.choice(knots.size, 200, replace=False)
    spoilt.ravel()[spots] = (spoilt.ravel()[spots] + 2) % 4
    mended = mend(spoilt, plan.palette, plan)
    assert mended.orphan_share <= plan.orphan_share < mended.orphan_share_before
    untouched = strays & (spoilt == knots)
    assert np.array_equal(mended.knots[untouched], knots[untouched])


def test_a_symmetric_kept_part_is_unchanged_on_a_mirrored_cloth():
    knots = draw_blocks((80, 64), 7)
    knots = mirror_repeat(knots, "straight", 4, None)
    design = as_design(knots, YARNS)
    plan = plan_weave(
        design,
        Constraints(
            palette="source", symmetry="vertical", repeat="straight", keep="rectangle", rectangle=(8, 8, 60, 40)
        ),
    )
    assert plan.vertical == 4
    made = np.asarray(weave(draw_noise((80, 64), 1), plan).image)
    assert np.array_equal(made[plan.kept], knots[plan.kept])
    assert np.array_equal(mirror_knots(made, plan), made)


def test_a_seam_inside_the_kept_part_is_reported():
    knots = np.zeros((64, 64), np.uint8)
    knots[:, :32] = 1
    knots[20:40] += 2
    plan = plan_weave(
        as_design(knots, YARNS),
        Constraints(palette="source", symmetry="none", repeat="straight", keep="rectangle", rectangle=(0, 0, 64, 64)),
    )
    woven = weave(draw_noise((64, 64), 1), plan)
    assert woven.weaving.seam_vertical > SEAM_LIMIT
