"""The noise shift: more noise for a design that the model still recognises through the noise of its strength.

Noise hides large shapes last, and the model completes a design from what it still sees. At one strength variations
of a kilim or of a symmetric medallion were nearly alike, while those of a patchwork had fallen into pieces. So the
shift is measured with the model. A probe is its clean estimate of a design through one noise; two probes through two
noises differ as variations do. The difference of a probe from the design itself says less: a model may change a design
in the same way each time.
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
from studio.models.prompts import PromptCache

LEAST_SHIFT = 1.0
"""As much noise as was asked for."""
MOST_SHIFT = 2.5
"""Beyond it only the broadest shapes are left of a design."""
WANTED_DIFFERENCE = 0.22
"""How much two probes at `PROBED_STRENGTH` should differ in edges (1 - correlation)."""
PROBED_STRENGTH = 0.6
"""The strength at which a design's shift is found, and from which on the whole of it is used."""
KEEPING_STRENGTH = 0.4
"""Up to this strength a variation is to keep its design, so that nothing is shifted and nothing is probed."""
ROUNDED_TO = 0.05
"""Step of a shift. The last digits of bf16 arithmetic differ between computers and would be other noise for a seed."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A design seen by a model through two noises. `latents` and each of `noises` are (1, c, h, w), in main memory.

    Edges are those of lightness, as where variations are compared. The padding, a mirror image of the design, counts as
    the design does.
    """

    pipe: SD3Pipeline
    codec: Codec
    prompts: PromptCache
    latents: Tensor
    noises: tuple[Tensor, Tensor]

    @classmethod
    def begin(
        cls,
        pipe: SD3Pipeline,
        codec: Codec,
        prompts: PromptCache,
        latents: Tensor,
        seeds: tuple[int, int] = (0, 1),
    ) -> Probe:
        """Return a probe of latents (1, c, h, w) with the noises of two seeds."""
        cpu = torch.device("cpu")
        one, other = (draw_noise((seed,), tuple(latents.shape[1:]), torch.float32, cpu) for seed in seeds)
        return cls(pipe, codec, prompts, latents.float().cpu(), (one, other))

    def measure_difference(self, sigma: float) -> float:
        """Return how much of their edges two clean estimates from sigma do not share, 0 to about 1.

        1 where one of them is plain: nothing of the design is left in it. Predicted for the empty prompt, so that the
        number belongs to the design alone.
        """
        likeness = correlate_edges(*(self._estimate(noise, sigma) for noise in self.noises))
        return 1.0 if likeness is None else 1 - likeness

    def _estimate(self, noise: Tensor, sigma: float) -> Structure:
        """Return the structure of the clean estimate through one noise."""
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
    prompts: PromptCache,
    latents: Tensor,
    report: Callable[[], None] = lambda: None,
) -> float:
    """Return the shift at `PROBED_STRENGTH`, from `LEAST_SHIFT` to `MOST_SHIFT`, for a design's latents (1, c, h, w).

    It is the one with which two probes differ by `WANTED_DIFFERENCE` (see `sampling.shift_sigma`), interpolated on the
    logarithm of the shift. Takes at most three pairs of probes, each of one prediction and one decoding; `report` is
    called before each pair.
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
    """Return the shift at a strength, for a design whose shift at `PROBED_STRENGTH` `find_shift` returns.

    It grows from `KEEPING_STRENGTH` on; up to there `find_shift` is not called. More noise costs a design its small
    motifs first, which a small model does not draw anew, so it is for those who ask for other designs.
    """
    part = (strength - KEEPING_STRENGTH) / (PROBED_STRENGTH - KEEPING_STRENGTH)
    return find_shift() ** min(part, 1.0) if part > 0 else 1.0


def _interpolate(below: tuple[float, float], above: tuple[float, float]) -> float:
    """Return where the wanted difference lies between two points (log shift, difference) on either side of it."""
    (a, less), (b, more) = below, above
    return a + (b - a) * (WANTED_DIFFERENCE - less) / (more - less)
