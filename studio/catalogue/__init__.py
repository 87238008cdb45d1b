"""Everything that was made, kept under outputs/ and found again: files first, a SQLite index second."""

from studio.catalogue.catalogue import Catalogue
from studio.catalogue.files.metadata import Parameters, format_parameters, parse_parameters, read_record
from studio.catalogue.identifiers import new_id, utc_now
from studio.catalogue.records import (
    NO_ADAPTER,
    Choice,
    GalleryChoices,
    GalleryPage,
    GalleryQuery,
    RebuildReport,
    Source,
    StorageUse,
    Variation,
)

__all__ = [
    "NO_ADAPTER",
    "Catalogue",
    "Choice",
    "GalleryChoices",
    "GalleryPage",
    "GalleryQuery",
    "Parameters",
    "RebuildReport",
    "Source",
    "StorageUse",
    "Variation",
    "format_parameters",
    "new_id",
    "parse_parameters",
    "read_record",
    "utc_now",
]
