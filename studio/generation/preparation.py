"""A design on the sheet that a model draws on: padded, encoded once, with what leads its variations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from studio.designs import Canvas, Design, fit
from studio.designs.structure.repeat import close_seams, measure_seams
from studio.designs.weaving.plan import WeavePlan
from studio.generation.codec import Codec
from studio.generation.cycle_spinning import Turning
from studio.generation.noise_shift import choose_shift, shift_at
from studio.generation.previews import LatentPreview
from studio.generation.steering import Steering
from studio.models.slot import EncodedDesign, LoadedPipeline

SOURCE_BAND_SHARE = 0.12
"""Part of the shorter side over which edges that do not meet are faded into one another before they are varied."""
_REMEMBERED_DESIGNS = 8


@dataclass(frozen=True, slots=True)
class Sheet:
    """The design as the pipeline needs it: padded, encoded, with the preview fitted on it and what leads its run.

    `turning` is None where every step looks from the design's own corner. `shift` is the scheduler's where the model's
    noise is fitted to design and strength, None for what the model brings along. `true` (h, w) is where a repeat,
    which has no padding, is the design itself; None for everywhere.
    """

    canvas: Canvas
    codec: Codec
    encoded: EncodedDesign
    preview: LatentPreview
    steering: Steering | None
    turning: Turning | None
    shift: float | None = None
    true: NDArray[np.bool_] | None = None

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


def prepare_sheet(
    loaded: LoadedPipeline, design: Design, plan: WeavePlan | None, strength: float, report: Callable[[str], None]
) -> Sheet:
    """Pad the design and encode it to latents (1, channels, h, w), or take those of an earlier run.

    `report` is told what takes longer; what it raises passes through.
    """
    canvas = loaded.entry.plan_canvas(design, None if plan is None else plan.closed_repeat)
    padded, true = fit(design.image, canvas), None
    if canvas.repeat is not None:  # edges that do not meet would be there in every variation
        pixels = np.asarray(padded)
        if not measure_seams(pixels, canvas.repeat).meet:
            closed = close_seams(pixels, canvas.repeat, round(SOURCE_BAND_SHARE * min(padded.size)))
            padded, true = Image.fromarray(closed), (closed == pixels).all(axis=-1)
    codec = Codec(loaded.pipe, canvas.repeat)
    remembered = loaded.designs
    key = (design.sha256, canvas)
    if key not in remembered:
        latents = codec.encode(loaded.pipe.image_processor.preprocess(padded)).cpu()
        remembered[key] = EncodedDesign(latents)
        while len(remembered) > _REMEMBERED_DESIGNS:
            remembered.popitem(last=False)
    remembered.move_to_end(key)
    encoded = remembered[key]
    steering = None if plan is None else Steering(plan, canvas, encoded.latents, codec)
    turning = None
    if canvas.repeat is not None or loaded.entry.turned:
        turning = Turning(canvas.repeat, loaded.pipe.transformer.config.patch_size)
    shift = None
    if loaded.entry.even_strength:
        shift = shift_at(strength, lambda: _find_shift(loaded, codec, encoded, report))
    preview = LatentPreview(encoded.latents[0], padded)
    return Sheet(canvas, codec, encoded, preview, steering, turning, shift, true)


def _find_shift(loaded: LoadedPipeline, codec: Codec, encoded: EncodedDesign, report: Callable[[str], None]) -> float:
    """Return a design's shift, looked for once; leaves an adapter at weight 0, which a run then sets."""
    if encoded.shift is None:
        loaded.set_adapter_weight(0.0)
        look = partial(report, "Looking at the design through noise")
        encoded.shift = choose_shift(loaded.pipe, codec, loaded.prompts, encoded.latents, look)
    return encoded.shift
