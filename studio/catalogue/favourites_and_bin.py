"""Favourites and the bin: mark, delete and restore variations, empty the bin.

Each step holds the index's write lock, so that no other thread or program moves the same file.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable

from studio.catalogue.files.curation import Curation, move_picture, read_curation, write_curation
from studio.catalogue.files.paths import Folders, Place, is_file, list_names, remove, write_atomically
from studio.catalogue.files.thumbnails import DamagedPictureError, shrink_untouched
from studio.catalogue.identifiers import VARIATION_ID, check_variation_id, not_found, utc_now
from studio.catalogue.index.database import Database
from studio.catalogue.index.reconcile import Progress
from studio.catalogue.index.rows import drop_variations, find_one, find_states, update_variation
from studio.catalogue.records import Variation
from studio.errors import StorageError


class Curator:
    """The variations of one outputs folder. An id is checked and looked up before it becomes a path."""

    def __init__(self, folders: Folders, database: Database) -> None:
        self._folders = folders
        self._database = database

    def look_up(self, variation_id: str) -> tuple[Variation, Place]:
        """Return a variation and its place. Raises `NotFoundError` if its file is gone."""
        check_variation_id(variation_id)
        return _require(self._database.read(lambda connection: find_one(connection, variation_id)), variation_id)

    def set_favourite(self, variation_id: str, favourite: bool) -> None:
        """Set or clear a variation's favourite mark, first in its sidecar, then in its row."""
        check_variation_id(variation_id)
        with self._database.writing() as connection:
            variation, place = _require(find_one(connection, variation_id), variation_id)
            curation = dataclasses.replace(self._curation(variation.id, place), favourite=favourite)
            write_curation(self._folders, variation.id, place, curation)
            update_variation(connection, variation.id, place, curation)

    def move(self, variation_ids: Iterable[str], place: Place) -> tuple[str, ...]:
        """Move variations to the bin or back, and return the ids of those that were not there already.

        Moves none if any id is unknown.
        """
        wanted = tuple(dict.fromkeys([variation_ids] if isinstance(variation_ids, str) else variation_ids))
        for variation_id in wanted:
            self.look_up(variation_id)
        moved = []
        for variation_id in wanted:  # one transaction each, so that a full disk half-way undoes nothing
            with self._database.writing() as connection:
                variation, now = _require(find_one(connection, variation_id), variation_id)
                if now is place:
                    continue
                deleted_at = utc_now() if place is Place.BINNED else None
                curation = dataclasses.replace(self._curation(variation.id, now), deleted_at=deleted_at)
                move_picture(self._folders, variation.id, place, curation)
                update_variation(connection, variation.id, place, curation)
            moved.append(variation_id)
        return tuple(moved)

    def untouched_ids(self) -> tuple[str, ...]:
        """Return the ids of the variations that have the model's picture, newest first."""
        found = {name.rpartition(".")[0] for _, name in list_names(self._folders.untouched)}
        return tuple(sorted(filter(VARIATION_ID.fullmatch, found), reverse=True))

    def remove_untouched(self, variation_ids: Iterable[str]) -> int:
        """Remove the model's pictures of variations and return of how many."""
        removed = 0
        for variation_id in variation_ids:
            check_variation_id(variation_id)
            with self._database.writing():  # while they are made smaller, none is written again
                paths = list(filter(is_file, self._folders.untouched_pictures(variation_id)))
                for path in paths:
                    remove(path)
            removed += bool(paths)
        return removed

    def shrink_untouched(self, progress: Progress | None) -> int:
        """Write the model's pictures that are PNGs as WebP, and return the bytes freed. The pixels stay the same.

        The smaller file is complete on disk before the larger one goes, so that after a crash one of them is there. A
        file that cannot be read is left alone.
        """
        paths = [self._folders.untouched / day / name for day, name in list_names(self._folders.untouched)]
        large = [path for path in paths if path.suffix == ".png" and VARIATION_ID.fullmatch(path.stem)]
        freed = 0
        for done, path in enumerate(large, start=1):
            with contextlib.suppress(DamagedPictureError):
                smaller = shrink_untouched(path)
                with self._database.writing():  # meanwhile none is removed
                    if smaller is not None and is_file(path):
                        freed += path.stat().st_size - len(smaller)
                        write_atomically(path.with_suffix(".webp"), smaller)
                        remove(path)
            if progress is not None:
                progress(done, len(large))
        return freed

    def empty_bin(self, variation_ids: Iterable[str] | None) -> int:
        """Delete these variations (None: all) for good if they are in the bin, and return how many were."""
        states = self._database.read(find_states)
        wanted = None if variation_ids is None else set(variation_ids)
        binned = [
            one for one, state in states.items() if state.place is Place.BINNED and (wanted is None or one in wanted)
        ]
        removed = 0
        for variation_id in binned:
            with self._database.writing() as connection:
                found = find_one(connection, variation_id)
                if found is None or found[1] is not Place.BINNED:  # another thread or program was faster
                    continue
                picture = self._folders.picture(variation_id, Place.BINNED)
                for path in (picture, self._folders.curation(variation_id, Place.BINNED)):
                    remove(path)
                for path in self._folders.untouched_pictures(variation_id):
                    remove(path)
                remove(self._folders.thumbnail(variation_id))
                drop_variations(connection, [variation_id])
                removed += 1
            with contextlib.suppress(OSError):  # the day's folder, if it is empty now
                picture.parent.rmdir()
        return removed

    def _curation(self, variation_id: str, place: Place) -> Curation:
        """Return the marks of a variation, the defaults if its sidecar is damaged."""
        try:
            return read_curation(self._folders, variation_id, place)
        except StorageError:
            return Curation()


def _require(found: tuple[Variation, Place] | None, variation_id: str) -> tuple[Variation, Place]:
    if found is None or found[1] is Place.MISSING:
        raise not_found("picture", variation_id)
    return found
