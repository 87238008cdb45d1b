"""What a training's folder says that its card needs: how it went, how fast, how large, its losses and its samples."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from studio.adapter_training.card.energy import CORE_WATTS, ENERGY_FILE, Energy, read_energy
from studio.adapter_training.folder import TrainingFacts, TrainingFolder

WEIGHTS_FILES = ("adapter_model.safetensors", "diffusers/pytorch_lora_weights.safetensors")
SAMPLE_WEIGHTS = ("source", "0", "0.5", "1")


@dataclass(frozen=True, slots=True)
class Account:
    """A training as its folder tells it.

    `steps` were done; `step_seconds` is the median of a step, `trained_seconds` the sum of all, those done twice after
    a cut included. `peak_bytes` is the most memory of the device, None where it is not known. `validations` are the
    entries of the log with the held-out losses, in order. `sizes` are bytes of the files of the adapter by name.
    `samples` are the pictures of the last samples by design, in the order of `SAMPLE_WEIGHTS`.
    """

    facts: TrainingFacts
    steps: int
    step_seconds: float | None
    trained_seconds: float
    peak_bytes: int | None
    validations: tuple[Mapping[str, Any], ...]
    state: str
    sizes: Mapping[str, int]
    samples: tuple[tuple[Path, ...], ...]
    energy: Energy = field(default_factory=Energy)


def read_account(folder: TrainingFolder) -> Account:
    """Return what a folder says. Raises as `TrainingFolder.read_facts`; of the log what is damaged is left out."""
    facts = folder.read_facts()
    entries = list(folder.entries())
    steps = [one for one in entries if one["kind"] == "step"]
    seconds = [value for one in steps if (value := _number(one.get("seconds"))) is not None]
    peaks = [value for one in steps if (value := _number(one.get("peak_bytes"))) is not None and value > 0]
    reached = [value for one in steps if (value := _number(one.get("step"))) is not None]
    ends = [str(one.get("state")) for one in entries if one["kind"] == "end"]
    trained = sum(seconds)
    return Account(
        facts=facts,
        steps=int(max(reached, default=0)),
        step_seconds=statistics.median(seconds) if seconds else None,
        trained_seconds=trained,
        peak_bytes=int(max(peaks)) if peaks else None,
        validations=tuple(
            one for one in entries if one["kind"] == "validation" and _number(one.get("loss")) is not None
        ),
        state=ends[-1] if ends else "running",
        sizes={
            name: (folder.adapter / name).stat().st_size for name in WEIGHTS_FILES if (folder.adapter / name).is_file()
        },
        samples=_find_samples(folder),
        energy=read_energy(folder.root / ENERGY_FILE) or _estimate(facts, trained),
    )


def _estimate(facts: TrainingFacts, seconds: float) -> Energy:
    """Return an estimate for a training that no meter followed; of a card nothing is known."""
    if facts.device not in ("cpu", "mps"):
        return Energy(seconds, 0, {}, {}, ("card", "processor"))
    how = f"estimated: two cores of {CORE_WATTS:g} W each for the time of the steps, without preparation"
    return Energy(seconds, 0, {"processor": 2 * CORE_WATTS * seconds}, {"processor": how}, ("processor",))


def _find_samples(folder: TrainingFolder) -> tuple[tuple[Path, ...], ...]:
    listed = folder.list_samples()
    if not listed:
        return ()
    _, newest = listed[-1]
    rows = []
    for design in sorted(one for one in newest.iterdir() if one.is_dir()):
        row = tuple(design / f"{weight}.webp" for weight in SAMPLE_WEIGHTS)
        if all(picture.is_file() for picture in row):
            rows.append(row)
    return tuple(rows)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
