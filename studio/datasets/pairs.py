"""Folders `design_1/{0,1,2}.png`: picture 0 is a source, and the others are a designer's variations of it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from studio.datasets.captions import Remark
from studio.datasets.files import show_name

NAMED = re.compile(r"design[ _-]*[0-9]+", re.IGNORECASE)
"""A folder of such a name holds the variations of one design, however many they are."""
UNNAMED_MOST = 30
UNNAMED_LEAST = 2
"""Folders of other names hold variations where at least so many of them have a picture 0, and each has no more than
`UNNAMED_MOST` pictures. Otherwise a numbered series of different designs would be taken for variations of the first."""
ASPECT_DIFFERENCE = 0.02
"""A variation's width to height differs from its source's by at most this share."""

_SERIES = (
    "Its {count} numbered pictures are taken as designs of their own. If they are variations of 0, name it design_1."
)
_NO_SOURCE = "It has no picture 0, the source: its variations are trained without pairs."
_UNREADABLE = "Its picture 0, the source, cannot be read: its variations are trained without pairs."
_OTHER_SHAPE = "Its shape is not that of picture 0, its source: it is trained without a pair."


@dataclass(frozen=True, slots=True)
class Pairs:
    """The source of each variation, and the folder of each picture in such a folder, by name; remarks on doubts."""

    sources: Mapping[str, str]
    folders: Mapping[str, str]
    remarks: tuple[Remark, ...]


def find_pairs(sizes: Mapping[str, tuple[int, int]], unreadable: Collection[str] = ()) -> Pairs:
    """Return the pairs among pictures, given as (width, height) by name; `unreadable` are the names of others.

    Numbered pictures that are in no folder of their own are no variations of one another.
    """
    sources: dict[str, str] = {}
    folders: dict[str, str] = {}
    remarks: list[Remark] = []
    numbered = _list_numbered((*sizes, *unreadable))
    unnamed = [folder for folder, numbers in numbered.items() if not _is_named(folder) and 0 in numbers.values()]
    for folder, numbers in sorted(numbered.items()):
        if not _is_named(folder):
            if folder not in unnamed:
                continue
            if len(unnamed) < UNNAMED_LEAST or len(numbers) > UNNAMED_MOST:
                remarks.append(Remark(show_name(folder), _SERIES.format(count=len(numbers))))
                continue
        folders |= dict.fromkeys((name for name in numbers if name in sizes), folder)
        source = min((name for name, number in numbers.items() if number == 0), default=None)
        if source is None or source not in sizes:
            remarks.append(Remark(show_name(folder), _NO_SOURCE if source is None else _UNREADABLE))
            continue
        for name, number in numbers.items():
            if number == 0 or name not in sizes:
                continue
            if _have_one_shape(sizes[name], sizes[source]):
                sources[name] = source
            else:
                remarks.append(Remark(show_name(name), _OTHER_SHAPE))
    return Pairs(sources, folders, tuple(remarks))


def _list_numbered(names: Iterable[str]) -> dict[str, dict[str, int]]:
    """Return the numbers of the numbered pictures by folder and name; a single picture is no series."""
    numbered: dict[str, dict[str, int]] = defaultdict(dict)
    for name in names:
        path = PurePosixPath(name)
        if len(path.parts) > 1 and path.stem.isascii() and path.stem.isdigit() and len(path.stem) <= 6:
            numbered[str(path.parent)][name] = int(path.stem)
    return {folder: numbers for folder, numbers in numbered.items() if len(numbers) > 1}


def _is_named(folder: str) -> bool:
    return NAMED.fullmatch(PurePosixPath(folder).name) is not None


def _have_one_shape(size: tuple[int, int], source: tuple[int, int]) -> bool:
    first, second = size[0] * source[1], size[1] * source[0]
    return abs(first - second) <= ASPECT_DIFFERENCE * second
