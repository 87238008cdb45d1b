"""Held-out designs: whole designs, the same for the same seed, and stable when pictures are added."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio.datasets import Example, split
from studio.errors import RequestError


def make_examples(numbers) -> list[Example]:
    """Return one example for each number, of a design of its own."""
    return [Example(f"{number:016x}", f"{number}.png", "", 64, 64, design=f"{number:016x}") for number in numbers]


@settings(deadline=None)
@given(count=st.integers(4, 60), share=st.floats(0.01, 0.5), seed=st.integers(0, 5))
def test_the_share_of_the_designs_is_held_out_and_nothing_is_lost(count, share, seed):
    examples = make_examples(range(count))
    trained, held_out = split(examples, share, seed)
    assert len(held_out) == max(1, round(share * count))
    assert sorted((*trained, *held_out), key=examples.index) == examples
    assert split(list(reversed(examples)), share, seed)[1] == tuple(reversed(held_out))


@settings(deadline=None)
@given(count=st.integers(4, 60), extra=st.integers(1000, 2000), seed=st.integers(0, 5))
def test_a_picture_more_moves_one_other_design_at_most(count, extra, seed):
    before = {example.id for example in split(make_examples(range(count)), 0.1, seed)[1]}
    after = {example.id for example in split(make_examples([*range(count), extra]), 0.1, seed)[1]}
    assert len((before ^ after) - {f"{extra:016x}"}) <= 1


def test_other_seeds_hold_out_others():
    examples = make_examples(range(40))
    assert len({split(examples, 0.1, seed)[1] for seed in range(10)}) > 5


def test_pictures_of_one_design_stay_on_one_side():
    examples = [
        Example(f"{design}-{i}", f"{design}/{i}.png", "", 64, 64, design=f"design {design}")
        for design in range(10)
        for i in range(5)
    ]
    for seed in range(20):
        trained, held_out = split(examples, 0.2, seed)
        assert len(held_out) == 10
        assert not {one.design for one in trained} & {one.design for one in held_out}


def test_variations_stay_with_their_source_where_no_design_is_known():
    examples = [Example(f"{i}", f"{i}.png", "", 64, 64, source=f"{i // 3 * 3}" if i % 3 else None) for i in range(30)]
    trained, held_out = split(examples, 0.2, 1)
    assert len(held_out) == 6
    assert not {one.source or one.id for one in trained} & {one.source or one.id for one in held_out}


def test_few_designs_or_no_share_hold_out_none():
    assert split(make_examples(range(3)), 0.5)[1] == ()
    assert split(make_examples(range(30)), 0)[1] == ()
    assert split([], 0.1) == ((), ())


def test_a_design_with_most_of_the_pictures_is_trained():
    large = [Example(f"l{i}", f"l{i}.png", "", 64, 64, design="large") for i in range(20)]
    for seed in range(10):
        trained, held_out = split([*large, *make_examples(range(4))], 0.5, seed)
        assert set(large) <= set(trained)
        assert held_out


@pytest.mark.parametrize("share", [-0.1, 0.6, float("nan")])
def test_other_shares_are_refused(share):
    with pytest.raises(RequestError, match=r"0 to 0\.5"):
        split(make_examples(range(9)), share)
