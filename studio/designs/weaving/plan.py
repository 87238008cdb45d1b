"""The constraints of a run, resolved for its design: yarns, axes, the kept part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from studio.designs.colours.colour_spaces import count_colours
from studio.designs.files.opening import Design
from studio.designs.index_map import IndexMap, pack_colours
from studio.designs.structure.borders import Border, border_mask, find_border
from studio.designs.structure.repeat_symmetry import mirror_repeat
from studio.designs.weaving.axes import choose_axes, find_closed_repeat
from studio.designs.weaving.orphans import find_orphans
from studio.designs.yarns import read_yarns
from studio.errors import RequestError
from studio.schema import COLOURS_LIMIT, Constraints, Drawing

ORPHAN_SHARE = 0.002
"""The share of stray knots that a variation may have even where its design has fewer."""

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class WeavePlan:
    """The constraints of a run, resolved for its design.

    `design` (h, w, 3) are the design's pixels, `indices` (h, w) its knots in the colours `yarns` (k, 3). `palette` is
    `yarns`, None where the colours are free or new. `locked` (n, 3) are the colours that a new palette begins with.
    `vertical` and `horizontal` are the offsets of the axes (see `symmetry.Axis`), None where the variations are not
    mirrored. `kept` (h, w) is a mask of the part that stays unchanged, with the knots that it is mirrored from, None
    for no part; `marked_share` is the share of the knots that the constraints name as that part. `strays` (h, w) is a
    mask of the design's stray knots; `orphan_share` is the share of stray knots that a variation may have. `notes` are
    sentences for the designer.
    """

    constraints: Constraints
    design: Pixels
    palette: Pixels | None
    locked: Pixels
    indices: Pixels
    yarns: Pixels
    vertical: int | None
    horizontal: int | None
    kept: Mask | None
    strays: Mask
    orphan_share: float
    marked_share: float = 0.0
    notes: tuple[str, ...] = ()

    @property
    def closed_repeat(self) -> str | None:
        """The repeat whose edges meet other edges of the tile, so that seams can show: not "none" and not "mirror"."""
        return find_closed_repeat(self.constraints.repeat)

    @property
    def has_yarns(self) -> bool:
        """Whether the variations have yarns, the design's or new ones, and not free colours."""
        return self.palette is not None or self.constraints.palette == "new"

    @property
    def kept_share(self) -> float:
        """The share of the knots that stay: the kept part and all that is mirrored from it."""
        if self.kept is None:
            return 0.0
        return float(mirror_repeat(self.kept, self.closed_repeat, self.vertical, self.horizontal).mean())

    @property
    def idle(self) -> bool:
        """Whether there is no constraint, so that the model's picture stays unchanged."""
        return not self.has_yarns and not self.mirrored and self.kept is None and self.constraints.repeat == "none"

    @property
    def mirrored(self) -> bool:
        """Whether the variations are made symmetric."""
        return self.vertical is not None or self.horizontal is not None


def plan_weave(design: Design, constraints: Constraints, drawing: Drawing = "model") -> WeavePlan:
    """Return the constraints resolved for a design, with notes that hold for what draws.

    Motifs are always drawn in yarns: a design without its own is drawn in suggested ones, even where colours are free.
    Raises `RequestError` where the constraints do not fit: a locked yarn that the design does not use, the border or
    field of a design without a border, a repeat of a bordered design, a rectangle outside the design, a kept part with
    too many colours for a new palette, or a kept part that is to be mirrored and is not symmetric.
    """
    pixels = np.asarray(design.image)
    own = design.index_map
    few = own is not None and len(own.used()) <= COLOURS_LIMIT
    own_yarns = constraints.palette == "source" or (constraints.palette == "auto" and few)
    index_map = read_yarns(design)
    locked = _find_locked(constraints, index_map)
    indices = index_map.indices
    border = find_border(indices) if constraints.keep in ("border", "field") or constraints.repeat != "none" else None
    if constraints.repeat != "none" and border is not None:
        raise RequestError(
            "This design has a border, so it is not a repeat: laid side by side its borders would meet. "
            "Set Repeat to none, or upload one repeat of the field alone."
        )
    kept = marked = _find_kept(constraints, border, indices.shape)
    if constraints.palette == "new" and kept is not None:
        _check_room(constraints.colours or 1, join_yarns(locked, pixels[kept]), len(locked))
    axes, kept, notes = choose_axes(constraints, indices, pixels, kept)
    strays = find_orphans(indices)
    if own is not None and design.mode == "P" and constraints.palette == "auto" and not few:
        notes += (_explain_free_colours(len(own.used()), drawing),)
    in_these_yarns = own_yarns or (drawing != "model" and constraints.palette != "new")
    if kept is not None and in_these_yarns and not np.array_equal(index_map.palette[indices[kept]], pixels[kept]):
        notes += (_explain_kept_yarns(len(index_map.used()), drawing),)
    return WeavePlan(
        constraints=constraints,
        design=pixels,
        palette=index_map.palette if own_yarns else None,
        locked=locked,
        indices=indices,
        yarns=index_map.palette,
        vertical=axes["vertical"],
        horizontal=axes["horizontal"],
        kept=kept,
        marked_share=0.0 if marked is None else float(marked.mean()),
        strays=strays,
        orphan_share=max(ORPHAN_SHARE, float(strays.mean())),
        notes=notes,
    )


def _explain_free_colours(count: int, drawing: Drawing) -> str:
    """Return what becomes of an indexed design's colours that are too many to count as yarns."""
    free = "the variations' colours are free" if drawing == "model" else "colour words of the prompt may change them"
    return (
        f"The design's {count} colours are more than the {COLOURS_LIMIT} that count as yarns, so {free}. Choose the "
        "design's yarns to keep them all."
    )


def _explain_kept_yarns(count: int, drawing: Drawing) -> str:
    """Return that the kept part of a picture without yarns is kept in those suggested for it."""
    advice = "Choose free colours" if drawing == "model" else "Draw from the model alone, with free colours,"
    return (
        f"The kept part stays as it is in the design's {count} suggested yarns, knot for knot: the picture itself has "
        f"more colours than a loom has yarns. {advice} to keep the picture's own."
    )


def join_yarns(locked: Pixels, kept: Pixels) -> Pixels:
    """Return the colours (k, 3) that a new palette must have: the locked ones, then the others of the kept part.

    `locked` (n, 3) are colours, `kept` (m, 3) the pixels of the kept part.
    """
    held = count_colours(kept)[0]
    return np.concatenate([locked, held[~np.isin(pack_colours(held), pack_colours(locked))]])


def _find_locked(constraints: Constraints, index_map: IndexMap) -> Pixels:
    """Return the colours (n, 3) of the locked yarns."""
    used = index_map.used().tolist()
    for number in constraints.locked:
        if number not in used:
            raise RequestError(
                f"Yarn number {number} cannot be locked, because the design does not use it. Choose among "
                f"{_list_numbers(used)}."
            )
    locked: Pixels = index_map.palette[list(constraints.locked)]
    return locked


def _list_numbers(numbers: list[int]) -> str:
    """Return ascending numbers as text with runs shortened: 0 to 4, 7."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]} to {run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs)


def _check_room(count: int, held: Pixels, locked: int) -> None:
    """Raise `RequestError` where the required colours of a palette leave no yarn for the rest of the design."""
    what = f"The part that you keep has {len(held)} colours by itself"
    if locked:
        what = f"The part that you keep and the locked yarns have {len(held)} colours"
    if len(held) >= COLOURS_LIMIT:
        raise RequestError(f"{what}, more than a palette may have. Choose free colours.")
    if len(held) >= count:
        raise RequestError(f"{what}. Choose more than {len(held)} colours, or the yarns of the design.")


def _find_kept(constraints: Constraints, border: Border | None, shape: tuple[int, int]) -> Mask | None:
    if constraints.keep == "none":
        return None
    if constraints.rectangle is not None:
        left, top, right, bottom = constraints.rectangle
        if right > shape[1] or bottom > shape[0]:
            raise RequestError(
                f"The rectangle to keep reaches to {right}, {bottom}, the design only to {shape[1]}, {shape[0]}. "
                "Choose one inside the design."
            )
        kept = np.zeros(shape, dtype=bool)
        kept[top:bottom, left:right] = True
        return kept
    if border is None:
        raise RequestError(
            f"No border was found in this design, so its {constraints.keep} cannot be kept. Mark a rectangle instead."
        )
    mask = border_mask(shape, border)
    return mask if constraints.keep == "border" else ~mask
