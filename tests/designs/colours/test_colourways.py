"""Colourways, harmonies, matched palettes and colour words."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.designs.colours.colour_spaces import convert_to_lab, convert_to_oklab, measure_difference
from studio.designs.colours.colour_words import BASIC_COLOURS, BASIC_WORDS, find_colour_words, find_missing_words
from studio.designs.colours.colourways import LEAST_DELTA_E, make_colourways, match_palette
from studio.designs.colours.harmonies import HARMONIES, Tones, convert_from_oklch, convert_to_oklch, name_hue, tint
from studio.designs.files.opening import open_design
from studio.designs.samples import SAMPLES

RUG = np.array([[150, 30, 30], [240, 230, 200], [20, 30, 80], [200, 160, 40], [60, 120, 60], [25, 22, 20]], np.uint8)
RUG_SHARES = np.array([0.45, 0.2, 0.15, 0.1, 0.06, 0.04])
STEP = 0.04
"""Rounding to 8 bits can move the OKLab lightness of a dark colour this far; closer yarns may change their order."""


def draw_palette(yarns: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (yarns, 3), dtype=np.uint8), rng.dirichlet(np.ones(yarns))


def measure_apart(first: np.ndarray, second: np.ndarray, shares: np.ndarray) -> float:
    return float(measure_difference(convert_to_lab(first), convert_to_lab(second)) @ shares)


def keeps_order(before: np.ndarray, after: np.ndarray) -> bool:
    """Return whether no yarn that was clearly darker than another is now lighter than it."""
    own, new = (convert_to_oklab(palette)[:, 0] for palette in (before, after))
    clearly_darker = own[:, None] < own - STEP
    return not (clearly_darker & (new[:, None] > new + STEP / 2)).any()


palettes = st.builds(draw_palette, st.integers(1, 24), st.integers(0, 9999))


def test_colourways_differ_from_the_design_and_from_one_another():
    made = make_colourways(RUG, RUG_SHARES, 12, seed=0)
    for first, second in itertools.combinations([RUG, *(one.palette for one in made)], 2):
        assert measure_apart(first, second, RUG_SHARES) >= LEAST_DELTA_E


def test_each_harmony_is_used_once_before_any_is_used_again():
    made = make_colourways(RUG, RUG_SHARES, len(HARMONIES) - 3, seed=4)
    titles = [one.title.partition(",")[0] for one in made]
    assert len(set(titles)) == len(titles)
    assert set(titles) <= {harmony.title for harmony in HARMONIES.values()}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", ["white ground", "greys", "black and white", "one yarn", "near alike"])
def test_colourways_of_difficult_palettes_differ(name: str, seed: int):
    palette, shares = {
        "white ground": ([[255, 255, 255], [150, 30, 30], [20, 30, 80]], [0.9, 0.06, 0.04]),
        "greys": ([[40, 40, 40], [128, 128, 128], [220, 220, 220]], [0.3, 0.3, 0.4]),
        "black and white": ([[0, 0, 0], [255, 255, 255]], [0.3, 0.7]),
        "one yarn": ([[120, 90, 60]], [1.0]),
        "near alike": ([[150, 30, 30], [154, 33, 31], [158, 36, 32]], [0.5, 0.25, 0.25]),
    }[name]
    palette, shares = np.array(palette, np.uint8), np.array(shares)
    made = make_colourways(palette, shares, 5, seed=seed)
    for first, second in itertools.combinations([palette, *(one.palette for one in made)], 2):
        assert measure_apart(first, second, shares) >= LEAST_DELTA_E


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(drawn=palettes, count=st.integers(0, 9), seed=st.integers(0, 2**32 - 1), data=st.data())
def test_count_order_and_locked_yarns_are_kept(drawn, count: int, seed: int, data):
    palette, shares = drawn
    locked = data.draw(st.sets(st.integers(0, len(palette) - 1)))
    made = make_colourways(palette, shares, count, seed, locked=locked)
    assert len(made) == count
    assert len({one.title for one in made}) == count
    for one in made:
        assert one.palette.shape == palette.shape
        assert one.palette.dtype == np.uint8
        assert np.array_equal(one.palette[sorted(locked)], palette[sorted(locked)])
        assert keeps_order(palette, one.palette)


@pytest.mark.slow
@settings(max_examples=10, deadline=None)
@given(drawn=palettes, seed=st.integers(0, 99))
def test_the_same_seed_gives_the_same_colourways(drawn, seed: int):
    first, second = (make_colourways(*drawn, 4, seed) for _ in range(2))
    assert [one.title for one in first] == [one.title for one in second]
    assert all(np.array_equal(a.palette, b.palette) for a, b in zip(first, second, strict=True))


def test_another_seed_gives_other_colourways():
    first, second = (make_colourways(RUG, RUG_SHARES, 3, seed) for seed in (0, 1))
    assert not any(np.array_equal(a.palette, b.palette) for a, b in itertools.product(first, second))


@pytest.mark.slow
def test_palettes_of_one_to_256_yarns():
    for yarns in (1, 2, 255, 256):
        palette, shares = draw_palette(yarns, seed=yarns)
        made = make_colourways(palette, shares, 6, seed=1)
        assert [one.palette.shape for one in made] == [(yarns, 3)] * 6
        assert all(measure_apart(palette, one.palette, shares) >= LEAST_DELTA_E for one in made)


def test_more_colourways_than_harmonies():
    assert len(make_colourways(RUG, RUG_SHARES, 150, seed=0)) == 150


def test_with_every_yarn_locked_colourways_equal_the_design():
    made = make_colourways(RUG, RUG_SHARES, 3, seed=0, locked=range(6))
    assert [one.palette.tolist() for one in made] == [RUG.tolist()] * 3


def test_equal_yarns_stay_equal_in_harmonies():
    palette = RUG[[0, 1, 0, 2, 2]]
    for one in make_colourways(palette, np.ones(5), 8, seed=3):
        assert np.array_equal(one.palette[0], one.palette[2])
        assert np.array_equal(one.palette[3], one.palette[4])


def test_unused_yarns_do_not_count_as_difference():
    shares = np.array([1.0, 0, 0, 0, 0, 0])
    for one in make_colourways(RUG, shares, 4, seed=0):
        assert measure_apart(RUG[:1], one.palette[:1], np.ones(1)) >= LEAST_DELTA_E


# Harmonies


@settings(max_examples=40, deadline=None)
@given(
    name=st.sampled_from(sorted(HARMONIES)), drawn=palettes, seed=st.integers(0, 9999), tinted=st.booleans()
)  # fmt: skip
def test_gamut_mapping_reduces_chroma_alone(name: str, drawn, seed: int, tinted: bool):
    palette, shares = drawn
    rng = np.random.default_rng(seed)
    tones = Tones(convert_to_oklch(palette), shares, np.zeros(len(palette), bool))
    wanted = HARMONIES[name].vary(tint(tones, rng) if tinted else tones, rng)
    seen = convert_to_oklch(convert_from_oklch(wanted))
    assert (seen[:, 1] <= wanted[:, 1] + 0.02).all()
    # Dark and neutral colours are left out: 8 bits are too coarse for their hue.
    clear = (seen[:, 0] > 0.3) & (seen[:, 1] > 0.03)
    assert (np.abs(seen[clear, 0] - wanted[clear, 0]) < 0.01).all()
    aside = np.abs((seen[clear, 2] - wanted[clear, 2] + 180) % 360 - 180)
    assert (np.radians(aside) * seen[clear, 1] < 0.01).all()


def test_colours_in_gamut_are_converted_back_exactly():
    palette, _ = draw_palette(4000, seed=0)
    assert np.array_equal(convert_from_oklch(convert_to_oklch(palette)), palette)


@pytest.mark.parametrize(
    ("name", "angles"),
    [("complementary", (0, 180)), ("triadic", (0, 120, 240)), ("tetradic", (0, 90, 180, 270)), ("monochrome", (0,))],
)
def test_hues_lie_where_the_harmony_says(name: str, angles: tuple[int, ...]):
    palette, shares = draw_palette(12, seed=5)
    tones = Tones(convert_to_oklch(palette), shares, np.zeros(12, bool))
    varied = HARMONIES[name].vary(tones, np.random.default_rng(0))
    hues = varied[tones.moving, 2]
    # For some rotation every hue is near an anchor and every anchor near a hue.
    turns = (hues[:, None, None] - np.array(angles)[:, None] - np.arange(360) + 180) % 360 - 180
    near = np.abs(turns) <= 16
    assert (near.any(axis=1).all(axis=0) & near.any(axis=0).all(axis=0)).any()


def test_harmonies_include_the_hue_of_a_locked_yarn():
    palette, shares = draw_palette(12, seed=7)
    oklch = convert_to_oklch(palette)
    locked = np.zeros(12, bool)
    locked[int(np.argmax(oklch[:, 1]))] = True
    tones = Tones(oklch, shares, locked)
    for seed in range(5):
        hues = HARMONIES["complementary"].vary(tones, np.random.default_rng(seed))[tones.moving, 2]
        aside = (hues - oklch[locked, 2]) % 180
        assert (np.minimum(aside, 180 - aside) <= 15.01).all()


def test_lighter_and_darker_move_every_lightness():
    tones = Tones(convert_to_oklch(RUG), RUG_SHARES, np.zeros(6, bool))
    for name, sign in (("lighter", 1), ("darker", -1)):
        varied = HARMONIES[name].vary(tones, np.random.default_rng(0))
        assert (sign * (varied[:, 0] - tones.oklch[:, 0]) > 0.02).all()


@pytest.mark.parametrize(
    ("colour", "name"),
    [((200, 20, 20), "red"), ((230, 130, 20), "orange"), ((230, 220, 20), "yellow"), ((20, 140, 40), "green"),
     ((20, 150, 150), "teal"), ((20, 40, 200), "blue"), ((200, 20, 120), "rose"), ((128, 128, 128), "neutral")],
)  # fmt: skip
def test_names_of_hues(colour: tuple[int, int, int], name: str):
    assert name_hue(convert_to_oklch(np.array([colour], np.uint8)), np.ones(1)) == name


# Palettes of other designs


@settings(max_examples=40, deadline=None)
@given(drawn=palettes, other=palettes, data=st.data())
def test_matched_colours_are_exact_and_in_order_of_lightness(drawn, other, data):
    palette, shares = drawn
    locked = data.draw(st.sets(st.integers(0, len(palette) - 1)))
    matched = match_palette(palette, shares, other[0], locked)
    assert np.array_equal(matched[sorted(locked)], palette[sorted(locked)])
    free = [yarn for yarn in range(len(palette)) if yarn not in locked]
    offered = {tuple(colour) for colour in other[0].tolist()}
    assert {tuple(colour) for colour in matched[free].tolist()} <= offered
    own, new = (convert_to_oklab(colours.astype(float) / 255)[free, 0] for colours in (palette, matched))
    assert not ((own[:, None] < own) & (new[:, None] > new + 1e-9)).any()
    # No colour is used more often than needed.
    most = -(-len(free) // len(other[0]))
    _, counts = np.unique(matched[free], axis=0, return_counts=True)
    assert counts.max(initial=0) <= most * max(np.unique(other[0], axis=0, return_counts=True)[1])


def test_matching_has_the_least_cost():
    palette, shares = draw_palette(4, seed=1)
    other, _ = draw_palette(7, seed=2)
    own, theirs = (convert_to_oklch(colours)[:, 0] for colours in (palette, other))
    own, theirs = ((one - one.min()) / (one.max() - one.min()) for one in (own, theirs))
    yarns, supply = np.argsort(own), np.argsort(theirs)
    best = min(
        itertools.combinations(supply, 4),
        key=lambda chosen: float(((shares[yarns] + 1e-3) * (own[yarns] - theirs[list(chosen)]) ** 2).sum()),
    )
    assert np.array_equal(match_palette(palette, shares, other)[yarns], other[list(best)])


def test_a_palette_matched_with_itself_is_unchanged():
    shuffled = RUG[[3, 1, 5, 0, 2, 4]]
    assert np.array_equal(match_palette(RUG, RUG_SHARES, shuffled), RUG)


def test_given_palettes_come_first_and_once_each():
    others = [draw_palette(6, seed)[0] for seed in range(3)]
    made = make_colourways(RUG, RUG_SHARES, 5, seed=0, locked=(0,), palettes=others)
    assert [one.title for one in made[:3]] == ["After palette 1", "After palette 2", "After palette 3"]
    for one, other in zip(made, others, strict=False):
        assert np.array_equal(one.palette, match_palette(RUG, RUG_SHARES, other, (0,)))
    assert len(make_colourways(RUG, RUG_SHARES, 2, seed=0, palettes=others)) == 2


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"shares": np.ones(5)}, "6 yarns"),
        ({"shares": np.zeros(6)}, "not all 0"),
        ({"shares": np.array([1, 1, 1, 1, 1, np.nan])}, "shares"),
        ({"locked": (6,)}, "yarn 6"),
        ({"locked": (-1,)}, "yarn -1"),
        ({"count": -1}, "-1 colourways"),
        ({"seed": -1}, "seed -1"),
        ({"palette": np.zeros((0, 3), np.uint8)}, "palette"),
        ({"palettes": [np.zeros((2, 4), np.uint8)]}, "palette"),
    ],
)
def test_impossible_arguments_are_refused(changes: dict, says: str):
    usual = {"palette": RUG, "shares": RUG_SHARES, "count": 3, "seed": 0}
    with pytest.raises(ValueError, match=says):
        make_colourways(**usual | changes)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Persian carpet, deep Navy field, ivory border, navy corners", ("navy", "ivory")),
        ("sky blue and blue", ("sky blue", "blue")),
        ("rose flowers on a sandy, bordered field; blued", ()),
        ("", ()),
    ],
)
def test_colour_words_are_found_as_whole_words_and_once(text: str, words: tuple[str, ...]) -> None:
    assert find_colour_words(text) == words


def test_colour_words_are_missing_only_without_a_yarn_of_that_colour():
    for word, colours in BASIC_COLOURS.items():
        assert not find_missing_words(f"{word} carpet", np.array(colours, np.uint8))
    assert {*BASIC_COLOURS} == {*BASIC_WORDS}
    navy = np.array([[20, 30, 80]], np.uint8)
    assert find_missing_words("scarlet, navy and teal", navy) == ("scarlet", "teal")


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.id)
def test_a_sample_has_the_colours_of_its_prompt(sample):
    index_map = open_design(sample.path.read_bytes()).index_map
    assert not find_missing_words(sample.prompt, index_map.palette[index_map.used()])
