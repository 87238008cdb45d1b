"""Ids, hashes and times of the catalogue. Ids from a client are checked here before they are looked up."""

from __future__ import annotations

import contextlib
import re
import secrets
import threading
import time
from datetime import UTC, datetime

from studio.errors import NotFoundError

VARIATION_ID = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9]{3}-[0-9a-f]{6}")
"""UTC date, time, milliseconds, 24 random bits: 20261122-203605-123-ab12cd."""
SOURCE_HASH = re.compile(r"[0-9a-f]{64}")
SHORT_HASH_LENGTH = 12
"""Characters of a hash that are shown, which distinguish the files of one folder."""
_LAST_YEAR = 9000
"""Later times are not of any clock, and soon after them no time could be written."""
RUN_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}")


class _IncreasingClock:
    """A millisecond clock that is strictly increasing, so that ids sort in the order in which they were made."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last_ms = 0

    def later_than(self, milliseconds: int) -> None:
        with self._lock:
            self._last_ms = max(milliseconds, self._last_ms)

    def tick(self) -> int:
        with self._lock:
            self._last_ms = max(time.time_ns() // 1_000_000, self._last_ms + 1)
            return self._last_ms


_clock = _IncreasingClock()


def new_id() -> str:
    """Return a unique id for a variation or a run, safe in a URL and in a file name. Later ids sort later."""
    seconds, milliseconds = divmod(_clock.tick(), 1000)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y%m%d-%H%M%S}-{milliseconds:03d}-{secrets.token_hex(3)}"


def new_time() -> str:
    """Return a time by which things sort in the order in which they were made: the present, or a moment later."""
    return iso_time(_clock.tick() / 1000)


def later_than(variation_id: str, time: str) -> None:
    """Make ids and times from now on sort after these ("": none), also if this computer's clock was set back."""
    with contextlib.suppress(ValueError):  # 99999999-…, which no clock made
        _keep_order(datetime.strptime(f"{variation_id[:19]}+0000", "%Y%m%d-%H%M%S-%f%z"))
    with contextlib.suppress(ValueError):
        moment = datetime.fromisoformat(time)
        _keep_order(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC))


def _keep_order(moment: datetime) -> None:
    if moment.year < _LAST_YEAR:
        _clock.later_than(round(moment.timestamp() * 1000))


def utc_now() -> str:
    """Return the current time as records write it: ISO 8601 in UTC with milliseconds."""
    return iso_time(time.time())


def iso_time(seconds: float) -> str:
    """Return seconds since 1970 as ISO 8601 in UTC with milliseconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def day_of(variation_id: str) -> str:
    """Return the UTC day of an id, such as 2026-11-22. Its files are in a folder of that name."""
    return f"{variation_id[:4]}-{variation_id[4:6]}-{variation_id[6:8]}"


def check_variation_id(text: str) -> str:
    """Return `text` if it has the form of a variation's id. Raises `NotFoundError` otherwise."""
    return _check(text, VARIATION_ID, "variation")


def check_run_id(text: str) -> str:
    """Return `text` if it has the form of a run's id. Raises `NotFoundError` otherwise."""
    return _check(text, RUN_ID, "run")


def check_source_hash(text: str) -> str:
    """Return `text` if it has the form of a SHA-256 in hex. Raises `NotFoundError` otherwise."""
    return _check(text, SOURCE_HASH, "source")


def not_found(kind: str, name: object) -> NotFoundError:
    """Return the error for an unknown id. It shows at most 60 characters of the id, escaped."""
    shown = ascii(name)[1:-1] if isinstance(name, str) else ascii(name)
    shown = shown if len(shown) <= 60 else shown[:60] + "…"
    return NotFoundError(f"There is no {kind} “{shown}” here. It may have been removed; choose another in the gallery.")


def _check(text: str, pattern: re.Pattern[str], kind: str) -> str:
    if not isinstance(text, str) or pattern.fullmatch(text) is None:
        raise not_found(kind, text)
    return text
