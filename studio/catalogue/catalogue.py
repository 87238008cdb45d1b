"""The catalogue: everything that was made, kept under outputs/ and found again.

Files first, rows second: a picture is whole on the disk before the index hears of it, and the index can be made
again from the files at any time.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from PIL import Image

from studio.catalogue.curator import Curator
from studio.catalogue.files.curation import Curation
from studio.catalogue.files.folders import Folders, Place, remove_leftovers, write_atomically
from studio.catalogue.files.metadata import encode_png, read_record
from studio.catalogue.files.thumbnails import write_thumbnail, write_thumbnail_of
from studio.catalogue.identifiers import check_run_id, check_source_hash, check_variation_id, not_found
from studio.catalogue.index.database import Database
from studio.catalogue.index.queries import find_choices, find_page, find_run
from studio.catalogue.index.recovery import Progress, rebuild, reconcile
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
    """What lies in one outputs folder. Every method may be called from any thread.

    Raises `NotFoundError` on ids that it does not hold, `StorageError` on trouble with the disk. Opening it lists
    every picture that a crash has left without a row; the report `opening` says what was found.
    """

    def __init__(self, outputs: Path) -> None:
        self._folders = Folders(Path(outputs).absolute())
        self._database = Database(self._folders.index)
        self._sources = Sources(self._folders, self._database)
        self._curator = Curator(self._folders, self._database)
        self._unlisted = False
        remove_leftovers(self._folders.root)
        try:
            self.opening = self._reconcile()
        except StorageError as error:  # a full disk: what is listed can be seen all the same, and room be made
            self._unlisted = True
            self.opening = RebuildReport(skipped=(str(error),))

    def __enter__(self) -> Catalogue:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def outputs(self) -> Path:
        """The folder, as an absolute path."""
        return self._folders.root

    def close(self) -> None:
        """Let go of the index; it is opened again should the catalogue be used again."""
        self._database.close()

    def add_source(self, data: bytes, *, label: str = "", parent: str | None = None) -> Source:
        """Keep a design's file, once however often it comes; the first label and parent stay.

        Raises `DesignError` when it cannot be used as a design, `NotFoundError` when there is no such parent.
        """
        if parent is not None:
            self.variation(parent)
        return self._sources.add(data, label, parent)

    def source(self, sha256: str) -> Source:
        """Return what is known of a source."""
        return self._sources.get(sha256)

    def sources(self, limit: int = 50) -> tuple[Source, ...]:
        """Return the sources that came last, newest first."""
        return self._sources.newest(limit)

    def source_path(self, sha256: str) -> Path:
        """Return the file of a source's own bytes."""
        return self._sources.path(self.source(sha256))

    def source_display_path(self, sha256: str) -> Path:
        """Return a file that a browser shows as the studio sees the source: its own, or a PNG made of it."""
        return self._sources.display_path(self.source(sha256))

    def source_thumbnail_path(self, sha256: str) -> Path:
        """Return the small copy of a source (WebP)."""
        return self._sources.thumbnail_path(self.source(sha256))

    def save_variation(
        self, image: Image.Image, record: VariationRecord, untouched: Image.Image | None = None
    ) -> Variation:
        """Keep a finished picture (RGB or P, every pixel as it is): the file, then its row, then a small copy.

        `untouched` is what the model drew, where the picture was made of that; it is written before the file.
        Saving the same record again is fine. Raises `StorageError` when it cannot be written; where only its row
        could not be, the picture is safe, and listed with the next one or at the next start.
        """
        _check_ids(record)
        path = self._folders.picture(record.id, Place.KEPT)
        if not path.exists():
            if untouched is not None:
                own = dataclasses.replace(record, weaving=None)
                write_atomically(self._folders.untouched(record.id), encode_png(untouched, own))
            write_atomically(path, encode_png(image, record))
        elif read_record(path) != record:
            raise StorageError(f"There is another picture under the id {record.id} already. Start the run again.")
        try:
            with self._database.writing() as connection:
                add_variation(connection, record, Place.KEPT, Curation())
        except StorageError as error:
            self._unlisted = True
            raise StorageError(f"{error} The picture itself is safe in {path.parent}.") from error
        with contextlib.suppress(StorageError):  # it is made again when somebody asks for it
            write_thumbnail(image, self._folders.thumbnail(record.id))
        if self._unlisted:
            with contextlib.suppress(StorageError):  # then it stays for the next time
                self._reconcile()
                self._unlisted = False
        return Variation(record)

    def variation(self, variation_id: str) -> Variation:
        """Return a variation, also one in the bin."""
        return self._curator.look_up(variation_id)[0]

    def variation_path(self, variation_id: str) -> Path:
        """Return the PNG of a variation, also of one in the bin."""
        variation, place = self._curator.look_up(variation_id)
        path = self._folders.picture(variation.id, place)
        if not path.is_file():
            raise not_found("picture", variation_id)
        return path

    def untouched_path(self, variation_id: str) -> Path:
        """Return the PNG of what the model drew of a woven variation; raises `NotFoundError` on any other."""
        path = self._folders.untouched(self.variation(variation_id).id)
        if not path.is_file():
            raise not_found("untouched picture", variation_id)
        return path

    def thumbnail_path(self, variation_id: str) -> Path:
        """Return the small copy of a variation (WebP); made again when it is gone."""
        path = self._folders.thumbnail(self.variation(variation_id).id)
        if not path.is_file():
            write_thumbnail_of(self.variation_path(variation_id), path)
        return path

    def run(self, run_id: str, *, replaced: bool = False) -> tuple[Variation, ...]:
        """Return a run's finished variations in the order of their slots, those in the bin left out.

        Of a slot that was drawn again the newest counts; with `replaced` those before it come too, oldest first.
        """
        check_run_id(run_id)
        with self._database.reading() as connection:
            found = find_run(connection, run_id)
        return found if replaced else tuple({variation.record.slot: variation for variation in found}.values())

    def find(self, query: GalleryQuery) -> GalleryPage:
        """Return one page of the gallery, newest first."""
        with self._database.reading() as connection:
            return find_page(connection, query)

    def choices(self) -> GalleryChoices:
        """Return the models and adapters that the gallery can be filtered by."""
        with self._database.reading() as connection:
            return find_choices(connection)

    def set_favourite(self, variation_id: str, favourite: bool) -> None:
        """Mark a variation as a favourite, or no longer."""
        self._curator.set_favourite(variation_id, favourite)

    def delete(self, variation_ids: Iterable[str]) -> None:
        """Move variations to the bin; those that lie there already stay. None is moved if any id is unknown."""
        self._curator.move(variation_ids, Place.BINNED)

    def restore(self, variation_ids: Iterable[str]) -> None:
        """Bring variations back from the bin as they were."""
        self._curator.move(variation_ids, Place.KEPT)

    def empty_bin(self) -> int:
        """Remove what lies in the bin, for good; return how many variations that were."""
        return self._curator.empty_bin()

    def storage(self) -> StorageUse:
        """Return what outputs/ holds and what is left on its disk."""
        return measure_storage(self._folders)

    def rebuild(self, progress: Progress | None = None) -> RebuildReport:
        """Make the index again from the files alone; `progress` hears how many of how many are read."""
        if self._database.damaged():
            self._database.start_anew()
        return rebuild(self._folders, self._database, progress)

    def _reconcile(self) -> RebuildReport:
        try:
            return reconcile(self._folders, self._database)
        except StorageError:
            if not self._database.damaged():
                raise
        self._database.start_anew()
        return reconcile(self._folders, self._database)


def _check_ids(record: VariationRecord) -> None:
    """Raise `NotFoundError` where an id in a record has not the form that a path or a query may be made of."""
    check_variation_id(record.id)
    check_run_id(record.run)
    check_source_hash(record.source)
    if record.parent is not None:
        check_variation_id(record.parent)
