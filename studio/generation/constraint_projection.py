"""Constraints as projections of the latents: after a step they are brought to what symmetry and kept parts ask for.

What must be exact is made exact in the knots of the finished picture (`studio.designs.weaving`). The projections here
make the model draw towards it, so that the seam of a mirror and the edge of a kept part become one cloth.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from studio.designs import Canvas
from studio.designs.weaving.plan import WeavePlan
from studio.designs.weaving.weave import mirror_picture
from studio.generation.sampling import Step, add_noise
from studio.generation.vae import Codec
from studio.models.device import quick_precision

FEATHER_CELLS = 2
"""Latent cells over which a kept part fades into what is drawn anew."""
MIRRORED_AFTER = (0.3, 0.6)
"""Shares of a run's steps after which the clean estimate is mirrored."""


class PictureMirror:
    """Makes clean estimates symmetric: decoded, mirrored pixel by pixel and encoded again.

    Latents cannot be mirrored themselves, since a VAE codes a slope to the left otherwise than one to the right. Of the
    built-in model's, the best linear mixing of channels explains two fifths.
    """

    def __init__(self, codec: Codec, plan: WeavePlan, canvas: Canvas) -> None:
        self._codec = codec
        sides = (canvas.padded_height_px, canvas.padded_width_px)
        places = np.arange(sides[0] * sides[1]).reshape(sides)
        inside = places[
            canvas.top_px : canvas.top_px + canvas.working_height_px,
            canvas.left_px : canvas.left_px + canvas.working_width_px,
        ]
        mirrored = mirror_picture(inside, plan)
        # The padding continues what is now inside, as it continued the design.
        sources = np.pad(mirrored, canvas.padding_px, mode="symmetric")
        moved = np.pad((mirrored != inside).astype(np.float32), canvas.padding_px, mode="symmetric")
        self._sources = torch.from_numpy(sources.ravel())
        self._moved = F.max_pool2d(torch.from_numpy(moved)[None, None], codec.cell_px) > 0

    def project(self, clean: Tensor) -> Tensor:
        """Return clean estimates (b, c, h, w) as those of symmetric pictures; the half that is copied from stays."""
        with quick_precision(clean.device):  # bf16 is enough: later steps draw over it
            pictures = self._codec.decode(clean)
            mirrored = pictures.flatten(2)[..., self._sources.to(pictures.device)].view_as(pictures)
            encoded = self._codec.encode(mirrored)
        return torch.where(self._moved.to(clean.device), encoded.to(clean), clean)


class ConstraintProjection:
    """The projections of a run: `mirror` for its symmetry, `kept` for its kept part; None where it has none.

    `design` (1, c, h, w) are the design's latents. `kept` (1, 1, h, w) is 1 where they stay and 0 where they do not.
    """

    def __init__(self, design: Tensor, mirror: PictureMirror | None, kept: Tensor | None) -> None:
        self._design, self._mirror, self._kept = design, mirror, kept

    def project(self, step: Step, latents: Tensor, clean: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Return the latents after a step and its clean estimate, both (b, c, h, w), as the constraints want them.

        `noise` (b, c, h, w) is what the run began with. Only the clean estimate is mirrored, not the noise on it: a
        model that knows symmetric carpets takes noise that two places share for drawing, and adds glaring detail.
        """
        sigma = float(step.next_sigma)
        if self._mirror is not None and step.number in mirrored_steps(step.count):
            projected = self._mirror.project(clean)
            latents, clean = latents + ((1 - sigma) * (projected - clean)).to(latents), projected
        if self._kept is not None:
            kept, design = self._kept.to(latents), self._design.to(latents)
            latents = kept * add_noise(design, noise.to(latents), step.next_sigma) + (1 - kept) * latents
            clean = kept.to(clean) * design.to(clean) + (1 - kept.to(clean)) * clean
        return latents, clean


def make_projection(plan: WeavePlan, canvas: Canvas, design: Tensor, codec: Codec) -> ConstraintProjection:
    """Return the projections of a plan, for a design's latents (1, c, h, w) on a canvas."""
    rows, columns = design.shape[-2:]
    mirror = PictureMirror(codec, plan, canvas) if plan.mirrored else None
    kept = None if plan.kept is None else soften_mask(plan.kept, canvas, (rows, columns))
    return ConstraintProjection(design, mirror, kept)


def mirrored_steps(count: int) -> set[int]:
    """Return after which of `count` steps the clean estimate is mirrored: at most two, never the last."""
    return {max(1, int(share * count)) for share in MIRRORED_AFTER} - {count}


def soften_mask(kept: NDArray[np.bool_], canvas: Canvas, cells: tuple[int, int]) -> Tensor:
    """Return a mask of kept knots (h, w) on latent cells, (1, 1, *cells), fading outwards over FEATHER_CELLS.

    It is 1 all over the kept part, so that what is pasted in there later meets what the model has drawn beside it.
    """
    mask = torch.from_numpy(kept.astype(np.float32))[None, None]
    mask = F.interpolate(mask, (canvas.working_height_px, canvas.working_width_px), mode="area")
    vertical, horizontal = canvas.padding_px
    mask = F.pad(mask, (*horizontal, *vertical), mode="replicate")
    mask = F.interpolate(mask, cells, mode="area")
    soft = mask
    for _ in range(FEATHER_CELLS):
        soft = F.avg_pool2d(F.pad(soft, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    return torch.maximum(mask, soft)
