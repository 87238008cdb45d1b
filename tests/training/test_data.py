"""Training data: examples, crops and pairs."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from studio.designs.colours.colour_words import BASIC_WORDS
from studio.training import crops
from studio.training.crops import CropStream
from studio.training.examples import HELD_OUT_SEEDS, TRAINING_SEEDS, PairShares, draw_example, draw_pair
from tests.support.tiny_models import two_threads

__all__ = ["two_threads"]


def test_examples_depend_on_their_number_alone_and_are_not_held_out():
    first, again, other = draw_example(5, 160, 128), draw_example(5, 160, 128), draw_example(6, 160, 128)
    assert first.caption == again.caption
    assert np.array_equal(first.pixels, again.pixels)
    assert first.pixels.shape == (128, 160, 3)
    assert not np.array_equal(first.pixels, other.pixels)
    assert min(HELD_OUT_SEEDS) >= 0
    assert max(HELD_OUT_SEEDS) < TRAINING_SEEDS


def test_a_batch_of_crops_depends_on_its_number_alone():
    first, again = (CropStream(2, 96, crops_each=2, designs=3) for _ in range(2))
    batches = [first.draw(number) for number in range(3)]
    assert [tuple(batch.shape) for batch in batches] == [(2, 3, 96, 96)] * 3
    assert torch.equal(again.draw(2), batches[2])
    assert not torch.equal(batches[0], batches[1])


def test_crops_are_cut_from_a_moving_window_of_designs(monkeypatch: pytest.MonkeyPatch):
    drawn: list[int] = []
    monkeypatch.setattr(
        crops, "draw_crop_source", lambda number: drawn.append(number) or draw_example(number, 128, 128).pixels
    )
    stream = CropStream(4, 32, crops_each=4, designs=5)
    for number in range(40):
        stream.draw(number)
    assert len(drawn) == len(set(drawn))
    assert 30 < max(drawn) < 45
    assert len(stream._cache) <= 5


def test_a_recoloured_pair_is_one_drawing_in_two_colourways():
    for number in range(4):
        pair = draw_pair(number, 160, 128, PairShares(recoloured=1))
        same = draw_pair(number, 160, 128, PairShares())
        example = draw_example(number, 160, 128)
        assert np.array_equal(pair.target, example.pixels)
        assert pair.caption == same.caption == example.caption
        assert same.source is same.target
        assert not np.array_equal(pair.source, pair.target)
        if len(np.unique(pair.target.reshape(-1, 3), axis=0)) <= 16:  # not shrunk, so no blended colours
            sides = (pair.source.reshape(-1, 3), pair.target.reshape(-1, 3))
            maps = [np.unique(side, axis=0, return_inverse=True)[1] for side in sides]
            assert len({*zip(*(one.tolist() for one in maps), strict=True)}) == maps[0].max() + 1


def test_plain_captions_name_no_colours_except_of_recoloured_pairs():
    said = {draw_pair(number, 128, 128, PairShares(plain=1)).caption for number in range(12)}
    assert not {word for text in said for word in text.replace(",", " ").split()} & {*BASIC_WORDS}
    assert len(said) > 4
    assert all(draw_pair(3, 128, 128, PairShares(1, 1)).caption == draw_example(3, 128, 128).caption for _ in range(2))
