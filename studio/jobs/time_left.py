"""Estimates of the time left in a run or a reading, from its own steps and from the last one of the same kind.

A run has two sorts of milestones: denoising steps, then finished pictures. A timestamp is the time at which a
milestone was reached, in seconds since denoising began.
"""

from __future__ import annotations

import statistics
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field

_KINDS = 64
"""Number of kinds of runs to remember, the most recent ones."""
_RECENT_STEPS = 6
_TRUST = 0.1
"""Share of the earlier run after which the current run's own speed weighs as much as the earlier one's."""


@dataclass
class PastTimes:
    """Times of earlier jobs in seconds, shared by all jobs of a queue.

    `loads`: duration of each loading stage by its text. `runs`: timestamps of the last finished run by kind, the
    kind used longest ago first.
    """

    loads: dict[str, float] = field(default_factory=dict)
    runs: dict[Hashable, tuple[float, ...]] = field(default_factory=dict)

    def remember(self, kind: Hashable, timestamps: tuple[float, ...]) -> None:
        """Store the timestamps of a run in place of the earlier run of its kind."""
        self.runs.pop(kind, None)
        self.runs[kind] = timestamps
        while len(self.runs) > _KINDS:
            del self.runs[next(iter(self.runs))]


class Pace:
    """The timestamps of a run in progress. `began` is on the monotonic clock.

    `steps` and `pictures` are the expected numbers of milestones. `past` are the timestamps of an earlier run of the
    same kind. They show which steps are slow: some weave every picture, the first one fills caches.
    """

    def __init__(self, began: float, steps: int, pictures: int, past: tuple[float, ...] = ()) -> None:
        self.began = began
        self.steps = steps
        self.pictures = pictures
        self.step = 0
        self.past = past if len(past) == steps + pictures else ()
        self.timestamps: list[float] = []
        self._step_seconds: list[float] = []
        self._picture_seconds: list[float] = []

    def note_step(self, now: float, step: int, steps: int) -> None:
        """Record that step `step` (from 1) of `steps` is done. `steps` grows if batches shrink for lack of memory.

        A step that was reached before, because a variation is drawn again, is no milestone.
        """
        if steps != self.steps:
            self.steps, self.past = steps, ()
        elif step <= self.step:
            return
        self.step = step
        self._note(now, self._step_seconds)

    def note_picture(self, now: float) -> None:
        """Record that a picture is finished."""
        self._note(now, self._picture_seconds)

    @property
    def complete(self) -> bool:
        """Whether there is a timestamp for every step and picture."""
        return len(self.timestamps) == self.steps + self.pictures

    def seconds_left(self, now: float) -> float | None:
        """Return the estimated seconds left at `now`, None before the first step of a run without an earlier one."""
        last = self.timestamps[-1] if self.timestamps else 0.0
        left = self._left_by_past(last) if self.past else self._left_by_itself()
        return None if left is None else max(left - (now - self.began - last), 0.0)

    def _left_by_past(self, last: float) -> float:
        """Return the time left of the earlier run at this milestone, scaled by the current run's relative speed."""
        done = len(self.timestamps)
        then = self.past[done - 1] if done else 0.0
        trust = _TRUST * self.past[-1]
        return (self.past[-1] - then) * (last + trust) / (then + trust) if self.past[-1] > 0 else 0.0

    def _left_by_itself(self) -> float | None:
        if not self._step_seconds:
            return None
        # The median: the first step, and steps that weave every picture, take many times as long as the others.
        step_seconds = statistics.median(self._step_seconds[-_RECENT_STEPS:])
        picture_seconds = self._picture_seconds[-1] if self._picture_seconds else step_seconds / 2
        pictures_left = self.pictures - len(self._picture_seconds)
        return (self.steps - self.step) * step_seconds + pictures_left * picture_seconds

    def _note(self, now: float, durations: list[float]) -> None:
        timestamp = now - self.began
        durations.append(timestamp - (self.timestamps[-1] if self.timestamps else 0.0))
        self.timestamps.append(timestamp)


class StageTimes:
    """Seconds per megapixel that each stage of a reading took last, by kind of picture and stage."""

    def __init__(self, known: Mapping[tuple[str, str], float]) -> None:
        self._known = dict(known)

    def expect(self, kind: str, stage: str, megapixels: float) -> float | None:
        """Return the seconds that a stage will take, None where none of its kind was measured."""
        pace = self._known.get((kind, stage))
        return None if pace is None else pace * megapixels

    def remember(self, kind: str, stage: str, megapixels: float, seconds: float) -> None:
        """Note how long a stage took."""
        self._known[kind, stage] = seconds / megapixels
