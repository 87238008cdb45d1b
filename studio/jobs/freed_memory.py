"""Memory that a run has freed, given back to the system."""

from __future__ import annotations

import ctypes
import gc
import sys


def give_back_freed_memory() -> bool:
    """Give freed memory back to the system; return whether this computer's C library knows how.

    glibc keeps what a program frees for later use, in an arena for each thread: after a run of a model that is most of
    what the run took (malloc_trim(3)). Other systems need no such call, or have none.
    """
    gc.collect()
    if not sys.platform.startswith("linux"):
        return False
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
    return trim is not None and bool(trim(0))
