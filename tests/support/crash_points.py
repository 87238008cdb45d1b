"""Every point at which a program can end while it works on an outputs folder, and what must hold after it has.

The work runs in a forked process. It ends, as after a kill, just before or just after its n-th change of a file, or
in the middle of a file that is being written. POSIX only.
"""

from __future__ import annotations

import json
import os
import sqlite3
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from studio.catalogue import Catalogue, GalleryQuery
from studio.catalogue.index.database import Database
from studio.settings_store import SettingsStore, StudioSettings
from tests.support.catalogue_records import make_picture, make_record
from tests.support.pictures import draw_picture, encode_picture

KILLED = 9
CALLS = ("fsync", "replace", "rename", "unlink", "mkdir", "rmdir")
MODES = ("before", "after", "torn")
"""Torn: what was written of the file since it was last synced is cut in half, as after a power cut."""


@dataclass
class Journal:
    """What the work has finished, and what it had begun when it ended: one JSON line for each step."""

    path: Path
    lines: list[list[Any]] = field(default_factory=list)

    def note(self, *step: Any) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps(step) + "\n")

    def read(self) -> Journal:
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        return Journal(self.path, [json.loads(line) for line in lines])

    def done(self, kind: str) -> list[list[Any]]:
        return [line[1:] for line in self.lines if line[0] == kind]


def work(outputs: Path, journal: Journal) -> None:
    """Do everything that a designer can do to an outputs folder, noting each step before and after."""
    with Catalogue(outputs) as catalogue:
        design = encode_picture(draw_picture(64, 48).convert("CMYK"), "TIFF")
        journal.note("added", catalogue.add_source(design, label="Inks").sha256, "Inks")
        ids = []
        for slot in range(4):
            record = make_record(slot=slot, seed=slot)
            catalogue.save_variation(make_picture(slot), record, make_picture(slot + 10))
            journal.note("saved", record.id, slot)
            ids.append(record.id)
        for act, one in (
            ("favourite", 0),
            ("favourite", 1),
            ("delete", 1),
            ("delete", 2),
            ("restore", 1),
            ("clear", 0),
        ):
            journal.note("begun", act, ids[one])
            if act in ("favourite", "clear"):
                catalogue.set_favourite(ids[one], act == "favourite")
            else:
                getattr(catalogue, act)([ids[one]])
            journal.note("did", act, ids[one])
        store = SettingsStore(outputs / "settings.json")
        for minutes in (5, 10):
            journal.note("begun", "settings", minutes)
            store.save(StudioSettings(idle_unload_minutes=minutes))
            journal.note("did", "settings", minutes)
        catalogue.rebuild()
        journal.note("begun", "empty", ids[2])
        catalogue.empty_bin([ids[2]])
        journal.note("did", "empty", ids[2])
        catalogue.remove_untouched([ids[3]])
    for path in outputs.glob("catalogue.sqlite*"):
        path.unlink()
    Catalogue(outputs).close()


def run_to(point: int, mode: str, task: Callable[[], None]) -> bool:
    """Run a task in a process that ends at a point, and return whether it got there. Raises if the task fails."""
    child = os.fork()
    if child == 0:
        try:
            _plant(point, mode)
            task()
            os._exit(0)
        except BaseException:  # noqa: BLE001  # also on Ctrl+C the child must not go on as the parent
            traceback.print_exc()
            os._exit(1)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code not in (0, KILLED):
        raise RuntimeError(f"point {point}, {mode}: the work failed with {code}")
    return code == KILLED


def losses(outputs: Path, journal: Journal) -> Iterator[str]:
    """Yield a sentence for each thing that is lost or left behind after the studio was started again."""
    finished = journal.read()
    begun = finished.done("begun")[-1:] if len(finished.done("begun")) > len(finished.done("did")) else []
    with Catalogue(outputs) as catalogue:
        yield from _lost(outputs, catalogue, finished, begun)
        state = [catalogue.find(GalleryQuery(deleted=deleted)) for deleted in (False, True)], catalogue.sources()
        catalogue.rebuild()
        if state != ([catalogue.find(GalleryQuery(deleted=deleted)) for deleted in (False, True)], catalogue.sources()):
            yield "a rebuild changes what is shown"
    minutes = [minutes for act, minutes in finished.done("did") if act == "settings"][-1:] or [15]
    allowed = {*minutes, *(one for act, one in begun if act == "settings")}
    if SettingsStore(outputs / "settings.json").load().idle_unload_minutes not in allowed:
        yield "the settings are lost"


def _lost(outputs: Path, catalogue: Catalogue, finished: Journal, begun: list[list[Any]]) -> Iterator[str]:
    shown = {place: catalogue.find(GalleryQuery(deleted=place == "bin")).variations for place in ("gallery", "bin")}
    where = {one.id: (place, one.favourite) for place, some in shown.items() for one in some}
    doubtful = {one for _, one in begun}
    emptied = {one for act, one in finished.done("did") + begun if act == "empty"}
    for one, slot in finished.done("saved"):
        if one in emptied:
            continue
        acts = [act for act, which in finished.done("did") if which == one]
        binned = [act for act in acts if act in ("delete", "restore")][-1:] == ["delete"]
        favourite = [act for act in acts if act in ("favourite", "clear")][-1:] == ["favourite"]
        if one not in where:
            yield f"picture {slot} is lost"
            continue
        if one not in doubtful and where[one] != ("bin" if binned else "gallery", favourite):
            yield f"picture {slot} is {where[one]}"
        with Image.open(catalogue.variation_path(one)) as image:
            if image.convert("RGB").tobytes() != make_picture(slot).tobytes():
                yield f"picture {slot} is damaged"
        if catalogue.untouched_ids().count(one) != 1 and slot != 3:
            yield f"the model's picture {slot} is lost"
    for sha256, label in finished.done("added"):
        source = {one.sha256: one for one in catalogue.sources()}.get(sha256)
        if source is None or source.label != label or not catalogue.source_path(sha256).is_file():
            yield "the design or its name is lost"
    if any(source.label != "Inks" for source in catalogue.sources()):
        yield "a design has no name"
    for folder, ending in (("untouched", "webp"), ("thumbnails", "webp"), ("bin", "json")):
        for path in outputs.glob(f"{folder}/*/*.{ending}"):
            if path.stem not in where:
                yield f"{folder} holds a file without a picture"


def _plant(point: int, mode: str) -> None:
    """Make this process end at its n-th change of a file or of the index."""
    count = 0

    def reached() -> bool:
        nonlocal count
        count += 1
        return count == point + 1

    def wrap(name: str) -> None:
        real: Callable[..., Any] = getattr(os, name)

        def call(*args: Any, **options: Any) -> Any:
            here = reached()
            if here and mode == "torn" and name == "fsync":
                os.ftruncate(args[0], os.fstat(args[0]).st_size // 2) if _is_file(args[0]) else None
            if here and mode != "after":
                os._exit(KILLED)
            result = real(*args, **options)
            if here:
                os._exit(KILLED)
            return result

        setattr(os, name, call)

    for name in CALLS:
        wrap(name)
    connect = Database._connect

    def connect_traced(self: Database) -> sqlite3.Connection:
        connection = connect(self)
        connection.set_trace_callback(lambda _: os._exit(KILLED) if reached() else None)
        return connection

    Database._connect = connect_traced


def _is_file(handle: int) -> bool:
    import stat

    return stat.S_ISREG(os.fstat(handle).st_mode)
