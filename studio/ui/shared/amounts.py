"""Numbers, durations, storage, memory and dates in words."""

from __future__ import annotations

from datetime import datetime


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


def describe_count(number: int) -> str:
    """Return a whole number with a thin space between the thousands: 1 500."""
    return f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def describe_bytes(size: int) -> str:
    """Return an amount of storage with a decimal unit: 812 B, 1.4 MB, 27.0 GB."""
    amount = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} TB"


def describe_memory(size: float) -> str:
    """Return an amount of memory in bytes as graphics cards are sold by it: 10.9 GiB."""
    return f"{size / 2**30:.1f} GiB"


def describe_moment(iso: str) -> str:
    """Return a time of a record (ISO 8601) in local time: 28 November 2026, 18:10; empty if it is none."""
    try:
        moment = datetime.fromisoformat(iso).astimezone()
    except (ValueError, OverflowError):
        return ""
    return f"{moment.day} {moment:%B %Y, %H:%M}"
