"""Memorised motifs: parts of a variation that are a training picture's, and not its source design's.

Lines are compared, not colours: a motif in other yarns is the same motif. A variation is cut into tiles a fifth as long
as the picture. Each tile is looked for in all training pictures, as drawn and mirrored, and in the source design. It
counts as memorised if a training picture has it (correlation of edges of at least 0.9) and the source has nothing like
it. What carpets of one style share, such as a border of the same kind, is found too: so the same count for the base
model, which never saw the pictures, belongs beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from PIL import Image

from studio.designs.colours.colour_spaces import Floats, spread_in_oklab
from studio.evaluation.structure import map_edges

COMPARED_PX = 128
"""Longer side at which pictures are compared."""
TILE_PX = 24
CELLS = 8
"""Tiles are first looked for by 8 x 8 cells of 3 x 3 pixels, then compared pixel by pixel."""
STRIDE_PX = 6
EDGE_SIGMA_PX = 0.8
COPIED = 0.9
"""Correlation of edges from which a tile is the training picture's."""
BEYOND_SOURCE = 0.1
"""A tile is not its source's if its correlation there is lower by at least this."""
LEAST_EDGES = 0.25
"""A tile must have at least this share of the mean deviation of edges of its picture: plain ground is everywhere."""
PLAIN = 1e-4
"""Deviation of edges, in OKLab, up to which a picture is plain."""
MOST_TILES = 150_000
"""Tiles of training pictures that are searched, about 40 MB; of more pictures fewer places are."""
CANDIDATES = 4
SETTLED_PX = 3
"""The best place is looked for this far around a candidate."""

Box = tuple[float, float, float, float]
"""Left, top, right, bottom as shares of a picture's sides."""


@dataclass(frozen=True, slots=True)
class Memorised:
    """A motif of a variation that a training picture has.

    `where` and `there` are its places in the variation and in the training picture number `picture`; `likeness` is the
    correlation of edges there, `in_source` the best in the source design. `mirrored`: the training picture's mirror
    image has it.
    """

    picture: int
    where: Box
    there: Box
    likeness: float
    in_source: float
    mirrored: bool


@dataclass(frozen=True, slots=True)
class Found:
    """The memorised motifs of a variation, the most alike first; of overlapping ones only the most alike is named.

    Of `looked` places, which overlap, `copied` are a training picture's and not the source's.
    """

    motifs: tuple[Memorised, ...]
    copied: int
    looked: int


@dataclass(frozen=True, slots=True, eq=False)
class _Picture:
    edges: Floats
    deviation: float


@dataclass(frozen=True, slots=True, eq=False)
class _Tiles:
    """Places (n, 2) of tiles, their pictures (n,), and their normalised cells (n, 64)."""

    pictures: NDArray[np.int32]
    places: NDArray[np.int32]
    cells: Floats = field(repr=False)


class TrainingMotifs:
    """The motifs of training pictures, to be looked for in variations."""

    def __init__(self, pictures: Iterable[NDArray[np.uint8]], count: int) -> None:
        """Read `count` pictures, uint8 (h, w, 3), one at a time; about 65 kB are kept of each."""
        self._pictures = [_read(pixels) for pixels in pictures]
        stride = max(2, int(np.ceil((COMPARED_PX**2 * max(count, 1) / MOST_TILES) ** 0.5)))
        self._tiles = _gather([_cut(picture, stride, number) for number, picture in enumerate(self._pictures)])

    def find(self, variation: NDArray[np.uint8], source: NDArray[np.uint8]) -> Found:
        """Return the memorised motifs of a variation of a source, both uint8 (h, w, 3)."""
        picture = _read(variation)
        own = _cut(_read(source), 2, 0)
        tiles = [_cut(one, STRIDE_PX, 0) for one in (picture, _mirror(picture))]
        found = []
        for mirrored, (shown, wanted) in enumerate(zip((picture, _mirror(picture)), tiles, strict=True)):
            for place, (number, there, likeness) in self._match(shown, wanted):
                at = (place[0], shown.edges.shape[1] - TILE_PX - place[1]) if mirrored else place
                found.append((likeness, bool(mirrored), at, number, there))
        found.sort(key=lambda one: -one[0])
        chosen: list[Memorised] = []
        taken: list[tuple[int, int]] = []
        copied: set[tuple[int, int]] = set()
        for likeness, was_mirrored, at, number, there in found:
            in_source = _best_in(own, picture, at)
            if in_source > likeness - BEYOND_SOURCE:
                continue
            copied.add(at)
            if any(abs(at[0] - y) < TILE_PX // 2 and abs(at[1] - x) < TILE_PX // 2 for y, x in taken):
                continue
            taken.append(at)
            boxes = _as_box(at, picture.edges.shape), _as_box(there, self._pictures[number].edges.shape)
            chosen.append(Memorised(number, *boxes, round(likeness, 3), round(in_source, 3), was_mirrored))
        return Found(tuple(chosen), len(copied), len(tiles[0].places))

    def _match(
        self, shown: _Picture, wanted: _Tiles
    ) -> Iterator[tuple[tuple[int, int], tuple[int, tuple[int, int], float]]]:
        """Yield (row, column) of each tile that a training picture has, with the picture, its place and likeness."""
        if not len(wanted.places) or not len(self._tiles.places):
            return
        for at, cells in zip(wanted.places, wanted.cells, strict=True):
            scores = self._tiles.cells @ cells
            few = min(CANDIDATES, len(scores))
            best = (-1.0, 0, (0, 0))
            for candidate in np.argpartition(scores, -few)[-few:]:
                if scores[candidate] < COPIED - 0.15:
                    continue
                number = int(self._tiles.pictures[candidate])
                tile = shown.edges[at[0] : at[0] + TILE_PX, at[1] : at[1] + TILE_PX]
                likeness, there = _settle(tile, self._pictures[number].edges, self._tiles.places[candidate])
                best = max(best, (likeness, number, there))
            if best[0] >= COPIED:
                yield (int(at[0]), int(at[1])), (best[1], best[2], best[0])


def _read(pixels: NDArray[np.uint8]) -> _Picture:
    image = Image.fromarray(pixels)
    share = COMPARED_PX / max(image.size)
    size = (max(round(image.width * share), TILE_PX), max(round(image.height * share), TILE_PX))
    small = image.resize(size, Image.Resampling.BOX if share < 1 else Image.Resampling.BILINEAR)
    # In all channels: yarns of one lightness are told apart too.
    channels = [map_edges(channel, EDGE_SIGMA_PX) for channel in np.moveaxis(spread_in_oklab(np.asarray(small)), -1, 0)]
    edges: Floats = np.sqrt(np.square(channels).sum(axis=0))
    return _Picture(edges, float(edges.std()))


def _mirror(picture: _Picture) -> _Picture:
    return _Picture(np.ascontiguousarray(picture.edges[:, ::-1]), picture.deviation)


def _cut(picture: _Picture, stride: int, number: int) -> _Tiles:
    """Return the tiles of a picture that have lines."""
    windows = sliding_window_view(picture.edges, (TILE_PX, TILE_PX))[::stride, ::stride]
    rows, columns = windows.shape[:2]
    side = TILE_PX // CELLS
    flat = windows.reshape(rows * columns, CELLS, side, CELLS, side).mean(axis=(2, 4)).reshape(rows * columns, -1)
    deviations = windows.reshape(rows * columns, -1).std(axis=1)
    places = np.stack(np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij"), -1).reshape(-1, 2) * stride
    kept = deviations > max(LEAST_EDGES * picture.deviation, PLAIN)
    return _Tiles(np.full(int(kept.sum()), number, np.int32), places[kept].astype(np.int32), _normalise(flat[kept]))


def _gather(tiles: list[_Tiles]) -> _Tiles:
    return _Tiles(
        np.concatenate([np.zeros(0, np.int32), *(one.pictures for one in tiles)]),
        np.concatenate([np.zeros((0, 2), np.int32), *(one.places for one in tiles)]),
        np.concatenate([np.zeros((0, CELLS * CELLS), np.float32), *(one.cells for one in tiles)]),
    )


def _normalise(rows: Floats) -> Floats:
    """Return rows (n, d) with mean 0 and length 1; rows without spread become 0."""
    centred = rows - rows.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    normalised: Floats = (centred / np.maximum(length, 1e-9)).astype(np.float32)
    return normalised


def _settle(tile: Floats, edges: Floats, near: NDArray[np.int32]) -> tuple[float, tuple[int, int]]:
    """Return the highest correlation of a tile with edges (h, w) around a place, and where it is."""
    top, left = (max(int(place) - SETTLED_PX, 0) for place in near)
    part = edges[top : near[0] + SETTLED_PX + TILE_PX, left : near[1] + SETTLED_PX + TILE_PX]
    windows = sliding_window_view(part, (TILE_PX, TILE_PX))
    scores = _normalise(windows.reshape(-1, TILE_PX * TILE_PX)) @ _normalise(tile.reshape(1, -1))[0]
    best = int(scores.argmax())
    return float(scores[best]), (top + best // windows.shape[1], left + best % windows.shape[1])


def _best_in(own: _Tiles, picture: _Picture, at: tuple[int, int]) -> float:
    """Return the best correlation of a tile, as drawn and mirrored, with the source's tiles, by their cells."""
    if not len(own.places):
        return 0.0
    tile = picture.edges[at[0] : at[0] + TILE_PX, at[1] : at[1] + TILE_PX]
    best = 0.0
    for shown in (tile, tile[:, ::-1]):
        side = TILE_PX // CELLS
        cells = _normalise(shown.reshape(CELLS, side, CELLS, side).mean(axis=(1, 3)).reshape(1, -1))[0]
        best = max(best, float((own.cells @ cells).max()))
    return best


def _as_box(at: tuple[int, int], shape: tuple[int, ...]) -> Box:
    height, width = shape[:2]
    top, left = at
    sides = (left / width, top / height, (left + TILE_PX) / width, (top + TILE_PX) / height)
    return tuple(round(side, 3) for side in sides)  # type: ignore[return-value]  # four of them
