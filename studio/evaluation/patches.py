"""Pictures described by the distributions of their patches, to compare a set of pictures with an archive.

Three kinds of patches: single knots (the palette), contrasts of colour within 7 x 7 knots at three scales (motifs and
lines in their colours), and edges within 7 x 7 knots at three scales, whatever the colours are (the drawing alone).

A kind's patches are projected on random directions. Along each direction a picture is the distribution function of its
projections, F. Two pictures differ by the mean distance of a patch of one to a patch of the other. That is the integral
of F (1 - G) + G (1 - F), a product of two functions: so a set is compared with an archive in one matrix product.

Sources: patches along random directions: J. Rabin et al., Wasserstein barycenter and its application to texture mixing,
SSVM 2011; several scales and contrasts in place of means: T. Karras et al., Progressive Growing of GANs, ICLR 2018,
section 5; the distance (energy distance, in one dimension Cramér's): G. J. Székely, M. L. Rizzo, Energy statistics,
Journal of Statistical Planning and Inference 143(8), 2013. A Wasserstein distance of samples is biased upwards, the
fewer there are the more; this one is not (`archive_distance`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from studio.designs.colours.colour_spaces import Floats, spread_in_oklab

DIRECTIONS = 48
LEVELS = 64
PATCHES = 1024
"""Patches taken of a picture at each scale, evenly over it."""
STRONG_EDGE = 0.05
"""Difference in OKLab (chroma doubled) from which an edge counts in full. Yarns of a carpet differ by more, so that the
drawing is seen alike in all colours."""
REACH = 4.0
"""Levels lie from -sinh(4) = -27 to 27 standard deviations of the archive, densely about its mean."""
LEAST_SPREAD = 1e-3


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of patches: `side` in knots, `scales` in knots a pixel, and whether edges or colours are seen."""

    side: int
    scales: tuple[int, ...]
    edges: bool = False


KINDS: Mapping[str, Kind] = {
    "palette": Kind(1, (1,)),
    "patches": Kind(7, (1, 2, 4)),
    "drawing": Kind(7, (1, 2, 4), edges=True),
}
"""The kinds of patches by id. To add one, add its entry."""


@dataclass(frozen=True, slots=True, eq=False)
class PatchSpace:
    """Random directions, and the levels at which distribution functions are taken, fitted to an archive.

    `levels` has (directions of all scales, LEVELS) for each kind.
    """

    seed: int
    levels: Mapping[str, Floats] = field(repr=False)

    def describe(self, pixels: NDArray[np.uint8], key: int) -> dict[str, Floats]:
        """Return the features (n,) of a picture, uint8 (h, w, 3), by kind.

        `key` seeds where its patches are taken: give the variations of one design one key, and each design another.
        """
        projections = project(pixels, self.seed, key)
        return {kind: _read_functions(projections[kind], self.levels[kind]) for kind in KINDS}

    def weights(self, kind: str) -> Floats:
        """Return the weight of each feature (n,) in the integral over levels, the mean over directions."""
        levels = self.levels[kind]
        return (np.gradient(levels, axis=1) / len(levels)).ravel()


def fit_patch_space(archive: Iterable[NDArray[np.uint8]], seed: int = 0) -> tuple[PatchSpace, list[dict[str, Floats]]]:
    """Return the space for an archive of pictures, uint8 (h, w, 3), and their features in it, in their order.

    Each picture is read once and about 1 MB of it is held until all are read. Raises `ValueError` without pictures.
    """
    projections = [project(pixels, seed, key) for key, pixels in enumerate(archive)]
    if not projections:
        raise ValueError("an archive without pictures; give at least one")
    even = np.sinh(np.linspace(-REACH, REACH, LEVELS)).astype(np.float32)
    levels = {}
    for kind in KINDS:
        means = np.mean([one[kind].mean(axis=1) for one in projections], axis=0)
        squares = np.mean([np.square(one[kind] - means[:, None]).mean(axis=1) for one in projections], axis=0)
        levels[kind] = means[:, None] + np.maximum(np.sqrt(squares), LEAST_SPREAD)[:, None] * even
    space = PatchSpace(seed, levels)
    return space, [{kind: _read_functions(one[kind], levels[kind]) for kind in KINDS} for one in projections]


def measure_gaps(weights: Floats, ones: Floats, others: Floats) -> NDArray[np.float64]:
    """Return the mean distance of a patch of each of n pictures to one of each of m, shape (n, m).

    `ones` (n, f) and `others` (m, f) are features of one kind, `weights` (f,) those of its space.
    """
    first, second = ones.astype(np.float64), others.astype(np.float64)
    gaps: NDArray[np.float64] = (first @ weights)[:, None] + (second @ weights) - 2 * (first * weights) @ second.T
    return gaps


def project(pixels: NDArray[np.uint8], seed: int, key: int) -> dict[str, Floats]:
    """Return the projections (directions of all scales, patches) of a picture, uint8 (h, w, 3), by kind."""
    image = Image.fromarray(pixels)
    return {
        name: np.concatenate([_project(image, kind, scale, seed, key) for scale in kind.scales])
        for name, kind in KINDS.items()
    }


def average(described: Sequence[Mapping[str, Floats]]) -> dict[str, Floats]:
    """Return the features of several pictures taken together. Raises `ValueError` without pictures."""
    if not described:
        raise ValueError("no pictures to take together; give at least one")
    return {kind: np.mean([one[kind] for one in described], axis=0, dtype=np.float32) for kind in KINDS}


def _project(image: Image.Image, kind: Kind, scale: int, seed: int, key: int) -> Floats:
    size = (max(image.width // scale, 1), max(image.height // scale, 1))
    seen = spread_in_oklab(np.asarray(image if scale == 1 else image.resize(size, Image.Resampling.BOX)))
    if kind.edges:
        seen = _map_edges(seen)
    lacking = [(0, max(kind.side - length, 0)) for length in seen.shape[:2]]
    if any(missing for _, missing in lacking):
        seen = np.pad(seen, [*lacking, (0, 0)], mode="symmetric")
    patches = _take_patches(seen, kind.side, np.random.default_rng([seed, key, scale]))
    if kind.side > 1 and not kind.edges:
        patches = patches - patches.mean(axis=1, keepdims=True)  # the palette has a kind of its own
    flat = patches.reshape(len(patches), -1)
    draw = np.random.default_rng([seed, kind.side, scale, kind.edges])
    directions = draw.standard_normal((DIRECTIONS, flat.shape[1])).astype(np.float32)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    projected: Floats = directions @ flat.T
    return projected


def _map_edges(oklab: Floats) -> Floats:
    """Return how strong the edges to the right and below are (h, w, 2), 0 to 1, of colours (h, w, 3)."""
    edges = np.zeros((*oklab.shape[:2], 2), np.float32)
    edges[:, :-1, 0] = np.linalg.norm(oklab[:, 1:] - oklab[:, :-1], axis=-1)
    edges[:-1, :, 1] = np.linalg.norm(oklab[1:] - oklab[:-1], axis=-1)
    return np.minimum(edges / STRONG_EDGE, 1)


def _take_patches(values: Floats, side: int, rng: np.random.Generator) -> Floats:
    """Return `PATCHES` patches (n, side * side, channels) of values (h, w, channels), one at random of each cell.

    The cells cover the picture evenly, so that no part of it is left out by chance.
    """
    rows, columns = values.shape[0] - side + 1, values.shape[1] - side + 1
    down = int(np.clip(round((PATCHES * rows / columns) ** 0.5), 1, PATCHES))
    across = -(-PATCHES // down)
    ys = ((np.arange(down)[:, None] + rng.random((down, across))) * rows / down).astype(np.intp)
    xs = ((np.arange(across) + rng.random((down, across))) * columns / across).astype(np.intp)
    kept, reach = rng.permutation(ys.size)[:PATCHES], np.arange(side)
    places = (ys.ravel()[kept, None, None] + reach[:, None], xs.ravel()[kept, None, None] + reach)
    patches: Floats = values[places].astype(np.float32)
    return patches.reshape(len(patches), side * side, -1)


def _read_functions(projections: Floats, levels: Floats) -> Floats:
    """Return the distribution functions, flat, of projections (n, patches) at levels (n, LEVELS)."""
    ordered = np.sort(projections, axis=1)
    below = [np.searchsorted(row, at, side="right") for row, at in zip(ordered, levels, strict=True)]
    functions: Floats = (np.concatenate(below) / projections.shape[1]).astype(np.float32)
    return functions
