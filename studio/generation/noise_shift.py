"""How much more noise a design is given that holds, so that strong variations of it differ more nearly as others do."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from studio.evaluation.structure import Structure, correlate_edges, read_structure
from studio.generation.codec import Codec
from studio.models.device import quick_precision
from studio.models.prompts import PromptCache

if TYPE_CHECKING:
    from diffusers import StableDiffusion3Img2ImgPipeline

LEAST_SHIFT = 1.0
"""As much noise as was asked for."""
MOST_SHIFT = 2.5
"""Beyond it only the broadest shapes are left of a design."""
WANTED_DIFFERENCE = 0.22
"""How much two looks through the noise of `PROBED_STRENGTH` differ in edges (1 - correlation), if they can."""
PROBED_STRENGTH = 0.6
"""At which a design's shift is found, and from which on it is whole."""
KEEPING_STRENGTH = 0.4
"""Up to which a variation is to keep its design, also one that holds: nothing is shifted."""
ROUNDED_TO = 0.05
"""Of a shift: what half the bits make of the last digits, here and there, is another noise for the same seed."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A design as a model makes it out through two noises. `latents` and each of `noises` are (1, c, h, w).

    All lie in main memory. Edges are those of lightness, as where variations are compared; the padding, a mirror image
    of the design, counts as the design does.
    """

    pipe: StableDiffusion3Img2ImgPipeline
    codec: Codec
    prompts: PromptCache
    latents: Tensor
    noises: tuple[Tensor, Tensor]

    @classmethod
    def begin(
        cls,
        pipe: StableDiffusion3Img2ImgPipeline,
        codec: Codec,
        prompts: PromptCache,
        latents: Tensor,
        seeds: tuple[int, int] = (0, 1),
    ) -> Probe:
        """Return a probe of latents with the noises of two seeds."""
        # On the CPU by name: where memory is managed torch makes tensors on the card.
        one, other = (
            torch.randn(latents.shape, generator=torch.Generator("cpu").manual_seed(seed), device="cpu")
            for seed in seeds
        )
        return cls(pipe, codec, prompts, latents.float().cpu(), (one, other))

    def measure_difference(self, sigma: float) -> float:
        """Return how much of their edges two pictures do not share, 0 to about 1, after one step from sigma to 0.

        1 where one is plain: nothing is left in it. Without words, which would make it another number for each prompt.
        """
        likeness = correlate_edges(*(self._look(noise, sigma) for noise in self.noises))
        return 1.0 if likeness is None else 1 - likeness

    def _look(self, noise: Tensor, sigma: float) -> Structure:
        """Return the structure of what the model makes out through one noise."""
        device, transformer = self.pipe._execution_device, self.pipe.transformer
        noisy = ((1 - sigma) * self.latents + sigma * noise).to(device, transformer.dtype)
        words = self.prompts.encode("", "", guided=False).repeated(1, device)
        with torch.no_grad(), quick_precision(torch.device(device)):
            velocity = transformer(
                hidden_states=noisy,
                timestep=torch.full((1,), 1000 * sigma, device=device),
                encoder_hidden_states=words["prompt_embeds"],
                pooled_projections=words["pooled_prompt_embeds"],
                return_dict=False,
            )[0]
            pixels = self.codec.decode(noisy - sigma * velocity)
        return read_structure(self.pipe.image_processor.postprocess(pixels.float(), output_type="pil")[0])


def choose_shift(
    pipe: StableDiffusion3Img2ImgPipeline,
    codec: Codec,
    prompts: PromptCache,
    latents: Tensor,
    report: Callable[[], None] = lambda: None,
) -> float:
    """Return the shift at `PROBED_STRENGTH`, from `LEAST_SHIFT` to `MOST_SHIFT`, for a design's latents (1, c, h, w).

    Noise hides large shapes last, and what is left of a design says the rest: at one strength five variations of a
    kilim or of a medallion with its mirror images were nearly alike, where those of a patchwork had fallen into
    pieces. So the model is asked: what it makes out through one noise and through another differs as variations do. How
    far it is from the design says less, for a model may change a design each time in the same way. An even walk's
    sigma becomes shift sigma / (1 + (shift - 1) sigma) (P. Esser et al., Scaling Rectified Flow Transformers, 2024,
    section 5.3.2), of a shift such that `WANTED_DIFFERENCE` comes of it. Takes at most three pairs of looks, each a
    step and a decoding; `report` is called before each pair.
    """
    probe = Probe.begin(pipe, codec, prompts, latents)

    def look(log_shift: float) -> float:
        report()
        return probe.measure_difference(float(pipe.scheduler.time_shift(log_shift, 1.0, PROBED_STRENGTH)))

    least, most = math.log(LEAST_SHIFT), math.log(MOST_SHIFT)
    low = look(least)
    if low >= WANTED_DIFFERENCE:
        return LEAST_SHIFT
    high = look(most)
    if high <= WANTED_DIFFERENCE:
        return MOST_SHIFT
    between = _interpolate((least, low), (most, high))
    middle = look(between)
    if middle > WANTED_DIFFERENCE:
        found = _interpolate((least, low), (between, middle))
    else:
        found = _interpolate((between, middle), (most, high))
    return round(round(math.exp(found) / ROUNDED_TO) * ROUNDED_TO, 2)


def shift_at(strength: float, find_shift: Callable[[], float]) -> float:
    """Return the scheduler's shift at a strength, of a design with the shift at `PROBED_STRENGTH` that is found.

    It grows from `KEEPING_STRENGTH` on; up to there nothing is looked for. More noise costs a design its small motifs
    first, which a small model does not draw anew: it is for those who ask for other designs.
    """
    part = (strength - KEEPING_STRENGTH) / (PROBED_STRENGTH - KEEPING_STRENGTH)
    return find_shift() ** min(part, 1.0) if part > 0 else 1.0


def _interpolate(below: tuple[float, float], above: tuple[float, float]) -> float:
    """Return where the wanted difference lies between two points (log shift, difference) on either side of it."""
    (a, less), (b, more) = below, above
    return a + (b - a) * (WANTED_DIFFERENCE - less) / (more - less)
