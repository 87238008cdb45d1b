"""Weaving keeps yarns, symmetry and kept parts exactly, and enlarges without yarns that are not adjacent."""

from __future__ import annotations

from itertools import product
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from studio.designs import Design
from studio.designs.colours.palette import snap
from studio.designs.structure.symmetry import measure_agreement
from studio.designs.weaving.orphans import find_orphans
from studio.designs.weaving.plan import plan_weave
from studio.designs.weaving.unchanged_parts import View
from studio.designs.weaving.weave import enlarge_knots, weave, weave_knots
from studio.errors import RequestError
from studio.schema import Constraints, Drawing
from tests.support.knots import YARNS, as_design, carpet, check_axes, check_mirror_cloth, draw_noise


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 10_000),
    st.sampled_from(["source", "free", "new"]),
    st.sampled_from(["none", "vertical", "horizontal", "quarter"]),
)
def test_yarns_and_symmetry_are_exact_for_any_picture(seed, palette, symmetry):
    design = carpet()
    plan = plan_weave(design, Constraints(palette=palette, colours=5, symmetry=symmetry))
    woven = weave(draw_noise((192, 144), seed), plan)
    assert woven.image.size == (144, 192)
    if palette == "free":
        assert woven.image.mode == "RGB"
        knots = np.asarray(woven.image)
        for channel in range(3):
            check_axes(knots[..., channel], plan)
    else:
        assert woven.image.mode == "P"
        if palette == "source":  # same yarns, same order, same numbers
            assert np.array_equal(palette_of(woven.image), design.index_map.palette)
        else:
            assert len(palette_of(woven.image)) == 5
        knots = np.asarray(woven.image)
        assert knots.max() < len(palette_of(woven.image))
        check_axes(knots, plan)
        assert woven.weaving.orphan_share <= max(plan.orphan_share, 0.002)


def palette_of(image: Image.Image) -> np.ndarray:
    return np.array(image.getpalette(), np.uint8).reshape(-1, 3)


@pytest.mark.slow
def test_the_plan_takes_symmetry_and_yarns_from_the_design():
    quarter = plan_weave(carpet(), Constraints(palette="auto", symmetry="auto"))
    assert (quarter.vertical, quarter.horizontal) == (0, 0)
    assert quarter.palette is not None
    photo = as_design(np.asarray(draw_noise((192, 144), 1)))
    assert plan_weave(photo, Constraints(palette="auto", symmetry="auto")).idle
    asked = plan_weave(photo, Constraints(symmetry="vertical"))
    assert (asked.vertical, asked.horizontal) == (0, None)


def test_automatic_yarns_are_at_most_64_colours_and_more_are_noted():
    palette = np.random.default_rng(0).integers(0, 256, (65, 3), dtype=np.uint8)
    for used in (64, 65):
        knots = (np.arange(64 * 64).reshape(64, 64) // 7 % used).astype(np.uint8)
        plan = plan_weave(as_design(knots, palette), Constraints(palette="auto"))
        assert (plan.palette is None) == (used == 65)
        assert any("65 colours are more than the 64 that count as yarns" in note for note in plan.notes) == (used == 65)
    assert plan_weave(as_design(knots, palette), Constraints(palette="source")).palette is not None


def test_an_axis_off_the_middle_keeps_its_offset():
    half = np.random.default_rng(0).integers(0, 4, (64, 31), dtype=np.uint8)
    whole = np.concatenate([half, half[:, ::-1], half[:, :2]], axis=1)  # w 64; the axis lies a knot left of the middle
    plan = plan_weave(as_design(whole, YARNS), Constraints(palette="source", symmetry="auto"))
    assert plan.vertical == -2
    woven = weave(draw_noise((64, 64), 0), plan)
    assert measure_agreement(np.asarray(woven.image), "vertical", -2) == 1


@pytest.mark.slow
@pytest.mark.parametrize("keep", ["border", "field", "rectangle"])
@pytest.mark.parametrize("palette", ["source", "free", "new"])
def test_the_kept_part_is_unchanged(keep, palette):
    design = carpet(seed=11)
    rectangle = (10, 20, 60, 90) if keep == "rectangle" else None
    constraints = Constraints(palette=palette, colours=40, keep=keep, rectangle=rectangle)
    plan = plan_weave(design, constraints)
    assert 0.05 < plan.kept.mean() < 0.95
    woven = weave(draw_noise((192, 144), 3), plan)
    assert np.array_equal(np.asarray(woven.image.convert("RGB"))[plan.kept], np.asarray(design.image)[plan.kept])
    assert not np.array_equal(np.asarray(woven.image.convert("RGB"))[~plan.kept], np.asarray(design.image)[~plan.kept])
    if palette == "source":
        assert np.array_equal(np.asarray(woven.image)[plan.kept], design.index_map.indices[plan.kept])
    assert woven.weaving.kept_share == pytest.approx(plan.kept.mean())


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 10_000),
    st.tuples(st.integers(0, 120), st.integers(0, 160), st.integers(1, 144), st.integers(1, 192)),
    st.sampled_from(["source", "free", "new"]),
    st.sampled_from(["none", "auto"]),
)
def test_any_kept_rectangle_is_unchanged_for_any_picture(seed, place, palette, symmetry):
    """Axes that would change the rectangle are not enforced; stray knots are cleaned outside it."""
    left, top, width, height = place
    rectangle = (left, top, min(144, left + width), min(192, top + height))
    design = carpet(seed=11)
    plan = plan_weave(
        design, Constraints(palette=palette, colours=40, symmetry=symmetry, keep="rectangle", rectangle=rectangle)
    )
    woven = weave(draw_noise((192, 144), seed), plan)
    assert np.array_equal(np.asarray(woven.image.convert("RGB"))[plan.kept], np.asarray(design.image)[plan.kept])
    if palette == "source":
        assert np.array_equal(np.asarray(woven.image)[plan.kept], design.index_map.indices[plan.kept])
    if palette != "free":
        check_axes(np.asarray(woven.image), plan)
        strays = find_orphans(np.asarray(woven.image)) & ~plan.kept
        assert strays.mean() <= plan.orphan_share


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(st.sets(st.integers(0, 3)), st.integers(1, 8), st.booleans(), st.integers(0, 10_000))
def test_locked_yarns_are_in_every_new_palette(locked, colours, kept, seed):
    half = np.random.default_rng(1).integers(0, 2, (24, 32), dtype=np.uint8)  # kept, in two yarns
    design = as_design(np.concatenate([half, half + 2]), YARNS)
    keep = {"keep": "rectangle", "rectangle": (0, 0, 32, 24)} if kept else {}
    held = [*sorted(locked), *([yarn for yarn in (0, 1) if yarn not in locked] if kept else [])]
    wanted = {"palette": "new", "colours": colours, "locked": tuple(locked), **keep}
    if len(held) >= colours:
        with pytest.raises(RequestError, match=f"Choose more than {len(held if len(locked) < colours else locked)} "):
            plan_weave(design, Constraints(**wanted))
        return
    plan = plan_weave(design, Constraints(**wanted))
    woven = weave(draw_noise((48, 32), seed), plan)
    palette = palette_of(woven.image)
    assert np.array_equal(palette[: len(locked)], YARNS[sorted(locked)])
    assert sorted(palette[: len(held)].tolist()) == sorted(YARNS[held].tolist())
    assert len(held) < len(palette) <= colours
    assert len(woven.weaving.yarns) == len(palette)
    if kept:
        assert np.array_equal(np.asarray(woven.image.convert("RGB"))[:24], np.asarray(design.image)[:24])


def test_only_used_yarns_can_be_locked():
    indices = np.array([[0, 1, 2, 6]], np.uint8).repeat(36, axis=0).repeat(9, axis=1)
    design = as_design(indices, np.arange(24, dtype=np.uint8).reshape(8, 3))
    plan = plan_weave(design, Constraints(palette="new", colours=4, locked=(6, 1)))
    assert plan.locked.tolist() == [[3, 4, 5], [18, 19, 20]]
    with pytest.raises(RequestError, match=r"number 4 cannot be locked.*among 0 to 2, 6\."):
        plan_weave(design, Constraints(palette="new", colours=4, locked=(1, 4)))


def test_a_kept_part_and_symmetry_both_hold_or_are_refused():
    design = carpet(seed=11)
    both = plan_weave(design, Constraints(palette="source", symmetry="quarter", keep="border"))
    woven = np.asarray(weave(draw_noise((192, 144), 3), both).image)
    assert np.array_equal(woven[both.kept], design.index_map.indices[both.kept])
    check_axes(woven, both)
    corner = {"keep": "rectangle", "rectangle": (0, 0, 40, 40)}
    copied = plan_weave(design, Constraints(palette="source", symmetry="quarter", **corner))
    woven = np.asarray(weave(draw_noise((192, 144), 3), copied).image)
    assert np.array_equal(woven[:40, -40:], design.index_map.indices[:40, :40][:, ::-1])  # kept, and mirrored
    with pytest.raises(RequestError, match="not exactly symmetric"):
        plan_weave(unlike_halves(), Constraints(symmetry="quarter", **corner | {"rectangle": (60, 40, 144, 90)}))
    lenient = plan_weave(unlike_halves(), Constraints(keep="rectangle", rectangle=(60, 40, 144, 90), symmetry="auto"))
    assert (lenient.vertical, lenient.horizontal) == (None, 0)
    assert "left and right are not made equal" in lenient.notes[0]


def unlike_halves():
    """Draw a carpet in whose right half two knots differ from their partners: still symmetric to a designer."""
    design = carpet(seed=11)
    knots = design.index_map.indices.copy()
    for row in (50, -51):
        knots[row, 100] = (knots[row, 100] + 1) % len(design.index_map.palette)
    return as_design(knots, design.index_map.palette)


@pytest.mark.parametrize("symmetry", ["auto", "quarter"])
@pytest.mark.parametrize(
    "rectangle",
    [(47, 60, 111, 100), (33, 60, 97, 100), (104, 150, 144, 192), (0, 0, 40, 40), (72, 20, 144, 90)],
    ids=["7 right of the axis", "7 left of it", "in the half that is copied onto", "in the copied half", "a half"],
)
def test_a_kept_part_off_the_axis_stays_with_its_mirror_image_and_costs_no_symmetry(rectangle, symmetry):
    design = carpet(seed=11)
    own = design.index_map.indices
    plan = plan_weave(design, Constraints("source", symmetry=symmetry, keep="rectangle", rectangle=rectangle))
    assert (plan.vertical, plan.horizontal, plan.notes) == (0, 0, ())
    woven = weave(draw_noise((192, 144), 3), plan)
    knots = np.asarray(woven.image)
    left, top, right, bottom = rectangle
    marked = np.zeros(own.shape, bool)
    marked[top:bottom, left:right] = True
    whole = marked | marked[::-1] | marked[:, ::-1] | marked[::-1, ::-1]
    assert np.array_equal(knots[whole], own[whole])
    assert woven.weaving.agreement == 1
    assert woven.weaving.kept_share == whole.mean()
    assert (knots[~whole] != own[~whole]).mean() > 0.3


@pytest.mark.parametrize(
    ("constraints", "message"),
    [
        ({"repeat": "half-drop"}, "it is not a repeat"),
        ({"keep": "rectangle", "rectangle": (0, 0, 145, 20)}, "only to 144, 192"),
        ({"palette": "new", "colours": 2, "keep": "border"}, "has [0-9]+ colours by itself"),
    ],
)
def test_constraints_that_do_not_fit_the_design_are_refused(constraints, message):
    with pytest.raises(RequestError, match=message):
        weave(draw_noise((192, 144), 0), plan_weave(carpet(seed=11), Constraints(**constraints)))


def test_keeping_a_border_that_is_not_found_is_refused():
    plain = as_design(np.zeros((64, 64), np.uint8), YARNS)
    with pytest.raises(RequestError, match="No border was found"):
        plan_weave(plain, Constraints(keep="border"))


def test_enlarging_gives_no_knot_a_yarn_that_is_not_adjacent():
    """Red beside blue, and a purple yarn elsewhere: enlarged as colours, the edge of red and blue would be purple."""
    indices = np.zeros((20, 20), np.uint8)
    indices[:, 8:] = 1
    indices[:, 16:] = 2
    yarns = np.array([[200, 0, 0], [0, 0, 200], [110, 0, 110]], np.uint8)
    large = enlarge_knots(indices, (70, 70))
    assert large.shape == (70, 70)
    assert set(np.unique(large[:, :50])) == {0, 1}
    smooth = np.asarray(Image.fromarray(yarns[indices]).resize((70, 70), Image.Resampling.LANCZOS))
    plan = plan_weave(as_design(large, yarns), Constraints(palette="source"))
    assert (np.asarray(weave(Image.fromarray(smooth), plan).image)[:, :50] == 2).any()  # without `working`
    woven = weave(Image.fromarray(smooth), plan, Image.fromarray(yarns[indices]))
    assert np.array_equal(np.asarray(woven.image), large)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(33, 90))
def test_a_picture_of_the_design_is_woven_into_the_design(seed, side):
    indices = np.random.default_rng(seed).integers(0, 4, (4, 4), dtype=np.uint8).repeat(12, axis=0).repeat(12, axis=1)
    design = as_design(indices, YARNS)
    woven = weave(design.image, plan_weave(design, Constraints(palette="source")))
    assert np.array_equal(np.asarray(woven.image), indices)
    assert woven.weaving.cleaned_share == woven.weaving.colour_shift == 0
    assert set(np.unique(enlarge_knots(indices, (side + 48, side + 48)))) == set(np.unique(indices))


def test_plain_and_tiny_designs_are_woven():
    plain = as_design(np.full((32, 32), 1, np.uint8), YARNS)
    woven = weave(draw_noise((32, 32), 0), plan_weave(plain, Constraints(palette="source", symmetry="quarter")))
    assert np.array_equal(palette_of(woven.image), plain.index_map.palette)
    one = weave(draw_noise((32, 32), 0), plan_weave(plain, Constraints(palette="new", colours=1)))
    assert len(palette_of(one.image)) == 1


def test_a_blurred_picture_of_the_design_takes_fewer_yarns_that_lie_between_two_others():
    design = carpet()
    blurred = design.image.filter(ImageFilter.GaussianBlur(0.6))
    plan = plan_weave(design, Constraints(palette="source"))
    woven = weave(blurred, plan)
    knots, own = np.asarray(woven.image), design.index_map.indices
    nearest = snap(np.asarray(blurred), design.index_map.palette)
    assert (knots == own).mean() > (nearest == own).mean() + 0.02
    assert woven.weaving.settled_share > 0.01
    assert weave(design.image, plan).weaving.settled_share == 0
    assert weave(blurred, plan_weave(design, Constraints(palette="new", colours=6))).weaving.settled_share == 0


def draw_photo() -> Design:
    """Draw 80 x 96 pixels of many colours."""
    rng = np.random.default_rng(0)
    shades = np.repeat(np.repeat(rng.integers(0, 256, (6, 5, 3)), 16, 0), 16, 1) + rng.integers(-3, 4, (96, 80, 3))
    return as_design(shades.clip(0, 255).astype(np.uint8))


def test_a_kept_part_of_a_photo_is_quantised_in_yarns_with_a_note_and_unchanged_in_free_colours():
    photo = draw_photo()
    wanted = {"keep": "rectangle", "rectangle": (0, 0, 40, 40)}
    plan = plan_weave(photo, Constraints(palette="source", **wanted))
    assert "more colours than a loom has yarns" in plan.notes[0]
    woven = np.asarray(weave(draw_noise((96, 80), 1), plan).image)
    assert np.array_equal(woven[:40, :40], plan.indices[:40, :40])
    free = plan_weave(photo, Constraints(palette="free", **wanted))
    assert free.notes == ()
    assert np.array_equal(
        np.asarray(weave(draw_noise((96, 80), 1), free).image)[:40, :40], np.asarray(photo.image)[:40, :40]
    )
    assert plan_weave(carpet(), Constraints(palette="source", **wanted)).notes == ()


@pytest.mark.slow
@pytest.mark.parametrize(("palette", "drawing"), [("auto", "motifs"), ("free", "both"), ("source", "motifs")])
def test_where_motifs_draw_the_note_says_that_a_kept_part_of_a_photo_is_in_suggested_yarns(palette, drawing):
    wanted = {"keep": "rectangle", "rectangle": (0, 0, 40, 40)}
    photo, constraints = draw_photo(), Constraints(palette=palette, **wanted)
    plan = plan_weave(photo, constraints, drawing)
    (note,) = plan.notes
    assert f"the design's {len(np.unique(plan.indices))} suggested yarns, knot for knot" in note
    assert "Draw from the model alone" in note  # free colours do not keep the picture's own here
    woven = np.asarray(weave_knots(np.zeros_like(plan.indices), plan.yarns, plan).image)
    assert np.array_equal(woven[:40, :40], plan.indices[:40, :40])
    assert (plan_weave(photo, constraints).notes == ()) == (palette != "source")  # the model's picture keeps them
    assert plan_weave(carpet(), constraints, drawing).notes == ()
    one = as_design(np.concatenate([np.full((40, 80, 3), 90, np.uint8), np.asarray(photo.image)[40:]]))
    assert plan_weave(one, Constraints(palette="new", colours=9, **wanted), drawing).notes == ()


def test_where_motifs_draw_the_note_on_more_than_64_colours_says_that_the_prompt_may_change_them():
    knots = (np.arange(64 * 64).reshape(64, 64) // 7 % 65).astype(np.uint8)
    design = as_design(knots, np.random.default_rng(0).integers(0, 256, (65, 3), dtype=np.uint8))
    notes = {drawing: plan_weave(design, Constraints(palette="auto"), drawing).notes for drawing in get_args(Drawing)}
    assert "so the variations' colours are free." in notes["model"][0]
    assert "so colour words of the prompt may change them." in notes["motifs"][0]
    assert notes["both"] == notes["motifs"]


def draw_blocks(numbers: np.ndarray, seed: int = 0) -> np.ndarray:
    """Draw 64 blocks of 8 x 8 knots in random order, with equal numbers of blocks, within one, of each index."""
    return np.random.default_rng(seed).permutation(np.resize(numbers, 64)).reshape(8, 8).repeat(8, 0).repeat(8, 1)


def test_unused_palette_entries_are_not_woven():
    """200 of 256 entries are unused and each is nearly equal to a used one, which is woven instead."""
    rng = np.random.default_rng(0)
    yarns = rng.permutation(np.array(list(product((20, 90, 160, 230), repeat=3)), np.uint8))[:56]
    unused = np.resize(yarns, (200, 3)) + rng.integers(1, 9, (200, 3), dtype=np.uint8)
    places = np.append(rng.permutation(np.arange(1, 256)), 0)  # the last entry is used, so that none is cut
    palette = np.concatenate([yarns, unused])[places]
    used, like_used = np.argsort(places)[:56].astype(np.uint8), np.argsort(places)[56:112]
    design = as_design(draw_blocks(used), palette)
    plan = plan_weave(design, Constraints(palette="source"))
    assert len(plan.palette) == 256
    table = np.zeros(256, np.intp)
    table[used] = like_used
    woven = weave(Image.fromarray(palette[table[design.index_map.indices]]), plan)
    assert np.array_equal(np.asarray(woven.image), design.index_map.indices)
    woven = weave(draw_noise((64, 64), 3), plan)
    assert set(np.unique(woven.image).tolist()) <= set(used.tolist())
    assert np.array_equal(palette_of(woven.image), palette)


def test_equal_yarns_keep_their_indices_where_the_design_is_unchanged():
    """Yarns 0 and 2 are equal, as are 1 and 3: colour alone cannot tell them apart."""
    design = as_design(draw_blocks(np.arange(5, dtype=np.uint8)), YARNS[[0, 1, 0, 1, 2]])
    own = design.index_map.indices
    plan = plan_weave(design, Constraints(palette="source"))
    seen = np.asarray(design.image) + np.uint8(3)  # a view never equals the design exactly
    assert np.array_equal(np.asarray(weave(Image.fromarray(seen), plan, view=View(seen)).image), own)
    drawn, changed = seen.copy(), np.s_[20:44, 12:36]
    drawn[changed] = YARNS[2] + 3
    woven = weave(Image.fromarray(drawn), plan, view=View(seen))
    wanted = own.copy()
    wanted[changed] = 4
    assert np.array_equal(np.asarray(woven.image), wanted)
    assert np.array_equal(palette_of(woven.image), design.index_map.palette)


@pytest.mark.parametrize("palette", ["source", "free"])
def test_a_mirror_repeat_is_woven_like_a_single_design(palette):
    design = as_design(draw_blocks(np.arange(4, dtype=np.uint8))[:52, :47], YARNS)
    plan, alone = (plan_weave(design, Constraints(palette=palette, repeat=repeat)) for repeat in ("mirror", "none"))
    assert plan.closed_repeat is None
    assert not plan.idle
    noise = draw_noise((52, 47), 3)
    woven = weave(noise, plan)
    assert (woven.weaving.seam_horizontal, woven.weaving.seam_vertical, woven.weaving.seams_closed) == (None, None, 0)
    assert np.array_equal(np.asarray(woven.image), np.asarray(weave(noise, alone).image))
    check_mirror_cloth(woven.image)
