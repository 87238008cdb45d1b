"""Keeping symmetry and kept parts while a batch is denoised, so that what is enforced later is drawn well.

What must be exact is made exact in the knots of the finished picture (`designs.weaving`). Here the latents are led
there, so that a mirror's seam and the edge of a kept part are drawn as one cloth. For the edges of a repeat see
`turning`.
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
from studio.generation.codec import Codec
from studio.models.device import quick_precision

FEATHER_CELLS = 2
"""Latent cells over which a kept part fades into what is drawn anew."""
LEADS = (0.3, 0.6)
"""Shares of a run's steps after which what is being drawn is mirrored."""


class PictureMirror:
    """Makes what a batch is drawing symmetric: decoded, mirrored pixel by pixel and encoded again.

    Latents have no mirror image of their own, for a VAE codes a slope to the left otherwise than one to the right. Of
    the built-in model's, the best mixing of channels explains two fifths; so the way leads through the picture.
    """

    def __init__(self, codec: Codec, plan: WeavePlan, canvas: Canvas) -> None:
        self._codec = codec
        own = np.arange(canvas.padded_height_px * canvas.padded_width_px)
        own = own.reshape(canvas.padded_height_px, canvas.padded_width_px)
        inside = own[
            canvas.top_px : canvas.top_px + canvas.working_height_px,
            canvas.left_px : canvas.left_px + canvas.working_width_px,
        ]
        mirrored = mirror_picture(inside, plan)
        # The padding goes on from what is now inside, as it was made at first.
        places = np.pad(mirrored, canvas.padding_px, mode="symmetric")
        moved = np.pad((mirrored != inside).astype(np.float32), canvas.padding_px, mode="symmetric")
        self._places = torch.from_numpy(places.ravel())
        self._moved = F.max_pool2d(torch.from_numpy(moved)[None, None], codec.cell_px) > 0

    def lead(self, clean: Tensor) -> Tensor:
        """Return clean latents (b, c, h, w) as those of symmetric pictures; the half that is copied from stays."""
        with quick_precision(clean.device):  # the steps to come draw over it
            pictures = self._codec.decode(clean)
            mirrored = pictures.flatten(2)[..., self._places.to(pictures.device)].view_as(pictures)
            led = self._codec.encode(mirrored)
        return torch.where(self._moved.to(clean.device), led.to(clean), clean)


class Steering:
    """The constraints of a run as they act on latents; `None` parts do nothing. Latents are (b, c, h, w)."""

    def __init__(self, plan: WeavePlan, canvas: Canvas, clean: Tensor, codec: Codec) -> None:
        self._clean = clean
        self._mirror = PictureMirror(codec, plan, canvas) if plan.mirrored else None
        self._leads: set[int] = set()
        self._steps_done = 0
        self._kept = None if plan.kept is None else soften_mask(plan.kept, canvas, clean.shape[-2:])
        self._noise: Tensor | None = None

    def begin(self, noise: Tensor, steps: int) -> None:
        """Begin a batch with this noise, that walks so many steps."""
        self._noise = noise
        self._leads = {max(1, int(share * steps)) for share in LEADS} - {steps}
        self._steps_done = 0

    def settle(self, latents: Tensor, clean: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
        """Return latents after a step to `sigma`, and where they are heading, as the constraints want both.

        Only what is drawn is mirrored, not the noise on it: a model that knows symmetric carpets takes what two places
        of noise share for a drawing, and glaring detail comes of it.
        """
        self._steps_done += 1
        if self._mirror is not None and self._steps_done in self._leads:
            led = self._mirror.lead(clean)
            latents, clean = latents + ((1 - sigma) * (led - clean)).to(latents), led
        if self._kept is not None and self._noise is not None:
            known = (1 - sigma) * self._clean.to(latents) + sigma * self._noise.to(latents)
            latents, clean = self._keep(known, latents), self._keep(self._clean, clean)
        return latents, clean

    def _keep(self, known: Tensor, drawn: Tensor) -> Tensor:
        """Return what was drawn with what is known in the kept part."""
        kept = self._kept.to(drawn)
        return kept * known.to(drawn) + (1 - kept) * drawn


def soften_mask(kept: NDArray[np.bool_], canvas: Canvas, cells: tuple[int, int]) -> Tensor:
    """Return where latents stay the design's own (1, 1, h, w), 0 to 1, fading outwards over FEATHER_CELLS.

    Inside the kept part it is 1: what is pasted in there later meets what the model has drawn beside it.
    """
    mask = torch.from_numpy(kept.astype(np.float32))[None, None]
    mask = F.interpolate(mask, (canvas.working_height_px, canvas.working_width_px), mode="area")
    vertical, horizontal = canvas.padding_px
    mask = F.pad(mask, (*horizontal, *vertical), mode="replicate")
    mask = F.interpolate(mask, tuple(cells), mode="area")
    soft = mask
    for _ in range(FEATHER_CELLS):
        soft = F.avg_pool2d(F.pad(soft, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    return torch.maximum(mask, soft)
