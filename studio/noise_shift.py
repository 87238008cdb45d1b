"""How much more noise a design is given that noise hardly changes, so that a strength changes each about as much."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from PIL import Image
from torch import Tensor

from studio.codec import Codec
from studio.evaluation.structure import Structure, correlate_edges, read_structure
from studio.models.prompts import PromptCache
from studio.precision import quick_precision

if TYPE_CHECKING:
    from diffusers import StableDiffusion3Img2ImgPipeline

MOST_SHIFT = 2.5
"""Beyond it only the broadest shapes are left of a design."""
WANTED_CHANGE = 0.15
"""How much of a design's edges (1 - correlation) a look through the noise of `PROBED_STRENGTH` changes, if it can."""
PROBED_STRENGTH = 0.6


@dataclass(frozen=True, slots=True)
class Probe:
    """A design as a model makes it out through noise. `latents` and `noise` are (1, c, h, w)."""

    pipe: StableDiffusion3Img2ImgPipeline
    codec: Codec
    prompts: PromptCache
    latents: Tensor
    noise: Tensor
    design: Structure

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
            seen = self.codec.decode(noisy - sigma * velocity)
        picture = self.pipe.image_processor.postprocess(seen.float(), output_type="pil")[0]
        likeness = correlate_edges(self.design, read_structure(picture))
        return 1.0 if likeness is None else 1 - likeness


def choose_shift(
    pipe: StableDiffusion3Img2ImgPipeline, codec: Codec, prompts: PromptCache, latents: Tensor, picture: Image.Image
) -> float:
    """Return the scheduler's shift, from 1 to `MOST_SHIFT`, for a picture and its latents (1, c, h, w).

    Noise hides large shapes last, and what is left of a design says the rest: at one strength five variations of a
    kilim or of a medallion with its mirror images were nearly alike, where those of a patchwork had fallen into
    pieces. So the model is asked. The noise of strength s is sigma = shift s / (1 + (shift - 1) s) (P. Esser et al.,
    Scaling Rectified Flow Transformers, 2024, section 5.3.2), of a shift such that it changes `WANTED_CHANGE`. Where
    the noise of the strength itself changes more, it stays as it is. Takes at most three steps and decodings.
    """
    noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(0))
    probe = Probe(pipe, codec, prompts, latents.float().cpu(), noise, read_structure(picture))
    if probe.design.plain:
        return 1.0
    low, high = 0.0, math.log(MOST_SHIFT)
    changes = [probe.measure_change(shift_sigma(PROBED_STRENGTH, math.exp(low)))]
    if changes[0] >= WANTED_CHANGE:
        return 1.0
    changes.append(probe.measure_change(shift_sigma(PROBED_STRENGTH, MOST_SHIFT)))
    if changes[1] <= WANTED_CHANGE:
        return MOST_SHIFT
    middle = _interpolate((low, changes[0]), (high, changes[1]))
    change = probe.measure_change(shift_sigma(PROBED_STRENGTH, math.exp(middle)))
    ends = ((low, changes[0]), (middle, change)) if change > WANTED_CHANGE else ((middle, change), (high, changes[1]))
    return round(math.exp(_interpolate(*ends)), 2)


def shift_sigma(sigma: float, shift: float) -> float:
    """Return a sigma of an even walk, 0 to 1, as the scheduler shifts it."""
    return shift * sigma / (1 + (shift - 1) * sigma)


def _interpolate(below: tuple[float, float], above: tuple[float, float]) -> float:
    """Return where the wanted change lies between two points (log shift, change) on either side of it."""
    (a, less), (b, more) = below, above
    return a + (b - a) * (WANTED_CHANGE - less) / (more - less)
