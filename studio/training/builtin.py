"""Resumable training of the built-in model, from the first step to the exported folder, in one or several runs."""

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
from studio.optimisation.running_average import RunningAverage
from studio.optimisation.training_state import load_state, save_state
from studio.training.architecture import build_autoencoder
from studio.training.autoencoder import AutoencoderRecipe, AutoencoderTraining, fix_posterior_variance
from studio.training.checkpoint import BuiltinParts, build_parts, export_parts, load_parts
from studio.training.crops import CropStream
from studio.training.decoder import DecoderTraining
from studio.training.flow import FlowModel, FlowTraining
from studio.training.optimisers import Schedule
from studio.training.vae_initialisation import initialise_linear
from studio.training.vae_widening import widen_autoencoder

if TYPE_CHECKING:
    from diffusers.models import AutoencoderKL

Phase = Literal["vae", "flow", "decoder"]
CHECKPOINT_SECONDS = 240.0
VALIDATION_SECONDS = 600.0
REPORT_STEPS = 20
LINEAR_DESIGNS, LINEAR_CROPS = 12, 48
"""Numbers of designs and crops from which the linear code of a new VAE is computed."""
VAE_SHARE = 0.35
"""Share of the time that phase "all" gives to the VAE."""


class Training(Protocol):
    """The training of one phase."""

    name: str
    steps_done: int
    schedule: Schedule
    average: RunningAverage

    def advance(self) -> dict[str, float]:
        """Take one step and return its figures."""

    def validate(self) -> dict[str, float]:
        """Return figures on held-out designs."""

    def draw_samples(self) -> NDArray[np.uint8]:
        """Return a picture, uint8 (h, w, 3), of held-out designs and the model's results."""

    def state(self) -> dict[str, Any]:
        """Return everything that the next step depends on."""

    def load(self, state: dict[str, Any]) -> None:
        """Restore a state."""


@dataclass(frozen=True, slots=True)
class Progress:
    """A progress report. `figures` are means since the last report; `saved` means that a checkpoint was written."""

    phase: str
    step: int
    seconds_elapsed: float
    seconds_left: float
    figures: dict[str, float]
    saved: bool = False


@dataclass(frozen=True, slots=True)
class PhaseRun:
    """One run of a training phase in the folder `output`.

    `output` holds `model/` (the exported model), `state/` (training states), `samples/` and `metrics.jsonl`. If
    `cool_down_steps` is not 0 a cool-down begins at once, unless the saved state is in one already.
    """

    output: Path
    minutes: float
    phase: Phase
    cool_down_steps: int = 0
    device: str = "auto"

    @property
    def model_folder(self) -> Path:
        """Folder of the exported model."""
        return self.output / "model"

    def state_path(self, name: str) -> Path:
        """Path of the state of a training."""
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
    """Train for this many minutes and yield progress reports. Each checkpoint exports the model.

    Phase "all" trains the VAE and then the transformer with the text encoders, which have to learn the new latents.
    Phase "decoder" trains the VAE's decoder on latents from the transformer and does not change the encoder. `stopped`
    is called after each step; if it returns true the training ends with a checkpoint.

    Raises `InputError` if `output` holds a training and `resume` is false.
    """
    if (output / "state").exists() and not resume:
        raise InputError(f"{output} already holds a training. Add --resume to continue it, or choose another folder.")
    shares: dict[Phase, float] = {"vae": VAE_SHARE, "flow": 1 - VAE_SHARE} if phase == "all" else {phase: 1.0}
    for name, share in shares.items():
        yield from train_phase(PhaseRun(output, minutes * share, name, cool_down_steps, device), stopped)


def train_phase(run: PhaseRun, stopped: Callable[[], bool] = lambda: False) -> Iterator[Progress]:
    """Train one phase and yield progress reports, until its time or its cool-down is over or `stopped` returns true."""
    # 1. Load or build the model and its training state.
    began = time.monotonic()
    from_model = started_from_model(run.output)
    parts = open_parts(run.model_folder)
    training = build_training(run.phase, parts, choose_device(run.device))
    path = run.state_path(training.name)
    _check_newest(path)
    if path.exists():
        training.load(load_state(path))
    elif from_model and run.phase != "decoder":  # the decoder's recipe is gentle already
        training.schedule.restart_gently()
    if run.cool_down_steps and (training.schedule.cool_down_from is None or _has_cooled_down(training)):
        training.schedule.cool_down_from = training.steps_done
        training.schedule.cool_down_steps = run.cool_down_steps
    elif _has_cooled_down(training):
        training.schedule.cool_down_from = None
    # 2. Take steps until the time is over.
    saved = validated = time.monotonic()
    unreported: list[dict[str, float]] = []
    while True:
        unreported.append(training.advance())
        now = time.monotonic()
        over = now - began >= run.minutes * 60 or _has_cooled_down(training) or stopped()
        due = over or now - saved >= CHECKPOINT_SECONDS
        if not due and training.steps_done % REPORT_STEPS:
            continue
        # 3. Validate, save and report.
        keys = dict.fromkeys(key for entry in unreported for key in entry)  # not every step has every figure
        figures = {key: float(np.mean([entry[key] for entry in unreported if key in entry])) for key in keys}
        unreported.clear()
        if (over and not stopped()) or now - validated >= VALIDATION_SECONDS:
            figures |= training.validate()
            write_samples(run.output / "samples", training)
            validated = time.monotonic()
        if due:
            save_state(training.state(), path)
            export_average(parts, training, run.model_folder)
            saved = time.monotonic()
        seconds = time.monotonic() - began
        append_metrics(run.output / "metrics.jsonl", training, seconds, figures)
        left = max(0.0, run.minutes * 60 - seconds)
        yield Progress(training.name, training.steps_done, seconds, left, figures, due)
        if over:
            return


def started_from_model(output: Path) -> bool:
    """Return whether the training started from an existing model; its first run writes this to `state/origin.json`."""
    note = output / "state" / "origin.json"
    if not note.exists():
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(json.dumps({"from_model": (output / "model" / "model_index.json").exists()}), encoding="utf-8")
    from_model: bool = json.loads(note.read_text(encoding="utf-8"))["from_model"]
    return from_model


def open_parts(folder: Path) -> BuiltinParts:
    """Return the model in the folder, or a new one with tokenizers of generated captions and a linear VAE.

    A VAE smaller than `build_autoencoder` makes is widened to that size. Raises `InputError` if that is impossible.
    """
    if (folder / "model_index.json").exists():
        parts = load_parts(folder)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            large = build_autoencoder()
        if _size(parts.vae) != _size(large):
            try:
                widen_autoencoder(parts.vae, large)
            except ValueError as error:
                raise InputError(f"The VAE in {folder} cannot be widened to the current size: {error}.") from error
            parts.vae = large
        return parts
    parts = build_parts([*sample_captions(6000), *vocabulary()])
    crops = CropStream(LINEAR_CROPS, AutoencoderRecipe.side_px, crops_each=1, designs=LINEAR_DESIGNS)
    initialise_linear(parts.vae, crops.draw(0))
    return parts


def build_training(phase: Phase, parts: BuiltinParts, device: torch.device) -> Training:
    """Return the training of a phase."""
    if phase == "flow":
        return FlowTraining(parts, device)
    if phase == "decoder":
        return DecoderTraining(parts.vae, device, FlowModel(parts, device).sample_captionless)
    fix_posterior_variance(parts.vae)
    return AutoencoderTraining(parts.vae, device)


def export_average(parts: BuiltinParts, training: Training, folder: Path) -> None:
    """Export the model with the averaged weights, and with shift and scale of new latents."""
    training.average.swap()
    if isinstance(training, AutoencoderTraining):
        latents = training.measure_latents()
        parts.vae.register_to_config(**latents)  # type: ignore[no-untyped-call]  # diffusers, untyped
    export_parts(parts, folder)
    training.average.swap()


def write_samples(folder: Path, training: Training) -> None:
    """Write the current samples as a PNG named by phase and step."""
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(training.draw_samples()).save(folder / f"{training.name}-{training.steps_done:07d}.png")


def append_metrics(path: Path, training: Training, seconds: float, figures: dict[str, float]) -> None:
    """Append a line of JSON to the metrics file."""
    line = {"phase": training.name, "step": training.steps_done, "seconds": round(seconds, 1)}
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line | {key: round(value, 6) for key, value in figures.items()}) + "\n")


def _has_cooled_down(training: Training) -> bool:
    return training.schedule.ended(training.steps_done)


def _check_newest(path: Path) -> None:
    """Raise `InputError` if another phase has changed the VAE since this state was written, which would be undone."""
    vae_states = [path.with_name(f"{name}.pt") for name in ("vae", "decoder")]
    if path not in vae_states or not path.exists():
        return
    newest = max((state for state in vae_states if state.exists()), key=lambda state: state.stat().st_mtime)
    if newest.stat().st_mtime > path.stat().st_mtime:
        raise InputError(
            f"{newest.name} in {path.parent} is newer than {path.name}: continuing from the older one would undo what "
            f"the VAE has learnt since. Delete {path.name} to start that phase again from the model."
        )


def _size(vae: AutoencoderKL) -> tuple[Any, ...]:
    return *vae.config["block_out_channels"], vae.config["layers_per_block"]
