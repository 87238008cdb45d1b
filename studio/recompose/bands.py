"""Work on bands of rows, side by side on all processors, that can be stopped between bands."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_Result = TypeVar("_Result")

BAND_ROWS = 24
"""Rows done as one piece of work. Results depend on it, and not on the number of threads."""

_pool = ThreadPoolExecutor(max_workers=os.cpu_count() or 1, thread_name_prefix="recompose")


def in_bands(height: int, work: Callable[[int, int], _Result], check: Callable[[], None]) -> list[_Result]:
    """Return what `work(top, bottom)` returns for each band of the rows 0 to `height`.

    `check` is called after each band and may raise to stop; bands that have not begun are then left out.
    """
    futures = [_pool.submit(work, top, min(top + BAND_ROWS, height)) for top in range(0, height, BAND_ROWS)]
    try:
        results = []
        for future in futures:
            results.append(future.result())
            check()
        return results
    finally:
        for future in futures:
            future.cancel()
        for future in futures:
            if not future.cancelled():
                future.exception()  # no band may still write when the caller goes on
