"""A design on the sheet that a model draws on: padded, encoded once, with what leads its variations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image

from studio.designs import Canvas, Design, fit
from studio.designs.repeat import close_seams, measure_seams, surround
from studio.designs.weave_plan import WeavePlan
from studio.models.previews import LatentPreview
from studio.models.slot import LoadedPipeline
from studio.steering import MARGIN_CELLS, LatentMirror, Steering, fit_mirror

SOURCE_BAND_SHARE = 0.12
"""Part of the shorter side over which edges that do not meet are faded into one another before they are varied."""
_REMEMBERED_LATENTS = 8


@dataclass(frozen=True, slots=True)
class Sheet:
    """The design as the pipeline needs it: padded, encoded, with the preview and the steering fitted on it."""

    canvas: Canvas
    latents: torch.Tensor
    preview: LatentPreview
    steering: Steering | None

    @property
    def box(self) -> tuple[float, float, float, float]:
        """The design's part of the padded picture, as shares of its sides."""
        c = self.canvas
        return (
            c.left_px / c.padded_width_px,
            c.top_px / c.padded_height_px,
            (c.left_px + c.working_width_px) / c.padded_width_px,
            (c.top_px + c.working_height_px) / c.padded_height_px,
        )


def prepare_sheet(loaded: LoadedPipeline, design: Design, plan: WeavePlan | None) -> Sheet:
    """Pad the design and encode it to latents (1, channels, h, w), or take those of an earlier run.

    The mode of the posterior, not a sample: a sample would be drawn by the first seed's generator, and that seed
    would give another picture alone than in a batch.
    """
    canvas = loaded.entry.plan_canvas(design, None if plan is None else plan.closed_repeat)
    padded = fit(design.image, canvas)
    if canvas.repeat is not None:  # edges that do not meet would be there in every variation
        pixels = np.asarray(padded)
        if measure_seams(pixels, canvas.repeat).shown:
            padded = Image.fromarray(close_seams(pixels, canvas.repeat, round(SOURCE_BAND_SHARE * min(padded.size))))
    remembered = loaded.latents
    key = (design.sha256, canvas)
    if key not in remembered:
        remembered[key] = _encode(loaded, padded, canvas.repeat)
        if len(remembered) > _REMEMBERED_LATENTS:
            remembered.popitem(last=False)
    latents = remembered[key]
    steering = None
    if plan is not None:
        steering = Steering(plan, canvas, latents, _find_mirrors(loaded, plan, canvas, padded, latents))
    return Sheet(canvas, latents, LatentPreview(latents[0], padded), steering)


def _encode(loaded: LoadedPipeline, picture: Image.Image, repeat: str | None = None) -> torch.Tensor:
    """Return the scaled latents of a picture; the encoder sees the neighbours of a repeat beside it."""
    pipe, margin = loaded.pipe, 0
    if repeat is not None:
        margin = MARGIN_CELLS
        picture = Image.fromarray(surround(np.asarray(picture), repeat, margin * pipe.vae_scale_factor))
    pixels = pipe.image_processor.preprocess(picture).to(pipe._execution_device, pipe.vae.dtype)
    latents = pipe.vae.encode(pixels).latent_dist.mode()
    latents = latents[..., margin : latents.shape[-2] - margin, margin : latents.shape[-1] - margin]
    return ((latents - pipe.vae.config.shift_factor) * pipe.vae.config.scaling_factor).cpu()


def _find_mirrors(
    loaded: LoadedPipeline, plan: WeavePlan, canvas: Canvas, padded: Image.Image, latents: torch.Tensor
) -> tuple[LatentMirror, ...]:
    """Return the mirrors of the plan's axes, each fitted on the design and its mirror image."""
    found = []
    factor = loaded.pipe.vae_scale_factor
    axes = (
        (3, plan.vertical, canvas.left_px, canvas.working_width_px, canvas.design_width_px),
        (2, plan.horizontal, canvas.top_px, canvas.working_height_px, canvas.design_height_px),
    )
    for dim, offset, start_px, working_px, design_px in axes:
        if offset is None:
            continue
        # Partners add up to this on the padded sheet; a scaled design's axis falls between pixels at times.
        total_px = 2 * start_px + working_px - 1 + offset * working_px / design_px
        mirrored = _encode(loaded, _mirror_about(padded, dim, round(total_px)), canvas.repeat)
        mirror = fit_mirror(latents.float(), mirrored.float(), dim, (total_px + 1) / factor - 1)
        if mirror is not None:
            found.append(mirror)
    return tuple(found)


def _mirror_about(picture: Image.Image, dim: int, total_px: int) -> Image.Image:
    """Return a picture in which pixel x has come from `total_px` - x, across an upright (dim 3) or level axis."""
    pixels = np.asarray(picture)
    axis = dim - 2
    places = np.clip(total_px - np.arange(pixels.shape[axis]), 0, pixels.shape[axis] - 1)
    return Image.fromarray(np.ascontiguousarray(pixels.take(places, axis=axis)))
