"""The compiled loops, made ready before they are needed: some seconds once, kept on disk, then part of a second."""

from __future__ import annotations

import logging
import threading
import time

logger = logging.getLogger(__name__)


def compile_in_background(after_seconds: float = 0.0) -> threading.Thread:
    """Return a started thread that compiles all loops, or loads them from disk. It does not keep the process alive."""

    def work() -> None:
        time.sleep(after_seconds)
        compile_all()

    thread = threading.Thread(target=work, name="studio-compiling", daemon=True)
    thread.start()
    return thread


def compile_all() -> float:
    """Compile all loops, or load them from disk, by drawing a small design; return the seconds that it took."""
    import numpy as np

    from studio.designs.index_map import IndexMap
    from studio.recompose.recomposer import MEDIUM, Recomposer, read_carpet

    began = time.monotonic()
    rows, columns = np.mgrid[0:40, 0:40]
    knots = ((rows // 5 + columns // 7) % 3).astype(np.uint8)
    palette = np.array([[120, 20, 20], [20, 20, 120], [220, 210, 190]], np.uint8)
    Recomposer(read_carpet(IndexMap(knots, palette))).draw(MEDIUM, seed=0)
    seconds = time.monotonic() - began
    logger.info("the loops that draw from motifs were ready after %.1f s", seconds)
    return seconds
