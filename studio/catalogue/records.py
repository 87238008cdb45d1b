"""The frozen dataclasses of the catalogue's interface. They hold no pixels."""

from __future__ import annotations

from dataclasses import dataclass

from studio.catalogue.identifiers import check_run_id, check_source_hash, check_variation_id
from studio.errors import InputError
from studio.schema import VariationRecord

PAGE_SIZE_LIMIT = 200
TEXT_LIMIT = 200
NO_ADAPTER = "none"
"""The value of `GalleryQuery.adapter` for variations without an adapter."""


@dataclass(frozen=True, slots=True)
class Source:
    """A design that variations are made from, stored once under the SHA-256 (hex) of its file's bytes.

    - `label`: text for the designer, never a path.
    - `mode`, `format`: Pillow's names for the file.
    - `added_at`: ISO 8601 in UTC with milliseconds.
    - `notes`: one sentence for each change that opening the file makes to the picture.
    - `parent`: id of the variation that the design was taken from, or None.
    - `browser_ready`: whether a browser shows the file with the colours and orientation that the model gets.
    """

    sha256: str
    label: str
    width_px: int
    height_px: int
    mode: str
    format: str
    added_at: str
    notes: tuple[str, ...] = ()
    parent: str | None = None
    browser_ready: bool = True


@dataclass(frozen=True, slots=True)
class Variation:
    """A finished variation: its record, and the designer's marks.

    `deleted_at` is when it was moved to the bin (ISO 8601 in UTC), None outside the bin.
    """

    record: VariationRecord
    favourite: bool = False
    deleted_at: str | None = None

    @property
    def id(self) -> str:
        """The record's id."""
        return self.record.id


@dataclass(frozen=True, slots=True)
class GalleryQuery:
    """A page of the gallery, newest first, with its filters. A filter at its default excludes nothing.

    - `page`: from 1. `page_size`: 1 to `PAGE_SIZE_LIMIT` variations.
    - `source`: SHA-256 (hex) of a source. `run`, `parent`: an id. `model`: an id or folder as in `RunFacts`.
    - `drawing`: who drew, as in `VariationRecord`.
    - `adapter`: SHA-256 (hex) of an adapter, or `NO_ADAPTER`.
    - `text`: words that must all occur in the prompt, in any case; at most `TEXT_LIMIT` characters.
    - `deleted`: search the bin instead of the gallery.

    Raises `InputError` on a page or text outside these ranges, `NotFoundError` on a malformed id.
    """

    page: int = 1
    page_size: int = 24
    favourites_only: bool = False
    source: str | None = None
    run: str | None = None
    parent: str | None = None
    model: str | None = None
    drawing: str | None = None
    adapter: str | None = None
    text: str = ""
    deleted: bool = False

    def __post_init__(self) -> None:
        _check_whole("Page", self.page, 1, 10_000_000)
        _check_whole("Page size", self.page_size, 1, PAGE_SIZE_LIMIT)
        if len(self.text) > TEXT_LIMIT:
            raise InputError(f"The search text has {len(self.text)} characters. Use at most {TEXT_LIMIT}.")
        if self.source is not None:
            check_source_hash(self.source)
        if self.run is not None:
            check_run_id(self.run)
        if self.parent is not None:
            check_variation_id(self.parent)


@dataclass(frozen=True, slots=True)
class GalleryPage:
    """One page of a query's result. `total` is the number of variations on all pages."""

    variations: tuple[Variation, ...]
    total: int
    page: int = 1
    page_size: int = 24

    @property
    def pages(self) -> int:
        """Number of pages, at least 1."""
        return max(1, -(-self.total // self.page_size))


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The position of a picture in a query's result, counted from 1 of `total`, and its neighbours' ids.

    `newer` or `older` is None at an end.
    """

    position: int
    total: int
    newer: str | None
    older: str | None


@dataclass(frozen=True, slots=True)
class Choice:
    """One option of a filter: its `value` in a query, its `label`, and the `count` of variations that have it.

    `drawing` is a second value, of the query's field of that name, for the models; None for the adapters.
    """

    value: str
    label: str
    count: int
    drawing: str | None = None


@dataclass(frozen=True, slots=True)
class GalleryChoices:
    """Who drew the variations in the gallery (a model, and whether motifs took part) and the adapters, most used first.

    The model of a drawing from motifs alone is `WITHOUT_MODEL`.
    """

    drawn_by: tuple[Choice, ...]
    adapters: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class StorageUse:
    """Numbers of files and bytes in the outputs folder, and free bytes on its disk.

    `binned` are in the bin. `untouched` are the model's own pictures of woven variations, of which `untouched_png` are
    the large files of earlier versions. `other` are the settings, files that crashes left behind, and files of other
    programs.
    """

    variations: int
    variations_bytes: int
    binned: int
    binned_bytes: int
    untouched: int
    untouched_png: int
    untouched_bytes: int
    sources: int
    sources_bytes: int
    previews_bytes: int
    index_bytes: int
    other_bytes: int
    free_bytes: int

    @property
    def total_bytes(self) -> int:
        """Bytes of everything in the folder."""
        pictures_bytes = self.variations_bytes + self.binned_bytes + self.untouched_bytes + self.sources_bytes
        return pictures_bytes + self.previews_bytes + self.index_bytes + self.other_bytes


@dataclass(frozen=True, slots=True)
class RebuildReport:
    """The result of comparing the files with the index.

    - `variations`, `binned`, `sources`: numbers in the index afterwards.
    - `adopted`: number of files that were not in the index before.
    - `missing`: ids in the index that have no file. They are hidden.
    - `skipped`: one sentence for each file that was left alone or read in part, with the reason.
    """

    variations: int = 0
    binned: int = 0
    sources: int = 0
    adopted: int = 0
    missing: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()


def _check_whole(name: str, value: int, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise InputError(f"{name} {value} is out of range. Choose a whole number from {low} to {high}.")
