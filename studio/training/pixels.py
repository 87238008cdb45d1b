"""Convert pictures between uint8 arrays and tensors; measure PSNR."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def to_tensor(pixels: NDArray[np.uint8]) -> Tensor:
    """Return uint8 (b, h, w, 3) as float (b, 3, h, w) in -1..1."""
    return torch.from_numpy(np.array(pixels)).permute(0, 3, 1, 2).float().div(127.5).sub(1)


def to_pixels(pictures: Tensor) -> NDArray[np.uint8]:
    """Return float (b, 3, h, w) in -1..1 as uint8 (b, h, w, 3)."""
    scaled = pictures.float().clamp(-1, 1).add(1).mul(127.5).round()
    return scaled.permute(0, 2, 3, 1).to(torch.uint8).cpu().numpy()


def measure_psnr(target: NDArray[np.uint8], output: NDArray[np.uint8]) -> float:
    """Return the peak signal-to-noise ratio in dB of two uint8 pictures of the same shape."""
    error = np.square(target.astype(np.float64) - output).mean()
    return float(10 * np.log10(255**2 / max(error, 1e-9)))
