"""The disk space that an outputs folder takes, measured on the files."""

from __future__ import annotations

import shutil

from studio.catalogue.files.paths import Folders, Place, measure_folder, storage_error
from studio.catalogue.records import StorageUse


def measure_storage(folders: Folders) -> StorageUse:
    """Return the disk space that an outputs folder takes and what is left on its disk. Raises `StorageError`."""
    variations, variations_bytes = measure_folder(folders.pictures(Place.KEPT), ".png")
    binned, binned_bytes = measure_folder(folders.pictures(Place.BINNED), ".png")
    sources, sources_bytes = measure_folder(folders.sources, ".json")  # each source has one sidecar
    previews_bytes = sum(measure_folder(folder)[1] for folder in folders.previews)
    try:
        index_bytes = sum(path.stat().st_size for path in folders.root.glob(f"{folders.index.name}*"))
        free_bytes = shutil.disk_usage(folders.root).free
    except OSError as error:
        raise storage_error(folders.index, error) from error
    return StorageUse(
        variations=variations,
        variations_bytes=variations_bytes,
        binned=binned,
        binned_bytes=binned_bytes,
        sources=sources,
        sources_bytes=sources_bytes,
        previews_bytes=previews_bytes,
        index_bytes=index_bytes,
        free_bytes=free_bytes,
    )
