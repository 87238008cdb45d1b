"""Durations in words."""

from __future__ import annotations


def describe_duration(seconds: float) -> str:
    """Return a duration in words, at least a second: 40 s, 12 min, 2 h 10 min."""
    whole = max(round(seconds), 1)
    if whole < 90:
        return f"{whole} s"
    minutes = round(whole / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"
