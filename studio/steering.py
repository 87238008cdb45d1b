"""Keeping symmetry, repeat and kept parts while a batch is denoised, so that what is enforced later is drawn well.

What must be exact is made exact in the knots of the finished picture (`designs.weaving`). Here the latents are led
there, so that a mirror's seam, a repeat's edge and the edge of a kept part are drawn as one cloth.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from studio.designs import Canvas
from studio.designs.repeat import lay
from studio.designs.weave_plan import WeavePlan

FEATHER_CELLS = 2
"""Latent cells over which a kept part fades into what is drawn anew."""
MARGIN_CELLS = 16
"""Latent cells of the neighbouring repeats that the VAE sees around one: more than its convolutions reach."""
FAITHFUL = 0.5
"""A mirror of latents that explains less than this of a mirrored picture's latents would do harm; it is left out."""


@dataclass(frozen=True, slots=True)
class LatentMirror:
    """What mirroring a picture does to its latents: cells change places, and channels are mixed.

    `places` is the partner of each cell along `dim`, `paired` tells which have one, `mixing` (c, c) is orthogonal, so
    that noise stays noise.
    """

    dim: int
    places: Tensor
    paired: Tensor
    first: Tensor
    mixing: Tensor

    def flip(self, latents: Tensor) -> Tensor:
        """Return latents (b, c, h, w) as those of the mirrored picture."""
        moved = latents.index_select(self.dim, self.places.to(latents.device))
        return torch.einsum("oc,bchw->bohw", self.mixing.to(latents), moved)

    def copy_half(self, latents: Tensor) -> Tensor:
        """Return latents whose second half mirrors the first."""
        return torch.where(self._along(self.paired & ~self.first, latents), self.flip(latents), latents)

    def balance(self, latents: Tensor) -> Tensor:
        """Return the mean of latents and their mirror image, where there is one."""
        return torch.where(self._along(self.paired, latents), (latents + self.flip(latents)) / 2, latents)

    def _along(self, which: Tensor, latents: Tensor) -> Tensor:
        shape = [1, 1, 1, 1]
        shape[self.dim] = -1
        return which.to(latents.device).view(shape)


def fit_mirror(latents: Tensor, mirrored: Tensor, dim: int, axis_cells: float) -> LatentMirror | None:
    """Return the mirror that leads from latents (1, c, h, w) to those of the mirrored picture; None if none does.

    `axis_cells` is the sum of the places of two partners along `dim`, in cells. The mixing of the channels is the
    orthogonal matrix nearest to the least squares (Procrustes; P. Schönemann, Psychometrika 31, 1966).
    """
    side = latents.shape[dim]
    total = math.floor(axis_cells + 0.5)
    wanted = total - torch.arange(side)
    paired = (wanted >= 0) & (wanted < side)
    places = torch.where(paired, wanted, torch.arange(side))
    first = torch.arange(side) <= wanted
    if int(paired.sum()) < 2:
        return None
    channels = latents.shape[1]
    rows = paired.nonzero().flatten()
    before = latents.index_select(dim, places).index_select(dim, rows)[0].reshape(channels, -1).double()
    after = mirrored.index_select(dim, rows)[0].reshape(channels, -1).double()
    u, _, vh = torch.linalg.svd(after @ before.T)
    mixing = u @ vh
    left_over = (after - mixing @ before).square().sum() / after.square().sum().clamp(min=1e-12)
    if float(left_over) > 1 - FAITHFUL:
        return None
    return LatentMirror(dim, places, paired, first, mixing.float())


class Steering:
    """The constraints of a run as they act on latents; `None` parts do nothing. Latents are (b, c, h, w)."""

    def __init__(self, plan: WeavePlan, canvas: Canvas, clean: Tensor, mirrors: tuple[LatentMirror, ...]) -> None:
        self._clean = clean
        self._mirrors = mirrors
        self._repeat = plan.closed_repeat
        self._kept = None if plan.kept is None else soften_mask(plan.kept, canvas, clean.shape[-2:])
        self._noise: Tensor | None = None
        self._corner = (0, 0)
        self._turns = np.random.default_rng(0)

    def begin(self, noise: Tensor) -> Tensor:
        """Return the noise to start from."""
        for mirror in self._mirrors:
            noise = mirror.copy_half(noise)
        self._noise = noise
        self._corner = (0, 0)
        self._turns = np.random.default_rng(0)
        return noise

    def settle(self, latents: Tensor, sigma: float) -> Tensor:
        """Return the latents after a step to `sigma`, seen from the design's own corner, as the constraints want."""
        latents = self._roll(latents, (-self._corner[0], -self._corner[1]))
        for mirror in self._mirrors:
            latents = mirror.balance(latents)
        if self._kept is not None and self._noise is not None:
            known = (1 - sigma) * self._clean.to(latents) + sigma * self._noise.to(latents)
            kept = self._kept.to(latents)
            latents = kept * known + (1 - kept) * latents
        return latents

    def turn(self, latents: Tensor, last: bool) -> Tensor:
        """Return the latents seen from another corner of the endless cloth: no place is a seam at every step."""
        if self._repeat is None or last:
            return latents
        height, width = latents.shape[-2:]
        self._corner = (int(self._turns.integers(height)), int(self._turns.integers(width)))
        return self._roll(latents, self._corner)

    def surround(self, latents: Tensor) -> Tensor:
        """Return the latents with their neighbouring repeats around them, MARGIN_CELLS wide."""
        if self._repeat is None:
            return latents
        height, width = latents.shape[-2:]
        ys = np.arange(-MARGIN_CELLS, height + MARGIN_CELLS)
        xs = np.arange(-MARGIN_CELLS, width + MARGIN_CELLS)
        return self._look(latents, ys, xs)

    @property
    def margin_cells(self) -> int:
        """How much `surround` adds on each side."""
        return 0 if self._repeat is None else MARGIN_CELLS

    def _roll(self, latents: Tensor, corner: tuple[int, int]) -> Tensor:
        if self._repeat is None or corner == (0, 0):
            return latents
        height, width = latents.shape[-2:]
        return self._look(latents, np.arange(height) + corner[0], np.arange(width) + corner[1])

    def _look(self, latents: Tensor, ys: NDArray[np.int64], xs: NDArray[np.int64]) -> Tensor:
        rows, columns = lay(latents.shape[-2:], self._repeat, ys, xs)
        return latents[..., torch.from_numpy(rows), torch.from_numpy(columns)]


def soften_mask(kept: NDArray[np.bool_], canvas: Canvas, cells: tuple[int, int]) -> Tensor:
    """Return where latents stay the design's own (1, 1, h, w), 0 to 1, fading outwards over FEATHER_CELLS.

    Inside the kept part it is 1: what is pasted in there later meets what the model has drawn beside it.
    """
    mask = torch.from_numpy(kept.astype(np.float32))[None, None]
    mask = F.interpolate(mask, (canvas.working_height_px, canvas.working_width_px), mode="area")
    right = canvas.padded_width_px - canvas.working_width_px - canvas.left_px
    bottom = canvas.padded_height_px - canvas.working_height_px - canvas.top_px
    mask = F.pad(mask, (canvas.left_px, right, canvas.top_px, bottom), mode="replicate")
    mask = F.interpolate(mask, tuple(cells), mode="area")
    soft = mask
    for _ in range(FEATHER_CELLS):
        soft = F.avg_pool2d(F.pad(soft, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    return torch.maximum(mask, soft)
