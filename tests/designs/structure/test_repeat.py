"""Repeats: tiling, seams, and repeats found in a design; borders found in a design."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.carpets.generator import FAMILIES, draw_carpet, draw_layout
from studio.carpets.ornaments import borders
from studio.designs.structure.borders import Border, border_mask, find_border
from studio.designs.structure.repeat import REPEATS, SEAM_LIMIT, Repeat, Seams, find_repeat, lay, measure_seams, tile

EACH_REPEAT = pytest.mark.parametrize("repeat", REPEATS)
CLOSED = ("straight", "half-drop", "brick")


def number_knots(height, width) -> np.ndarray:
    """Return a tile in which all knots differ."""
    return np.arange(height * width, dtype=np.int64).reshape(height, width)


def draw_cloth(height, width, ramp=0.0) -> np.ndarray:
    """Draw a soft grey texture that repeats exactly in both directions; `ramp` adds a gradient that does not."""
    texture = np.random.default_rng(0).random((height, width))
    for axis in (0, 1):
        texture = sum(np.roll(texture, step, axis=axis) for step in range(3)) / 3
    y, x = np.mgrid[:height, :width]
    light = (1 - ramp) * texture + ramp * (x / width + y / height) / 2
    return np.repeat((light * 255).astype(np.uint8)[..., None], 3, axis=-1)


def roll(array, dx, dy, repeat) -> np.ndarray:
    """Return the tile that begins at the knot (dx, dy) of the cloth."""
    height, width = array.shape[:2]
    return array[lay((height, width), repeat, np.arange(height) + dy, np.arange(width) + dx)]


# Laying out


def test_each_repeat_places_the_neighbours_of_a_tile_as_defined():
    a = number_knots(4, 6)
    for repeat, right, below in (
        ("straight", a, a),
        ("half-drop", np.roll(a, 2, axis=0), a),
        ("brick", a, np.roll(a, 3, axis=1)),
        ("mirror", a[:, ::-1], a[::-1]),
    ):
        cloth = tile(a, repeat, 2, 2)
        assert cloth.shape == (8, 12)
        assert np.array_equal(cloth[:4, :6], a)
        assert np.array_equal(cloth[:4, 6:], right), repeat
        assert np.array_equal(cloth[4:, :6], below), repeat


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(REPEATS), st.integers(1, 9), st.integers(1, 9), st.integers(1, 4), st.integers(1, 4))
def test_tile_and_lay_give_the_same_cloth(repeat, height, width, across, down):
    a = number_knots(height, width)
    places = lay(a.shape, repeat, np.arange(down * height), np.arange(across * width))
    assert np.array_equal(tile(a, repeat, across, down), a[places])


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(CLOSED), st.integers(1, 9), st.integers(1, 9), st.integers(-30, 30), st.integers(-30, 30))
def test_a_tile_from_any_corner_lays_out_the_same_cloth(repeat, height, width, dx, dy):
    a = number_knots(height, width)
    rolled = roll(a, dx, dy, repeat)
    assert np.array_equal(roll(rolled, -dx, -dy, repeat), a)
    far_y, far_x = np.arange(-7, 25), np.arange(-9, 21)
    there = rolled[lay(a.shape, repeat, far_y, far_x)]
    assert np.array_equal(there, a[lay(a.shape, repeat, far_y + dy, far_x + dx)])


def test_the_next_tile_of_a_half_drop_or_brick_is_shifted_by_half():
    a = number_knots(8, 6)
    assert np.array_equal(roll(a, 6, 8, "straight"), a)
    assert np.array_equal(roll(a, 6, 0, "half-drop"), np.roll(a, 4, axis=0))
    assert np.array_equal(roll(a, 0, 8, "half-drop"), a)
    assert np.array_equal(roll(a, 0, 8, "brick"), np.roll(a, 3, axis=1))
    assert np.array_equal(roll(a, 6, 0, "brick"), a)


@EACH_REPEAT
def test_channels_are_tiled_with_the_knots(repeat):
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    cloth = tile(pixels, repeat, 3, 2)
    assert cloth.shape == (12, 24, 3) and cloth.dtype == np.uint8
    assert np.array_equal(cloth[..., 1], tile(pixels[..., 1], repeat, 3, 2))
    assert np.array_equal(roll(pixels, 3, 1, repeat), cloth[1:7, 3:11])


def test_bad_input_is_refused_with_its_value():
    a = number_knots(4, 4)
    for call in (lambda: tile(a, "diamond", 1, 1), lambda: lay((4, 4), "x", a[0], a[0])):
        with pytest.raises(ValueError, match="half-drop"):
            call()
    with pytest.raises(ValueError, match="0 x 1 tiles"):
        tile(a, "straight", 0, 1)
    with pytest.raises(ValueError, match=r"\(0, 4\)"):
        tile(a[:0], "straight", 1, 1)
    with pytest.raises(ValueError, match=r"\(4,\)"):
        find_repeat(a[0].astype(np.uint8))


# Seams


@pytest.mark.parametrize("repeat", CLOSED)
def test_the_seam_of_a_true_repeat_does_not_show(repeat):
    tiles = [draw_cloth(240, 180)]
    if repeat == "half-drop":  # the tile from any corner closes only in its own repeat
        tiles = [roll(draw_half_drop(), dx, 11, "half-drop") for dx in (0, 31, 60)]
    elif repeat == "brick":
        tiles = [np.swapaxes(roll(draw_half_drop(), dx, 11, "half-drop"), 0, 1) for dx in (0, 31, 60)]
    for each in tiles:
        seams = measure_seams(each, repeat)
        assert seams.horizontal == pytest.approx(1, abs=0.25) and seams.horizontal <= SEAM_LIMIT
        assert seams.vertical == pytest.approx(1, abs=0.25) and seams.vertical <= SEAM_LIMIT


def draw_half_drop() -> np.ndarray:
    """Draw a tile 180 px wide that closes only when the next column lies half a height lower."""
    light = np.random.default_rng(5).random((240, 180))
    light = sum(np.roll(light, step, axis=0) for step in range(3)) / 3
    joined = [roll(light, step, 0, "half-drop") for step in range(9)]
    return np.repeat((sum(joined) / 9 * 255).astype(np.uint8)[..., None], 3, axis=-1)


def test_a_half_drop_laid_straight_shows_its_seam():
    assert measure_seams(draw_half_drop(), "straight").vertical > 2
    assert measure_seams(draw_half_drop(), "straight").horizontal <= SEAM_LIMIT


def test_noise_has_no_seam():
    noise = np.random.default_rng(0).integers(0, 256, (200, 150, 3), dtype=np.uint8)
    for repeat in CLOSED:
        seams = measure_seams(noise, repeat)
        assert seams.horizontal == pytest.approx(1, abs=0.1)
        assert seams.vertical == pytest.approx(1, abs=0.1)


def test_a_gradient_shows_its_seam():
    seams = measure_seams(draw_cloth(120, 90, ramp=1.0))
    assert seams.horizontal > 10 and seams.vertical > 10


def test_each_seam_is_measured_by_itself():
    across = np.broadcast_to(np.linspace(0, 255, 64).astype(np.uint8)[None, :, None], (40, 64, 3))
    seams = measure_seams(across)
    assert seams.horizontal is None  # nothing changes from one row to the next
    assert seams.vertical > 10
    turned = measure_seams(np.swapaxes(across, 0, 1))
    assert (turned.horizontal, turned.vertical) == (seams.vertical, None)


@pytest.mark.parametrize("turned", [False, True])
def test_edges_with_an_outline_on_the_seam_meet(turned):
    """Outlined stripes, cut beside an outline: the step of the seam is large, but equal to steps inside."""
    colours = np.array([[20, 20, 30], [200, 60, 50], [240, 220, 180]], np.uint8)
    cloth = np.broadcast_to(colours[np.tile(np.repeat([0, 1, 2, 1], [1, 15, 1, 15]), 3)], (40, 96, 3))
    seams = measure_seams(np.swapaxes(cloth, 0, 1) if turned else cloth)
    assert seams.shown
    assert seams.meet


def test_edges_with_a_larger_step_than_any_inside_do_not_meet():
    for ragged in (draw_cloth(120, 90, ramp=1.0), draw_half_drop()):
        seams = measure_seams(ragged)
        assert seams.shown
        assert not seams.meet
    assert measure_seams(draw_half_drop(), "half-drop").meet


def test_stripes_that_break_in_a_half_drop_do_not_meet():
    stripes = np.broadcast_to((np.arange(40) // 10 * 60).astype(np.uint8)[:, None, None], (40, 30, 3))
    assert measure_seams(stripes, "straight").vertical is None
    assert not measure_seams(stripes, "half-drop").meet
    even = np.broadcast_to((np.arange(40) // 10 % 2 * 60).astype(np.uint8)[:, None, None], (40, 30, 3))
    assert measure_seams(even, "half-drop").meet


def test_plain_and_mirrored_tiles_have_no_visible_seam():
    plain = np.full((30, 20, 3), 90, np.uint8)
    for repeat in REPEATS:
        assert measure_seams(plain, repeat) == Seams(None, None, meet=True)
    assert measure_seams(draw_cloth(60, 40, ramp=1.0), "mirror") == Seams(0.0, 0.0, meet=True)
    assert measure_seams(plain[:1, :1]) == Seams(None, None, meet=True)


# Repeats inside a design


@pytest.mark.parametrize(("across", "down"), [(3, 4), (2, 2), (5, 2), (2.5, 3.3)])
@pytest.mark.parametrize("noise", [0.0, 0.005])
def test_the_tile_of_a_repeating_design_is_found(across, down, noise):
    rng = np.random.default_rng(7)
    part = np.kron(rng.integers(0, 5, (16, 16), dtype=np.uint8), np.ones((4, 4), np.uint8))
    design = tile(part, "straight", 6, 6)[: int(64 * down), : int(64 * across)]
    design = np.where(rng.random(design.shape) < noise, 0, design).astype(np.uint8)
    found = find_repeat(design)
    assert found is not None and (found.px_across, found.px_down) == (64, 64)
    assert found.agreement == 1 if noise == 0 else 0.98 <= found.agreement < 1


def test_half_drops_and_bricks_are_found_as_two_tiles():
    part = draw_layout(3, 128, 160, "medallion").indices
    drop, brick = (find_repeat(tile(part, repeat, 4, 4)) for repeat in ("half-drop", "brick"))
    assert (drop.px_across, drop.px_down) == (256, 160)
    assert (brick.px_across, brick.px_down) == (128, 320)


def test_a_direction_without_a_repeat_has_the_whole_side():
    part = np.random.default_rng(0).integers(0, 4, (50, 20), dtype=np.uint8)
    assert find_repeat(tile(part, "straight", 4, 1)) == Repeat(20, 50, 1.0)
    assert find_repeat(tile(part.T, "straight", 1, 4)) == Repeat(50, 20, 1.0)


def test_stripes_have_a_period_of_one_along_themselves():
    stripes = np.tile(np.repeat(np.array([0, 1, 0, 2], np.uint8), 5), (60, 5))
    assert find_repeat(stripes) == Repeat(20, 1, 1.0)
    assert find_repeat(np.ascontiguousarray(stripes.T)) == Repeat(1, 20, 1.0)
    uneven = np.repeat(np.arange(12, dtype=np.uint8), np.arange(1, 13))
    assert find_repeat(np.tile(uneven, (60, 1))) is None


@pytest.mark.parametrize("family", ["medallion", "floral", "prayer", "clouds", "blocks", "waves"])
def test_designs_that_do_not_repeat_have_no_repeat(family):
    for seed in range(4):
        assert find_repeat(draw_layout(seed, 160, 208, family).indices) is None


def test_plain_coarse_and_tiny_designs_have_no_repeat():
    assert find_repeat(np.zeros((50, 60), np.uint8)) is None
    halves = np.zeros((300, 200), np.uint8)
    halves[:, 100:] = 1  # agrees with itself at every small shift
    halves[150:] += 2
    assert find_repeat(halves) is None
    assert find_repeat(np.random.default_rng(1).integers(0, 9, (90, 80), dtype=np.uint8)) is None
    assert find_repeat(np.array([[0, 1]], np.uint8)) is None


# Borders


UNFRAMED = (
    "stripes",
    "checks",
    "blocks",
    "arcs",
    "circles",
    "trellis",
    "hexagons",
    "clouds",
    "waves",
    "leaves",
    "lines",
)
FRAMED = ("medallion", "floral", "lattice", "boteh", "shaggy")


@pytest.fixture
def frames(monkeypatch):
    """The thickness of each frame that the families draw, in order."""
    thick_px = []

    def draw_frame(*arguments, **options):
        thick_px.append(borders_draw_frame(*arguments, **options))
        return thick_px[-1]

    borders_draw_frame = borders.draw_frame
    for name in ("medallion", "floral", "plain"):
        monkeypatch.setattr(f"studio.carpets.families.{name}.draw_frame", draw_frame)
    return thick_px


def test_borders_of_generated_carpets_are_found(frames):
    missed, tried = [], 0
    for family in FRAMED:
        for seed in range(8):
            indices = draw_layout(seed, 192, 256, family).indices
            found, tried = find_border(indices), tried + 1
            if found is None or abs(found.left_px - frames[-1]) > 2 or abs(found.top_px - frames[-1]) > 2:
                missed.append((family, seed, frames[-1], found))
    assert len(missed) <= 0.05 * tried, missed


def test_designs_without_a_border_have_none():
    wrong = []
    for family in UNFRAMED:
        for seed in range(8):
            found = find_border(draw_layout(seed, 192, 256, family).indices)
            if found is not None:
                wrong.append((family, seed, found))
    assert len(wrong) <= 1, wrong


def test_a_border_is_found_when_cropped_rotated_or_noisy():
    indices = draw_layout(4, 192, 256, "floral").indices
    border = find_border(indices)
    assert border is not None
    cut = find_border(indices[:, :-1])
    assert cut == Border(border.left_px, border.top_px, border.right_px - 1, border.bottom_px)
    turned = find_border(np.rot90(indices))
    assert turned == Border(border.top_px, border.right_px, border.bottom_px, border.left_px)
    rng = np.random.default_rng(0)
    noisy = np.where(rng.random(indices.shape) < 0.03, rng.integers(0, 5, indices.shape), indices).astype(np.uint8)
    assert find_border(noisy) == border


def test_a_grid_is_not_a_border_and_a_plain_band_is():
    grid = np.zeros((200, 160), np.uint8)
    grid[::20] = 1
    grid[:, ::20] = 1
    assert find_border(grid) is None
    framed = np.random.default_rng(2).integers(0, 6, (200, 160), dtype=np.uint8)
    mask = border_mask(framed.shape, Border(12, 14, 13, 14))
    framed[mask] = 7
    assert find_border(framed) == Border(12, 14, 13, 14)


def test_a_line_round_the_edge_and_a_plain_design_are_not_borders():
    field = np.random.default_rng(3).integers(0, 6, (300, 240), dtype=np.uint8)
    field[[0, -1]] = 7
    field[:, [0, -1]] = 7
    assert find_border(field) is None
    assert find_border(np.zeros((100, 100), np.uint8)) is None
    assert find_border(np.zeros((3, 5), np.uint8)) is None


def test_a_line_drawn_on_the_field_does_not_end_the_border():
    field = np.random.default_rng(4).integers(0, 4, (300, 240), dtype=np.uint8)
    field[border_mask(field.shape, Border(20, 20, 20, 20))] = 5
    line = border_mask(field.shape, Border(45, 45, 45, 45)) & ~border_mask(field.shape, Border(42, 42, 42, 42))
    field[line] = 6
    assert find_border(field) == Border(20, 20, 20, 20)


def test_the_mask_covers_exactly_the_border():
    mask = border_mask((10, 8), Border(1, 2, 3, 4))
    assert mask.shape == (10, 8) and mask.dtype == np.bool_
    assert not mask[2:6, 1:5].any()
    assert mask.sum() == 80 - 4 * 4
    assert not border_mask((10, 8), Border(0, 0, 0, 0)).any()
    for border in (Border(4, 0, 4, 0), Border(0, 5, 0, 5), Border(-1, 0, 0, 0)):
        with pytest.raises(ValueError, match="no field"):
            border_mask((10, 8), border)


@pytest.mark.parametrize("family", list(FAMILIES))
def test_border_repeat_and_seams_are_consistent_for_every_family(family):
    carpet = draw_carpet(2, 128, 200, family)
    border, repeat = find_border(carpet.indices), find_repeat(carpet.indices)
    assert border is None or border_mask(carpet.indices.shape, border).any()
    assert border is None or repeat is None
    seams = measure_seams(carpet.pixels)
    assert all(ratio is None or ratio >= 0 for ratio in (seams.horizontal, seams.vertical))
