"""Previews: small pictures of a run in progress, computed from the latents without the VAE."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

_RIDGE = 1e-2


class LatentPreview:
    """A linear map from latents to colours, fitted to the design that is varied.

    Latents (channels, h, w) and pixels of the design are both known, so a least-squares map between them works for
    every VAE without a table of factors. Ridge regression keeps it stable on designs of few colours.
    """

    def __init__(self, latents: Tensor, padded: Image.Image) -> None:
        channels, height, width = latents.shape
        colours = np.asarray(padded.resize((width, height), Image.Resampling.BOX), np.float64).reshape(-1, 3)
        features = _features(latents)
        gram = features.T @ features + _RIDGE * len(features) * np.diag([1.0] * channels + [0.0])
        self._weights = np.linalg.solve(gram, features.T @ colours)

    def draw(self, latents: Tensor, box: tuple[float, float, float, float]) -> Image.Image:
        """Return latents (channels, h, w) as a picture of about one pixel per latent cell.

        `box` is the design's part of the picture, as shares of width and height (left, top, right, bottom).
        """
        _, height, width = latents.shape
        colours = (_features(latents) @ self._weights).reshape(height, width, 3)
        picture = Image.fromarray(np.clip(np.rint(colours), 0, 255).astype(np.uint8), "RGB")
        left, top, right, bottom = box
        return picture.crop(
            (round(left * width), round(top * height), round(right * width), round(bottom * height)),
        )


def _features(latents: Tensor) -> NDArray[np.float64]:
    """Return (h * w, channels + 1): the channels of each latent cell, then a 1 for the offset."""
    flat = latents.detach().float().cpu().numpy().reshape(latents.shape[0], -1).T.astype(np.float64)
    return np.concatenate([flat, np.ones((len(flat), 1))], axis=1)
