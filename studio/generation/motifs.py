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
from studio.designs.files.opening import SMALLEST_SIDE_PX
from studio.designs.structure.borders import border_mask
from studio.designs.structure.symmetry import find_symmetries
from studio.designs.weaving.neighbourhoods import forget_neighbourhoods
from studio.designs.weaving.plan import WeavePlan, plan_weave
from studio.designs.weaving.weave import choose_yarns, weave_knots
from studio.errors import RequestError
from studio.evaluation.recomposed import nearly_repeats
from studio.generation.events import Drawn, Preparing, RunListener, Started, Stepped, Working
from studio.generation.motif_memory import estimate_bytes, tell_memory
from studio.recompose.domain import find_domain
from studio.recompose.recomposer import Carpet, Recomposer, read_carpet
from studio.recompose.synthesis import derive_seed
from studio.schema import REDRAWN_SEEDS, WITHOUT_MODEL, Cross, RunFacts, VariationRequest

ALGORITHM = "recompose-4"
"""Kept in records. It changes whenever the same seed would give other knots."""
TITLE = "the design’s motifs"
REDRAWS = 3
"""How often a variation is drawn again that nearly repeats an earlier one."""
PREVIEW_PX = 480
CHECK_SECONDS = 0.1

Knots = NDArray[np.uint8]
Report = Callable[[int, Callable[[], Knots]], None]
"""Called after each level with its number and a function that returns the picture so far."""


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
    notes: tuple[str, ...]
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
        listener(Started(describe_run(design, prepared.notes), steps * count))
        made: list[Knots] = []
        reached = 0
        for slot, seed in enumerate(request.seeds):

            def report(number: int, show: Callable[[], Knots], slot: int = slot) -> None:
                nonlocal reached
                reached = max(reached, slot * steps + number + 1)  # no step back where a variation is drawn again
                listener(Stepped(reached, steps * count, {slot: shrink_preview(show())}))

            def draw(one: int, report: Report = report) -> Knots:
                return _draw_once(prepared, request, one, report)

            used, knots = _draw_unlike(draw, _plan_seeds(seed), made, prepared.index_map.indices)
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
        *,
        made: list[Knots],
        report: Report,
    ) -> tuple[int, Woven]:
        """Return a model's picture drawn anew in the motifs of its design, and the seed that it was drawn with.

        It is drawn once more if it nearly repeats one of those `made`; its knots are added to these.
        """
        pixels = np.asarray(picture.convert("RGB"))

        def draw(one: int) -> Knots:
            return prepared.recomposer.draw_led(pixels, request.pull, one, report, change=request.change)

        seeds = (seed, seed + REDRAWN_SEEDS) if seed < REDRAWN_SEEDS else (seed,)
        used, knots = _draw_unlike(draw, seeds, made, prepared.index_map.indices)
        return used, _weave(knots, prepared, self._check)

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
            carpet = read_carpet(index_map, request.constraints.repeat, plan.vertical, plan.horizontal, plan.kept)
            second = _find_other(request.cross, other, carpet)
            if len(index_map.used()) == 1:
                raise RequestError(
                    "This design has one yarn, so there are no motifs to draw. Choose a design of two yarns or more."
                )
            share = 0.0 if request.cross is None else request.cross.share
            recomposer = Recomposer(carpet, second, share, check=self._check)
            told = tell_memory(estimate_bytes(recomposer.domains))
            layout = _find_layout(request.cross, other, design)
            notes = plan.notes if told is None else (*plan.notes, told)
            self._last = MotifDesign(key, plan, index_map, index_map.palette, recomposer, notes, layout, second)
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


def _find_other(cross: Cross | None, other: Design | None, first: Carpet) -> Carpet | None:
    """Return the second design in the yarns of the first; none for a cross of layouts.

    Its ground takes the first design's ground, so that the motifs of both lie on one. The other yarns follow the order
    of lightness (`match_palette`).
    """
    if cross is None or other is None or cross.way != "motifs":
        return None
    # Its border is found in its own yarns: in few others its bands may look alike.
    second, yarns = read_second(read_yarns(other)), first.index_map
    theirs = second.index_map
    ground, their_ground = _find_ground(first), _find_ground(second)
    used = yarns.used()
    offered = used[used != ground] if len(used) > 1 else used
    matched = match_palette(theirs.palette, theirs.shares(), yarns.palette[offered], locked=(their_ground,))
    table = offered[snap(matched[None], np.ascontiguousarray(yarns.palette[offered]))[0]].astype(np.uint8)
    table[their_ground] = ground
    return replace(second, index_map=IndexMap(table[theirs.indices], yarns.palette))


def read_second(index_map: IndexMap) -> Carpet:
    """Return a second design with its axes, or without where only a part too small to draw from would be left."""
    axes = find_symmetries(index_map.indices)
    vertical, horizontal = axes.get("vertical"), axes.get("horizontal")
    domain = find_domain((index_map.height_px, index_map.width_px), "none", vertical, horizontal)
    if min(domain.size) < SMALLEST_SIDE_PX:
        vertical, horizontal = None, None
    return read_carpet(index_map, "none", vertical, horizontal)


def _find_ground(carpet: Carpet) -> int:
    """Return the yarn with the greatest share of the field."""
    knots = carpet.index_map.indices
    field = knots if carpet.border is None else knots[~border_mask(knots.shape, carpet.border)]
    return int(np.bincount(field.ravel()).argmax())


def _find_layout(cross: Cross | None, other: Design | None, design: Design) -> Knots | None:
    """Return the second design at the first one's size, where its layout is to lead."""
    if cross is None or other is None or cross.way != "layout":
        return None
    return np.asarray(other.image.resize(design.image.size, Image.Resampling.BOX))


def _draw_once(prepared: MotifDesign, request: VariationRequest, seed: int, report: Report) -> Knots:
    if prepared.layout is not None and request.cross is not None:
        return prepared.recomposer.draw_led(prepared.layout, request.cross.share, seed, report, change=request.change)
    return prepared.recomposer.draw(request.change, seed, report)


def _plan_seeds(seed: int) -> tuple[int, ...]:
    """Return the seeds to draw a variation with until it repeats no earlier one."""
    if seed >= REDRAWN_SEEDS:
        return (seed,)
    return (seed, *(REDRAWN_SEEDS + derive_seed(seed, attempt) % REDRAWN_SEEDS for attempt in range(REDRAWS)))


def _draw_unlike(
    draw: Callable[[int], Knots], seeds: Sequence[int], made: list[Knots], design: Knots
) -> tuple[int, Knots]:
    """Return the first of these seeds whose drawing nearly repeats none of those made, or the last, and its knots.

    The knots are added to those made.
    """
    for seed in seeds:
        knots = draw(seed)
        changed = float((knots != design).mean())
        if not any(nearly_repeats(float((knots != one).mean()), changed) for one in made):
            break
    made.append(knots)
    return seed, knots
