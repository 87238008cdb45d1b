"""The engine of the queue on the built-in model: the design's motifs, the model, or the motifs led by its picture."""

from __future__ import annotations

from typing import NoReturn

import numpy as np
import pytest

from studio.errors import RunCancelledError
from studio.evaluation import recomposed
from studio.generation.drawing_engine import DrawingEngine, ModelEngine
from studio.generation.engine import Engine
from studio.generation.events import Drawn, Preparing, RunEvent, Started, Stepped, Working
from studio.generation.motifs import ALGORITHM, MotifEngine
from studio.models.pipeline_slot import PipelineSlot
from studio.recompose.recomposer import Recomposer, read_carpet
from studio.schema import REDRAWN_SEEDS, Constraints
from tests.support.knots import as_design
from tests.support.motif_runs import all_knots, draw_motifs, drawn_of, knots_of, make_motif_request, steps_of
from tests.support.pictures import digest, draw_design

DESIGN = draw_design(96, 96)
OF_MODEL = {"prompt": "red kilim carpet", "steps": 2, "strength": 1.0, "guidance_scale": 1.0}


def refuse() -> NoReturn:
    raise AssertionError("no model is to be loaded")


@pytest.fixture
def engine(slot: PipelineSlot) -> DrawingEngine:
    return DrawingEngine(lambda: Engine(slot))


def draw_both(engine: DrawingEngine, **settings: object) -> list[RunEvent]:
    return draw_motifs(engine, DESIGN, **OF_MODEL | {"drawing": "both"} | settings)


def test_motifs_need_no_model() -> None:
    engine = DrawingEngine(refuse)
    events = draw_motifs(engine, DESIGN)
    assert np.array_equal(all_knots(events), all_knots(draw_motifs(MotifEngine(), DESIGN)))
    assert not engine.holds_model
    engine.release()
    assert any(isinstance(event, Preparing) for event in draw_motifs(engine, DESIGN))  # the design was forgotten


@pytest.mark.slow
def test_a_model_alone_draws_as_its_own_engine_does(engine: DrawingEngine, slot: PipelineSlot) -> None:
    settings = OF_MODEL | {"drawing": "model"}
    events = draw_motifs(engine, DESIGN, **settings)
    own: list[RunEvent] = []
    Engine(slot).generate(make_motif_request(DESIGN, **settings), DESIGN, own.append)
    assert [digest(one.image) for one in drawn_of(events)] == [digest(one.image) for one in drawn_of(own)]
    assert np.array_equal(all_knots(events), all_knots(own))
    assert steps_of(events) == steps_of(own)


@pytest.mark.slow
def test_both_give_knots_of_the_designs_yarns_beside_the_models_picture(
    engine: DrawingEngine, slot: PipelineSlot
) -> None:
    design, events, alone = DESIGN.index_map, draw_both(engine), []
    plain = make_motif_request(DESIGN, **OF_MODEL, constraints=Constraints(palette="free"))
    Engine(slot).generate(plain, DESIGN, alone.append)
    assert [(one.slot, one.seed) for one in drawn_of(events)] == [(0, 1), (1, 2)]
    for drawn, model in zip(drawn_of(events), drawn_of(alone), strict=True):
        assert drawn.image is not None
        assert digest(drawn.image) == digest(model.image)
        assert drawn.seconds > 0
        assert drawn.woven is not None
        assert drawn.woven.image.getpalette()[: design.palette.size] == design.palette.ravel().tolist()
        assert set(np.unique(knots_of(drawn))) <= set(design.used())
        assert drawn.woven.weaving.known_large is not None
        assert drawn.woven.weaving.known_large > 0.3
    assert not np.array_equal(*all_knots(events))


@pytest.mark.slow
def test_both_draw_the_models_picture_in_motifs(engine: DrawingEngine) -> None:
    (drawn,) = drawn_of(draw_both(engine, seeds=(4,), pull=0.8, change=0.3))
    assert drawn.image is not None
    recomposer = Recomposer(read_carpet(DESIGN.index_map))
    picture = np.asarray(drawn.image.convert("RGB"))
    assert np.array_equal(recomposer.draw_led(picture, 0.8, 4, change=0.3), knots_of(drawn))


@pytest.mark.slow
def test_steps_of_both_add_up_and_never_run_backwards(engine: DrawingEngine) -> None:
    events = [event for event in draw_both(engine) if not isinstance(event, Working)]
    (started,) = [event for event in events if isinstance(event, Started)]
    steps = [event for event in events if isinstance(event, Stepped)]
    numbers = [event.step for event in steps]
    assert {event.steps for event in steps} == {started.steps}
    assert numbers == list(range(1, started.steps + 1))
    reports = Recomposer(read_carpet(DESIGN.index_map)).reports
    model_steps = started.facts.effective_steps  # both variations in one batch
    assert started.steps == model_steps + 2 * (reports + 1)
    assert events.index(started) < events.index(steps[0])
    # All of a variation's steps come before it, and the last one is the last step.
    at = [i for i, event in enumerate(events) if isinstance(event, Drawn)]
    assert [events[i - 1] for i in at] == [steps[-(reports + 1) - 1], steps[-1]]
    shown = [slot for event in steps[model_steps:] for slot in event.previews]
    assert shown == [0] * reports + [1] * reports


@pytest.mark.slow
def test_facts_of_both_name_the_model_and_the_notes_of_the_plan(engine: DrawingEngine) -> None:
    rows, columns = np.mgrid[:64, :64]
    photograph = as_design(np.stack([rows * 3, columns * 3, 255 - rows - columns], -1).astype(np.uint8))
    constraints = Constraints(palette="source", keep="rectangle", rectangle=(8, 8, 24, 24))
    events = draw_motifs(engine, photograph, **OF_MODEL, drawing="both", seeds=(1,), constraints=constraints)
    (started,) = [event for event in events if isinstance(event, Started)]
    assert (started.facts.model, started.facts.effective_steps) == ("builtin", 2)
    assert started.facts.versions["motifs"] == ALGORITHM
    assert {"torch", "diffusers"} <= set(started.facts.versions)
    assert any(note.startswith("The kept part stays as it is in the design's") for note in started.facts.notes)


@pytest.mark.slow
def test_the_same_request_of_both_gives_the_same_knots(engine: DrawingEngine) -> None:
    first = all_knots(draw_both(engine))
    draw_motifs(engine, DESIGN, change=0.6)
    assert np.array_equal(all_knots(draw_both(engine)), first)


@pytest.mark.slow
def test_near_duplicates_of_both_are_drawn_once_more_and_their_seeds_repeat_them(
    engine: DrawingEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model's picture is that of the first seed; only its drawing in motifs is another one."""
    monkeypatch.setattr(recomposed, "NEAR_DUPLICATE_RATIO", 5.0)
    events = draw_both(engine, seeds=(1, 2))
    first, second = drawn_of(events)
    assert (first.seed, second.seed) == (1, 2 + REDRAWN_SEEDS)
    (alone,) = drawn_of(draw_both(engine, seeds=(second.seed,)))
    assert alone.seed == second.seed
    assert np.array_equal(knots_of(alone), knots_of(second))
    assert digest(alone.image) == digest(second.image)
    monkeypatch.undo()
    plain = drawn_of(draw_both(engine, seeds=(2,)))[0]
    assert digest(plain.image) == digest(second.image)
    assert not np.array_equal(knots_of(plain), knots_of(second))


@pytest.mark.slow
def test_both_keep_symmetry_and_a_marked_part(engine: DrawingEngine) -> None:
    design = DESIGN.index_map.indices
    constraints = Constraints(palette="source", keep="rectangle", rectangle=(8, 8, 40, 48))
    knots = all_knots(draw_both(engine, constraints=constraints))
    assert (knots[:, 8:48, 8:40] == design[8:48, 8:40]).all()
    for drawn in drawn_of(draw_both(engine, constraints=Constraints(palette="source", symmetry="quarter"))):
        assert drawn.woven is not None
        assert drawn.woven.weaving.agreement == 1


@pytest.mark.slow
@pytest.mark.parametrize("after", [Started, Stepped, Drawn])
def test_a_listener_ends_a_run_of_both(engine: DrawingEngine, after: type) -> None:
    seen: list[RunEvent] = []

    def listen(event: RunEvent) -> None:
        seen.append(event)
        if isinstance(event, after):
            raise RunCancelledError("The run was stopped.")

    with pytest.raises(RunCancelledError):
        engine.generate(make_motif_request(DESIGN, **OF_MODEL | {"drawing": "both"}), DESIGN, listen)
    assert isinstance(seen[-1], after)
    assert len(drawn_of(draw_both(engine, seeds=(1,)))) == 1


@pytest.mark.slow
def test_while_motifs_are_drawn_a_run_of_both_can_be_stopped(
    engine: DrawingEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studio.generation.motifs.CHECK_SECONDS", 0.0)
    events = draw_both(engine, seeds=(1,))
    last_of_model = max(i for i, event in enumerate(events) if isinstance(event, Stepped) and event.step == 2)
    assert any(isinstance(event, Working) for event in events[last_of_model:])


def test_release_frees_the_model() -> None:
    released: list[str] = []

    class Held:
        holds_model = True

        def generate(self, *_: object) -> None:
            """Draw nothing."""

        def release(self) -> None:
            released.append("released")

    held: ModelEngine = Held()
    engine = DrawingEngine(lambda: held)
    assert not engine.holds_model
    draw_motifs(engine, DESIGN, seeds=(1,))
    assert not engine.holds_model
    draw_motifs(engine, DESIGN, **OF_MODEL | {"drawing": "model"})
    assert engine.holds_model
    engine.release()
    assert (engine.holds_model, released) == (False, ["released"])
    engine.release()
    assert released == ["released"]
