"""Variations of held-out designs at a weight, drawn by the studio's own engine, and what the losses need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageOps
from torch import Tensor, no_grad

from studio.adapter_evaluation.held_out import Knots, Pixels, open_pixels
from studio.designs import Design, fit, read_yarns, unfit
from studio.generation.drawing_engine import DrawingEngine
from studio.generation.engine import Engine
from studio.generation.events import Drawn, RunEvent
from studio.generation.vae import Codec
from studio.models.pipeline import to_picture
from studio.models.pipeline_slot import LoadedPipeline, PipelineSlot
from studio.schema import AdapterUse, Constraints, VariationRequest, seeds_from

NO_CAPTION = "carpet"
"""The prompt for a design without a caption: a model needs one."""
SEEDS_APART = 1000
"""Each design has seeds of its own, the same at each weight."""


@dataclass(frozen=True, slots=True)
class DrawingSettings:
    """How the variations are drawn; `adapter` is the path of a folder or file.

    Raises `RequestError` as `VariationRequest`, before anything is loaded.
    """

    model: str
    adapter: str
    profile: str
    strength: float
    steps: int
    guidance_scale: float
    count: int
    seed: int

    def __post_init__(self) -> None:
        self.make_request("", NO_CAPTION, 0.0, 0)

    def make_request(self, source: str, prompt: str, weight: float, number: int) -> VariationRequest:
        """Return the request for variations of design number `number`, whose SHA-256 is `source`.

        They are woven in the design's own yarns, without symmetry, so that the figures are the model's.
        """
        return VariationRequest(
            source=source,
            prompt=prompt.strip() or NO_CAPTION,
            seeds=seeds_from(self.seed + SEEDS_APART * number, self.count),
            strength=self.strength,
            steps=self.steps,
            guidance_scale=self.guidance_scale,
            model=self.model,
            adapter=AdapterUse(self.adapter, weight),
            profile=self.profile,
            constraints=Constraints(palette="auto", symmetry="none"),
            drawing="model",
        )


@dataclass(frozen=True, slots=True)
class DrawnSet:
    """The variations of one design at one weight: pictures as the model drew them, and their knots as woven."""

    pictures: tuple[Pixels, ...] = field(repr=False)
    knots: tuple[Knots, ...] = field(repr=False)
    seeds: tuple[int, ...]


class Drawer:
    """Draws variations with the engine of the studio; nothing is kept in a catalogue."""

    def __init__(self, slot: PipelineSlot, settings: DrawingSettings) -> None:
        self._engine = DrawingEngine(lambda: Engine(slot))
        self._settings = settings

    def draw(
        self, design: Design, prompt: str, *, weight: float, number: int, report: Callable[[RunEvent], None]
    ) -> DrawnSet:
        """Return variations of design number `number` at an adapter's weight. Raises as `Engine.generate`."""
        request = self._settings.make_request(design.sha256, prompt, weight, number)
        drawn: dict[int, Drawn] = {}

        def listen(event: RunEvent) -> None:
            if isinstance(event, Drawn):
                drawn[event.slot] = event
            report(event)

        self._engine.generate(request, design, listen)
        ordered = [drawn[slot] for slot in sorted(drawn)]
        pictures = tuple(np.asarray(one.image) for one in ordered if one.image is not None)
        return DrawnSet(pictures, tuple(_read_knots(one) for one in ordered), request.seeds)


@no_grad()
def encode(loaded: LoadedPipeline, pixels: Pixels, size_px: tuple[int, int] | None = None) -> Tensor:
    """Return the scaled latents (1, c, h, w) of a picture, in main memory.

    The picture is covered and cropped, never stretched, to `size_px` (width, height): by default its own, at most what
    the model draws at, in whole multiples.
    """
    size = find_size(loaded, pixels) if size_px is None else size_px
    fitted = ImageOps.fit(Image.fromarray(pixels), size, Image.Resampling.LANCZOS)
    return Codec(loaded.pipe).encode(loaded.pipe.image_processor.preprocess(fitted)).float().cpu()


@no_grad()
def reconstruct(loaded: LoadedPipeline, design: Design) -> Pixels:
    """Return a design as the model's VAE reconstructs it at the size at which it draws, uint8 (h, w, 3)."""
    canvas = loaded.entry.plan_canvas(design)
    codec = Codec(loaded.pipe)
    latents = codec.encode(loaded.pipe.image_processor.preprocess(fit(design.image, canvas)))
    return np.asarray(unfit(to_picture(loaded.pipe, codec.decode(latents)), canvas))


def find_size(loaded: LoadedPipeline, pixels: Pixels) -> tuple[int, int]:
    """Return width and height at which a picture, uint8 (h, w, 3), is encoded."""
    height, width = pixels.shape[:2]
    entry = loaded.entry
    share = min(1.0, (entry.working_pixels / (width * height)) ** 0.5)
    share = max(share, entry.smallest_px / min(width, height))
    multiple = entry.multiple_px
    across, down = (max(int(side * share) // multiple, 1) * multiple for side in (width, height))
    return across, down


def _read_knots(event: Drawn) -> Knots:
    """Return a variation's knots (h, w): as woven, or in suggested yarns where its design has none."""
    if event.woven is not None and event.woven.image.mode == "P":
        return np.asarray(event.woven.image)
    shown = event.woven.image if event.woven is not None else event.image
    assert shown is not None  # a run with a model has its picture
    return read_yarns(open_pixels(np.asarray(shown.convert("RGB")))).indices
