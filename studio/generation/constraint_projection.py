"""Constraints as projections of the latents, applied after a step: symmetry and the kept part.

Constraints are made exact in the knots of the finished picture (`studio.designs.weaving`). The projections here make
the model draw towards them, so that no break shows at a mirror axis or at the edge of a kept part.
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
from studio.generation.sampling import Projection, Step
from studio.generation.vae import Codec
from studio.models.device import quick_precision

FEATHER_CELLS = 2
"""Width in latent cells of the blend between a kept part and the redrawn rest."""
BESIDE_CELLS = 4
"""Latent cells around the part that is copied which are decoded with it. More of them change a pixel of the built-in
model's pictures by less than .07 of the 2 between black and white, and on the mean by less than .005."""
MIRRORED_AFTER = (0.3, 0.6)
"""Shares of a run's steps after which the clean estimate is mirrored."""


class PictureMirror:
    """Makes clean estimates symmetric: decodes them, mirrors the pixels and encodes the result.

    Latents cannot be mirrored directly, since a VAE encodes left and right slopes differently: for the built-in model
    the best linear mixing of channels explains only two fifths of the mirrored latents.
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
        # The padding reflects the mirrored picture, as it reflected the design.
        sources = np.pad(mirrored, canvas.padding_px, mode="symmetric")
        moved = np.pad((mirrored != inside).astype(np.float32), canvas.padding_px, mode="symmetric")
        # Only what is copied is decoded: of a quarter-symmetric picture about a quarter. A repeat is decoded whole, as
        # what lies beside an edge is at its other side.
        ys, xs = np.divmod(sources, sides[1])
        rows, columns = (
            range(side) if canvas.repeat is not None else _surround(source, codec.cell_px, side)
            for source, side in zip((ys, xs), sides, strict=True)
        )
        self._rows, self._columns = (
            slice(one.start // codec.cell_px, one.stop // codec.cell_px) for one in (rows, columns)
        )
        self._sources = torch.from_numpy((ys - rows.start) * len(columns) + xs - columns.start)
        self._moved = F.max_pool2d(torch.from_numpy(moved)[None, None], codec.cell_px) > 0

    def mirror(self, clean: Tensor) -> Tensor:
        """Return symmetric clean estimates (b, c, h, w); the half that is copied stays unchanged."""
        with quick_precision(clean.device):  # bf16 is enough: later steps refine the result
            parts = self._codec.decode(clean[..., self._rows, self._columns])
            mirrored = parts.flatten(2)[..., self._sources.to(parts.device)]
            encoded = self._codec.encode(mirrored)
        return torch.where(self._moved.to(clean.device), encoded.to(clean), clean)

    def project(self, step: Step, latents: Tensor, clean: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Return the latents after a step and its clean estimate, mirrored after `mirrored_steps`.

        Only the clean estimate is mirrored, not the noise on it: a model trained on symmetric carpets would read
        mirrored noise as drawing and add glaring detail.
        """
        if step.number not in mirrored_steps(step.count):
            return latents, clean
        mirrored = self.mirror(clean)
        return latents + ((1 - float(step.next_sigma)) * (mirrored - clean)).to(latents), mirrored


def _surround(places: NDArray[np.intp], cell_px: int, side: int) -> range:
    """Return the pixels, of `side` in one direction, of the latent cells in which places lie and of those beside."""
    first, last = int(places.min()) // cell_px, int(places.max()) // cell_px
    return range(max(first - BESIDE_CELLS, 0) * cell_px, min((last + 1 + BESIDE_CELLS) * cell_px, side))


class KeptPart:
    """Keeps a part of the design: its latents (1, c, h, w) where `mask` (1, 1, h, w) is 1, the others where it is 0."""

    def __init__(self, design: Tensor, mask: Tensor) -> None:
        self._design, self._mask = design, mask

    def project(self, step: Step, latents: Tensor, clean: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Return the latents after a step with the design's own, noised alike, in the kept part; likewise `clean`."""
        sigma = float(step.next_sigma)  # as a float: a 16-bit tensor would round the two weights, so that they miss 1
        noised = (1 - sigma) * self._design.to(latents) + sigma * noise.to(latents)
        return self._blend(noised, latents), self._blend(self._design, clean)

    def _blend(self, kept: Tensor, drawn: Tensor) -> Tensor:
        mask = self._mask.to(drawn)
        return mask * kept.to(drawn) + (1 - mask) * drawn


def plan_projections(plan: WeavePlan, canvas: Canvas, design: Tensor, codec: Codec) -> tuple[Projection, ...]:
    """Return the projections of a plan, in the order of their application; `design` (1, c, h, w) are its latents."""
    projections: list[Projection] = []
    if plan.mirrored:
        projections.append(PictureMirror(codec, plan, canvas))
    if plan.kept is not None:
        rows, columns = design.shape[-2:]
        projections.append(KeptPart(design, soften_mask(plan.kept, canvas, (rows, columns))))
    return tuple(projections)


def mirrored_steps(count: int) -> set[int]:
    """Return the numbers of the steps, of `count`, that are followed by mirroring: at most two, never the last."""
    return {max(1, int(share * count)) for share in MIRRORED_AFTER} - {count}


def soften_mask(kept: NDArray[np.bool_], canvas: Canvas, cells: tuple[int, int]) -> Tensor:
    """Return a mask of kept knots (h, w) as one of latent cells, (1, 1, *cells), feathered outwards by FEATHER_CELLS.

    It is 1 in the whole kept part, so that the design's knots, pasted in later, meet the drawing beside them.
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
