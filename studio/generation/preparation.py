"""Preparation of a design for a run: padding, encoding, preview, noise shift and constraints."""

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
from studio.generation.constraint_projection import plan_projections
from studio.generation.noise_shift import choose_shift, shift_at
from studio.generation.previews import LatentPreview
from studio.generation.sampling import Projection
from studio.generation.vae import Codec
from studio.models.pipeline_slot import EncodedDesign, LoadedPipeline

SOURCE_BAND_SHARE = 0.12
"""Share of the shorter side over which the edges of a repeat that do not meet are blended before it is varied."""
_REMEMBERED_DESIGNS = 8


@dataclass(frozen=True, slots=True)
class PreparedDesign:
    """A design as a run needs it: padded on a canvas and encoded, with a preview fitted to it.

    `projections` enforce its constraints. `shift` is the noise shift, None for the noise schedule of the model's own
    scheduler. `own_pixels` (h, w) is true where the padded picture shows the design itself, false at the edges of a
    repeat that were blended; None for true everywhere.
    """

    canvas: Canvas
    codec: Codec
    encoded: EncodedDesign
    preview: LatentPreview
    projections: tuple[Projection, ...]
    shift: float | None = None
    own_pixels: NDArray[np.bool_] | None = None

    @property
    def box(self) -> tuple[float, float, float, float]:
        """The design's part of the padded picture, as shares of its sides (left, top, right, bottom)."""
        c = self.canvas
        return (
            c.left_px / c.padded_width_px,
            c.top_px / c.padded_height_px,
            (c.left_px + c.working_width_px) / c.padded_width_px,
            (c.top_px + c.working_height_px) / c.padded_height_px,
        )


def prepare_design(
    loaded: LoadedPipeline, design: Design, plan: WeavePlan | None, strength: float, report: Callable[[str], None]
) -> PreparedDesign:
    """Pad the design and encode it to latents (1, channels, h, w), or take those of an earlier run.

    `report` is called before each lengthy stage; its exceptions pass through.
    """
    canvas = loaded.entry.plan_canvas(design, None if plan is None else plan.closed_repeat)
    padded, own_pixels = fit(design.image, canvas), None
    if canvas.repeat is not None:  # edges that do not meet would show in every variation
        pixels = np.asarray(padded)
        if not measure_seams(pixels, canvas.repeat).meet:
            closed = close_seams(pixels, canvas.repeat, round(SOURCE_BAND_SHARE * min(padded.size)))
            padded, own_pixels = Image.fromarray(closed), (closed == pixels).all(axis=-1)
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
    projections = () if plan is None else plan_projections(plan, canvas, encoded.latents, codec)
    shift = None
    if loaded.entry.fits_noise:
        shift = shift_at(strength, lambda: _find_shift(loaded, codec, encoded, report))
    preview = LatentPreview(encoded.latents[0], padded)
    return PreparedDesign(canvas, codec, encoded, preview, projections, shift, own_pixels)


def _find_shift(loaded: LoadedPipeline, codec: Codec, encoded: EncodedDesign, report: Callable[[str], None]) -> float:
    """Return a design's shift, measured once; leaves the adapter at weight 0, so the run sets the weight afterwards."""
    if encoded.shift is None:
        loaded.set_adapter_weight(0.0)
        tell = partial(report, "Measuring how much noise the design needs")
        encoded.shift = choose_shift(loaded.pipe, codec, loaded.prompts, encoded.latents, tell)
    return encoded.shift
