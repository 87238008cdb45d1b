"""Estimates of the time left, from the run itself and from an earlier run of its kind."""

from __future__ import annotations

import pytest

from studio.jobs.time_left import Pace, PastTimes, StageTimes

WOVEN = (2.0, 3.0, 8.0, 9.0, 9.5, 10.0)
"""Timestamps of four steps, the first and third of them slow, and of two pictures."""


def replay(pace: Pace, timestamps: tuple[float, ...], slowdown: float = 1.0) -> list[float | None]:
    """Return the estimates at each milestone of a run with these timestamps times `slowdown`."""
    estimates = []
    for number, timestamp in enumerate(timestamps):
        now = pace.began + slowdown * timestamp
        if number < pace.steps:
            pace.note_step(now, number + 1, pace.steps)
        else:
            pace.note_picture(now)
        estimates.append(pace.seconds_left(now))
    return estimates


def test_a_first_run_has_no_estimate_before_its_first_step():
    pace = Pace(100.0, steps=4, pictures=2)
    assert pace.seconds_left(101.0) is None


def test_a_first_run_is_estimated_by_its_median_step():
    pace = Pace(100.0, steps=8, pictures=2)
    for step, now in enumerate((130.0, 131.0, 132.0), start=1):  # the first step fills caches
        pace.note_step(now, step, 8)
    assert pace.seconds_left(132.0) == pytest.approx(5 * 1.0 + 2 * 0.5)
    assert pace.seconds_left(133.5) == pytest.approx(6.0 - 1.5)
    assert pace.seconds_left(150.0) == 0.0


def test_a_second_run_of_a_kind_is_estimated_from_its_start():
    pace = Pace(50.0, steps=4, pictures=2, past=WOVEN)
    assert pace.seconds_left(50.0) == pytest.approx(10.0)
    assert replay(pace, WOVEN) == pytest.approx([8.0, 7.0, 2.0, 1.0, 0.5, 0.0])
    assert pace.complete


def test_the_estimate_of_a_slower_run_is_scaled():
    estimates = replay(Pace(0.0, steps=4, pictures=2, past=WOVEN), WOVEN, slowdown=3.0)
    left = [3 * (WOVEN[-1] - timestamp) for timestamp in WOVEN]
    errors = [abs(one - other) for one, other in zip(estimates, left, strict=True)]
    assert errors[0] < 0.35 * left[0]
    assert errors[3] < 0.15 * left[3]
    assert all(one < other for one, other in zip(estimates[:-1], left[:-1], strict=True))  # the past run weighs in


@pytest.mark.parametrize("steps", [3, 5])
def test_a_run_of_another_length_is_ignored(steps):
    assert Pace(0.0, steps=steps, pictures=2, past=WOVEN).seconds_left(0.0) is None


def test_a_run_whose_steps_grow_is_estimated_by_itself():
    """Steps that ran out of memory are drawn again in smaller batches, so there are more of them."""
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


def test_steps_that_are_drawn_again_are_no_milestones():
    """A variation that nearly repeats an earlier one is drawn again, and its steps are reported once more."""
    pace = Pace(0.0, steps=2, pictures=2, past=(1.0, 2.0, 3.0, 4.0))
    for now, step in ((1.0, 1), (2.0, 1), (3.0, 1), (4.0, 2), (5.0, 2), (6.0, 1)):
        pace.note_step(now, step, 2)
        assert pace.seconds_left(now) is not None
    assert (pace.step, pace.timestamps) == (2, [1.0, 4.0])
    pace.note_picture(7.0)
    pace.note_picture(8.0)
    assert pace.complete


def test_stages_are_expected_to_take_as_long_as_they_did_last_per_megapixel():
    times = StageTimes({("photo", "yarns"): 0.5})
    assert times.expect("photo", "yarns", 4) == 2.0
    assert times.expect("indexed", "yarns", 4) is None
    times.remember("photo", "yarns", megapixels=2, seconds=3)
    assert times.expect("photo", "yarns", 4) == 6.0
