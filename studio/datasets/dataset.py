"""A dataset: pictures with captions, read from a folder or a ZIP, one picture in memory at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from studio.datasets.alike import Trace, find_alike, read_trace
from studio.datasets.buckets import plan_buckets
from studio.datasets.captions import Caption, Remark, read_beside, read_captions
from studio.datasets.collected import COLLECTED_FILE, read_collected
from studio.datasets.example import AlikePictures, Example
from studio.datasets.files import Files, FolderFiles, ZipFiles, show_name
from studio.datasets.pairs import find_pairs
from studio.datasets.report import DatasetReport, make_report
from studio.designs import Design, open_design
from studio.designs.files.opening import BYTES_LIMIT, FINE_FORMATS
from studio.errors import DesignError, RequestError, first_line, quote
from studio.models.given_paths import read_given_path

PICTURES_LIMIT = 10_000
READ_SUFFIXES = (
    ".png", ".jpg", ".jpeg", ".jfif", ".webp", ".bmp", ".dib", ".tif", ".tiff", ".gif", ".avif", ".pcx", ".tga",
)  # fmt: skip
REFUSED_SUFFIXES = (".psd", ".psb", ".heic", ".heif", ".pdf", ".eps", ".ai", ".svg", ".jp2", ".jxl")
"""Pictures that cannot be read: each is named in the report with the reason."""
SUFFIXES = frozenset((*READ_SUFFIXES, *REFUSED_SUFFIXES))
"""Endings of files that are taken as pictures; all others are passed over."""
NAMED_ENDINGS = (*SUFFIXES, ".txt", ".jsonl", "/")
"""Endings of folders and of entries of an archive that are named where they may not be read."""
ID_LENGTH = 16

Progress = Callable[[int, int], None]
"""Called with the numbers of pictures read so far and in total. It may raise, such as `RunCancelledError`, to stop."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in a dataset.

    `unreadable` are the pictures that cannot be used; `remarks` are on captions and pairs; `altered` says what opening
    a file changed, such as transparent parts on white. `alike` names pictures that are nearly one; variations of one
    source are left out unless they are the same pixel for pixel. `places` has the names of the files as they are on the
    disk, which may be no text, by the examples' ids.
    """

    examples: tuple[Example, ...]
    unreadable: tuple[Remark, ...]
    remarks: tuple[Remark, ...]
    altered: tuple[Remark, ...]
    alike: tuple[AlikePictures, ...]
    places: Mapping[str, str]


class Dataset:
    """Pictures with captions, at `path`. Make one with `open_dataset`, and close it."""

    def __init__(self, path: Path, files: Files, contents: Contents) -> None:
        self.path = path
        self.files = files
        self.contents = contents

    def __enter__(self) -> Dataset:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def examples(self) -> tuple[Example, ...]:
        """The pictures that can be trained on, by name."""
        return self.contents.examples

    @property
    def name(self) -> str:
        """The name of the folder or, without its ending, of the archive."""
        return show_name(self.path.name if self.path.is_dir() else self.path.stem)

    @property
    def report(self) -> DatasetReport:
        """The report for the sizes of Stable Diffusion 3.5; see `check`."""
        return self.check()

    def check(self, resolution_px: int = 1024, multiple_px: int = 16, smallest_px: int = 512) -> DatasetReport:
        """Return what is in the dataset and what is wrong with it, for a model's sizes. Raises `RequestError`."""
        return make_report(self, plan_buckets(self.examples, resolution_px, multiple_px, smallest_px), smallest_px)

    def place(self, example: Example) -> str:
        """Return the name of an example's file as it is on the disk, which may be no text."""
        return self.contents.places.get(example.id, example.name)

    def open(self, example: Example) -> NDArray[np.uint8]:
        """Return the pixels of an example, uint8 (height_px, width_px, 3), in sRGB and upright.

        Raises `DesignError`, which names the picture, where it is gone, damaged or another one than before.
        """
        return np.asarray(self.open_design(example).image)

    def open_design(self, example: Example) -> Design:
        """Return an example as a design. Raises `DesignError` as `open`."""
        place = self.place(example)
        try:
            design = open_design(self.files.read(place, BYTES_LIMIT))
        except DesignError as error:
            raise DesignError(f"{quote(example.name)}: {error}") from error
        if _make_id(place, design.sha256) != example.id:
            raise DesignError(
                f"{quote(example.name)}: It has changed since the dataset was read. Read the dataset again."
            )
        return design

    def with_captions(self, captions: Mapping[str, Caption]) -> Dataset:
        """Return the dataset with other captions of these examples, by id. Both have the same files open."""
        examples = tuple(
            replace(one, caption=captions[one.id].text, origin=captions[one.id].origin) if one.id in captions else one
            for one in self.examples
        )
        return Dataset(self.path, self.files, replace(self.contents, examples=examples))

    def close(self) -> None:
        """Close the archive."""
        self.files.close()


def open_dataset(path: str | Path, *, progress: Progress | None = None) -> Dataset:
    """Return the dataset in a folder or a ZIP, sub-folders included; every picture is opened once, one at a time.

    The path may be pasted in quotes or as a `file://` address. Pictures and captions that cannot be used are named in
    the report. Raises `RequestError` where there is no folder or archive, none that may be read, or no picture in it,
    and `DesignError` where no picture can be read.
    """
    place = _find(path)
    files: Files = FolderFiles(place) if place.is_dir() else ZipFiles(place)
    try:
        return _read(place, files, progress or (lambda _done, _total: None))
    except BaseException:
        files.close()
        raise


def _find(path: str | Path) -> Path:
    text = str(path)
    try:
        place = read_given_path(text)
        exists, is_file = place.exists(), place.is_file()
    except (OSError, RuntimeError, ValueError) as error:
        raise RequestError(
            f"The dataset “{quote(text)}” cannot be read: {first_line(error)} Choose a folder."
        ) from error
    if not exists:
        raise RequestError(f"“{quote(place)}” does not exist. Give the path of a folder of pictures, or of a ZIP.")
    if is_file and place.suffix.lower() in SUFFIXES:
        raise RequestError(f"“{quote(place)}” is one picture. Choose its folder, or a ZIP of pictures.")
    return place.absolute()


def _read(place: Path, files: Files, progress: Progress) -> Dataset:
    # 1. Which files are pictures, and their captions.
    pictures = [name for name in files.names if PurePosixPath(name).suffix.lower() in SUFFIXES]
    refused = [(name, why) for name, why in files.refused if name.lower().endswith(NAMED_ENDINGS)]
    if not pictures and not refused:
        raise RequestError(f"“{quote(place)}” holds no pictures. Choose a folder or ZIP of {FINE_FORMATS} files.")
    if len(pictures) > PICTURES_LIMIT:
        raise RequestError(
            f"“{quote(place)}” holds {len(pictures):,} pictures; at most {PICTURES_LIMIT:,} are read. Choose the best, "
            "or one of the folders in it."
        )
    captions, remarks = read_captions(files, pictures, read_beside(place))
    # 2. Each picture once: its size and its trace are kept, its pixels are not.
    examples: dict[str, Example] = {}
    traces: list[Trace] = []
    altered: list[Remark] = []
    unreadable = [Remark(show_name(name), reason) for name, reason in refused]
    for done, name in enumerate(pictures):
        progress(done, len(pictures))
        try:
            design = open_design(files.read(name, BYTES_LIMIT))
            trace = read_trace(design)
        except DesignError as error:
            unreadable.append(Remark(show_name(name), str(error)))
            continue
        except MemoryError:
            reason = "It does not fit into the free memory. Close other programs, or save it smaller."
            unreadable.append(Remark(show_name(name), reason))
            continue
        examples[name] = _make_example(name, design, captions[name])
        traces.append(trace)
        if design.notes:
            altered.append(Remark(show_name(name), " ".join(design.notes)))
    if not examples:
        count = "Its picture" if len(unreadable) == 1 else f"None of its {len(unreadable)} pictures"
        verb = "cannot" if len(unreadable) == 1 else "can"
        raise DesignError(f"“{quote(place)}”: {count} {verb} be read. {unreadable[0]}")
    # 3. What belongs together.
    sizes = {name: (one.width_px, one.height_px) for name, one in examples.items()}
    pairs = find_pairs(sizes, [name for name in pictures if name not in examples])
    names = list(examples)
    alike = find_alike(traces, lambda: progress(len(pictures), len(pictures)))
    firsts = read_collected(files) if COLLECTED_FILE in files.names else {}
    links = [(names[one.index], names[one.earlier]) for one in alike]
    links += _link(pairs.folders) + _link({name: first for name, first in firsts.items() if name in examples})
    designs = _group(examples, links)
    progress(len(pictures), len(pictures))
    contents = Contents(
        examples=tuple(
            replace(
                example,
                source=examples[pairs.sources[name]].id if name in pairs.sources else None,
                design=designs[name],
            )
            for name, example in examples.items()
        ),
        unreadable=tuple(unreadable),
        remarks=(*remarks, *pairs.remarks),
        altered=tuple(altered),
        alike=tuple(
            AlikePictures(show_name(names[one.index]), show_name(names[one.earlier]), one.kind)
            for one in alike
            if one.kind == "same" or not _share(pairs.folders, names[one.index], names[one.earlier])
        ),
        places={example.id: name for name, example in examples.items()},
    )
    return Dataset(place, files, contents)


def _make_example(name: str, design: Design, caption: Caption) -> Example:
    return Example(
        _make_id(name, design.sha256),
        show_name(name),
        caption.text,
        design.width_px,
        design.height_px,
        origin=caption.origin,
    )


def _make_id(name: str, sha256: str) -> str:
    whole = f"{sha256}\0{name}".encode("utf-8", "surrogatepass")
    return hashlib.sha256(whole).hexdigest()[:ID_LENGTH]


def _link(groups: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return links from each name to the first one with the same value."""
    first: dict[str, str] = {}
    return [(name, first.setdefault(value, name)) for name, value in groups.items()]


def _share(folders: Mapping[str, str], name: str, other: str) -> bool:
    return name in folders and folders[name] == folders.get(other)


def _group(examples: dict[str, Example], links: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the least id of the examples that each one is linked with, directly or not, by name."""
    above = {name: name for name in examples}

    def find_top(name: str) -> str:
        while above[name] != name:
            above[name] = above[above[name]]
            name = above[name]
        return name

    for first, second in links:
        above[find_top(first)] = find_top(second)
    least: dict[str, str] = {}
    for name, example in examples.items():
        top = find_top(name)
        least[top] = min(least.get(top, example.id), example.id)
    return {name: least[find_top(name)] for name in examples}
