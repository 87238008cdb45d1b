"""The catalogue: stores and finds everything in an outputs folder.

A file is complete on disk before its row is added to the index, so the index can be rebuilt from the files.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from PIL import Image

from studio.catalogue.favourites_and_bin import Curator
from studio.catalogue.files.curation import Curation
from studio.catalogue.files.metadata import encode_png, read_record
from studio.catalogue.files.paths import Folders, Place, remove_leftovers, write_atomically
from studio.catalogue.files.thumbnails import write_thumbnail, write_thumbnail_of
from studio.catalogue.identifiers import check_run_id, check_source_hash, check_variation_id, not_found
from studio.catalogue.index.database import Database
from studio.catalogue.index.queries import find_choices, find_page, find_run
from studio.catalogue.index.rebuild import Progress, rebuild, reconcile
from studio.catalogue.index.rows import add_variation
from studio.catalogue.records import (
    GalleryChoices,
    GalleryPage,
    GalleryQuery,
    RebuildReport,
    Source,
    StorageUse,
    Variation,
)
from studio.catalogue.sources import Sources
from studio.catalogue.storage import measure_storage
from studio.errors import StorageError
from studio.schema import VariationRecord


class Catalogue:
    """The sources and variations of one outputs folder. Every method may be called from any thread.

    Methods raise `NotFoundError` on unknown ids and `StorageError` on trouble with the disk. Opening a catalogue
    adds rows for files that have none, such as after a crash; `opening` is the report on that.
    """

    def __init__(self, outputs: Path) -> None:
        self._folders = Folders(Path(outputs).absolute())
        self._database = Database(self._folders.index)
        self._sources = Sources(self._folders, self._database)
        self._curator = Curator(self._folders, self._database)
        self._row_missing = False
        remove_leftovers(self._folders.root)
        try:
            self.opening = self._reconcile()
        except StorageError as error:  # on a full disk the gallery still opens, so that space can be freed
            self._row_missing = True
            self.opening = RebuildReport(skipped=(str(error),))

    def __enter__(self) -> Catalogue:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def outputs(self) -> Path:
        """The outputs folder as an absolute path."""
        return self._folders.root

    def close(self) -> None:
        """Close the index. Using the catalogue again opens it again."""
        self._database.close()

    def add_source(self, data: bytes, *, label: str = "", parent: str | None = None) -> Source:
        """Store a design's file. A file that is there already is stored once and keeps its first label and parent.

        Raises `DesignError` if it is not a usable design, `NotFoundError` if there is no such parent.
        """
        if parent is not None:
            self.variation(parent)
        return self._sources.add(data, label, parent)

    def source(self, sha256: str) -> Source:
        """Return a source."""
        return self._sources.get(sha256)

    def sources(self, limit: int = 50) -> tuple[Source, ...]:
        """Return the last `limit` sources, newest first."""
        return self._sources.newest(limit)

    def named_sources(self, hashes: Iterable[str]) -> dict[str, Source]:
        """Return the sources that the catalogue has of these, by their SHA-256."""
        return {source.sha256: source for source in self._sources.named(hashes)}

    def source_path(self, sha256: str) -> Path:
        """Return the path of the designer's own file."""
        return self._sources.path(self.source(sha256))

    def source_display_path(self, sha256: str) -> Path:
        """Return the path of a picture that a browser shows as the model gets it: the own file, or a PNG of it."""
        return self._sources.display_path(self.source(sha256))

    def source_thumbnail_path(self, sha256: str) -> Path:
        """Return the path of a source's thumbnail (WebP)."""
        return self._sources.thumbnail_path(self.source(sha256))

    def save_variation(
        self, image: Image.Image, record: VariationRecord, untouched: Image.Image | None = None
    ) -> Variation:
        """Store a finished picture (RGB or P, lossless): the file, then its row, then its thumbnail.

        `untouched` is the model's picture if `image` was woven from it; it is written first. Saving the same record
        again has no effect. Raises `StorageError` if it cannot be written. If only the row fails the file is kept,
        and its row is added with the next variation or at the next start.
        """
        _check_ids(record)
        path = self._folders.picture(record.id, Place.KEPT)
        if not path.exists():
            if untouched is not None:
                unwoven = dataclasses.replace(record, weaving=None)
                write_atomically(self._folders.untouched(record.id), encode_png(untouched, unwoven))
            write_atomically(path, encode_png(image, record))
        elif read_record(path) != record:
            raise StorageError(f"There is already another picture with the id {record.id}. Start the run again.")
        try:
            with self._database.writing() as connection:
                add_variation(connection, record, Place.KEPT, Curation())
        except StorageError as error:
            self._row_missing = True
            raise StorageError(f"{error} The picture itself is safe in {path.parent}.") from error
        with contextlib.suppress(StorageError):  # `thumbnail_path` makes it again
            write_thumbnail(image, self._folders.thumbnail(record.id))
        if self._row_missing:
            with contextlib.suppress(StorageError):  # tried again with the next variation
                self._reconcile()
                self._row_missing = False
        return Variation(record)

    def variation(self, variation_id: str) -> Variation:
        """Return a variation, in the gallery or the bin."""
        return self._curator.look_up(variation_id)[0]

    def variation_path(self, variation_id: str) -> Path:
        """Return the path of a variation's PNG, in the gallery or the bin."""
        variation, place = self._curator.look_up(variation_id)
        path = self._folders.picture(variation.id, place)
        if not path.is_file():
            raise not_found("picture", variation_id)
        return path

    def untouched_path(self, variation_id: str) -> Path:
        """Return the path of the model's picture (PNG) of a woven variation. Raises `NotFoundError` on others."""
        path = self._folders.untouched(self.variation(variation_id).id)
        if not path.is_file():
            raise not_found("untouched picture", variation_id)
        return path

    def thumbnail_path(self, variation_id: str) -> Path:
        """Return the path of a variation's thumbnail (WebP). A missing one is made again."""
        path = self._folders.thumbnail(self.variation(variation_id).id)
        if not path.is_file():
            write_thumbnail_of(self.variation_path(variation_id), path)
        return path

    def run(self, run_id: str, *, replaced: bool = False) -> tuple[Variation, ...]:
        """Return a run's finished variations by slot, without those in the bin.

        A slot that was drawn again has its newest variation only; with `replaced` all of them, oldest first.
        """
        check_run_id(run_id)
        with self._database.reading() as connection:
            found = find_run(connection, run_id)
        return found if replaced else tuple({variation.record.slot: variation for variation in found}.values())

    def find(self, query: GalleryQuery) -> GalleryPage:
        """Return one page of the gallery or the bin, newest first."""
        with self._database.reading() as connection:
            return find_page(connection, query)

    def choices(self) -> GalleryChoices:
        """Return who drew, and the adapters, to filter the gallery by."""
        with self._database.reading() as connection:
            return find_choices(connection)

    def set_favourite(self, variation_id: str, favourite: bool) -> None:
        """Set or clear a variation's favourite mark."""
        self._curator.set_favourite(variation_id, favourite)

    def delete(self, variation_ids: Iterable[str]) -> None:
        """Move variations to the bin. Moves none if any id is unknown."""
        self._curator.move(variation_ids, Place.BINNED)

    def restore(self, variation_ids: Iterable[str]) -> None:
        """Move variations back from the bin, with their marks."""
        self._curator.move(variation_ids, Place.KEPT)

    def empty_bin(self) -> int:
        """Delete the variations in the bin for good and return their number."""
        return self._curator.empty_bin()

    def storage(self) -> StorageUse:
        """Return the disk space that the folder takes and what is left on its disk."""
        return measure_storage(self._folders)

    def rebuild(self, progress: Progress | None = None) -> RebuildReport:
        """Rebuild the index from the files. `progress` is called with the numbers of files read and in total."""
        if self._database.damaged():
            self._database.recreate()
        return rebuild(self._folders, self._database, progress)

    def _reconcile(self) -> RebuildReport:
        try:
            return reconcile(self._folders, self._database)
        except StorageError:
            if not self._database.damaged():
                raise
        self._database.recreate()
        return reconcile(self._folders, self._database)


def _check_ids(record: VariationRecord) -> None:
    """Raise `NotFoundError` on a malformed id, before it becomes part of a path or a query."""
    check_variation_id(record.id)
    check_run_id(record.run)
    check_source_hash(record.source)
    if record.parent is not None:
        check_variation_id(record.parent)
