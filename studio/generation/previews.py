"""Previews: small pictures of a run under way, straight from the latents."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

_RIDGE = 1e-2


class LatentPreview:
    """A linear map from latents to colours, fitted on the design that is varied.

    The design is known as latents (channels, h, w) and as pixels, so the least-squares map between them suits every VAE
    without a table of factors. Ridge regression keeps it calm on designs of few colours.
    """

    def __init__(self, latents: Tensor, padded: Image.Image) -> None:
        channels, height, width = latents.shape
        colours = np.asarray(padded.resize((width, height), Image.Resampling.BOX), np.float64).reshape(-1, 3)
        features = _features(latents)
        gram = features.T @ features + _RIDGE * len(features) * np.diag([1.0] * channels + [0.0])
        self._weights = np.linalg.solve(gram, features.T @ colours)

    def draw(self, latents: Tensor, box: tuple[float, float, float, float]) -> Image.Image:
        """Return latents (channels, h, w) as a picture of about one pixel a latent.

        `box` is the part that belongs to the design, as shares of width and height (left, top, right, bottom).
        """
        _, height, width = latents.shape
        colours = (_features(latents) @ self._weights).reshape(height, width, 3)
        picture = Image.fromarray(np.clip(np.rint(colours), 0, 255).astype(np.uint8), "RGB")
        left, top, right, bottom = box
        return picture.crop(
            (round(left * width), round(top * height), round(right * width), round(bottom * height)),
        )


def _features(latents: Tensor) -> NDArray[np.float64]:
    """Return (h * w, channels + 1): the channels of each place, and a one."""
    flat = latents.detach().float().cpu().numpy().reshape(latents.shape[0], -1).T.astype(np.float64)
    return np.concatenate([flat, np.ones((len(flat), 1))], axis=1)
