"""How long a run will still take: by what it has done so far, and by how the last run of its kind went."""

from __future__ import annotations

import statistics
from collections.abc import Hashable
from dataclasses import dataclass, field

_KINDS = 64
"""Kinds of runs that are remembered, those drawn last."""
_RECENT_STEPS = 6
_TRUST = 0.1
"""How much of an earlier run the present one must have done to count for as much as that one in the estimate."""


@dataclass
class PastTimes:
    """What went before, in seconds; all jobs of a queue share it.

    `loads` are how long stages of loading took, by their words. `runs` are the moments, since drawing began, at which
    each step and each picture of a finished run was there, by the kind of the run, the oldest first.
    """

    loads: dict[str, float] = field(default_factory=dict)
    runs: dict[Hashable, tuple[float, ...]] = field(default_factory=dict)

    def remember(self, kind: Hashable, moments: tuple[float, ...]) -> None:
        """Keep how a run went, in place of an earlier one of its kind."""
        self.runs.pop(kind, None)
        self.runs[kind] = moments
        while len(self.runs) > _KINDS:
            del self.runs[next(iter(self.runs))]


class Pace:
    """The moments of one run that is being drawn, in seconds since `began` on the monotonic clock.

    `steps` and `pictures` are how many of each will come. `past` are the moments of an earlier run of its kind: steps
    differ (some weave every picture, the first waits for caches), and an earlier run knows which.
    """

    def __init__(self, began: float, steps: int, pictures: int, past: tuple[float, ...] = ()) -> None:
        self.began = began
        self.steps = steps
        self.pictures = pictures
        self.step = 0
        self.past = past if len(past) == steps + pictures else ()
        self.moments: list[float] = []
        self._step_seconds: list[float] = []
        self._picture_seconds: list[float] = []

    def note_step(self, now: float, step: int, steps: int) -> None:
        """Step number `step`, from 1, of so many is done. Where memory was short there are more than was thought."""
        if steps != self.steps:
            self.steps, self.past = steps, ()
        self.step = step
        self._note(now, self._step_seconds)

    def note_picture(self, now: float) -> None:
        """A picture is finished."""
        self._note(now, self._picture_seconds)

    @property
    def complete(self) -> bool:
        """Whether every step and every picture was there."""
        return len(self.moments) == self.steps + self.pictures

    def seconds_left(self, now: float) -> float | None:
        """Return the seconds that are left, None while nothing tells."""
        last = self.moments[-1] if self.moments else 0.0
        left = self._left_by_past(last) if self.past else self._left_by_itself()
        return None if left is None else max(left - (now - self.began - last), 0.0)

    def _left_by_past(self, last: float) -> float:
        """Return what was left of the earlier run at this moment, stretched by how much slower this one is."""
        done = len(self.moments)
        then = self.past[done - 1] if done else 0.0
        trust = _TRUST * self.past[-1]
        return (self.past[-1] - then) * (last + trust) / (then + trust) if self.past[-1] > 0 else 0.0

    def _left_by_itself(self) -> float | None:
        if not self._step_seconds:
            return None
        # The median: the first step of all, and one that weaves every picture, take many times as long as the others.
        a_step = statistics.median(self._step_seconds[-_RECENT_STEPS:])
        a_picture = self._picture_seconds[-1] if self._picture_seconds else a_step / 2
        return (self.steps - self.step) * a_step + (self.pictures - len(self._picture_seconds)) * a_picture

    def _note(self, now: float, kept: list[float]) -> None:
        moment = now - self.began
        kept.append(moment - (self.moments[-1] if self.moments else 0.0))
        self.moments.append(moment)
