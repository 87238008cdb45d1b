"""How much more noise a design is given that noise hardly changes, so that a strength changes each about as much."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from studio.codec import Codec
from studio.evaluation.structure import Structure, correlate_edges, read_structure
from studio.models.prompts import PromptCache
from studio.precision import quick_precision

if TYPE_CHECKING:
    from diffusers import StableDiffusion3Img2ImgPipeline

LEAST_SHIFT = 1.25
"""Of designs that fall apart too: with less, five variations at 0.6 differ by less than is wanted on average."""
MOST_SHIFT = 2.5
"""Beyond it only the broadest shapes are left of a design."""
WANTED_CHANGE = 0.17
"""How much of a design's edges (1 - correlation) a look through the noise of `PROBED_STRENGTH` changes, if it can."""
PROBED_STRENGTH = 0.6
"""At which the shift is found that serves every strength of a design."""
ROUNDED_TO = 0.05
"""Of a shift: what half the bits make of the last digits, here and there, is another noise for the same seed."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A design as a model makes it out through noise. `latents` and `noise` are (1, c, h, w), in main memory.

    `design` is what the VAE draws of the latents: what it cannot draw is no change. Edges are those of lightness, as
    where variations are compared; the padding, a mirror image of the design, counts as the design does.
    """

    pipe: StableDiffusion3Img2ImgPipeline
    codec: Codec
    prompts: PromptCache
    latents: Tensor
    noise: Tensor
    design: Structure

    @classmethod
    def begin(
        cls, pipe: StableDiffusion3Img2ImgPipeline, codec: Codec, prompts: PromptCache, latents: Tensor, seed: int = 0
    ) -> Probe:
        """Return a probe of latents with the noise of a seed."""
        # On the CPU by name: where memory is managed torch makes tensors on the card.
        noise = torch.randn(latents.shape, generator=torch.Generator("cpu").manual_seed(seed), device="cpu")
        return cls(pipe, codec, prompts, latents.float().cpu(), noise, _read(pipe, codec, latents))

    def measure_change(self, sigma: float) -> float:
        """Return how much of the design's edges is not what it was, 0 to about 1, after one step from sigma to 0.

        Without words, which would make it another number for each prompt.
        """
        device, transformer = self.pipe._execution_device, self.pipe.transformer
        noisy = ((1 - sigma) * self.latents + sigma * self.noise).to(device, transformer.dtype)
        words = self.prompts.encode("", "", guided=False).repeated(1, device)
        with torch.no_grad(), quick_precision(torch.device(device)):
            velocity = transformer(
                hidden_states=noisy,
                timestep=torch.full((1,), 1000 * sigma, device=device),
                encoder_hidden_states=words["prompt_embeds"],
                pooled_projections=words["pooled_prompt_embeds"],
                return_dict=False,
            )[0]
        likeness = correlate_edges(self.design, _read(self.pipe, self.codec, noisy - sigma * velocity))
        return 1.0 if likeness is None else 1 - likeness


def choose_shift(
    pipe: StableDiffusion3Img2ImgPipeline,
    codec: Codec,
    prompts: PromptCache,
    latents: Tensor,
    report: Callable[[], None] = lambda: None,
) -> float:
    """Return the scheduler's shift, from `LEAST_SHIFT` to `MOST_SHIFT`, for a design's latents (1, c, h, w).

    Noise hides large shapes last, and what is left of a design says the rest: at one strength five variations of a
    kilim or of a medallion with its mirror images were nearly alike, where those of a patchwork had fallen into
    pieces. So the model is asked. An even walk's sigma becomes shift sigma / (1 + (shift - 1) sigma) (P. Esser et al.,
    Scaling Rectified Flow Transformers, 2024, section 5.3.2), of a shift such that `WANTED_CHANGE` comes of it. Takes
    at most three looks, each a step and a decoding, beside the design's own decoding; `report` is called before each.
    """
    report()
    probe = Probe.begin(pipe, codec, prompts, latents)
    if probe.design.plain:
        return LEAST_SHIFT

    def look(log_shift: float) -> float:
        report()
        return probe.measure_change(float(pipe.scheduler.time_shift(log_shift, 1.0, PROBED_STRENGTH)))

    least, most = math.log(LEAST_SHIFT), math.log(MOST_SHIFT)
    low = (least, look(least))
    if low[1] >= WANTED_CHANGE:
        return LEAST_SHIFT
    high = (most, look(most))
    if high[1] <= WANTED_CHANGE:
        return MOST_SHIFT
    between = _interpolate(low, high)
    middle = (between, look(between))
    found = _interpolate(low, middle) if middle[1] > WANTED_CHANGE else _interpolate(middle, high)
    return round(round(math.exp(found) / ROUNDED_TO) * ROUNDED_TO, 2)


def _read(pipe: StableDiffusion3Img2ImgPipeline, codec: Codec, latents: Tensor) -> Structure:
    """Return the structure of the picture of latents (1, c, h, w)."""
    with torch.no_grad(), quick_precision(torch.device(pipe._execution_device)):
        pixels = codec.decode(latents)
    return read_structure(pipe.image_processor.postprocess(pixels.float(), output_type="pil")[0])


def _interpolate(below: tuple[float, float], above: tuple[float, float]) -> float:
    """Return where the wanted change lies between two points (log shift, change) on either side of it."""
    (a, less), (b, more) = below, above
    return a + (b - a) * (WANTED_CHANGE - less) / (more - less)
