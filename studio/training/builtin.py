"""The training of the built-in model from the first step to the exported folder, in as many stretches as it takes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from studio.carpets.generator import sample_captions, vocabulary
from studio.errors import InputError
from studio.models.device import choose_device
from studio.training.architecture import build_autoencoder
from studio.training.autoencoder import AutoencoderRecipe, AutoencoderTraining, still
from studio.training.checkpoint import BuiltinParts, build_parts, export_parts, load_parts, load_state, save_state
from studio.training.crops import CropStream
from studio.training.decoder import DecoderTraining
from studio.training.flow import FlowModel, FlowTraining
from studio.training.linear_start import begin_linear
from studio.training.optimisers import Schedule
from studio.training.widening import widen_autoencoder

if TYPE_CHECKING:
    from diffusers import AutoencoderKL

Phase = Literal["vae", "flow", "decoder"]
CHECKPOINT_SECONDS = 240.0
VALIDATION_SECONDS = 600.0
REPORT_STEPS = 20
FIRST_LOOK, CROPS_AT_FIRST = 12, 48
"""Designs and their crops that a new VAE's linear code is computed from."""
VAE_SHARE = 0.35
"""Part of a stretch that phase "all" gives to the VAE."""


class Training(Protocol):
    """What the loop asks of a training."""

    name: str
    steps_done: int
    schedule: Schedule

    def advance(self) -> dict[str, float]: ...  # noqa: D102
    def validate(self) -> dict[str, float]: ...  # noqa: D102
    def draw_samples(self) -> NDArray[np.uint8]: ...  # noqa: D102
    def state(self) -> dict[str, Any]: ...  # noqa: D102
    def load(self, state: dict[str, Any]) -> None: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a training stands. `figures` are means since the last report; `saved`: a checkpoint was written."""

    phase: str
    step: int
    seconds_elapsed: float
    seconds_left: float
    figures: dict[str, float]
    saved: bool = False


@dataclass(frozen=True, slots=True)
class Stretch:
    """One sitting of training in `output`: how long, which phase, and whether to cool down within it.

    Folders in `output`: `model/` (the exported model), `state/` (to go on from), `samples/`, `metrics.jsonl`.
    `cool_down_steps` begins a cool-down at once, unless the saved state is in one already.
    """

    output: Path
    minutes: float
    phase: Phase
    cool_down_steps: int = 0
    device: str = "auto"

    @property
    def model_folder(self) -> Path:
        """Where the exported model lies."""
        return self.output / "model"

    def state_path(self, name: str) -> Path:
        """Where the state of a training lies."""
        return self.output / "state" / f"{name}.pt"


def train_builtin(
    output: Path,
    minutes: float,
    *,
    resume: bool = False,
    phase: Phase | Literal["all"] = "all",
    cool_down_steps: int = 0,
    device: str = "auto",
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[Progress]:
    """Train for so many minutes and yield where it stands; the model is exported at each checkpoint.

    Phase "all" trains the VAE first and the transformer with the text encoders after it: they have to learn its latents
    anew. "decoder" leaves the latents as they are, and the decoder learns to draw cleanly from what the transformer
    leaves. `stopped` is asked after each step: the stretch ends there with a checkpoint.
    """
    if (output / "state").exists() and not resume:
        raise InputError(f"{output} holds a training already. Add --resume to go on with it, or choose another folder.")
    shares = {"vae": VAE_SHARE, "flow": 1 - VAE_SHARE} if phase == "all" else {phase: 1.0}
    for name, share in shares.items():
        yield from run_stretch(Stretch(output, minutes * share, name, cool_down_steps, device), stopped)


def run_stretch(stretch: Stretch, stopped: Callable[[], bool] = lambda: False) -> Iterator[Progress]:
    """Train one phase until its time or its cool-down is over, or it is stopped."""
    # 1. The parts, from the folder if they are there.
    began = time.monotonic()
    from_model = began_from_model(stretch.output)
    parts = open_parts(stretch.model_folder)
    training = build_training(stretch.phase, parts, choose_device(stretch.device))
    path = stretch.state_path(training.name)
    _check_newest(path)
    if path.exists():
        training.load(load_state(path))
    elif from_model and stretch.phase != "decoder":  # which is gentle by itself
        training.schedule.go_gently()
    if stretch.cool_down_steps and (training.schedule.cool_down_from is None or _cooled(training)):
        training.schedule.cool_down_from = training.steps_done
        training.schedule.cool_down_steps = stretch.cool_down_steps
    elif _cooled(training):
        training.schedule.cool_down_from = None
    # 2. Steps, until the time is over.
    saved = validated = time.monotonic()
    gathered: list[dict[str, float]] = []
    while True:
        gathered.append(training.advance())
        now = time.monotonic()
        over = now - began >= stretch.minutes * 60 or _cooled(training) or stopped()
        due = over or now - saved >= CHECKPOINT_SECONDS
        if not due and training.steps_done % REPORT_STEPS:
            continue
        # 3. Report, measure and save.
        keys = dict.fromkeys(key for entry in gathered for key in entry)  # not every step has every figure
        figures = {key: float(np.mean([entry[key] for entry in gathered if key in entry])) for key in keys}
        gathered.clear()
        if (over and not stopped()) or now - validated >= VALIDATION_SECONDS:
            figures |= training.validate()
            write_samples(stretch.output / "samples", training)
            validated = time.monotonic()
        if due:
            save_state(training.state(), path)
            export_average(parts, training, stretch.model_folder)
            saved = time.monotonic()
        seconds = time.monotonic() - began
        record_figures(stretch.output / "metrics.jsonl", training, seconds, figures)
        left = max(0.0, stretch.minutes * 60 - seconds)
        yield Progress(training.name, training.steps_done, seconds, left, figures, due)
        if over:
            return


def began_from_model(output: Path) -> bool:
    """Whether the training began from a model that lay in its folder; noted there at its first stretch."""
    note = output / "state" / "origin.json"
    if not note.exists():
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(json.dumps({"from_model": (output / "model" / "model_index.json").exists()}), encoding="utf-8")
    return json.loads(note.read_text(encoding="utf-8"))["from_model"]


def open_parts(folder: Path) -> BuiltinParts:
    """Return the model in the folder, or a new one: tokenizers of generated captions, a VAE that codes linearly.

    A VAE smaller than those of today is made as large, and draws what it drew.
    """
    if (folder / "model_index.json").exists():
        parts = load_parts(folder)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            grown = build_autoencoder()
        if _size(parts.vae) != _size(grown):
            try:
                widen_autoencoder(parts.vae, grown)
            except ValueError as error:
                raise InputError(f"The VAE in {folder} is no smaller form of today's: {error}.") from error
            parts.vae = grown
        return parts
    parts = build_parts([*sample_captions(6000), *vocabulary()])
    crops = CropStream(CROPS_AT_FIRST, AutoencoderRecipe.side_px, crops_each=1, designs=FIRST_LOOK)
    begin_linear(parts.vae, crops.draw(0))
    return parts


def build_training(phase: Phase, parts: BuiltinParts, device: torch.device) -> Training:
    """Return the training of this phase."""
    if phase == "flow":
        return FlowTraining(parts, device)
    if phase == "decoder":
        return DecoderTraining(parts.vae, device, FlowModel(parts, device).walk_captionless)
    still(parts.vae)
    return AutoencoderTraining(parts.vae, device)


def export_average(parts: BuiltinParts, training: Training, folder: Path) -> None:
    """Export the model with the averaged weights of the training."""
    training.average.swap()  # type: ignore[attr-defined]
    if training.name == "vae":
        parts.vae.register_to_config(**training.measure_latents())  # type: ignore[attr-defined]
    export_parts(parts, folder)
    training.average.swap()  # type: ignore[attr-defined]


def write_samples(folder: Path, training: Training) -> None:
    """Write the samples of this moment as a PNG."""
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(training.draw_samples()).save(folder / f"{training.name}-{training.steps_done:07d}.png")


def record_figures(path: Path, training: Training, seconds: float, figures: dict[str, float]) -> None:
    """Append a line to the metrics."""
    line = {"phase": training.name, "step": training.steps_done, "seconds": round(seconds, 1)}
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line | {key: round(value, 6) for key, value in figures.items()}) + "\n")


def _cooled(training: Training) -> bool:
    return training.schedule.ended(training.steps_done)


def _check_newest(path: Path) -> None:
    """Raise `InputError` if another training has changed the VAE since this state was written: it would be undone."""
    rivals = [path.with_name(f"{name}.pt") for name in ("vae", "decoder")]
    if path not in rivals or not path.exists():
        return
    newest = max((rival for rival in rivals if rival.exists()), key=lambda rival: rival.stat().st_mtime)
    if newest.stat().st_mtime > path.stat().st_mtime:
        raise InputError(
            f"{newest.name} in {path.parent} is newer than {path.name}: to go on with the older one would undo what "
            f"the VAE has learnt since. Delete {path.name} to begin that phase anew from the model."
        )


def _size(vae: AutoencoderKL) -> tuple[Any, ...]:
    return *vae.config.block_out_channels, vae.config.layers_per_block
