"""The energy that a training uses: power integrated over time, over all its stretches.

Measured where the driver or the processor tells it, else estimated, and said to be. Memory, disks, fans and what the
power supply loses are not counted.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Literal, Protocol

import psutil

from studio.catalogue.files.paths import write_atomically
from studio.errors import StorageError
from studio.schema import read_json_object

ENERGY_FILE = "energy.json"
JOULES_PER_KWH = 3.6e6
INTERVAL_SECONDS = 5.0
WRITTEN_EVERY_SECONDS = 60.0
CORE_WATTS = 10.0
"""What a busy processor core is estimated to take: about the rated power of desktop processors by core (65 W for 6)."""
RAPL_FOLDER = Path("/sys/class/powercap")
Part = Literal["card", "processor"]


@dataclass(frozen=True, slots=True)
class Energy:
    """Energy in joules by part of the computer, over `seconds` of training in `stretches`.

    `how` says for each part how it was found; `estimated` names those that were not measured.
    """

    seconds: float = 0.0
    stretches: int = 0
    joules: dict[str, float] = field(default_factory=dict)
    how: dict[str, str] = field(default_factory=dict)
    estimated: tuple[str, ...] = ()

    @property
    def kwh(self) -> float:
        """Energy of all parts in kilowatt-hours."""
        return sum(self.joules.values()) / JOULES_PER_KWH


class Source(Protocol):
    """Tells how much energy a part of the computer uses."""

    part: Part
    how: str
    estimated: bool

    def advance(self, seconds: float) -> float:
        """Return the joules of the last `seconds`, since the call before. Raises `OSError` where it cannot be read."""


class CardPower:
    """The power of a graphics card as its driver tells it; the whole card, whoever uses it."""

    part: Part = "card"
    how = "the power that the driver tells (NVML), integrated over time; the whole card"
    estimated = False

    def __init__(self) -> None:
        """Raises `OSError` where the driver tells no power."""
        self._watts = read_card_watts()

    def advance(self, seconds: float) -> float:
        """Return the joules of the last `seconds`: the mean of the power at both ends."""
        before, self._watts = self._watts, read_card_watts()
        return (before + self._watts) / 2 * seconds


class ProcessorCounters:
    """The energy counters of Intel and AMD processors (RAPL); the whole package, whoever uses it."""

    part: Part = "processor"
    how = "the processor's own energy counters (RAPL); the whole package"
    estimated = False

    def __init__(self, folder: Path = RAPL_FOLDER) -> None:
        """Raises `OSError` where there are none, or only the system's administrator may read them."""
        self._files = sorted(one / "energy_uj" for one in folder.glob("intel-rapl:*") if one.name.count(":") == 1)
        if not self._files:
            raise FileNotFoundError("no energy counters")
        self._ranges = [int((file.parent / "max_energy_range_uj").read_text()) for file in self._files]
        self._last = self._read()

    def advance(self, seconds: float) -> float:
        """Return the joules since the call before; a counter that began anew at its end is followed."""
        before, self._last = self._last, self._read()
        steps = zip(before, self._last, self._ranges, strict=True)
        return sum(now - then if now >= then else now - then + limit for then, now, limit in steps) / 1e6

    def _read(self) -> list[int]:
        return [int(file.read_text()) for file in self._files]


class ProcessorTime:
    """An estimate from the processor time that this process takes."""

    part: Part = "processor"
    how = f"estimated: {CORE_WATTS:g} W for each core while this training uses it"
    estimated = True

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._last = self._read()

    def advance(self, seconds: float) -> float:
        """Return the joules since the call before."""
        before, self._last = self._last, self._read()
        return (self._last - before) * CORE_WATTS

    def _read(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)


class EnergyMeter:
    """Measures in a thread while a training runs, and adds to what earlier stretches used. A context manager.

    A meter never ends a training: a source that fails is left out from then on, and a file that cannot be written is
    written the next time.
    """

    def __init__(self, file: Path, sources: Sequence[Source], *, interval_seconds: float = INTERVAL_SECONDS) -> None:
        self._file, self._interval = file, interval_seconds
        self._sources = list(sources)
        earlier = read_energy(file) or Energy()
        self._seconds, self._stretches = earlier.seconds, earlier.stretches + 1
        self._joules, self._how = dict(earlier.joules), dict(earlier.how)
        self._estimated = set(earlier.estimated)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="energy", daemon=True)
        self._now = self._written = time.monotonic()

    def __enter__(self) -> EnergyMeter:
        self._now = self._written = time.monotonic()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._sample()
        self._write()

    @property
    def energy(self) -> Energy:
        """What was used so far, in all stretches."""
        return Energy(
            round(self._seconds, 1),
            self._stretches,
            {part: round(joules, 1) for part, joules in self._joules.items()},
            dict(self._how),
            tuple(sorted(self._estimated)),
        )

    def _follow(self) -> None:
        while not self._stop.wait(self._interval):
            self._sample()
            if self._now - self._written >= WRITTEN_EVERY_SECONDS:
                self._write()

    def _sample(self) -> None:
        now = time.monotonic()
        passed, self._now = now - self._now, now
        self._seconds += passed
        for source in list(self._sources):
            try:
                joules = source.advance(passed)
            except OSError:
                self._sources.remove(source)
                continue
            self._joules[source.part] = self._joules.get(source.part, 0.0) + joules
            self._how[source.part] = source.how
            if source.estimated:
                self._estimated.add(source.part)

    def _write(self) -> None:
        self._written = self._now
        with contextlib.suppress(StorageError):
            write_atomically(self._file, json.dumps(asdict(self.energy), indent=2).encode())


def find_sources(device: str) -> list[Source]:
    """Return the sources of a training on a device ("cuda", "mps" or "cpu"), the best of each part.

    Where no driver tells the power of a card there is none for it.
    """
    return [*_find_card(device), _find_processor()]


def read_energy(file: Path) -> Energy | None:
    """Return what a meter wrote; None without a file, or for one that is damaged: it is an account, no setting."""
    try:
        values = read_json_object(file)
        return Energy(
            float(values["seconds"]),
            int(values["stretches"]),
            {str(part): float(joules) for part, joules in values["joules"].items()},
            {str(part): str(how) for part, how in values["how"].items()},
            tuple(str(part) for part in values["estimated"]),
        )
    except (OSError, KeyError, TypeError, ValueError, AttributeError):
        return None


def read_card_watts() -> float:
    """Return the power of the first card in use, in watts. Raises `OSError` where the driver does not tell it."""
    import torch

    try:
        return float(torch.cuda.power_draw()) / 1000
    except Exception:  # noqa: BLE001  # the binding of NVML is missing, or of another version: its tool is asked
        identity = f"GPU-{torch.cuda.get_device_properties(0).uuid}" if torch.cuda.is_available() else "0"
        command = ["nvidia-smi", f"--id={identity}", "--query-gpu=power.draw", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
        return float(done.stdout)
    except (ValueError, subprocess.SubprocessError) as error:
        raise OSError("the driver tells no power") from error


def _find_card(device: str) -> Iterator[Source]:
    if device == "cuda":
        with contextlib.suppress(OSError):
            yield CardPower()


def _find_processor() -> Source:
    try:
        return ProcessorCounters()
    except (OSError, ValueError):
        return ProcessorTime()
