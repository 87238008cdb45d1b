"""The catalogue: stores and finds everything in an outputs folder.

A file is complete on disk before its row is added to the index, so the index can be rebuilt from the files.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from PIL import Image

from studio.catalogue.favourites_and_bin import Curator
from studio.catalogue.files.curation import Curation
from studio.catalogue.files.metadata import encode_png, read_record
from studio.catalogue.files.paths import (
    Folders,
    Place,
    is_file,
    make_folder,
    read_bytes,
    storage_error,
    write_atomically,
)
from studio.catalogue.files.record_checks import check_record
from studio.catalogue.files.thumbnails import encode_untouched, write_thumbnail, write_thumbnail_of
from studio.catalogue.identifiers import check_run_id, check_source_hash, check_variation_id, not_found
from studio.catalogue.index.database import Database, UnusableIndexError
from studio.catalogue.index.queries import find_choices, find_ids, find_neighbours, find_page, find_run
from studio.catalogue.index.rebuild import rebuild
from studio.catalogue.index.reconcile import Progress
from studio.catalogue.index.rows import add_variation
from studio.catalogue.opening import Opening
from studio.catalogue.records import (
    GalleryChoices,
    GalleryPage,
    GalleryQuery,
    Neighbours,
    RebuildReport,
    Source,
    StorageUse,
    Variation,
)
from studio.catalogue.sources import Sources
from studio.catalogue.storage import StorageMeter
from studio.errors import StorageError
from studio.schema import VariationRecord

if TYPE_CHECKING:
    from studio.designs import Design


class Catalogue:
    """The sources and variations of one outputs folder. Every method may be called from any thread.

    Methods raise `NotFoundError` on unknown ids and `StorageError` on trouble with the disk. Opening a catalogue
    adds rows for files that have none, such as after a crash. Many files are read in the background: `reading` says how
    far that is, and all else works meanwhile. The same happens when the index, or the whole folder, is lost later.
    """

    def __init__(self, outputs: Path) -> None:
        self._folders = Folders(Path(outputs).absolute())
        self._database = Database(self._folders.index, self._read_files)
        self._sources = Sources(self._folders, self._database)
        self._curator = Curator(self._folders, self._database)
        self._meter = StorageMeter(self._folders)
        self._opening = Opening(self._folders, self._database, self._meter)
        self._choices: tuple[object, GalleryChoices] | None = None
        self._read_files()

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

    @property
    def opening(self) -> RebuildReport:
        """The report on comparing the files with the index at the opening; if files are being read, on the start."""
        return self._opening.report

    @property
    def reading(self) -> tuple[int, int] | None:
        """The numbers of files read so far and in total while files without a row are read, else None."""
        return self._opening.progress

    def wait_until_read(self) -> RebuildReport:
        """Wait until no files are being read, and return the report on the opening."""
        self._opening.wait()
        return self._opening.report

    def close(self) -> None:
        """Stop reading files and close the index. Using the catalogue again opens it again."""
        self._opening.stop()
        self._database.close()

    def add_source(
        self, data: bytes, *, label: str = "", parent: str | None = None, design: Design | None = None
    ) -> Source:
        """Store a design's file. A file that is there already is stored once and keeps its first label and parent.

        `design` is what `open_design` returned for these bytes, if the caller has it. Raises `DesignError` if it is not
        a usable design, `NotFoundError` if there is no such parent.
        """
        if parent is not None:
            self.variation(parent)
        return self._sources.add(data, label, parent, design)

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

    def source_bytes(self, sha256: str) -> bytes:
        """Return the designer's own file."""
        return read_bytes(self.source_path(sha256))

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

        `untouched` is the model's picture if `image` was woven from it, of any size; it is written first. Saving the
        same record again has no effect. Raises `StorageError` if it cannot be written. If only the row fails the file
        is kept, and its row is added with the next variation or at the next start.
        """
        _check_ids(record)
        path = self._folders.picture(record.id, Place.KEPT)
        files = self._encode(image, record, untouched) if not is_file(path) else {}
        if not files and read_record(path) != record:
            raise StorageError(f"There is already another picture with the id {record.id}. Start the run again.")
        try:
            with self._database.writing() as connection:  # while files are swept, none are written
                _write(files)
                check_record(record)
                add_variation(connection, record, Place.KEPT, Curation())
        except (StorageError, ValueError) as error:
            _write(files)  # if the index could not be locked; raises where the disk is the reason
            self._opening.incomplete = True
            raise StorageError(f"{error} The picture itself is safe in {path.parent}.") from error
        with contextlib.suppress(StorageError):  # `thumbnail_path` makes it again
            write_thumbnail(image, self._folders.thumbnail(record.id))
        if self._opening.incomplete and self._opening.progress is None:
            self._opening.incomplete = False
            self._opening.begin()  # sets it again if that fails; tried again with the next variation
        return Variation(record)

    def _encode(self, image: Image.Image, record: VariationRecord, untouched: Image.Image | None) -> dict[Path, bytes]:
        """Return the files of a variation in the order in which they are written."""
        files = {}
        if untouched is not None:
            data, suffix = encode_untouched(untouched)
            files[self._folders.untouched_picture(record.id, suffix)] = data
        return files | {self._folders.picture(record.id, Place.KEPT): encode_png(image, record)}

    def variation(self, variation_id: str) -> Variation:
        """Return a variation, in the gallery or the bin."""
        return self._curator.look_up(variation_id)[0]

    def variation_path(self, variation_id: str) -> Path:
        """Return the path of a variation's PNG, in the gallery or the bin."""
        variation, place = self._curator.look_up(variation_id)
        path = self._folders.picture(variation.id, place)
        if not is_file(path):
            raise not_found("picture", variation_id)
        return path

    def variation_bytes(self, variation_id: str) -> bytes:
        """Return a variation's PNG, in the gallery or the bin."""
        return read_bytes(self.variation_path(variation_id))

    def untouched_path(self, variation_id: str) -> Path:
        """Return the path of the model's picture (WebP or PNG) of a woven variation. Raises `NotFoundError` else."""
        for path in self._folders.untouched_pictures(self.variation(variation_id).id):
            if is_file(path):
                return path
        raise not_found("untouched picture", variation_id)

    def untouched_ids(self) -> tuple[str, ...]:
        """Return the ids of the variations, in the gallery or the bin, that have the model's picture, newest first."""
        return self._curator.untouched_ids()

    def remove_untouched(self, variation_ids: Iterable[str]) -> int:
        """Remove the model's pictures of these variations for good and return of how many. The woven ones stay."""
        return self._curator.remove_untouched(variation_ids)

    def shrink_untouched(self, progress: Progress | None = None) -> int:
        """Keep the model's pictures of earlier versions as smaller files of the same pixels; return the bytes freed.

        `progress` is called with the numbers of files done and in total.
        """
        return self._curator.shrink_untouched(progress)

    def thumbnail_path(self, variation_id: str) -> Path:
        """Return the path of a variation's thumbnail (WebP). A missing one is made again."""
        path = self._folders.thumbnail(self.variation(variation_id).id)
        if not is_file(path):
            write_thumbnail_of(self.variation_path(variation_id), path)
        return path

    def run(self, run_id: str, *, replaced: bool = False) -> tuple[Variation, ...]:
        """Return a run's finished variations by slot, without those in the bin.

        A slot that was drawn again has its newest variation only; with `replaced` all of them, oldest first.
        """
        check_run_id(run_id)
        found = self._database.read(lambda connection: find_run(connection, run_id))
        return found if replaced else tuple({variation.record.slot: variation for variation in found}.values())

    def find(self, query: GalleryQuery) -> GalleryPage:
        """Return one page of the gallery or the bin, newest first."""
        return self._database.read(lambda connection: find_page(connection, query))

    def ids(self, query: GalleryQuery) -> tuple[str, ...]:
        """Return the ids on all pages of the gallery or the bin, newest first."""
        return self._database.read(lambda connection: find_ids(connection, query))

    def neighbours(self, query: GalleryQuery, variation_id: str) -> Neighbours | None:
        """Return a picture's place in the result of a query, None if the query does not find it."""
        return self._database.read(lambda connection: find_neighbours(connection, query, variation_id))

    def choices(self) -> GalleryChoices:
        """Return who drew, and the adapters, to filter the gallery by. Counted again after the index has changed."""
        version = self._database.version()
        known = self._choices
        if known is None or known[0] != version:
            known = self._choices = version, self._database.read(find_choices)
        return known[1]

    def set_favourite(self, variation_id: str, favourite: bool) -> None:
        """Set or clear a variation's favourite mark."""
        self._curator.set_favourite(variation_id, favourite)

    def delete(self, variation_ids: Iterable[str]) -> tuple[str, ...]:
        """Move variations to the bin and return the ids of those that were not there. Moves none if any is unknown."""
        return self._curator.move(variation_ids, Place.BINNED)

    def restore(self, variation_ids: Iterable[str]) -> tuple[str, ...]:
        """Move variations back from the bin, with their marks, and return the ids of those that were there."""
        return self._curator.move(variation_ids, Place.KEPT)

    def empty_bin(self, variation_ids: Iterable[str] | None = None) -> int:
        """Delete these variations (None: all) for good if they are in the bin, and return how many were."""
        return self._curator.empty_bin(variation_ids)

    def storage(self) -> StorageUse:
        """Return the disk space that the folder takes and what is left on its disk."""
        return self._meter.measure()

    def rebuild(self, progress: Progress | None = None) -> RebuildReport:
        """Rebuild the index from the files. `progress` is called with the numbers of files read and in total.

        Each file is read once: reading them in the background ends.
        """
        self._opening.stop()
        self._database.renew(check=True)
        try:
            return rebuild(self._folders, self._database, progress)
        except UnusableIndexError:  # rows that cannot be used are found when they are compared
            self._database.renew()
            return rebuild(self._folders, self._database, progress)

    def _read_files(self) -> None:
        self._opening.begin()


def _write(files: dict[Path, bytes]) -> None:
    """Write the files that are not there, after the folders of all of them.

    Without the gallery's folder it cannot be told which of the model's own pictures belong to nothing.
    """
    for path in files:
        try:
            make_folder(path.parent)
        except OSError as error:
            raise storage_error(path, error) from error
    for path, data in files.items():
        if not is_file(path):
            write_atomically(path, data)


def _check_ids(record: VariationRecord) -> None:
    """Raise `NotFoundError` on a malformed id, before it becomes part of a path or a query."""
    check_variation_id(record.id)
    check_run_id(record.run)
    check_source_hash(record.source)
    if record.parent is not None:
        check_variation_id(record.parent)
