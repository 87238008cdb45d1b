"""The catalogue of an outputs folder: sources and variations as files, and a SQLite index of them."""

from studio.catalogue.catalogue import Catalogue
from studio.catalogue.files.metadata import format_parameters, read_record
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
    "RebuildReport",
    "Source",
    "StorageUse",
    "Variation",
    "format_parameters",
    "new_id",
    "read_record",
    "utc_now",
]
