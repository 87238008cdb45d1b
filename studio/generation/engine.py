"""One click on one pipeline: a design and a request in, finished variations out, told as they happen."""

from __future__ import annotations

import math
import time
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from diffusers.utils.torch_utils import randn_tensor
from PIL import Image

from studio import __version__
from studio.designs import Design, unfit
from studio.designs.canvas import crop
from studio.designs.weaving.plan import WeavePlan, plan_weave
from studio.designs.weaving.recognition import View
from studio.designs.weaving.weave import weave
from studio.errors import MemoryShortError, ModelError, first_line
from studio.generation.events import Drawn, Preparing, RunListener, Started, Stepped
from studio.generation.preparation import prepare_sheet
from studio.models.device import MEMORY_ERRORS, is_out_of_memory
from studio.models.slot import LoadedPipeline, PipelineSlot
from studio.schema import RunFacts, VariationRequest

BATCH_LIMIT = 5
"""Variations drawn at once; a run of more goes in several batches."""


class Engine:
    """Draws variations with whatever pipeline the slot holds. One thread owns an engine."""

    def __init__(self, slot: PipelineSlot) -> None:
        self._slot = slot

    def generate(self, request: VariationRequest, design: Design, listener: RunListener) -> None:
        """Draw the variations of a request, telling `listener` each event.

        The design is encoded once and the prompt once. Each seed has a generator of its own, so that a seed gives the
        same picture alone and in a batch. A variation has exactly the design's width and height.

        Raises `ModelError` and its kinds, `AdapterError` and `RequestError`. A `StudioError` of the
        listener ends the run and passes through.
        """
        with self._slot.use(request.pipeline, lambda stage: listener(Preparing(stage))) as loaded, torch.no_grad():
            try:
                _Run(loaded, request, design, listener).draw()
            except MEMORY_ERRORS as error:
                self._slot.release()  # whatever state a failure left it in, the next run begins afresh
                if is_out_of_memory(error):
                    raise _memory_short(loaded) from error
                raise ModelError(
                    f"{loaded.entry.title} failed while drawing: {first_line(error)} Try again; the model is loaded "
                    "afresh. If it happens again, choose another model or memory profile in the settings."
                ) from error

    def release(self) -> None:
        """Drop the loaded pipeline and give its memory back; waits for a run."""
        self._slot.release()


class _Run:
    """The work of one `generate`, with what its stages share."""

    def __init__(
        self, loaded: LoadedPipeline, request: VariationRequest, design: Design, listener: RunListener
    ) -> None:
        self.loaded, self.request, self.design, self.listener = loaded, request, design, listener
        self.guided = request.guidance_scale > 1

    def draw(self) -> None:
        """Walk the stages in order."""
        request, loaded = self.request, self.loaded
        began = time.monotonic()
        # 1. The design, encoded once (or remembered from an earlier run), and what its variations must keep.
        self.listener(Preparing("Reading the design"))
        plan = None if request.constraints.none else plan_weave(self.design, request.constraints)
        self.plan: WeavePlan | None = None if plan is None or plan.idle else plan
        self.notes = () if plan is None else plan.notes
        self.sheet = prepare_sheet(
            loaded, self.design, self.plan, request.strength, lambda stage: self.listener(Preparing(stage))
        )
        view = self._view()
        # 2. The prompt, encoded once (or remembered).
        self.listener(Preparing("Reading the prompt"))
        embeds = loaded.prompts.encode(request.prompt, request.negative_prompt, self.guided)
        # 3. The adapter's strength for this run.
        loaded.set_adapter_weight(request.adapter.weight if request.adapter is not None else 0.0)
        # 4. Batches, as large as fits: a batch that is too large for the memory is halved and tried again.
        facts = self._facts(cut=embeds.cut)
        count, batch, first = len(request.seeds), min(BATCH_LIMIT, len(request.seeds)), 0
        total = -(-count // batch) * request.effective_steps
        self.listener(Started(facts, total))
        done = 0
        while first < count:
            seeds, short = request.seeds[first : first + batch], False
            try:
                latents = self._denoise(
                    seeds, first, embeds.repeated(len(seeds), loaded.pipe._execution_device), done, total
                )
            except MEMORY_ERRORS as error:
                if len(seeds) == 1 or not is_out_of_memory(error):
                    raise
                short = True
            if short:  # here, where the failed forward's tensors are no longer held by the exception
                batch = (len(seeds) + 1) // 2
                loaded.make_room()
                total = done + -(-(count - first) // batch) * request.effective_steps
                continue
            done += request.effective_steps
            # 5. Decoding, one at a time: five at once would need five times the memory.
            share = (time.monotonic() - began) / len(seeds)
            for place, latent in enumerate(latents):
                decoding = time.monotonic()
                sheet = self._decode(latent)
                image = unfit(sheet, self.sheet.canvas)
                woven = None if self.plan is None else weave(image, self.plan, crop(sheet, self.sheet.canvas), view)
                seconds = share + time.monotonic() - decoding
                self.listener(Drawn(first + place, seeds[place], image, seconds, woven))
            first += len(seeds)
            began = time.monotonic()

    def _view(self) -> View | None:
        """Return the design as the model gives it back where it changes nothing; None where there are no yarns."""
        sheet = self.sheet
        if self.plan is None or not self.plan.has_yarns:
            return None
        if sheet.encoded.drawn is None:
            sheet.encoded.drawn = self._decode(sheet.encoded.latents[0])
        return View(np.asarray(crop(sheet.encoded.drawn, sheet.canvas)), sheet.true)

    def _denoise(
        self, seeds: tuple[int, ...], first: int, embeds: dict[str, torch.Tensor | None], done: int, total: int
    ) -> torch.Tensor:
        """Return the denoised latents (len(seeds), channels, h, w) of one batch."""
        pipe, request, canvas = self.loaded.pipe, self.request, self.sheet.canvas
        steering, turning = self.sheet.steering, self.sheet.turning
        if turning is not None:
            turning.begin(request.effective_steps)
        if steering is not None:
            steering.begin(self._draw_noise(seeds, embeds["prompt_embeds"].dtype), request.effective_steps)

        def after_step(_pipe: object, index: int, _timestep: torch.Tensor, tensors: dict[str, Any]) -> dict[str, Any]:
            latents, clean = tensors["latents"], pipe.scheduler.clean
            if turning is not None:
                latents, clean = turning.turn_back(latents), turning.turn_back(clean)
            if steering is not None:
                sigma = float(pipe.scheduler.sigmas[pipe.scheduler.step_index])
                latents, clean = steering.settle(latents, clean, sigma)
            pictures = {first + i: self.sheet.preview.draw(row, self.sheet.box) for i, row in enumerate(clean)}
            self.listener(Stepped(done + index + 1, total, pictures))
            return {"latents": latents if turning is None else turning.turn(latents)}

        return pipe(
            image=self.sheet.encoded.latents,
            width=canvas.padded_width_px,
            height=canvas.padded_height_px,
            strength=request.strength,
            num_inference_steps=request.steps,
            guidance_scale=request.guidance_scale,
            generator=_generators(seeds),
            mu=None if self.sheet.shift is None else math.log(self.sheet.shift),
            output_type="latent",
            callback_on_step_end=after_step,
            max_sequence_length=self.loaded.entry.prompt_tokens,
            **embeds,
        ).images

    def _draw_noise(self, seeds: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        """Return the noise that the pipeline will draw for these seeds, (len(seeds), channels, h, w)."""
        shape = (len(seeds), *self.sheet.encoded.latents.shape[1:])
        device = self.loaded.pipe._execution_device
        return randn_tensor(shape, generator=_generators(seeds), device=device, dtype=dtype)

    def _decode(self, latent: torch.Tensor) -> Image.Image:
        """Return the padded picture of one variation from its latents (channels, h, w)."""
        pixels = self.sheet.codec.decode(latent[None])
        if not torch.isfinite(pixels).all():
            raise ModelError(
                f"{self.loaded.entry.title} drew no valid picture (its numbers overflowed). "
                "Lower the guidance scale or the adapter weight and try again."
            )
        return self.loaded.pipe.image_processor.postprocess(pixels.float(), output_type="pil")[0]

    def _facts(self, *, cut: bool) -> RunFacts:
        loaded, canvas, adapter = self.loaded, self.sheet.canvas, self.loaded.adapter
        notes = ()
        if cut:
            tokens = loaded.entry.prompt_tokens
            notes = (f"The prompt is longer than the {tokens} tokens that the model reads; its end was left out.",)
        return RunFacts(
            model=loaded.entry.public_id,
            model_title=loaded.entry.title,
            model_fingerprint=loaded.fingerprint,
            adapter_name=adapter.name if adapter is not None else None,
            adapter_sha256=adapter.sha256 if adapter is not None else None,
            adapter_weight=self.request.adapter.weight if self.request.adapter is not None else None,
            profile=loaded.profile_id,
            device=loaded.device_name,
            precision=loaded.precision,
            effective_steps=self.request.effective_steps,
            width_px=canvas.design_width_px,
            height_px=canvas.design_height_px,
            working_width_px=canvas.working_width_px,
            working_height_px=canvas.working_height_px,
            shift=self.sheet.shift,
            versions={"studio": __version__} | {name: version(name) for name in ("torch", "diffusers", "transformers")},
            notes=notes + self.notes,
        )


def _generators(seeds: tuple[int, ...]) -> list[torch.Generator]:
    return [torch.Generator("cpu").manual_seed(seed) for seed in seeds]


def _memory_short(loaded: LoadedPipeline) -> MemoryShortError:
    return MemoryShortError(
        f"There is not enough memory to draw with {loaded.entry.title} at this size. Choose a thriftier memory profile "
        "in the settings, a smaller model or a smaller design."
    )
