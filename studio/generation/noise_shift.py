"""The noise shift: more noise for a design that the model still recognises at the noise level of its strength.

Noise hides large shapes last, and the model completes a design from the shapes that remain. At the same strength the
variations of a kilim or of a symmetric medallion were nearly alike, while those of a patchwork fell into pieces. So
the shift is measured with the model. A probe is the model's clean estimate of the design from one noise; two probes
from two noises differ as variations do. The difference between a probe and the design is a worse measure: a model may
change a design in the same way each time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from studio.evaluation.structure import Structure, correlate_edges, read_structure
from studio.generation.guidance import predict_velocity
from studio.generation.sampling import add_noise, draw_noise, shift_sigma
from studio.generation.vae import Codec
from studio.models.device import quick_precision
from studio.models.pipeline import SD3Pipeline, execution_device, to_picture
from studio.models.prompts import PromptEncoder

LEAST_SHIFT = 1.0
"""No extra noise."""
MOST_SHIFT = 2.5
"""Above this only the largest shapes of a design remain."""
WANTED_DIFFERENCE = 0.22
"""The target for the difference of two probes at `PROBED_STRENGTH`: 1 - the correlation of their edges."""
PROBED_STRENGTH = 0.6
"""The strength at which a design's shift is measured; from here on it applies in full."""
KEEPING_STRENGTH = 0.4
"""Up to this strength a variation should keep its design, so the shift is 1 and nothing is probed."""
ROUNDED_TO = 0.05
"""Shifts are rounded to multiples of this: the last digits of bf16 arithmetic differ between computers, and a seed
should get the same noise on all of them."""


@dataclass(frozen=True, slots=True)
class Probe:
    """Measures a pair of probes. `latents` and each of `noises` are (1, c, h, w), in main memory.

    Edges are those of lightness, as in the evaluation of variations. They include the padding, which mirrors the
    design.
    """

    pipe: SD3Pipeline
    codec: Codec
    prompts: PromptEncoder
    latents: Tensor
    noises: tuple[Tensor, Tensor]

    @classmethod
    def begin(
        cls,
        pipe: SD3Pipeline,
        codec: Codec,
        prompts: PromptEncoder,
        latents: Tensor,
        seeds: tuple[int, int] = (0, 1),
    ) -> Probe:
        """Return a probe of latents (1, c, h, w) with the noises of two seeds."""
        cpu = torch.device("cpu")
        one, other = (draw_noise((seed,), tuple(latents.shape[1:]), torch.float32, cpu) for seed in seeds)
        return cls(pipe, codec, prompts, latents.float().cpu(), (one, other))

    def measure_difference(self, sigma: float) -> float:
        """Return 1 - the edge correlation of the two clean estimates from sigma, 0 to about 1.

        It is 1 where an estimate has no edges: nothing of the design is left in it. The prompt is empty, so that the
        result depends on the design alone.
        """
        likeness = correlate_edges(*(self._estimate(noise, sigma) for noise in self.noises))
        return 1.0 if likeness is None else 1 - likeness

    def _estimate(self, noise: Tensor, sigma: float) -> Structure:
        """Return the structure of the clean estimate from one noise."""
        device, transformer = execution_device(self.pipe), self.pipe.transformer
        level = torch.tensor(sigma, device=device)
        noisy = add_noise(self.latents, noise, level.cpu()).to(device, transformer.dtype)
        text = self.prompts.encode("", "", guided=False).text.to(device)
        with torch.no_grad(), quick_precision(device):
            clean = noisy - sigma * predict_velocity(transformer, noisy, level, text)
            pixels = self.codec.decode(clean)
        return read_structure(to_picture(self.pipe, pixels))


def choose_shift(
    pipe: SD3Pipeline,
    codec: Codec,
    prompts: PromptEncoder,
    latents: Tensor,
    report: Callable[[], None] = lambda: None,
) -> float:
    """Return the shift at `PROBED_STRENGTH`, from `LEAST_SHIFT` to `MOST_SHIFT`, for a design's latents (1, c, h, w).

    With it two probes differ by `WANTED_DIFFERENCE` (see `sampling.shift_sigma`); it is interpolated on the logarithm
    of the shift. Takes at most three pairs of probes; a probe is one prediction and one decoding. `report` is called
    before each pair.
    """
    probe = Probe.begin(pipe, codec, prompts, latents)

    def measure(log_shift: float) -> float:
        report()
        return probe.measure_difference(shift_sigma(PROBED_STRENGTH, math.exp(log_shift)))

    least, most = math.log(LEAST_SHIFT), math.log(MOST_SHIFT)
    low = measure(least)
    if low >= WANTED_DIFFERENCE:
        return LEAST_SHIFT
    high = measure(most)
    if high <= WANTED_DIFFERENCE:
        return MOST_SHIFT
    between = _interpolate((least, low), (most, high))
    middle = measure(between)
    if middle > WANTED_DIFFERENCE:
        found = _interpolate((least, low), (between, middle))
    else:
        found = _interpolate((between, middle), (most, high))
    return round(round(math.exp(found) / ROUNDED_TO) * ROUNDED_TO, 2)


def shift_at(strength: float, find_shift: Callable[[], float]) -> float:
    """Return the shift at a strength; `find_shift` returns the design's shift at `PROBED_STRENGTH`.

    The shift rises from 1 at `KEEPING_STRENGTH`, up to which `find_shift` is not called. More noise removes small
    motifs first, and a small model does not redraw them, so low strengths get no extra noise.
    """
    part = (strength - KEEPING_STRENGTH) / (PROBED_STRENGTH - KEEPING_STRENGTH)
    return find_shift() ** min(part, 1.0) if part > 0 else 1.0


def _interpolate(below: tuple[float, float], above: tuple[float, float]) -> float:
    """Return the log shift of the wanted difference, between two points (log shift, difference) on either side."""
    (a, less), (b, more) = below, above
    return a + (b - a) * (WANTED_DIFFERENCE - less) / (more - less)
