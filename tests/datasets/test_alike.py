"""Copies, other sizes, mirror images and recolourings are found and named; relatives are not taken for them."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from studio.datasets.alike import Trace, find_alike, read_trace
from studio.designs import open_design
from studio.errors import RunCancelledError
from tests.support.dataset_folders import draw_carpet_picture, draw_photo
from tests.support.pictures import encode_picture

SEEDS = range(8, 24)


def trace(picture: Image.Image, form: str = "PNG", **options: object) -> Trace:
    return read_trace(open_design(encode_picture(picture, form, **options)))


def draw_lopsided(seed: int) -> Image.Image:
    """Draw a carpet that has no symmetry: another one lies over its left side."""
    picture = draw_carpet_picture(seed, 144, 192).convert("RGB")
    picture.paste(draw_carpet_picture(seed + 50, 60, 110).convert("RGB"), (5, 30))
    return picture


@pytest.mark.slow
def test_different_carpets_are_not_alike():
    assert find_alike([trace(draw_carpet_picture(seed, 180, 240)) for seed in range(80)]) == ()


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda picture: picture, "same"),
        (lambda picture: picture.convert("RGB"), "same"),
        (lambda picture: picture.resize((360, 480), Image.Resampling.NEAREST), "near"),
        (lambda picture: picture.convert("RGB").resize((247, 330), Image.Resampling.LANCZOS), "near"),
        (lambda picture: Image.open(io.BytesIO(encode_picture(picture.convert("RGB"), "JPEG", quality=75))), "near"),
    ],
    ids=["file", "mode", "doubled", "resampled", "jpeg"],
)
def test_copies_are_found(seed, change, kind):
    picture = draw_carpet_picture(seed, 180, 240)
    others = [trace(draw_carpet_picture(other, 180, 240)) for other in (seed + 1, seed + 8)]
    (found,) = find_alike([others[0], trace(picture), others[1], trace(change(picture).copy())])
    assert (found.index, found.earlier, found.kind) == (3, 1, kind)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_mirror_images_are_named_as_such(seed):
    picture = draw_lopsided(seed)
    first = trace(picture)
    for flip in (Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.FLIP_TOP_BOTTOM, Image.Transpose.ROTATE_180):
        (found,) = find_alike([first, trace(picture.transpose(flip))])
        assert found.kind == "mirrored"


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_recolourings_are_named_as_such(seed):
    first = trace(draw_carpet_picture(seed, 180, 240))
    (found,) = find_alike([first, trace(draw_carpet_picture(seed, 180, 240, colours=seed + 300))])
    assert found.kind == "recoloured"


def test_a_mirrored_recolouring_is_named_as_both():
    knots = np.random.default_rng(5).integers(0, 4, (24, 18)).repeat(8, 0).repeat(8, 1)
    palette = np.array([[170, 35, 40], [240, 230, 205], [30, 50, 110], [20, 20, 22]], np.uint8)
    other = np.array([[60, 120, 60], [20, 20, 22], [225, 140, 150], [240, 230, 205]], np.uint8)
    (found,) = find_alike([trace(Image.fromarray(palette[knots])), trace(Image.fromarray(other[knots[:, ::-1]]))])
    assert found.kind == "mirrored and recoloured"


def test_plain_pictures_are_compared_by_colour():
    reds = [Image.new("RGB", (40, 50), colour) for colour in ("#a02020", "#a12121", "#20a020")]
    (found,) = find_alike([trace(red) for red in reds])
    assert (found.index, found.earlier, found.kind) == (1, 0, "near")


def test_fine_patterns_on_one_ground_are_not_one():
    rng = np.random.default_rng(0)
    palette = np.array([[170, 35, 40], [240, 230, 205]], np.uint8)
    pictures = [Image.fromarray(palette[(rng.random((256, 192)) < 0.3).astype(int)]) for _ in range(6)]
    assert find_alike([trace(picture) for picture in pictures]) == ()


@pytest.mark.slow
def test_a_large_photo_and_its_half_are_one():
    photo = Image.open(io.BytesIO(draw_photo(2400, 3200)))
    (found,) = find_alike([trace(photo, "JPEG"), trace(photo.reduce(2), "JPEG"), trace(draw_carpet_picture(9))])
    assert (found.index, found.kind) == (1, "near")


def test_every_copy_of_many_is_found_once():
    first = trace(draw_carpet_picture(9))
    found = find_alike([first] * 600)
    assert [one.index for one in found] == list(range(1, 600))
    assert {(one.earlier, one.kind) for one in found} == {(0, "same")}


def test_comparing_can_be_stopped():
    def stop() -> None:
        raise RunCancelledError("Stopped.")

    with pytest.raises(RunCancelledError):
        find_alike([trace(draw_carpet_picture(9))], stop)
    assert find_alike([], stop) == ()


@pytest.mark.parametrize("size", [(12, 12), (12, 48), (31, 33), (1000, 250)])
def test_pictures_of_any_size_leave_a_trace(size):
    left = trace(draw_carpet_picture(9).resize(size, Image.Resampling.NEAREST))
    assert left.changes.shape == (32, 32)
    assert np.isfinite(left.changes).all()
