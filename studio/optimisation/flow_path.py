"""The straight path from a noisy source to a target, on which flow matching is trained and measured."""

from __future__ import annotations

from torch import Tensor


def place_on_path(
    source: Tensor, target: Tensor, noise: Tensor, sigmas: Tensor, starts: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the noisy latents and the velocity, both (b, c, h, w), at noise levels on a path.

    `source`, `target` and `noise` are (b, c, h, w), `sigmas` and `starts` (b,) with 0 <= sigma <= start. The path
    begins at first = (1 - start) source + start noise and ends at the target; at sigma it is at
    sigma / start * first + (1 - sigma / start) * target, with the velocity (first - target) / start. From a start of
    1, or where source and target are one, it is the ordinary flow: (1 - sigma) target + sigma noise, noise - target.
    """
    sigma, start = (one.view(-1, 1, 1, 1) for one in (sigmas, starts))
    first = (1 - start) * source + start * noise
    ratio = sigma / start
    return ratio * first + (1 - ratio) * target, (first - target) / start
