"""Drawing from a design's own motifs: events, knots that are the same again, crosses, kept parts and redraws."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from studio.designs import measure_seams, read_yarns
from studio.designs.structure.symmetry import measure_agreement
from studio.designs.weaving.neighbourhoods import Neighbourhoods
from studio.errors import RequestError, RunCancelledError
from studio.evaluation import recomposed
from studio.generation import motifs
from studio.generation.events import Drawn, Preparing, RunEvent, Started, Stepped, Working
from studio.generation.motifs import MotifEngine
from studio.schema import REDRAWN_SEEDS, WITHOUT_MODEL, Constraints, Cross
from tests.support.knots import YARNS, as_design, check_mirror_cloth, draw_colours, draw_tile
from tests.support.motif_runs import (
    DESIGN,
    all_knots,
    draw_motifs,
    draw_stripes,
    drawn_of,
    knots_of,
    make_motif_request,
    steps_of,
)
from tests.support.pictures import draw_design

MOTIFS_OF_BOTH, LAYOUT = Cross("b" * 64, "motifs", 0.5), Cross("b" * 64, "layout", 0.9)


@pytest.fixture(scope="module")
def engine() -> MotifEngine:
    return MotifEngine()


def test_a_run_reports_its_stage_its_facts_its_steps_and_each_variation(
    engine: MotifEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recomposed, "NEAR_DUPLICATE_RATIO", 0.0)  # nothing is drawn again
    engine.release()
    events = [event for event in draw_motifs(engine, DESIGN) if not isinstance(event, Working)]
    first, second, *rest = events
    assert first == Preparing("Finding the motifs")
    assert isinstance(second, Started)
    facts = second.facts
    assert (facts.model, facts.model_title, facts.effective_steps) == (WITHOUT_MODEL, "the design’s motifs", 0)
    assert (facts.width_px, facts.height_px, facts.enlarged) == (48, 64, False)
    assert "numpy" in facts.versions
    assert "torch" not in facts.versions
    steps = second.steps
    assert {of for _, of in steps_of(events)} == {steps}
    seen = [step for step, _ in steps_of(events)]
    assert seen == sorted(seen)  # a variation that is drawn again takes no step back
    assert set(seen) == set(range(1, steps + 1))
    assert [type(event) for event in rest if isinstance(event, Drawn) or event.step in (steps // 2, steps)] == [
        Stepped,
        Drawn,
    ] * 2
    assert [(one.slot, one.seed, one.image) for one in drawn_of(events)] == [(0, 1, None), (1, 2, None)]
    assert all(one.seconds > 0 for one in drawn_of(events))


def test_previews_show_the_variation_in_work_and_are_small(
    engine: MotifEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recomposed, "NEAR_DUPLICATE_RATIO", 0.0)
    monkeypatch.setattr(motifs, "PREVIEW_PX", 40)
    events = draw_motifs(engine, DESIGN, seeds=(3,))
    shown = [event.previews for event in events if isinstance(event, Stepped) and event.previews]
    assert len(shown) >= 2
    assert {slot for previews in shown for slot in previews} == {0}
    assert all(max(previews[0].size) <= 40 for previews in shown)
    assert shown[-1][0].size == (30, 40)


def test_knots_are_the_designs_yarns_and_each_variation_changes_some(engine: MotifEngine) -> None:
    design = DESIGN.index_map
    for drawn in drawn_of(draw_motifs(engine, DESIGN, seeds=(1, 2, 3))):
        assert drawn.woven is not None
        assert drawn.woven.image.getpalette()[: design.palette.size] == design.palette.ravel().tolist()
        assert knots_of(drawn).shape == design.indices.shape
        assert set(np.unique(knots_of(drawn))) <= set(design.used())
        weaving = drawn.woven.weaving
        assert weaving.changed_share == pytest.approx((knots_of(drawn) != design.indices).mean(), abs=1e-4)
        assert 0 < weaving.changed_share < 0.5
        assert weaving.known_large is not None
        assert weaving.known_small is not None
        assert 0.5 < weaving.known_large <= weaving.known_small


@pytest.mark.slow
def test_more_is_drawn_anew_where_more_is_wanted(engine: MotifEngine) -> None:
    design = draw_tile(96, 96)
    shares = [
        (all_knots(draw_motifs(engine, design, change=change)) != design.index_map.indices).mean()
        for change in (0.05, 0.6)
    ]
    assert 0 < shares[0] < shares[1]


@pytest.mark.slow
def test_the_same_request_gives_the_same_knots_whatever_was_drawn_before(engine: MotifEngine) -> None:
    first = all_knots(draw_motifs(MotifEngine(), DESIGN, seeds=(5, 6, 7)))
    draw_motifs(engine, DESIGN, change=0.6)
    draw_motifs(engine, draw_design(48, 64, seed=1))
    draw_motifs(engine, DESIGN, change=0.1, seeds=(6,))
    assert np.array_equal(all_knots(draw_motifs(engine, DESIGN, seeds=(5, 6, 7))), first)
    assert not np.array_equal(first[0], first[1])


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings", [{}, {"cross": MOTIFS_OF_BOTH}, {"cross": LAYOUT}], ids=["alone", "motifs of both", "layout"]
)
def test_one_seed_alone_gives_what_it_gave_in_the_set(engine: MotifEngine, settings: dict) -> None:
    other = draw_stripes() if settings else None
    together = drawn_of(draw_motifs(engine, DESIGN, other, seeds=(5, 6, 7), **settings))
    for drawn in together:
        (alone,) = drawn_of(draw_motifs(engine, DESIGN, other, seeds=(drawn.seed,), **settings))
        assert alone.seed == drawn.seed
        assert np.array_equal(knots_of(alone), knots_of(drawn))


@pytest.mark.slow
def test_what_is_known_of_a_design_is_kept_for_the_next_run(engine: MotifEngine) -> None:
    def prepared(**settings: object) -> bool:
        events = draw_motifs(engine, DESIGN, **{"seeds": (1,)} | settings)
        return any(isinstance(event, Preparing) for event in events)

    engine.release()
    assert prepared()
    assert not prepared(change=0.4, seeds=(2,))
    assert prepared(constraints=Constraints(palette="source", symmetry="quarter"))
    assert prepared()
    engine.release()
    assert prepared()


def test_symmetry_is_exact(engine: MotifEngine) -> None:
    events = draw_motifs(engine, DESIGN, constraints=Constraints(palette="source", symmetry="quarter"))
    for drawn in drawn_of(events):
        assert drawn.woven is not None
        assert drawn.woven.weaving.agreement == 1
        for direction, offset in (
            ("vertical", drawn.woven.weaving.vertical),
            ("horizontal", drawn.woven.weaving.horizontal),
        ):
            assert offset is not None
            assert measure_agreement(knots_of(drawn), direction, offset) == 1
        assert (knots_of(drawn) != DESIGN.index_map.indices).any()


@pytest.mark.parametrize("repeat", ["straight", "half-drop", "brick", "mirror"])
def test_the_seams_of_a_repeat_are_measured_on_the_woven_picture(engine: MotifEngine, repeat: str) -> None:
    constraints = Constraints(palette="source", repeat=repeat)
    (drawn,) = drawn_of(draw_motifs(engine, draw_tile(64, 64), seeds=(1,), constraints=constraints))
    assert drawn.woven is not None
    weaving = drawn.woven.weaving
    if repeat == "mirror":
        check_mirror_cloth(drawn.woven.image)
        assert (weaving.seam_horizontal, weaving.seam_vertical) == (None, None)
    else:
        seams = measure_seams(np.asarray(drawn.woven.image.convert("RGB")), repeat)
        assert (weaving.seam_horizontal, weaving.seam_vertical) == (seams.horizontal, seams.vertical)


def test_a_marked_part_stays_as_it_is(engine: MotifEngine) -> None:
    constraints = Constraints(palette="source", keep="rectangle", rectangle=(8, 8, 50, 40))
    design = draw_tile(96, 96)
    knots = all_knots(draw_motifs(engine, design, change=0.45, constraints=constraints))
    assert (knots[:, 8:40, 8:50] == design.index_map.indices[8:40, 8:50]).all()
    assert all((one != design.index_map.indices).any() for one in knots)


def test_motifs_of_a_second_design_take_part_in_the_first_ones_yarns(engine: MotifEngine) -> None:
    first = draw_stripes()
    other = as_design(read_yarns(draw_stripes(level=True)).indices, YARNS[:2] // 2 + 20)  # in darker colours
    level = Neighbourhoods([read_yarns(draw_stripes(level=True)).indices], 6)
    crossed = drawn_of(draw_motifs(engine, first, other, cross=MOTIFS_OF_BOTH))
    alone = drawn_of(draw_motifs(engine, first))
    assert all(level.measure_known(knots_of(one)) == 0 for one in alone)
    for drawn in crossed:
        assert drawn.woven is not None
        assert drawn.woven.image.getpalette() == YARNS[:2].ravel().tolist()
        share = level.measure_known(knots_of(drawn))
        assert share is not None
        assert share > 0.02


def test_the_layout_of_a_second_design_leads(engine: MotifEngine) -> None:
    """The design's dark and light parts go where the second design has dark and light."""
    rng = np.random.default_rng(0)
    spots = np.kron(rng.integers(0, 2, (12, 12)), np.ones((4, 4))).astype(np.uint8)
    first = as_design(spots, np.array([[20, 20, 60], [240, 230, 200]], np.uint8))
    ys, xs = np.mgrid[:60, :60]
    layouts = [as_design((half >= 30).astype(np.uint8), first.index_map.palette) for half in (xs, 59 - xs, ys)]
    shown = []
    for layout in layouts:
        (drawn,) = drawn_of(draw_motifs(engine, first, layout, seeds=(1,), cross=LAYOUT))
        shown.append(knots_of(drawn))
    right, left, below = (knots.astype(float) for knots in shown)
    assert right[:, 24:].mean() > right[:, :24].mean() + 0.2
    assert left[:, :24].mean() > left[:, 24:].mean() + 0.2
    assert below[24:].mean() > below[:24].mean() + 0.2


def test_new_yarns_are_few_and_begin_with_the_locked_ones(engine: MotifEngine) -> None:
    constraints = Constraints(palette="new", colours=3, locked=(2,))
    for drawn in drawn_of(draw_motifs(engine, DESIGN, constraints=constraints)):
        assert drawn.woven is not None
        assert len(drawn.woven.weaving.yarns) <= 3
        red, green, blue = DESIGN.index_map.palette[2].tolist()
        assert drawn.woven.weaving.yarns[0] == f"#{red:02x}{green:02x}{blue:02x}"
        assert 0 < drawn.woven.weaving.changed_share < 1  # measured in the new yarns


def test_a_prompt_gives_free_yarns_other_colours_and_leaves_the_knots(engine: MotifEngine) -> None:
    free = Constraints(palette="free")
    plain, named = (
        drawn_of(draw_motifs(engine, DESIGN, seeds=(1,), prompt=prompt, constraints=free))[0].woven
        for prompt in ("", "navy field, ivory diamonds")
    )
    assert plain is not None
    assert named is not None
    assert np.array_equal(np.asarray(plain.image), np.asarray(named.image))
    assert plain.weaving.yarns != named.weaving.yarns
    count = len(named.weaving.yarns)
    written = np.array(named.image.getpalette()[: 3 * count]).reshape(count, 3).tolist()
    assert named.weaving.yarns == tuple(f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in written)


def test_a_prompt_leaves_the_designs_own_yarns(engine: MotifEngine) -> None:
    plain, named = (
        drawn_of(draw_motifs(engine, DESIGN, seeds=(1,), prompt=prompt))[0].woven for prompt in ("", "navy, ivory")
    )
    assert plain is not None
    assert named is not None
    assert plain.weaving == named.weaving
    assert plain.image.getpalette() == named.image.getpalette()


@pytest.mark.slow
def test_a_variation_nearly_like_an_earlier_one_is_drawn_again_and_its_seed_repeats_it(
    engine: MotifEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No two variations differ as much as is asked for here, so each later one is drawn as often as allowed."""
    monkeypatch.setattr(recomposed, "NEAR_DUPLICATE_RATIO", 5.0)
    events = draw_motifs(engine, DESIGN, seeds=(1, 2, 3))
    first, second, third = drawn_of(events)
    assert first.seed == 1
    assert all(one.seed >= REDRAWN_SEEDS for one in (second, third))
    # Under the same condition: their seeds are drawn as they are, alone and in the set.
    again = draw_motifs(engine, DESIGN, seeds=(1, second.seed, third.seed))
    assert [one.seed for one in drawn_of(again)] == [1, second.seed, third.seed]
    assert np.array_equal(all_knots(again), all_knots(events))
    alone = drawn_of(draw_motifs(engine, DESIGN, seeds=(third.seed,)))
    assert np.array_equal(knots_of(alone[0]), knots_of(third))
    steps = [step for step, _ in steps_of(events)]
    assert steps == sorted(steps)
    assert steps[-1] == steps_of(events)[-1][1]
    assert set(steps) == set(range(1, steps[-1] + 1))


def test_variations_unlike_enough_keep_their_seeds(engine: MotifEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recomposed, "NEAR_DUPLICATE_RATIO", 0.0)
    assert [one.seed for one in drawn_of(draw_motifs(engine, DESIGN, seeds=(1, 2, 3, 4)))] == [1, 2, 3, 4]


@pytest.mark.slow
@pytest.mark.parametrize("change", [0.25, 0.45])
def test_recorded_seeds_of_a_sparse_design_repeat_its_pictures(engine: MotifEngine, change: float) -> None:
    """Little can change in it, so that attempts fail and are made again."""
    knots = np.zeros((96, 80), np.uint8)
    knots[20:24, 20:30] = 1
    knots[60:70, 50:54] = 2
    design = as_design(knots, draw_colours(3))
    events = draw_motifs(engine, design, seeds=(1, 2, 3), change=change)
    seeds = tuple(one.seed for one in drawn_of(events))
    assert np.array_equal(all_knots(draw_motifs(engine, design, seeds=seeds, change=change)), all_knots(events))
    for one in drawn_of(events):
        (alone,) = drawn_of(draw_motifs(engine, design, seeds=(one.seed,), change=change))
        assert alone.seed == one.seed
        assert np.array_equal(knots_of(alone), knots_of(one))


def test_a_design_of_one_yarn_has_no_motifs(engine: MotifEngine) -> None:
    design = as_design(np.zeros((300, 300), np.uint8), draw_colours(1))
    with pytest.raises(RequestError, match="one yarn"):
        draw_motifs(engine, design)


def test_a_part_too_narrow_to_draw_in_is_told(engine: MotifEngine) -> None:
    constraints = Constraints(
        palette="source", keep="rectangle", rectangle=(0, 0, DESIGN.width_px - 3, DESIGN.height_px)
    )
    with pytest.raises(RequestError, match="3 knots wide"):
        draw_motifs(engine, DESIGN, constraints=constraints)


def stop_at(kind: type, count: int) -> Callable[[RunEvent], None]:
    """Return a listener that stops a run at the n-th event of a kind."""
    seen: list[RunEvent] = []

    def listen(event: RunEvent) -> None:
        seen.extend([event] if isinstance(event, kind) else [])
        if len(seen) >= count:
            raise RunCancelledError("The run was stopped.")

    return listen


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "count"), [(Preparing, 1), (Started, 1), (Working, 1), (Stepped, 1), (Stepped, 4), (Drawn, 1)]
)
def test_a_listener_ends_a_run_and_the_next_one_is_whole(
    monkeypatch: pytest.MonkeyPatch, kind: type, count: int
) -> None:
    monkeypatch.setattr(motifs, "CHECK_SECONDS", 0.0)
    engine = MotifEngine()
    with pytest.raises(RunCancelledError):
        engine.generate(make_motif_request(DESIGN), DESIGN, stop_at(kind, count))
    assert np.array_equal(all_knots(draw_motifs(engine, DESIGN)), all_knots(draw_motifs(MotifEngine(), DESIGN)))
