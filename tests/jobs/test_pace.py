"""How long a run will still take is told truly: from the run itself, and from an earlier one of its kind."""

from __future__ import annotations

import pytest

from studio.jobs.pace import Pace, PastTimes

WOVEN = (2.0, 3.0, 8.0, 9.0, 9.5, 10.0)
"""Four steps, of which the first and third take long, and two pictures."""


def walk(pace: Pace, moments: tuple[float, ...], slower: float = 1.0) -> list[float | None]:
    """Return what is told to be left after each moment of a run that goes like another, only slower."""
    told = []
    for number, moment in enumerate(moments):
        now = pace.began + slower * moment
        if number < pace.steps:
            pace.note_step(now, number + 1, pace.steps)
        else:
            pace.note_picture(now)
        told.append(pace.seconds_left(now))
    return told


def test_nothing_is_told_before_the_first_step_of_a_first_run():
    pace = Pace(100.0, steps=4, pictures=2)
    assert pace.seconds_left(101.0) is None


def test_a_first_run_tells_by_its_own_steps_and_is_not_misled_by_a_long_one():
    pace = Pace(100.0, steps=8, pictures=2)
    for step, now in enumerate((130.0, 131.0, 132.0), start=1):  # the first waits for caches
        pace.note_step(now, step, 8)
    assert pace.seconds_left(132.0) == pytest.approx(5 * 1.0 + 2 * 0.5)
    assert pace.seconds_left(133.5) == pytest.approx(6.0 - 1.5)
    assert pace.seconds_left(150.0) == 0.0


def test_a_second_run_of_a_kind_knows_the_whole_way_from_the_start():
    pace = Pace(50.0, steps=4, pictures=2, past=WOVEN)
    assert pace.seconds_left(50.0) == pytest.approx(10.0)
    assert walk(pace, WOVEN) == pytest.approx([8.0, 7.0, 2.0, 1.0, 0.5, 0.0])
    assert pace.complete


def test_a_slower_run_stretches_what_is_left():
    told = walk(Pace(0.0, steps=4, pictures=2, past=WOVEN), WOVEN, slower=3.0)
    left = [3 * (WOVEN[-1] - moment) for moment in WOVEN]
    errors = [abs(one - other) for one, other in zip(told, left, strict=True)]
    assert errors[0] < 0.35 * left[0]
    assert errors[3] < 0.15 * left[3]
    assert all(one < other for one, other in zip(told[:-1], left[:-1], strict=True))  # it leans on the past run


@pytest.mark.parametrize("steps", [3, 5])
def test_a_run_of_another_length_does_not_count(steps):
    assert Pace(0.0, steps=steps, pictures=2, past=WOVEN).seconds_left(0.0) is None


def test_more_steps_than_was_thought_are_told_by_the_run_itself():
    """Five at once were too many for the memory: the steps that failed are drawn again, in smaller batches."""
    pace = Pace(0.0, steps=4, pictures=2, past=WOVEN)
    pace.note_step(1.0, 1, 4)
    pace.note_step(2.0, 1, 8)
    assert pace.seconds_left(2.0) == pytest.approx(7 * 1.0 + 2 * 0.5)
    for step in range(2, 9):
        pace.note_step(1.0 + step, step, 8)
    for _ in range(2):
        pace.note_picture(10.0)
    assert pace.seconds_left(10.0) == 0.0
    assert not pace.complete


def test_kinds_of_runs_are_remembered_up_to_a_limit():
    past = PastTimes()
    for kind in range(100):
        past.remember(kind, (float(kind),))
    past.remember(99, (1.0,))
    assert len(past.runs) == 64
    assert 99 in past.runs and 0 not in past.runs
    assert past.runs[99] == (1.0,)
