"""A training from a dataset to an adapter: encode, train, validate, save, and go on from where it was cut."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.metadata
import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from torch.utils.tensorboard import SummaryWriter

from studio.adapter_training.card.card import write_card
from studio.adapter_training.card.choices import CardChoices, read_choices, summarise_dataset
from studio.adapter_training.card.energy import ENERGY_FILE, EnergyMeter, find_sources
from studio.adapter_training.checkpoints import read_newest_checkpoint, write_checkpoint
from studio.adapter_training.encoder import Encoder, Prepared, Stopped, quantise_part
from studio.adapter_training.folder import EndState, EntryKind, TrainingFacts, TrainingFolder
from studio.adapter_training.lora import write_adapter
from studio.adapter_training.samples import Sampler
from studio.adapter_training.training import LoraTraining
from studio.adapter_training.validation import measure_held_out
from studio.catalogue import new_id, utc_now
from studio.datasets import Dataset, split
from studio.errors import MemoryShortError, ModelError, RequestError, StorageError, StudioError, first_line
from studio.models.device import MEMORY_ERRORS, empty_device_cache, has_fast_bf16, is_out_of_memory, measure_peak_bytes
from studio.models.loading import fetch_model, fingerprint_files
from studio.models.pipeline import SD3Pipeline
from studio.models.registry import resolve_model
from studio.schema import LoraRecipe

SAMPLED_DESIGNS = 3
_PACKAGES = ("torch", "diffusers", "transformers", "peft", "accelerate")

Report = Callable[[Mapping[str, Any]], None]
"""Is given each entry of the log."""


class LoraRun:
    """One stretch of a training, begun or resumed."""

    def __init__(
        self,
        folder: TrainingFolder,
        recipe: LoraRecipe,
        *,
        stopped: Callable[[], bool] = lambda: False,
        report: Report = lambda entry: None,
    ) -> None:
        self._folder, self._recipe = folder, recipe
        self._stopped, self._report = stopped, report
        self._entry = resolve_model(recipe.model)
        with_bf16 = torch.cuda.is_available() or has_fast_bf16()
        self._accelerator = Accelerator(mixed_precision="bf16" if with_bf16 else "no")
        self._board = SummaryWriter(folder.logs) if self._accelerator.is_main_process else None
        set_seed(recipe.seed)  # nothing should draw from it; whatever does draws the same

    def run(self, dataset: Dataset, *, resume: bool) -> EndState:
        """Train until the last step, or until asked to stop, which writes a checkpoint; return how it ended.

        Raises `StudioError` with what to do next; the log's last entry says it too.
        """
        energy = EnergyMeter(self._folder.root / ENERGY_FILE, find_sources(self._accelerator.device.type))
        try:
            with energy if self._accelerator.is_main_process else contextlib.nullcontext():
                self._train(dataset, resume=resume)
            if self._accelerator.is_main_process:
                write_card(self._folder, self._describe_data(dataset))
        except Stopped:
            self._note("end", state="stopped", error=None)
            return "stopped"
        except BaseException as error:
            mended = _explain(error, self._recipe)
            self._note_quietly("end", state="failed", error=str(mended))
            if mended is error:
                raise
            raise mended from error
        self._note("end", state="finished", error=None)
        return "finished"

    def _describe_data(self, dataset: Dataset) -> CardChoices:
        """Return the choices for the card, with the counts of the dataset at this recipe's sizes."""
        entry = self._entry
        report = dataset.check(self._recipe.resolution_px, entry.multiple_px, entry.smallest_px)
        return dataclasses.replace(read_choices(self._folder.root), data=summarise_dataset(report))

    def _train(self, dataset: Dataset, *, resume: bool) -> None:
        recipe = self._recipe
        self.stage("Finding the model", None)
        model = fetch_model(self._entry)
        fingerprint = fingerprint_files(model)
        trained, held_out = split(dataset.examples, recipe.held_out, recipe.seed)
        counts = {"examples": len(dataset.examples), "trained": len(trained), "held_out": len(held_out)}
        self._write_facts(dataset, counts, fingerprint, resume=resume)
        encoder = Encoder(self._folder, recipe, self._entry, self._accelerator, self)
        prepared = encoder.prepare(dataset, trained, held_out, fingerprint)
        self.stage(f"Loading {self._entry.title}", None)
        pipe = encoder.load(("transformer", "vae"))
        if recipe.base == "8bit":
            quantise_part(pipe, "transformer")
        training = LoraTraining(pipe.transformer, recipe, self._entry.public_id, prepared.material, self._accelerator)
        if resume and (found := read_newest_checkpoint(self._folder)) is not None:
            _, state = found
            if state.pop("samples") != prepared.digest:
                raise RequestError(
                    "The dataset is not the one that this training began with: pictures, captions or sizes differ. "
                    "Restore it, or begin a new training in another folder."
                )
            training.load(state)
        self._loop(training, pipe, prepared)
        self.stage("Writing the adapter", None)
        self._save_adapter(training, self._folder.adapter)

    def _loop(self, training: LoraTraining, pipe: SD3Pipeline, prepared: Prepared) -> None:
        """Take the steps that are left, with validations, samples and checkpoints between them."""
        recipe, began, first = self._recipe, time.monotonic(), training.steps_done
        sampler = Sampler(pipe, self._entry, prepared.material.prompts)
        if first == 0:
            self._validate(training, pipe, prepared)
        while training.steps_done < recipe.steps:
            step_began = time.monotonic()
            figures = training.advance()
            step, now = training.steps_done, time.monotonic()
            pace = (now - began) / (step - first)
            self._note(
                "step",
                step=step,
                loss=figures["loss"],
                learning_rate=figures["learning_rate"],
                seconds=round(now - step_began, 3),
                seconds_left=round(pace * (recipe.steps - step), 1),
                peak_bytes=measure_peak_bytes(self._accelerator.device),
            )
            last = step == recipe.steps
            if last or step % recipe.validate_every == 0:
                self._validate(training, pipe, prepared)
            if recipe.samples_every and (last or step % recipe.samples_every == 0):
                self._draw_samples(training, sampler, prepared)
            stopping = not last and self._agree_to_stop()
            if last or stopping or step % recipe.checkpoint_every == 0:
                self._write_checkpoint(training, prepared)
            if stopping:
                raise Stopped

    def _validate(self, training: LoraTraining, pipe: SD3Pipeline, prepared: Prepared) -> None:
        if not prepared.held_out or not self._accelerator.is_main_process:
            return
        figures = measure_held_out(training, pipe, prepared.material, prepared.held_out)
        self._note("validation", step=training.steps_done, **figures)

    def _draw_samples(self, training: LoraTraining, sampler: Sampler, prepared: Prepared) -> None:
        designs = prepared.held_out[:SAMPLED_DESIGNS]
        if not designs or not self._accelerator.is_main_process:
            return
        latents = [prepared.material.pictures.read(one.source_key) for one in designs]
        step = training.steps_done
        try:
            sampler.draw(training, designs, latents, self._folder.samples(step))
        except MEMORY_ERRORS as error:
            if not is_out_of_memory(error):
                raise
            empty_device_cache()
            self._note("stage", stage=f"No samples of step {step}: they need more memory than is free", share=None)
            return
        self._note("samples", step=step)

    def _write_checkpoint(self, training: LoraTraining, prepared: Prepared) -> None:
        if self._accelerator.is_main_process:
            state = training.state() | {"samples": prepared.digest}
            write_checkpoint(
                self._folder, training.steps_done, state, lambda place: self._save_adapter(training, place)
            )
            self._note("checkpoint", step=training.steps_done)
        self._accelerator.wait_for_everyone()

    def _save_adapter(self, training: LoraTraining, place: Path) -> None:
        if self._accelerator.is_main_process:
            write_adapter(training.transformer, training.read_adapter(), place)

    def _write_facts(self, dataset: Dataset, counts: Mapping[str, int], fingerprint: str, *, resume: bool) -> None:
        if resume or not self._accelerator.is_main_process:
            return
        device = self._accelerator.device
        self._folder.write_facts(
            TrainingFacts(
                id=new_id(),
                created_at=utc_now(),
                recipe=self._recipe,
                dataset={"path": str(dataset.path.resolve()), "name": dataset.name, **counts},
                model={
                    "id": self._entry.public_id,
                    "title": self._entry.title,
                    "licence": self._entry.licence,
                    "licence_url": self._entry.licence_url,
                    "fingerprint": fingerprint,
                },
                versions={name: importlib.metadata.version(name) for name in _PACKAGES},
                device=torch.cuda.get_device_name() if device.type == "cuda" else device.type,
            )
        )

    def stage(self, stage: str, share: float | None) -> None:
        """Tell what is being done, and how much of it is done, 0 to 1; raises `Stopped` where it should not be."""
        self._check_stopped()
        self._note("stage", stage=stage, share=share)

    def _agree_to_stop(self) -> bool:
        """Return whether any of the processes was asked to stop: all of them take the same steps."""
        asked = torch.tensor(float(self._stopped()), device=self._accelerator.device)
        return bool(self._accelerator.reduce(asked, "sum") > 0)

    def _check_stopped(self) -> None:
        if self._stopped():
            raise Stopped

    def _note(self, kind: EntryKind, **values: object) -> None:
        if self._accelerator.is_main_process:
            self._folder.note(kind, at=utc_now(), **values)
            self._report({"kind": kind, **values})
            if self._board is not None:
                add_to_board(self._board, kind, values)

    def _note_quietly(self, kind: EntryKind, **values: object) -> None:
        """Note an entry where another error is on its way, which matters more than a disk that is full."""
        with contextlib.suppress(StorageError):
            self._note(kind, **values)


def add_to_board(board: SummaryWriter, kind: EntryKind, values: Mapping[str, Any]) -> None:
    """Add the figures of an entry to what TensorBoard shows."""
    if kind == "step":
        board.add_scalar("train/loss", values["loss"], values["step"])
        board.add_scalar("train/learning_rate", values["learning_rate"], values["step"])
    elif kind == "validation":
        board.add_scalar("held_out/loss", values["loss"], values["step"])
        for sigma, loss in values["by_level"].items():
            board.add_scalar(f"held_out/sigma_{sigma}", loss, values["step"])
    elif kind == "end":
        board.close()


def _explain(error: BaseException, recipe: LoraRecipe) -> BaseException:
    """Return an error with a sentence of what to do next; errors that have one, and interrupts, as they are."""
    kept = "The checkpoints are whole; resume the training afterwards."
    if isinstance(error, StudioError) or not isinstance(error, Exception):
        return error
    if is_out_of_memory(error):
        thrift = "a base of 8 bits" if recipe.base == "16bit" else "a smaller resolution or rank"
        if recipe.batch > 1:
            thrift = f"a batch of 1 with {recipe.accumulate * recipe.batch} accumulated"
        return MemoryShortError(
            f"There is not enough memory for this training. Close other programs or choose {thrift}."
        )
    if isinstance(error, OSError):
        return StorageError(f"The training stopped: {first_line(error)} {kept}")
    if isinstance(error, RuntimeError) and "CUDA" in str(error):
        return ModelError(f"The graphics card failed: {first_line(error)} {kept}")
    logging.getLogger(__name__).error("an unexpected error stopped the training", exc_info=error)
    return StudioError(f"An unexpected error stopped the training ({type(error).__name__}: {first_line(error)}) {kept}")
