"""Motifs of a variation that a training picture has and its source has not."""

from __future__ import annotations

import numpy as np
import pytest

from studio.evaluation.memorised import Found, TrainingMotifs
from tests.support.knots import draw_colours


def draw_blots(seed: int, shape: tuple[int, int] = (160, 120)) -> np.ndarray:
    """Draw overlapping discs in two colours: no place of a picture is like a place of another."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    knots = np.zeros(shape, np.uint8)
    for _ in range(60):
        y, x, radius = rng.integers(shape[0]), rng.integers(shape[1]), rng.integers(4, 14)
        knots[(rows - y) ** 2 + (columns - x) ** 2 < radius**2] ^= 1
    return np.array([[20, 20, 40], [230, 220, 200]], np.uint8)[knots]


@pytest.fixture(scope="module")
def motifs() -> TrainingMotifs:
    """Four training pictures."""
    return TrainingMotifs((draw_blots(seed) for seed in range(4)), 4)


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_motif_of_a_training_picture_is_named_with_its_places(motifs: TrainingMotifs, mirrored: bool) -> None:
    variation, training = draw_blots(50), draw_blots(2)
    motif = training[40:100, 20:80]
    variation[80:140, 40:100] = motif[:, ::-1] if mirrored else motif
    found = motifs.find(variation, draw_blots(50))
    assert found.looked > 100
    best = found.motifs[0]
    # Tiles a fifth of the picture long, a quarter of that apart, in a motif of 60 x 60 of 160 x 120 pixels.
    assert len(found.motifs) < found.copied < found.looked * 60 * 60 / (160 * 120)
    assert (best.picture, best.mirrored) == (2, mirrored)
    assert best.likeness > 0.95 > best.in_source + 0.1
    left, top, right, bottom = best.where
    assert 80 / 160 - 0.02 <= top < bottom <= 140 / 160 + 0.02
    assert 40 / 120 - 0.02 <= left < right <= 100 / 120 + 0.02
    _, there_top, _, there_bottom = best.there
    assert 40 / 160 - 0.02 <= there_top < there_bottom <= 100 / 160 + 0.02


def test_other_yarns_do_not_hide_a_motif(motifs: TrainingMotifs) -> None:
    variation, source = draw_blots(50), draw_blots(50)
    part = draw_blots(1)[:80, :80]
    variation[:80, :80] = np.where(part[..., :1] > 128, draw_colours(1, 5), np.array([[40, 160, 120]], np.uint8))
    assert {one.picture for one in motifs.find(variation, source).motifs} == {1}


def test_what_the_source_has_is_no_copy_of_the_training_picture(motifs: TrainingMotifs) -> None:
    variation = draw_blots(50)
    variation[80:140, 40:100] = draw_blots(2)[40:100, 20:80]
    assert motifs.find(variation, variation).copied == 0
    assert motifs.find(draw_blots(50), draw_blots(51)).copied == 0


def test_plain_pictures_and_no_training_pictures_have_no_motifs(motifs: TrainingMotifs) -> None:
    plain = np.full((160, 120, 3), 70, np.uint8)
    assert motifs.find(plain, plain) == Found((), 0, 0)
    assert TrainingMotifs([], 0).find(draw_blots(1), plain).motifs == ()
    tiny = np.ascontiguousarray(draw_blots(1)[:20, :20])
    assert motifs.find(tiny, tiny).copied == 0
