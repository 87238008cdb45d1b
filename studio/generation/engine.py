"""The engine: draws the variations of one request with one loaded pipeline, and reports each event of the run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from studio import __version__
from studio.designs import Design, unfit
from studio.designs.canvas import crop
from studio.designs.weaving.plan import WeavePlan, plan_weave
from studio.designs.weaving.unchanged_parts import View
from studio.designs.weaving.weave import weave
from studio.errors import MemoryShortError, ModelError, first_line
from studio.generation.cycle_spinning import spin
from studio.generation.events import Drawn, Preparing, RunListener, Started, Stepped
from studio.generation.guidance import choose_guidance, predicts_row_by_row, transformer_velocity
from studio.generation.preparation import PreparedDesign, prepare_design
from studio.generation.sampling import Step, Velocity, plan_sigmas, sample_variations
from studio.models.device import MEMORY_ERRORS, is_out_of_memory
from studio.models.pipeline import execution_device, to_picture
from studio.models.pipeline_slot import LoadedPipeline, PipelineSlot
from studio.models.prompts import PromptEmbeds
from studio.schema import RunFacts, VariationRequest

BATCH_LIMIT = 5
"""Variations drawn at once; a larger run takes several batches."""


class Engine:
    """Draws variations with the pipeline that the slot holds. An engine belongs to one thread."""

    def __init__(self, slot: PipelineSlot) -> None:
        self._slot = slot

    @property
    def holds_model(self) -> bool:
        """Whether a pipeline is loaded."""
        return self._slot.occupied

    def generate(self, request: VariationRequest, design: Design, listener: RunListener) -> None:
        """Draw the variations of a request, reporting each event to `listener`.

        The design is encoded once and the prompt once. Each seed has a generator of its own and gives the same picture
        alone and in a batch. A variation has exactly the design's width and height.

        Raises `ModelError` and its kinds, `AdapterError` and `RequestError`. A `StudioError` of the listener ends the
        run and passes through.
        """
        with self._slot.use(request.pipeline, lambda stage: listener(Preparing(stage))) as loaded, torch.no_grad():
            try:
                _generate(loaded, request, design, listener)
            except MEMORY_ERRORS as error:
                self._slot.release()  # the failure may have left it in any state, so the next run loads it again
                if is_out_of_memory(error):
                    raise _memory_short(loaded) from error
                raise ModelError(
                    f"{loaded.entry.title} failed while drawing: {first_line(error)} Try again; the model will be "
                    "loaded again. If it happens again, choose another model or memory profile in the settings."
                ) from error

    def release(self) -> None:
        """Drop the loaded pipeline and free its memory, after any run in progress."""
        self._slot.release()


@dataclass(frozen=True, slots=True)
class _Run:
    """What the batches of one `generate` share.

    `plan` is None where nothing is woven. `view` is the design as the VAE reconstructs it, None for a run without
    yarns. `sigmas` (steps + 1,) are the noise schedule, `dtype` is that of the latents.
    """

    loaded: LoadedPipeline
    request: VariationRequest
    design: PreparedDesign
    plan: WeavePlan | None
    view: View | None
    velocity: Velocity
    sigmas: Tensor
    dtype: torch.dtype
    listener: RunListener


@dataclass(slots=True)
class _Progress:
    """Denoising steps done and planned, over all batches."""

    done: int
    planned: int


def _generate(loaded: LoadedPipeline, request: VariationRequest, design: Design, listener: RunListener) -> None:
    """Draw a request, stage by stage."""
    began = time.monotonic()
    # 1. The design, encoded once (or remembered from an earlier run), and the constraints on its variations.
    listener(Preparing("Reading the design"))
    asked = None if request.constraints.none else plan_weave(design, request.constraints)
    plan = None if asked is None or asked.idle else asked
    prepared = prepare_design(loaded, design, plan, request.strength, lambda stage: listener(Preparing(stage)))
    view = _view(loaded, prepared) if plan is not None and plan.has_yarns else None
    # 2. The prompt, encoded once (or remembered).
    listener(Preparing("Reading the prompt"))
    embeds = loaded.prompts.encode(request.prompt, request.negative_prompt, request.guidance_scale > 1)
    # 3. The adapter's weight for this run.
    loaded.set_adapter_weight(request.adapter.weight if request.adapter is not None else 0.0)
    # 4. Batches of latents, and a picture from each latent.
    canvas = prepared.canvas
    size_px = (canvas.padded_width_px, canvas.padded_height_px)
    sigmas = plan_sigmas(loaded.pipe, request.steps, request.strength, size_px, prepared.shift)
    velocity, dtype = _velocity(loaded, request, prepared, embeds), embeds.text.words.dtype
    run = _Run(loaded, request, prepared, plan, view, velocity, sigmas, dtype, listener)
    progress = _Progress(0, -(-len(request.seeds) // BATCH_LIMIT) * request.effective_steps)
    listener(Started(_facts(run, cut=embeds.cut, notes=() if asked is None else asked.notes), progress.planned))
    for first, latents in _batches(run, progress):
        _finish_batch(run, first, latents, time.monotonic() - began)
        del latents  # before the next batch needs the memory
        began = time.monotonic()


def _velocity(
    loaded: LoadedPipeline, request: VariationRequest, design: PreparedDesign, embeds: PromptEmbeds
) -> Velocity:
    """Return the velocity of a run: the transformer's with guidance, and with cycle spinning where that helps."""
    guidance = choose_guidance(embeds, request.guidance_scale, execution_device(loaded.pipe))
    velocity = transformer_velocity(loaded.pipe, guidance, row_by_row=predicts_row_by_row(loaded.pipe))
    if design.canvas.repeat is None and not loaded.entry.cycle_spinning:
        return velocity
    return spin(velocity, design.canvas.repeat, loaded.pipe.transformer.config["patch_size"])


def _view(loaded: LoadedPipeline, design: PreparedDesign) -> View:
    """Return the design as the VAE reconstructs it."""
    encoded = design.encoded
    if encoded.reconstruction is None:
        encoded.reconstruction = _decode(loaded, design, encoded.latents[0])
    return View(np.asarray(crop(encoded.reconstruction, design.canvas)), design.own_pixels)


def _batches(run: _Run, progress: _Progress) -> Iterator[tuple[int, Tensor]]:
    """Yield the first slot of each batch with its denoised latents (b, c, h, w).

    A batch that does not fit into memory is halved and tried again. Rows that are predicted one by one need no more
    memory in a larger batch, so a smaller one would not fit either.
    """
    seeds, steps = run.request.seeds, run.request.effective_steps
    smallest = BATCH_LIMIT if predicts_row_by_row(run.loaded.pipe) else 1
    first, size = 0, min(BATCH_LIMIT, len(seeds))
    while first < len(seeds):
        batch, latents = seeds[first : first + size], None
        try:
            latents = _denoise(run, batch, first, progress)
        except MEMORY_ERRORS as error:
            if len(batch) <= smallest or not is_out_of_memory(error):
                raise
        if latents is None:  # here the exception no longer holds the tensors of the failed forward
            size = (len(batch) + 1) // 2
            run.loaded.make_room()
            progress.planned = progress.done + -(-(len(seeds) - first) // size) * steps
            continue
        progress.done += steps
        yield first, latents
        first += len(batch)


def _denoise(run: _Run, seeds: tuple[int, ...], first: int, progress: _Progress) -> Tensor:
    """Return the denoised latents (len(seeds), c, h, w) of one batch, whose slots begin with `first`."""
    design = run.design

    def report(step: Step, clean: Tensor) -> None:
        previews = {slot: design.preview.draw(row, design.box) for slot, row in enumerate(clean, first)}
        run.listener(Stepped(progress.done + step.number, progress.planned, previews))

    latents = design.encoded.latents
    return sample_variations(
        run.velocity, latents, seeds, run.sigmas, run.dtype, projections=design.projections, report=report
    )


def _finish_batch(run: _Run, first: int, latents: Tensor, denoising_seconds: float) -> None:
    """Decode, weave and report the variations of a batch, whose slots begin with `first`."""
    for slot, latent in enumerate(latents, first):
        _finish(run, slot, latent, denoising_seconds / len(latents))


def _finish(run: _Run, slot: int, latent: Tensor, denoising_seconds: float) -> None:
    """Decode, weave and report one variation. One at a time: decoding five at once needs five times the memory."""
    began, canvas = time.monotonic(), run.design.canvas
    padded = _decode(run.loaded, run.design, latent)
    image = unfit(padded, canvas)
    own = crop(padded, canvas)
    woven = None if run.plan is None else weave(image, run.plan, own, run.view)
    seconds = denoising_seconds + time.monotonic() - began
    small = own if canvas.scaled else None
    run.listener(Drawn(slot, run.request.seeds[slot], image, seconds, woven, small))


def _decode(loaded: LoadedPipeline, design: PreparedDesign, latent: Tensor) -> Image.Image:
    """Return the padded picture of latents (c, h, w). Raises `ModelError` where they overflowed."""
    pixels = design.codec.decode(latent[None])
    if not torch.isfinite(pixels).all():
        raise ModelError(
            f"{loaded.entry.title} drew no valid picture (its numbers overflowed). "
            "Lower the guidance scale or the adapter weight and try again."
        )
    return to_picture(loaded.pipe, pixels)


def _facts(run: _Run, *, cut: bool, notes: tuple[str, ...]) -> RunFacts:
    loaded, canvas, request = run.loaded, run.design.canvas, run.request
    if cut:
        tokens = loaded.entry.prompt_tokens
        long = f"The prompt is longer than the {tokens} tokens that the model reads; its end was left out."
        notes = (long, *notes)
    return RunFacts(
        model=loaded.entry.public_id,
        model_title=loaded.entry.title,
        model_fingerprint=loaded.fingerprint,
        adapter_name=loaded.adapter.name if loaded.adapter is not None else None,
        adapter_sha256=loaded.adapter.sha256 if loaded.adapter is not None else None,
        adapter_weight=request.adapter.weight if request.adapter is not None else None,
        profile=loaded.profile_id,
        device=loaded.device_name,
        precision=loaded.precision,
        effective_steps=request.effective_steps,
        width_px=canvas.design_width_px,
        height_px=canvas.design_height_px,
        working_width_px=canvas.working_width_px,
        working_height_px=canvas.working_height_px,
        shift=run.design.shift,
        versions={"studio": __version__} | {name: version(name) for name in ("torch", "diffusers", "transformers")},
        notes=notes,
    )


def _memory_short(loaded: LoadedPipeline) -> MemoryShortError:
    return MemoryShortError(
        f"There is not enough memory to draw with {loaded.entry.title} at this size. Choose a thriftier memory profile "
        "in the settings, a smaller model or a smaller design."
    )
