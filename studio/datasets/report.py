"""What is in a dataset and what is wrong with it, before a training begins: in figures and in sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from studio.datasets.buckets import Bucket, measure_growth
from studio.datasets.captions import Remark
from studio.datasets.example import AlikePictures
from studio.datasets.splitting import LEAST_DESIGNS, count_designs

if TYPE_CHECKING:
    from studio.datasets.dataset import Dataset

NAMES_SHOWN = 12
"""The most names in one sentence; `to_json` has all."""
ENLARGED_FROM = 1.01
"""A picture counts as enlarged from this factor on: less cannot be seen."""
_ALIKE_WORDS = {
    "same": "is the same picture as",
    "near": "is nearly the same picture as",
    "mirrored": "is the mirror image of",
    "recoloured": "is a recolouring of",
    "mirrored and recoloured": "is a mirrored recolouring of",
}


@dataclass(frozen=True, slots=True)
class SizeCount:
    """A size in pixels and the number of pictures that have it."""

    width_px: int
    height_px: int
    pictures: int


@dataclass(frozen=True, slots=True)
class Enlarged:
    """A picture by name, and the factor by which its sides grow in training."""

    name: str
    factor: float


@dataclass(frozen=True, slots=True)
class DatasetReport:
    """The figures of a dataset for one model's sizes.

    `pictures` can be trained on; `designs` are what is left if pairs and pictures that are nearly one count once.
    `pairs` are variations with a source, of which there are `sources`. `sizes` are the pictures' own, `buckets` those
    of training, both with the commonest first. `unreadable` and `remarks` name files with the reason, `altered` those
    that opening changed, such as transparent parts on white. `without_caption`
    and `too_small` are names; too small is a picture whose shorter side is below `smallest_px`.
    """

    name: str
    pictures: int
    designs: int
    sources: int
    pairs: int
    smallest_px: int
    sizes: tuple[SizeCount, ...]
    buckets: tuple[SizeCount, ...]
    without_caption: tuple[str, ...]
    unreadable: tuple[Remark, ...]
    remarks: tuple[Remark, ...]
    altered: tuple[Remark, ...]
    alike: tuple[AlikePictures, ...]
    too_small: tuple[str, ...]
    enlarged: tuple[Enlarged, ...]

    @property
    def can_hold_out(self) -> bool:
        """Whether there are enough designs to keep one for validation."""
        return self.designs >= LEAST_DESIGNS

    def to_json(self) -> dict[str, Any]:
        """Return plain values for `json.dumps`."""
        return asdict(self) | {"can_hold_out": self.can_hold_out}

    def lines(self) -> tuple[str, ...]:
        """Return the report as sentences, what is there before what is wrong."""
        return tuple(self._describe())

    def _describe(self) -> Iterator[str]:
        yield f"{self.name}: {_count(self.pictures, 'picture')} of {_count(self.designs, 'design')}."
        if self.pairs:
            yield f"{_count(self.pairs, 'variation')} of {_count(self.sources, 'source')} can be trained as pairs."
        yield f"Sizes: {_list_sizes(self.sizes)}."
        yield f"Trained at: {_list_sizes(self.buckets)}."
        if not self.can_hold_out:
            yield f"None is held out for validation: that takes at least {LEAST_DESIGNS} designs."
        for remark in self.unreadable[:NAMES_SHOWN]:
            yield f"Not used: {remark}"
        yield from _count_more(self.unreadable, "more files are not used")
        if self.without_caption:
            yield (
                f"{_count(len(self.without_caption), 'picture')} without a caption: "
                f"{_list_names(self.without_caption)}. Captions can be made from the designs themselves."
            )
        for one in self.alike[:NAMES_SHOWN]:
            yield f"{one.name} {_ALIKE_WORDS[one.kind]} {one.other}."
        yield from _count_more(self.alike, "more pictures are nearly the same as another")
        if self.too_small:
            yield (
                f"Smaller than the {self.smallest_px} pixels a side that the model was made for: "
                f"{_list_names(self.too_small)}. Pictures of more pixels are better."
            )
        if self.enlarged:
            shown = [f"{one.name} ({one.factor:.2g} times)" for one in self.enlarged]
            yield f"Enlarged: {_list_names(shown)}."
        for remark in self.altered[:NAMES_SHOWN]:
            yield f"Altered on opening: {remark}"
        yield from _count_more(self.altered, "more files are altered on opening")
        for remark in self.remarks[:NAMES_SHOWN]:
            yield str(remark)
        yield from _count_more(self.remarks, "more remarks")


def make_report(dataset: Dataset, buckets: Mapping[str, Bucket], smallest_px: int) -> DatasetReport:
    """Return the report on a dataset whose pictures are trained in these buckets, by id."""
    examples = dataset.examples
    sizes = Counter((one.width_px, one.height_px) for one in examples)
    trained = Counter((bucket.width_px, bucket.height_px) for bucket in buckets.values())
    growths = [(one.name, measure_growth((one.width_px, one.height_px), buckets[one.id])) for one in examples]
    return DatasetReport(
        name=dataset.name,
        pictures=len(examples),
        designs=count_designs(examples),
        sources=len({one.source for one in examples if one.source is not None}),
        pairs=sum(one.source is not None for one in examples),
        smallest_px=smallest_px,
        sizes=_sort_sizes(sizes),
        buckets=_sort_sizes(trained),
        without_caption=tuple(one.name for one in examples if not one.caption),
        unreadable=dataset.contents.unreadable,
        remarks=dataset.contents.remarks,
        altered=dataset.contents.altered,
        alike=dataset.contents.alike,
        too_small=tuple(one.name for one in examples if min(one.width_px, one.height_px) < smallest_px),
        enlarged=tuple(Enlarged(name, growth) for name, growth in growths if growth >= ENLARGED_FROM),
    )


def _sort_sizes(counts: Counter[tuple[int, int]]) -> tuple[SizeCount, ...]:
    return tuple(SizeCount(*size, number) for size, number in sorted(counts.items(), key=lambda one: (-one[1], one[0])))


def _list_sizes(sizes: Sequence[SizeCount]) -> str:
    shown = [f"{one.width_px} x {one.height_px} px ({one.pictures})" for one in sizes[:NAMES_SHOWN]]
    more = len(sizes) - len(shown)
    return ", ".join(shown) + (f" and {more} more sizes" if more else "")


def _list_names(names: Sequence[str]) -> str:
    more = len(names) - NAMES_SHOWN
    return ", ".join(names[:NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _count_more(listed: Sequence[object], words: str) -> Iterator[str]:
    if (more := len(listed) - NAMES_SHOWN) > 0:
        yield f"{more} {words}."


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
