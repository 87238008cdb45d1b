"""Folders `design_1/{0,1,2}.png`: picture 0 is a source, and the others are a designer's variations of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from studio.datasets.captions import Remark
from studio.datasets.files import show_name

NAMED_SO = "design"
"""A folder whose name begins so holds the variations of one design, however many they are."""
UNNAMED_MOST = 30
"""A folder of another name that holds more numbered pictures is taken as a series of designs."""
ASPECT_DIFFERENCE = 0.02
"""A variation's width to height differs from its source's by at most this share."""


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
    numbered: dict[str, dict[str, int]] = defaultdict(dict)
    for name in (*sizes, *unreadable):
        path = PurePosixPath(name)
        if len(path.parts) > 1 and path.stem.isascii() and path.stem.isdigit() and len(path.stem) <= 6:
            numbered[str(path.parent)][name] = int(path.stem)
    sources: dict[str, str] = {}
    folders: dict[str, str] = {}
    remarks: list[Remark] = []
    without = []
    for folder, numbers in sorted(numbered.items()):
        named = PurePosixPath(folder).name.lower().startswith(NAMED_SO)
        zeros = sorted(name for name, number in numbers.items() if number == 0)
        others = [name for name, number in numbers.items() if number != 0 and name in sizes]
        if not named and (not zeros or len(numbers) > UNNAMED_MOST):
            if zeros and len(numbers) > UNNAMED_MOST:
                reason = (
                    f"It has {len(numbers)} numbered pictures and is taken as a series of designs. If they are "
                    f"variations of 0, let the folder's name begin with “{NAMED_SO}”."
                )
                remarks.append(Remark(show_name(folder), reason))
            continue
        folders |= dict.fromkeys((name for name in numbers if name in sizes), folder)
        if not zeros:
            without.append(folder)
        elif zeros[0] not in sizes:
            reason = "Its picture 0, the source, cannot be read: its variations are trained without pairs."
            remarks.append(Remark(show_name(folder), reason))
        else:
            fitting = [name for name in others if _have_one_shape(sizes[name], sizes[zeros[0]])]
            sources |= dict.fromkeys(fitting, zeros[0])
            reason = "Its shape is not that of picture 0, its source: it is trained without a pair."
            remarks += [Remark(show_name(name), reason) for name in others if name not in sources]
    for folder in without:
        reason = "It has no picture 0, the source: its variations are trained without pairs."
        remarks.append(Remark(show_name(folder), reason))
    return Pairs(sources, folders, tuple(remarks))


def _have_one_shape(size: tuple[int, int], source: tuple[int, int]) -> bool:
    first, second = size[0] * source[1], size[1] * source[0]
    return abs(first - second) <= ASPECT_DIFFERENCE * second
