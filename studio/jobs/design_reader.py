"""Reads designs off the pages' threads: files from outside into the catalogue, and the yarns and structure of each."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from studio.catalogue import Catalogue, Source
from studio.catalogue.lineage import has_file
from studio.designs import Design, open_design
from studio.designs.inspection import FINDING_STRUCTURE, FINDING_YARNS, Inspection, inspect_design
from studio.jobs.reading import Reading, ReadingThreads
from studio.jobs.time_left import StageTimes

READING, STORING = "Reading the picture", "Storing the picture"
PHOTO, INDEXED = "photo", "indexed"
_KEPT = 128
"""Number of results to keep, the last ones asked for."""
_LEAST_MEGAPIXELS = 0.25
"""A smaller design tells little about how long a large one takes."""
_FIRST_TIMES = {
    (PHOTO, FINDING_YARNS): 0.033,
    (PHOTO, FINDING_STRUCTURE): 0.045,
    (INDEXED, FINDING_YARNS): 0.0,
    (INDEXED, FINDING_STRUCTURE): 0.024,
}
"""Seconds per megapixel until this computer has measured its own, from 49 megapixels on one core."""

Result = TypeVar("Result")


class DesignReader:
    """What pages ask of designs, answered by readings that a page can watch, leave and cancel. For any thread."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._threads = ReadingThreads()
        self._times = StageTimes(_FIRST_TIMES)
        self._known: OrderedDict[Hashable, Reading[Any]] = OrderedDict()
        self._lock = threading.Lock()

    def take_in(self, data: bytes, label: str) -> Reading[Source]:
        """Read a file from outside and store it as a design. Once it is stored, its inspection begins."""
        return self._threads.start(Reading(lambda reading: self._take_in(reading, data, label)))

    def inspect(self, sha256: str) -> Reading[Inspection]:
        """Find the yarns and the structure of a stored design."""
        return self.ask(("inspect", sha256), lambda reading: self._inspect(reading, self.open(reading, sha256)))

    def ask(self, question: Hashable, work: Callable[[Reading[Result]], Result]) -> Reading[Result]:
        """Return the reading that answers a question, the one that was asked before if there is one.

        Designs never change, so answers hold, and so does the error that a design cannot be used. What failed because
        of the disk is tried again.
        """
        with self._lock:
            known = self._known.get(question)
            if known is None or (known.over and known.may_pass):
                known = self._known[question] = self._threads.start(Reading(work))
            self._known.move_to_end(question)
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return known

    def open(self, reading: Reading[Any], sha256: str) -> Design:
        """Return a stored design, for the work of a reading. Raises `StudioError`, or `OSError` of its file."""
        reading.begin(READING)
        return open_design(self._catalogue.source_bytes(sha256), watch=reading.note_share)

    def close(self) -> None:
        """Stop reading."""
        self._threads.close()

    def _take_in(self, reading: Reading[Source], data: bytes, label: str) -> Source:
        reading.begin(READING, seconds_after=0.0)
        known = self._catalogue.named_sources([sha256 := hashlib.sha256(data).hexdigest()]).get(sha256)
        if known is not None and has_file(self._catalogue, known):
            return known
        design = open_design(data, watch=reading.note_share)
        reading.begin(STORING)
        source = self._catalogue.add_source(data, label=label, design=design)
        self.ask(("inspect", source.sha256), lambda second: self._inspect(second, design))
        return source

    def _inspect(self, reading: Reading[Inspection], design: Design) -> Inspection:
        kind = PHOTO if design.index_map is None else INDEXED
        megapixels = design.width_px * design.height_px / 1e6
        stages: list[tuple[str, float]] = []

        def begin(stage: str) -> None:
            seconds = self._times.expect(kind, stage, megapixels)
            after = self._times.expect(kind, FINDING_STRUCTURE, megapixels) if stage == FINDING_YARNS else 0.0
            reading.begin(stage, seconds, after)
            stages.append((stage, time.monotonic()))

        found = inspect_design(design, begin)
        if megapixels >= _LEAST_MEGAPIXELS:
            ends = [began for _, began in stages[1:]] + [time.monotonic()]
            for (stage, began), ended in zip(stages, ends, strict=True):
                self._times.remember(kind, stage, megapixels, ended - began)
        return found
