"""Files that belong to nothing, left behind by a program that ended in the middle of a change: found, then removed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Set
from pathlib import Path

from studio.catalogue.files.paths import Folders, Place, list_names, remove
from studio.catalogue.identifiers import SOURCE_HASH, VARIATION_ID


def find_orphans(folders: Folders, pictures: Set[str], sources: Set[str]) -> list[Path]:
    """Return the files of pictures and sources that are in neither set, by their ids and hashes. Raises `StorageError`.

    These are small copies, the model's own pictures, and sidecars in the bin and among the sources. A sidecar in the
    gallery stays: its picture may have been moved away by hand, and the mark counts again when it is back.
    """
    thumbnails, display = folders.previews
    return [
        *_find(thumbnails, VARIATION_ID.fullmatch, pictures, ("webp",)),
        *_find(folders.untouched, VARIATION_ID.fullmatch, pictures, ("webp", "png")),
        *_find(folders.pictures(Place.BINNED), VARIATION_ID.fullmatch, pictures, ("json",)),
        *_find(thumbnails / "sources", SOURCE_HASH.fullmatch, sources, ("webp",)),
        *_find(display, SOURCE_HASH.fullmatch, sources, ("png",)),
        *_find(folders.sources, SOURCE_HASH.fullmatch, sources, ("json",)),
    ]


def remove_orphans(paths: list[Path]) -> None:
    """Remove files, and the folders of a day that are empty then. Raises `StorageError`."""
    for path in paths:
        remove(path)
    for folder in {path.parent for path in paths}:
        with contextlib.suppress(OSError):  # it holds other files
            folder.rmdir()


def _find(folder: Path, is_name: Callable[[str], object], wanted: Set[str], endings: tuple[str, ...]) -> Iterator[Path]:
    for part, name in list_names(folder):
        stem, _, ending = name.rpartition(".")
        if ending in endings and stem not in wanted and is_name(stem):
            yield folder / part / name
