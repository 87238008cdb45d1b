"""The log of a training, read again and again while another process appends to it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from studio.adapter_training.folder import EndState, TrainingFolder
from studio.schema import ForeignJSONError, encodable, parse_json

_ENDS: Mapping[object, EndState] = {"finished": "finished", "stopped": "stopped", "failed": "failed"}
_WORDS_LIMIT = 500
"""Characters of a sentence in the log that are shown."""


@dataclass(frozen=True, slots=True)
class Validation:
    """The loss on the designs held out, as a whole and by noise level (0 to 1), after a step."""

    step: int
    loss: float
    by_level: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """What a log says so far.

    - `stage`, `share`: what is prepared, and how much of it is done (0 to 1, None where that is not known).
    - `steps`, `losses`: one of each for each step that counts: a training that goes on from a checkpoint does the
      steps after it again.
    - `seconds_left`, `peak_bytes`: as the last step says, None where it does not.
    - `checkpoint`: the step of the last checkpoint, None before the first.
    - `end`, `error`: how it ended and why; None while it has not, or where it goes on since.
    """

    stage: str = ""
    share: float | None = None
    steps: tuple[int, ...] = ()
    losses: tuple[float, ...] = ()
    validations: tuple[Validation, ...] = ()
    seconds_left: float | None = None
    peak_bytes: int | None = None
    checkpoint: int | None = None
    end: EndState | None = None
    error: str | None = None

    @property
    def step(self) -> int:
        """The last step, 0 before the first."""
        return self.steps[-1] if self.steps else 0


class TrainingLog:
    """Reads the lines that were appended since it read last. For any thread.

    With `from_now` what was written before is left out: the end of the part of a training that is resumed.
    """

    def __init__(self, folder: TrainingFolder, *, from_now: bool = False) -> None:
        self._file = folder.root / "log.jsonl"
        self._lock = threading.Lock()
        self._begin_anew()
        if from_now:
            self._offset = self._size()

    def read(self) -> TrainingProgress:
        """Return what the log says so far. A line that was cut or is of another kind is left out."""
        with self._lock:
            if self._size() < self._offset:  # another file is in its place
                self._begin_anew()
            for line in self._read_lines():
                try:
                    entry = parse_json(line)
                except ForeignJSONError:
                    continue
                if isinstance(entry, dict):
                    self._take(entry)
            return TrainingProgress(
                steps=tuple(step for step, _ in self._losses),
                losses=tuple(loss for _, loss in self._losses),
                validations=tuple(self._validations),
                **self._latest,
            )

    def _begin_anew(self) -> None:
        self._offset = 0
        self._losses: list[tuple[int, float]] = []
        self._validations: list[Validation] = []
        self._latest: dict[str, Any] = {}

    def _size(self) -> int:
        try:
            return self._file.stat().st_size
        except OSError:
            return 0

    def _read_lines(self) -> list[bytes]:
        """Return the lines that are new and complete."""
        try:
            with self._file.open("rb") as stream:
                stream.seek(self._offset)
                data = stream.read()
        except OSError:
            return []
        whole = data.rfind(b"\n") + 1
        self._offset += whole
        return data[:whole].splitlines()

    def _take(self, entry: Mapping[str, Any]) -> None:
        kind, step = entry.get("kind"), _whole(entry.get("step"))
        if kind == "end":
            state, error = _ENDS.get(entry.get("state")), entry.get("error")
            self._latest |= {"end": state, "error": _words(error) or None, "stage": "", "share": None}
            return
        if kind in ("stage", "step"):
            self._latest |= {"end": None, "error": None}
        if kind == "stage":
            share = _number(entry.get("share"))
            within = None if share is None else min(max(share, 0.0), 1.0)
            self._latest |= {"stage": _words(entry.get("stage")), "share": within}
        elif step is None:
            return
        elif kind == "step":
            self._take_step(step, entry)
        elif kind == "validation" and (loss := _number(entry.get("loss"))) is not None:
            levels = entry.get("by_level")
            known = {_words(level): _number(one) for level, one in levels.items()} if isinstance(levels, dict) else {}
            _forget_from(self._validations, step)
            self._validations.append(
                Validation(step, loss, {level: one for level, one in known.items() if one is not None})
            )
        elif kind == "checkpoint":
            self._latest["checkpoint"] = step

    def _take_step(self, step: int, entry: Mapping[str, Any]) -> None:
        self._latest |= {
            "seconds_left": _number(entry.get("seconds_left")),
            "peak_bytes": _whole(entry.get("peak_bytes")) or None,
            "stage": "",
            "share": None,
        }
        while self._losses and self._losses[-1][0] >= step:  # done again since a checkpoint
            self._losses.pop()
        _forget_from(self._validations, step)
        if (loss := _number(entry.get("loss"))) is not None:
            self._losses.append((step, loss))


def _forget_from(validations: list[Validation], step: int) -> None:
    while validations and validations[-1].step >= step:
        validations.pop()


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _words(value: object) -> str:
    return encodable(value)[:_WORDS_LIMIT] if isinstance(value, str) else ""
