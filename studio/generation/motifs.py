"""Drawing from a design's own motifs: a run without a model, and pictures of a model drawn anew in motifs."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from studio import __version__
from studio.designs import Design, IndexMap, Woven, match_palette, read_yarns
from studio.designs.colours.colour_spaces import format_colours
from studio.designs.colours.named_colourway import make_named_colourway
from studio.designs.colours.palette import snap
from studio.designs.structure.borders import border_mask, find_border
from studio.designs.structure.symmetry import find_symmetries
from studio.designs.weaving.neighbourhoods import forget_neighbourhoods
from studio.designs.weaving.plan import WeavePlan, plan_weave
from studio.designs.weaving.weave import choose_yarns, weave_knots
from studio.evaluation.recomposed import NEAR_DUPLICATE_RATIO
from studio.generation.events import Drawn, Preparing, RunListener, Started, Stepped, Working
from studio.recompose.recomposer import Carpet, Recomposer
from studio.recompose.synthesis import derive_seed
from studio.schema import SEED_LIMIT, WITHOUT_MODEL, Cross, RunFacts, VariationRequest

ALGORITHM = "recompose-1"
"""Kept in records. It changes whenever the same seed would give other knots."""
TITLE = "the design’s motifs"
LEAST_CHANGED = 0.03
"""A variation that changes less than this share of the knots that may change is nearly the design, and is redrawn."""
REDRAWS = 3
PREVIEW_PX = 480
CHECK_SECONDS = 0.1

Knots = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class MotifDesign:
    """A design ready to be drawn from: its plan, the yarns to draw it in (`index_map`), and its recomposer.

    `colours` (k, 3) are those that the yarns have in the end: other ones where the prompt chooses them.
    `layout` (h, w, 3) is the second design of a cross of layouts, as large as the design; `second` is that of a cross
    of motifs.
    """

    key: object
    plan: WeavePlan
    index_map: IndexMap
    colours: Knots
    recomposer: Recomposer
    layout: Knots | None = None
    second: Carpet | None = None


@dataclass(slots=True)
class MotifEngine:
    """Draws variations from motifs. It remembers the design of the last run. An engine belongs to one thread."""

    _last: MotifDesign | None = None
    _listener: RunListener | None = None
    _checked: float = field(default=0.0)

    def generate(
        self, request: VariationRequest, design: Design, listener: RunListener, other: Design | None = None
    ) -> None:
        """Draw the variations of a request, reporting each event; `other` is the second design of a cross.

        Raises `RequestError` where the request does not fit the design. An error of the listener ends the run and
        passes through.
        """
        began = time.monotonic()
        prepared = self.prepare(request, design, listener, other)
        count, steps = len(request.seeds), prepared.recomposer.reports + 1
        listener(Started(describe_run(design, prepared.plan.notes), steps * count))
        made: list[Knots] = []
        reached = 0
        for slot, seed in enumerate(request.seeds):

            def report(number: int, show: Callable[[], Knots], slot: int = slot) -> None:
                nonlocal reached
                reached = max(reached, slot * steps + number + 1)  # no step back where a variation is drawn again
                listener(Stepped(reached, steps * count, {slot: shrink_preview(show())}))

            used, knots = _draw_unlike(prepared, request, seed, made, report)
            made.append(knots)
            woven = _weave(knots, prepared, self._check)
            listener(Stepped((slot + 1) * steps, steps * count, {}))
            now = time.monotonic()
            listener(Drawn(slot, used, None, now - began, woven))
            began = now

    def redraw(
        self,
        prepared: MotifDesign,
        picture: Image.Image,
        request: VariationRequest,
        seed: int,
        report: Callable[[int, Callable[[], Knots]], None],
    ) -> Woven:
        """Return a model's picture drawn anew in the motifs of its design."""
        pixels = np.asarray(picture.convert("RGB"))
        knots = prepared.recomposer.draw_led(pixels, request.pull, seed, report, change=request.change)
        return _weave(knots, prepared, self._check)

    def prepare(
        self, request: VariationRequest, design: Design, listener: RunListener, other: Design | None = None
    ) -> MotifDesign:
        """Return what the runs on a design share, from the last run where that was the same. Reports a stage."""
        self._listener = listener
        key = (design.sha256, request.constraints, request.cross)
        if self._last is None or self._last.key != key:
            listener(Preparing("Finding the motifs"))
            self.release()  # its memory is needed
            plan = plan_weave(design, request.constraints, request.drawing)
            index_map = _find_yarns(design, plan)
            carpet = Carpet(index_map, request.constraints.repeat, plan.vertical, plan.horizontal, plan.kept)
            second = _find_other(request.cross, other, index_map)
            share = 0.0 if request.cross is None else request.cross.share
            recomposer = Recomposer(carpet, second, share, check=self._check)
            layout = _find_layout(request.cross, other, design)
            self._last = MotifDesign(key, plan, index_map, index_map.palette, recomposer, layout, second)
        if self._last.plan.palette is None:  # the yarns are free or new
            colours = _recolour(self._last.index_map, self._last.plan, request.prompt)
            self._last = replace(self._last, colours=colours)
        return self._last

    def release(self) -> None:
        """Forget the last design."""
        self._last = None
        forget_neighbourhoods()

    def _check(self) -> None:
        """Let the listener stop the run, some times a second."""
        now = time.monotonic()
        if self._listener is not None and now - self._checked > CHECK_SECONDS:
            self._checked = now
            self._listener(Working())


def describe_run(design: Design, notes: tuple[str, ...]) -> RunFacts:
    """Return the facts of a run without a model."""
    return RunFacts(
        model=WITHOUT_MODEL,
        model_title=TITLE,
        model_fingerprint=ALGORITHM,
        adapter_name=None,
        adapter_sha256=None,
        adapter_weight=None,
        profile="none",
        device="cpu",
        precision="integers",
        effective_steps=0,
        width_px=design.width_px,
        height_px=design.height_px,
        working_width_px=design.width_px,
        working_height_px=design.height_px,
        versions={"studio": __version__, "numpy": np.__version__, "python": platform.python_version()},
        notes=notes,
    )


def shrink_preview(pixels: Knots) -> Image.Image:
    """Return a picture (h, w, 3), at most `PREVIEW_PX` on its longer side."""
    image = Image.fromarray(pixels)
    image.thumbnail((PREVIEW_PX, PREVIEW_PX), Image.Resampling.BOX)
    return image


def _find_yarns(design: Design, plan: WeavePlan) -> IndexMap:
    """Return the design in the yarns to draw it in: its own, or new ones."""
    if plan.constraints.palette != "new":
        return IndexMap(plan.indices, plan.yarns)
    palette = choose_yarns(plan.design, plan)
    assert palette is not None
    return IndexMap(snap(plan.design, palette), palette)


def _recolour(index_map: IndexMap, plan: WeavePlan, prompt: str) -> Knots:
    """Return the colours (k, 3) of the yarns, with those that a prompt names. Locked and kept yarns stay."""
    held = list(range(len(plan.locked)))
    if plan.kept is not None:
        held += np.unique(index_map.indices[plan.kept]).tolist()
    colourway = make_named_colourway(index_map.palette, index_map.shares(), prompt, held)
    return index_map.palette if colourway is None else colourway.palette


def _weave(knots: Knots, prepared: MotifDesign, check: Callable[[], None]) -> Woven:
    """Return the knots of a drawing, woven in the colours of the run."""
    other = None if prepared.second is None else prepared.second.index_map.indices
    design = prepared.index_map
    woven = weave_knots(knots, design.palette, prepared.plan, other, reference=design.indices, check=check)
    if prepared.colours is prepared.index_map.palette:
        return woven
    image = woven.image.copy()
    image.putpalette(prepared.colours.tobytes())
    return Woven(image, replace(woven.weaving, yarns=format_colours(prepared.colours)))


def _find_other(cross: Cross | None, other: Design | None, yarns: IndexMap) -> Carpet | None:
    """Return the second design in the yarns of the first; none for a cross of layouts.

    Its ground takes the first design's ground, so that the motifs of both lie on one. The other yarns follow the order
    of lightness (`match_palette`).
    """
    if cross is None or other is None or cross.way != "motifs":
        return None
    theirs = read_yarns(other)
    ground, their_ground = _find_ground(yarns), _find_ground(theirs)
    used = yarns.used()
    offered = used[used != ground] if len(used) > 1 else used
    matched = match_palette(theirs.palette, theirs.shares(), yarns.palette[offered], locked=(their_ground,))
    table = offered[snap(matched[None], np.ascontiguousarray(yarns.palette[offered]))[0]].astype(np.uint8)
    table[their_ground] = ground
    axes = find_symmetries(theirs.indices)
    knots = IndexMap(table[theirs.indices], yarns.palette)
    return Carpet(knots, "none", axes.get("vertical"), axes.get("horizontal"))


def _find_ground(design: IndexMap) -> int:
    """Return the yarn with the greatest share of the field."""
    border = find_border(design.indices)
    field = design.indices if border is None else design.indices[~border_mask(design.indices.shape, border)]
    return int(np.bincount(field.ravel()).argmax())


def _find_layout(cross: Cross | None, other: Design | None, design: Design) -> Knots | None:
    """Return the second design at the first one's size, where its layout is to lead."""
    if cross is None or other is None or cross.way != "layout":
        return None
    return np.asarray(other.image.resize(design.image.size, Image.Resampling.BOX))


def _draw_once(
    prepared: MotifDesign, request: VariationRequest, seed: int, report: Callable[[int, Callable[[], Knots]], None]
) -> Knots:
    if prepared.layout is not None and request.cross is not None:
        return prepared.recomposer.draw_led(prepared.layout, request.cross.share, seed, report, change=request.change)
    return prepared.recomposer.draw(request.change, seed, report)


def _draw_unlike(
    prepared: MotifDesign,
    request: VariationRequest,
    seed: int,
    made: Sequence[Knots],
    report: Callable[[int, Callable[[], Knots]], None],
) -> tuple[int, Knots]:
    """Return a variation's seed and knots, drawn again with other seeds while it nearly repeats an earlier one.

    It is drawn again too while it is nearly the design, unless nearly as little was wanted.
    """
    used, kept = seed, prepared.plan.kept
    enough = min(LEAST_CHANGED, NEAR_DUPLICATE_RATIO * request.change) * (
        1.0 if kept is None else 1.0 - float(kept.mean())
    )
    for attempt in range(REDRAWS + 1):
        knots = _draw_once(prepared, request, used, report)
        changed = float((knots != prepared.index_map.indices).mean())
        least = min((float((knots != one).mean()) for one in made), default=1.0)
        if (changed >= enough and least >= NEAR_DUPLICATE_RATIO * changed) or attempt == REDRAWS:
            break
        used = derive_seed(seed, attempt) % SEED_LIMIT
    return used, knots
