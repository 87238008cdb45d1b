"""A repeat of 24 x 24 knots, and designs as small as may be opened: whatever draws, a picture or a clear refusal."""

from __future__ import annotations

import numpy as np
import pytest

from studio.designs import Design
from studio.designs.files.opening import SMALLEST_SIDE_PX
from studio.errors import RequestError
from studio.generation.drawing_engine import DrawingEngine
from studio.generation.engine import Engine
from studio.models.pipeline_slot import PipelineSlot
from studio.schema import Constraints
from tests.support.knots import YARNS, as_design
from tests.support.motif_runs import draw_motifs, drawn_of, knots_of

OF_MODEL = {"prompt": "red kilim carpet", "steps": 2, "strength": 1.0, "guidance_scale": 1.0, "seeds": (1,)}


def draw_small(side: int) -> Design:
    """Draw a design of four yarns and no symmetry."""
    knots = np.zeros((side, side), np.uint8)
    knots[side // 4 : side // 2, side // 4 : side // 2] = 1
    knots[side // 2 : side // 2 + 3, : side // 3] = 2
    knots[-2:, -2:] = 3
    return as_design(knots, YARNS)


@pytest.mark.slow
@pytest.mark.parametrize("drawing", ["motifs", "model", "both"])
@pytest.mark.parametrize("repeat", ["none", "half-drop"])
def test_a_repeat_of_24_knots_a_side_is_drawn(slot: PipelineSlot, drawing: str, repeat: str) -> None:
    engine, design = DrawingEngine(lambda: Engine(slot)), draw_small(24)
    constraints = Constraints(palette="source", symmetry="auto", repeat=repeat)
    (drawn,) = drawn_of(draw_motifs(engine, design, **OF_MODEL, drawing=drawing, constraints=constraints))
    knots = knots_of(drawn)
    assert knots.shape == (24, 24)
    assert (knots != design.index_map.indices).any()


@pytest.mark.slow
def test_the_smallest_designs_that_may_be_opened_are_drawn(slot: PipelineSlot) -> None:
    engine, design = DrawingEngine(lambda: Engine(slot)), draw_small(SMALLEST_SIDE_PX)
    for drawing in ("motifs", "model", "both"):
        (drawn,) = drawn_of(draw_motifs(engine, design, **OF_MODEL, drawing=drawing))
        assert knots_of(drawn).shape == (SMALLEST_SIDE_PX, SMALLEST_SIDE_PX)


@pytest.mark.slow
@pytest.mark.parametrize("drawing", ["model", "both"])
def test_a_repeat_smaller_than_the_model_draws_is_refused_with_what_to_do(slot: PipelineSlot, drawing: str) -> None:
    engine, design = DrawingEngine(lambda: Engine(slot)), draw_small(15)
    constraints = Constraints(palette="source", repeat="brick")
    with pytest.raises(
        RequestError, match=r"at least 16 a side\. Draw it from its motifs alone, or set Repeat to none"
    ):
        draw_motifs(engine, design, **OF_MODEL, drawing=drawing, constraints=constraints)
