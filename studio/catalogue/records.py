"""What the catalogue gives and takes: frozen, checked, without pixels."""

from __future__ import annotations

from dataclasses import dataclass

from studio.catalogue.identifiers import check_run_id, check_source_hash, check_variation_id
from studio.errors import InputError
from studio.schema import VariationRecord

PAGE_SIZE_LIMIT = 200
TEXT_LIMIT = 200
NO_ADAPTER = "none"
"""The value of `GalleryQuery.adapter` for pictures that were made without an adapter."""


@dataclass(frozen=True, slots=True)
class Source:
    """A design that variations are made from, kept once by the SHA-256 of its file's bytes.

    `format` and `mode` are Pillow's names for the file as it came; `notes` says, one sentence each, what is done to
    it before the model sees it. `label` is only text, never a path. `parent` is the variation it was taken from.
    `browser_ready` says that a browser shows the file itself as the model sees it.
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
    """A finished picture: how it was made, and what the designer has said of it since."""

    record: VariationRecord
    favourite: bool = False
    deleted_at: str | None = None

    @property
    def id(self) -> str:
        """The record's id."""
        return self.record.id


@dataclass(frozen=True, slots=True)
class GalleryQuery:
    """Which variations to show: one page, newest first. Every filter left at its default lets everything through.

    `text`: each of its words must occur in the prompt, in any case. `adapter`: a SHA-256, or `NO_ADAPTER`.
    `deleted`: what lies in the bin instead of the gallery. Raises `InputError` on a page that cannot be,
    `NotFoundError` on an id that has not the form of one.
    """

    page: int = 1
    page_size: int = 24
    favourites_only: bool = False
    source: str | None = None
    run: str | None = None
    parent: str | None = None
    model: str | None = None
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
    """One page of a query's answer; `total` counts the variations on all of its pages."""

    variations: tuple[Variation, ...]
    total: int
    page: int = 1
    page_size: int = 24

    @property
    def pages(self) -> int:
        """Number of pages, at least 1."""
        return max(1, -(-self.total // self.page_size))


@dataclass(frozen=True, slots=True)
class Choice:
    """One value that a filter can take: `value` for the query, `label` for the designer, `count` of pictures."""

    value: str
    label: str
    count: int


@dataclass(frozen=True, slots=True)
class GalleryChoices:
    """The models and adapters that made what is in the gallery, most used first."""

    models: tuple[Choice, ...]
    adapters: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class StorageUse:
    """What outputs/ holds, in files and bytes, and what is left on its disk."""

    variations: int
    variations_bytes: int
    binned: int
    binned_bytes: int
    sources: int
    sources_bytes: int
    previews_bytes: int
    index_bytes: int
    free_bytes: int

    @property
    def total_bytes(self) -> int:
        """Everything that the studio keeps."""
        return self.variations_bytes + self.binned_bytes + self.sources_bytes + self.previews_bytes + self.index_bytes


@dataclass(frozen=True, slots=True)
class RebuildReport:
    """What was found when the files and the index were compared.

    `adopted` counts files that the index did not know before. `missing` are ids that the index knew and whose file
    is gone; they are not shown. `skipped` says in one sentence each which file was left alone and why.
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
