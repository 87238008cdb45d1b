"""What memory a drawing takes is told before it is taken."""

from __future__ import annotations

import tracemalloc

import pytest

from studio.errors import MemoryShortError
from studio.generation.motif_memory import FIXED_BYTES, estimate_bytes, tell_memory
from studio.recompose.domain import find_domain
from studio.recompose.recomposer import MEDIUM, Recomposer
from tests.recompose.small_designs import draw_ornament, make_carpet


def test_little_memory_is_not_worth_a_sentence_and_much_is_told():
    assert tell_memory(estimate_bytes([find_domain((1200, 900), "none", None, None)])) is None
    assert tell_memory(1.26e9) == "Drawn with up to 1.3 GB of main memory."


def test_more_memory_than_is_free_is_refused_with_what_to_do():
    with pytest.raises(MemoryShortError, match=r"takes about 1000000\.0 GB .* a quarter of it by its symmetry"):
        tell_memory(1e15)


def test_a_symmetric_design_takes_less_since_a_part_of_it_is_drawn():
    whole, quarter = (estimate_bytes([find_domain((6000, 4000), "none", *axes)]) for axes in ((None, None), (0, 0)))
    assert quarter - FIXED_BYTES < 0.5 * (whole - FIXED_BYTES)


@pytest.mark.slow
@pytest.mark.parametrize("axis", [None, 0])
def test_a_drawing_stays_within_what_is_told(axis):
    """Arrays alone, as tracemalloc counts them."""
    design = draw_ornament(700, 600, vertical=axis)
    carpet = make_carpet(design, "none", axis)
    Recomposer(make_carpet(design[:60, 270:330], "none", axis)).draw(MEDIUM, 1)  # the loops are loaded
    tracemalloc.start()
    recomposer = Recomposer(carpet)
    recomposer.draw(MEDIUM, 1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    told = estimate_bytes(recomposer.domains) - FIXED_BYTES
    assert 0.4 * told < peak < told + 10e6  # the coarse levels do not grow with a design
