"""Motifs of training pictures in drawn variations, named with the pictures that they come from."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from studio.adapter_evaluation.drawing import DrawnSet
from studio.adapter_evaluation.held_out import Pixels, read_pixels
from studio.adapter_evaluation.results import CopiedMotif
from studio.datasets import Dataset
from studio.evaluation.memorised import TrainingMotifs

SEARCHED = 2
"""Variations of each design and weight that are searched."""


class MotifSearch:
    """The pictures that were trained on, to be looked for in variations; `hashes` are the SHA-256 of their files."""

    def __init__(self, trained: Dataset, report: Callable[[int], None]) -> None:
        """Read the pictures one at a time; `report` is called with the number of those read."""

        def read() -> Iterator[Pixels]:
            for number, example in enumerate(trained.examples, 1):
                design = trained.open_design(example)
                hashes.add(design.sha256)
                yield read_pixels(design)
                report(number)

        hashes: set[str] = set()
        self._names = [one.name for one in trained.examples]
        self._motifs = TrainingMotifs(read(), len(self._names))
        self.hashes = frozenset(hashes)

    def look(self, name: str, source: Pixels, drawn: DrawnSet, weight: float) -> tuple[float | None, list[CopiedMotif]]:
        """Return the share of the places of a design's variations that a training picture has, and the motifs.

        `name` is the design's, `source` its picture. The share is None where the variations have no places to look at.
        """
        copied, looked, copies = 0, 0, []
        for seed, picture in zip(drawn.seeds[:SEARCHED], drawn.pictures, strict=False):
            found = self._motifs.find(picture, source)
            copied, looked = copied + found.copied, looked + found.looked
            copies += [
                CopiedMotif(
                    weight=weight,
                    design=name,
                    seed=seed,
                    where=one.where,
                    picture=self._names[one.picture],
                    there=one.there,
                    likeness=one.likeness,
                    mirrored=one.mirrored,
                )
                for one in found.motifs
            ]
        return (copied / looked if looked else None), copies
