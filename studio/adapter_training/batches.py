"""Which pictures are trained in which batch: a function of the recipe's seed and the batch's number alone.

So a training that is cut and resumed sees the same batches as one that is not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from studio.datasets import Bucket, Example

_ORDER, _DRAWS = 1, 2


@dataclass(frozen=True, slots=True)
class Sample:
    """A training picture: an example at the size of its bucket, perhaps mirrored left to right."""

    example: Example
    bucket: Bucket
    mirrored: bool = False

    @property
    def key(self) -> str:
        """A name for the cache of its latents."""
        return name_latents(self.example.id, self.bucket, self.mirrored)

    @property
    def source_key(self) -> str:
        """The same of its pair's source at the same size; its own where it has none."""
        return name_latents(self.example.source or self.example.id, self.bucket, self.mirrored)


def name_latents(example_id: str, bucket: Bucket, mirrored: bool) -> str:
    """Return the name of an example's latents at a size."""
    return f"{example_id}-{bucket.width_px}x{bucket.height_px}{'-mirrored' if mirrored else ''}"


class BatchPlan:
    """The batches of a training, each of samples of one bucket; an epoch has every sample at least once."""

    def __init__(self, samples: Sequence[Sample], batch: int, seed: int) -> None:
        """Raises `ValueError` without samples."""
        if not samples:
            raise ValueError("there are no samples")
        groups: dict[Bucket, list[Sample]] = defaultdict(list)
        for sample in samples:
            groups[sample.bucket].append(sample)
        self._groups = [groups[bucket] for bucket in sorted(groups, key=lambda one: (one.width_px, one.height_px))]
        self._batch, self._seed = batch, seed
        self._epoch: tuple[int, list[list[Sample]]] = (-1, [])

    @property
    def batches_an_epoch(self) -> int:
        """Number of batches that show every sample once; the last of a bucket is filled up with its first ones."""
        return sum(-(-len(group) // self._batch) for group in self._groups)

    def samples_of(self, number: int) -> list[Sample]:
        """Return the samples of a batch, counted from 0."""
        epoch, place = divmod(number, self.batches_an_epoch)
        if self._epoch[0] != epoch:
            self._epoch = (epoch, self._order(epoch))
        return self._epoch[1][place]

    def draws_of(self, number: int) -> np.random.Generator:
        """Return the random numbers of a batch: noise levels, noise, which captions are dropped."""
        return np.random.default_rng([self._seed, _DRAWS, number])

    def _order(self, epoch: int) -> list[list[Sample]]:
        rng = np.random.default_rng([self._seed, _ORDER, epoch])
        batches = []
        for group in self._groups:
            order = rng.permutation(len(group))
            for begin in range(0, len(group), self._batch):
                places = np.resize(np.roll(order, -begin), self._batch)
                batches.append([group[place] for place in places])
        return [batches[place] for place in rng.permutation(len(batches))]
