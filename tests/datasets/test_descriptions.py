"""Captions made from the designs themselves say what is there, in words that the built-in model knows."""

from __future__ import annotations

import io
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from studio.carpets.captions import count_tokens
from studio.carpets.generator import FAMILIES, draw_carpet, draw_layout, dress, vocabulary
from studio.datasets import describe_design
from studio.designs import SAMPLES, IndexMap, open_design
from studio.designs.colours.colour_words import BASIC_OF
from tests.support.dataset_folders import draw_photo
from tests.support.knots import as_design
from tests.support.pictures import encode_picture

OWN_WORDS = {"symmetric", "left", "right", "to", "top", "bottom", "repeating", "pattern"}
"""Words that no caption of a generated carpet has."""
PALETTE = np.array([[170, 35, 40], [240, 230, 205], [20, 30, 70], [205, 160, 60]], np.uint8)


def describe(knots: np.ndarray) -> str:
    return describe_design(as_design(knots.astype(np.uint8), PALETTE))


def draw_framed(bands: int) -> np.ndarray:
    """Draw a field with scattered knots in so many patterned bands with plain lines between."""
    rng = np.random.default_rng(bands)
    knots = np.full((240, 180), 2)
    offset = 0
    for _ in range(bands):
        part = rng.integers(0, 2, (240 - 2 * offset, 180 - 2 * offset)).repeat(1, 0)
        knots[offset : 240 - offset, offset : 180 - offset] = part
        offset += 8
        knots[offset : 240 - offset, offset : 180 - offset] = 2
        offset += 2
    field = np.where(rng.random((240 - 2 * offset, 180 - 2 * offset)) < 0.1, 1, 3)
    knots[offset : 240 - offset, offset : 180 - offset] = field
    return knots


@pytest.mark.slow
def test_the_samples_are_described():
    said = {sample.id: describe_design(open_design(sample.path.read_bytes())) for sample in SAMPLES}
    assert said == {
        "medallion": "medallion carpet in madder, ivory and navy, four borders, madder border, "
        "symmetric left to right and top to bottom",
        "kilim": "carpet in red, teal and straw, three borders, red border, symmetric left to right and top to bottom",
        "garden": "carpet in navy, gold and crimson, navy field, five borders, a border, "
        "symmetric left to right and top to bottom",
    }


@pytest.mark.slow
def test_the_dominant_colour_comes_first_and_layouts_are_not_guessed():
    layouts, agree = Counter(), Counter()
    for family in FAMILIES:
        for seed in range(4):
            carpet = dress(draw_layout(3000 + seed, 288, 384, family), seed)
            said = describe_design(as_design(carpet.indices, carpet.palette))
            colours = said.split(" in ", 1)[1].split(", ")[0].split(" and ")
            agree[BASIC_OF[colours[0]] == carpet.colour] += 1
            layouts[family, said.split("carpet")[0].strip()] += 1
            words = set(said.replace(",", "").split())
            assert words <= set(vocabulary()) | OWN_WORDS, words - set(vocabulary())
            assert count_tokens(said) <= 32
    assert agree[False] <= 2  # two basic colours with nearly equal shares
    assert layouts["medallion", "medallion"] >= 2
    assert layouts["stripes", "striped"] >= 3
    assert {family for family, layout in layouts if layout == "medallion"} <= {"medallion", "caucasian"}
    assert {family for family, layout in layouts if layout == "striped"} == {"stripes"}


@pytest.mark.parametrize(("bands", "words"), [(3, "three borders"), (4, "four borders"), (5, "five borders")])
def test_three_borders_and_more_are_counted(bands, words):
    said = describe(draw_framed(bands))
    assert words in said
    assert "mustard field" in said


def test_few_borders_are_not_counted():
    assert "borders" not in describe(draw_framed(2))
    assert "border" in describe(draw_framed(2))


def test_stripes_along_and_across():
    stripes = np.arange(90).repeat(2)[None].repeat(120, 0) // 7 % 3
    assert describe(stripes) == "striped carpet in red, cream and navy, stripes along"
    assert describe(stripes.T).endswith("stripes across")


def test_symmetry_and_repeat():
    rng = np.random.default_rng(0)
    half = rng.integers(0, 4, (120, 45))
    assert describe(np.concatenate([half, half[:, ::-1]], 1)).endswith("symmetric left to right")
    assert describe(np.tile(rng.integers(0, 4, (24, 18)), (5, 5))).endswith("repeating pattern")
    assert "symmetric" not in describe(rng.integers(0, 4, (120, 90)))


@pytest.mark.parametrize(
    "data",
    [
        draw_photo(),
        encode_picture(Image.new("RGB", (12, 12), "navy")),
        encode_picture(Image.new("RGB", (12, 48), "white")),
        encode_picture(IndexMap(np.array([[0, 1] * 8] * 16, np.uint8), PALETTE).image()),
    ],
    ids=["photo", "one knot colour", "narrow", "two yarns"],
)
def test_any_picture_has_a_caption(data):
    said = describe_design(open_design(data))
    assert "carpet in " in said
    assert said == " ".join(said.split())


@pytest.mark.slow
def test_a_large_photo_is_described_as_its_half_is():
    photo = Image.open(io.BytesIO(draw_photo(1800, 2400)))
    halves = [describe_design(open_design(encode_picture(one))) for one in (photo, photo.reduce(2))]
    assert halves[0] == halves[1]


def test_the_same_design_has_the_same_caption():
    carpet = draw_carpet(5, 144, 192, "kilim")
    assert len({describe_design(as_design(carpet.indices, carpet.palette)) for _ in range(2)}) == 1
