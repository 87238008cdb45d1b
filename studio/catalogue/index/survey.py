"""The files in an outputs folder, listed by name, and what is read of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from studio.catalogue.files.curation import Curation, read_curation
from studio.catalogue.files.metadata import read_record
from studio.catalogue.files.paths import Folders, Place, is_file, list_names, short_name
from studio.catalogue.files.source_files import read_source
from studio.catalogue.identifiers import VARIATION_ID, day_of, utc_now
from studio.catalogue.records import Source
from studio.errors import StorageError
from studio.schema import VariationRecord

BATCH = 200
"""Files that are read, and then added in one transaction. Memory does not grow with the number of files."""


@dataclass
class Survey:
    """The files in an outputs folder.

    `pictures`, `sidecars` and `sources` list the files by id or hash. `unusable` are the ids and hashes of files that
    could not be read; they are not read again. `skipped` is an ordered set of sentences about files left alone.
    """

    folders: Folders
    pictures: dict[str, Place] = field(default_factory=dict)
    sidecars: dict[Place, set[str]] = field(default_factory=dict)
    sources: dict[str, Path] = field(default_factory=dict)
    unusable: set[str] = field(default_factory=set)
    skipped: dict[str, None] = field(default_factory=dict)

    def scan(self) -> None:
        """List the files again."""
        self.pictures.clear()
        self.sidecars.clear()
        for place in (Place.BINNED, Place.KEPT):  # for an id in both the gallery's file wins
            sidecars: set[str] = set()
            for day, name in list_names(self.folders.pictures(place)):
                stem, _, ending = name.rpartition(".")
                if ending == "json":
                    sidecars.add(stem)
                elif ending == "png" and VARIATION_ID.fullmatch(stem) and day == day_of(stem):
                    self.pictures[stem] = place
                elif ending.lower() == "png":
                    self.skip(f"{self.folders.pictures(place).name}/{day}/{name} was not put there by the studio.")
            self.sidecars[place] = sidecars
        self.sources = {
            Path(name).stem: Path(self.folders.sources, folder, name)
            for folder, name in list_names(self.folders.sources)
            if not name.endswith(".json")
        }

    def record(self, variation_id: str) -> VariationRecord | None:
        """Return the record in a listed picture, or None after noting why it cannot be read."""
        if variation_id in self.unusable:
            return None
        path = self.folders.picture(variation_id, self.pictures[variation_id])
        try:
            record = read_record(path, self.skip)
            if record.id != variation_id:
                raise StorageError(f"{short_name(path)} holds the record of another picture, {record.id}.")
        except StorageError as error:
            if is_file(path):  # otherwise it was moved since the scan; the next scan finds it
                self.unusable.add(variation_id)
                self.skip(str(error))
            return None
        return record

    def source(self, sha256: str) -> Source | None:
        """Return a listed source, or None after noting why it cannot be read."""
        if sha256 in self.unusable:
            return None
        try:
            return read_source(self.folders, self.sources[sha256], self.skip)
        except StorageError as error:
            self.unusable.add(sha256)
            self.skip(str(error))
            return None

    def curation(self, variation_id: str) -> Curation:
        """Return the marks of a listed picture. A damaged sidecar is noted and counts as no marks."""
        place = self.pictures[variation_id]
        try:
            return read_curation(self.folders, variation_id, place)
        except StorageError as error:
            self.skip(str(error))
            return Curation(deleted_at=utc_now() if place is Place.BINNED else None)

    def find_again(self, variation_id: str) -> bool:
        """Look where a listed picture is now, and return whether it is anywhere."""
        for place in (Place.KEPT, Place.BINNED):
            if is_file(self.folders.picture(variation_id, place)):
                self.pictures[variation_id] = place
                return True
        return False

    def skip(self, sentence: str) -> None:
        """Note once why a file is left alone."""
        self.skipped[sentence] = None


def batches(names: list[str]) -> Iterator[list[str]]:
    """Yield the names in batches of `BATCH`."""
    rest = iter(names)
    while batch := list(islice(rest, BATCH)):
        yield batch
