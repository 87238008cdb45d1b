"""Compare pictures by structure, apart from colour: edge correlation, SSIM, diversity of a set, near-duplicates."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from studio.designs.colours.colour_spaces import Floats, convert_to_lightness

COMPARED_SIDE_PX = 256
"""The longer side at which pictures are compared: too coarse for single knots to count."""
EDGE_SIGMA_PX = 2.0
SSIM_SIGMA_PX = 1.5
LIGHTNESS_RANGE = 100.0
PLAIN_SPREAD = 1e-3
"""A picture whose edge map has a lower standard deviation is plain: it has no structure to compare."""
NEAR_DUPLICATE_BITS = 6
NEAR_DUPLICATE_EDGES = 0.1
"""Near-duplicates differ by at most this many bits of the fingerprint and by at most this edge difference (1 -
correlation). Both are needed: all variations of a carpet keep its layout, and so most of the 64 coarse cells."""
SOBEL = (1.0, 2.0, 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class Structure:
    """The features of a picture that are compared.

    `lightness` is L* (0 to 100) and `edges` the Sobel magnitude of L* after a Gaussian blur of sigma 2 px, both
    float32 (height, width) with a longer side of 256 px. `fingerprint` is the 64-bit difference hash.
    """

    lightness: Floats = field(repr=False)
    edges: Floats = field(repr=False)
    fingerprint: int

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of the feature maps."""
        return self.lightness.shape[1], self.lightness.shape[0]

    @property
    def plain(self) -> bool:
        """Whether the picture has no structure to compare."""
        return float(self.edges.std()) < PLAIN_SPREAD


@dataclass(frozen=True, slots=True)
class Diversity:
    """Pairwise differences of a set of pictures: 0 for equal, 1 for unrelated ones.

    `edges_*` is 1 - edge correlation, which recolouring hardly changes; `likeness_*` is 1 - SSIM of L*. Pairs with a
    plain picture do not count for `edges_*`, which is None if no pair is left. `near_duplicates` are pairs of indices
    into the set, the lower index first.
    """

    edges_mean: float | None
    edges_least: float | None
    likeness_mean: float
    likeness_least: float
    near_duplicates: tuple[tuple[int, int], ...]


def read_structure(image: Image.Image, *, size_px: tuple[int, int] | None = None) -> Structure:
    """Return the structure of a picture resized to `size_px` (width, height), by default to a longer side of 256 px.

    To compare pictures of different aspect ratios pass the `size_px` of the other structure.
    """
    if size_px is None:
        scale = COMPARED_SIDE_PX / max(image.size)
        size_px = (max(round(image.width * scale), 1), max(round(image.height * scale), 1))
    rgb = image if image.mode == "RGB" else image.convert("RGB")  # convert copies even an RGB image
    small = rgb.resize(size_px, Image.Resampling.BOX if image.width > size_px[0] else Image.Resampling.BILINEAR)
    lightness = convert_to_lightness(np.asarray(small)).astype(np.float32)
    return Structure(lightness, map_edges(lightness), hash_differences(lightness))


def map_edges(lightness: Floats, sigma_px: float = EDGE_SIGMA_PX) -> Floats:
    """Return the Sobel magnitude (height, width) of blurred lightness of that shape, mirrored at the border."""
    padded = np.pad(blur(lightness, sigma_px), 1, mode="symmetric")
    across = padded[:, 2:] - padded[:, :-2]
    down = padded[2:] - padded[:-2]
    gradient_x = sum(weight * across[i : i + lightness.shape[0]] for i, weight in enumerate(SOBEL))
    gradient_y = sum(weight * down[:, i : i + lightness.shape[1]] for i, weight in enumerate(SOBEL))
    magnitude: Floats = np.hypot(gradient_x, gradient_y)
    return magnitude


def blur(values: Floats, sigma_px: float) -> Floats:
    """Return values (height, width) convolved with a Gaussian cut off at four sigma, mirrored at the border."""
    reach = max(int(4 * sigma_px + 0.5), 1)
    window = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma_px) ** 2)
    window = (window / window.sum()).astype(values.dtype)
    height, width = values.shape
    padded = np.pad(values, reach, mode="symmetric")
    rows = sum(weight * padded[i : i + height] for i, weight in enumerate(window))
    blurred: Floats = sum(weight * rows[:, i : i + width] for i, weight in enumerate(window))
    return blurred


def correlate_edges(a: Structure, b: Structure) -> float | None:
    """Return the Pearson correlation of two edge maps, -1 to 1: 1 for the same drawing in any colours.

    Return None if one of the two is plain. Raises `ValueError` for unequal sizes.
    """
    _check_pair(a, b)
    if a.plain or b.plain:
        return None
    first, second = (edges.astype(np.float64) - edges.mean(dtype=np.float64) for edges in (a.edges, b.edges))
    return float((first * second).sum() / np.sqrt((first**2).sum() * (second**2).sum()))


def measure_likeness(a: Structure, b: Structure) -> float:
    """Return the mean SSIM of L* with a Gaussian window of sigma 1.5 px, -1 to 1: 1 for equal pictures.

    Raises `ValueError` for unequal sizes. Source: Z. Wang et al., Image quality assessment, IEEE Transactions on Image
    Processing 13(4), 2004, with K1 = 0.01 and K2 = 0.03.
    """
    _check_pair(a, b)
    x, y = a.lightness.astype(np.float64), b.lightness.astype(np.float64)
    mean_x, mean_y = blur(x, SSIM_SIGMA_PX), blur(y, SSIM_SIGMA_PX)
    variance_x = blur(x * x, SSIM_SIGMA_PX) - mean_x**2
    variance_y = blur(y * y, SSIM_SIGMA_PX) - mean_y**2
    covariance = blur(x * y, SSIM_SIGMA_PX) - mean_x * mean_y
    c1, c2 = (0.01 * LIGHTNESS_RANGE) ** 2, (0.03 * LIGHTNESS_RANGE) ** 2
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    contrast = (2 * covariance + c2) / (variance_x + variance_y + c2)
    return float((luminance * contrast).mean())


def hash_differences(lightness: Floats) -> int:
    """Return the 64-bit difference hash (dHash): for 8 x 8 pairs of cells, whether the left one is darker."""
    cells = Image.fromarray(np.ascontiguousarray(lightness, dtype=np.float32)).resize((9, 8), Image.Resampling.BOX)
    values = np.asarray(cells)
    bits = (values[:, :-1] < values[:, 1:]).ravel()
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def count_differing_bits(a: Structure, b: Structure) -> int:
    """Return the Hamming distance of two fingerprints, 0 to 64."""
    return (a.fingerprint ^ b.fingerprint).bit_count()


def measure_diversity(structures: Sequence[Structure]) -> Diversity | None:
    """Return the diversity of a set, None for fewer than two pictures. Raises `ValueError` for unequal sizes."""
    indices = list(itertools.combinations(range(len(structures)), 2))
    if not indices:
        return None
    pairs = [(structures[i], structures[j]) for i, j in indices]
    likeness = [1 - measure_likeness(a, b) for a, b in pairs]
    edges = [1 - correlation for a, b in pairs if (correlation := correlate_edges(a, b)) is not None]
    return Diversity(
        edges_mean=float(np.mean(edges)) if edges else None,
        edges_least=min(edges) if edges else None,
        likeness_mean=float(np.mean(likeness)),
        likeness_least=min(likeness),
        near_duplicates=tuple(index for index, (a, b) in zip(indices, pairs, strict=True) if are_near_duplicates(a, b)),
    )


def are_near_duplicates(a: Structure, b: Structure) -> bool:
    """Return whether two pictures are near-duplicates; plain ones are compared by fingerprint alone."""
    if count_differing_bits(a, b) > NEAR_DUPLICATE_BITS:
        return False
    correlation = correlate_edges(a, b)
    return correlation is None or 1 - correlation <= NEAR_DUPLICATE_EDGES


def _check_pair(a: Structure, b: Structure) -> None:
    if a.lightness.shape != b.lightness.shape:
        raise ValueError(
            f"structures of {a.size_px} and {b.size_px} px cannot be compared; "
            "read the second with size_px of the first"
        )
