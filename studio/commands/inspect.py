"""`inspect FILE`: measure a design's yarns, symmetry, border, repeat and stray knots."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from studio.commands.arguments import open_named, read_design
from studio.designs.inspection import (
    Inspection,
    describe,
    describe_place,
    describe_repeat,
    describe_share,
    inspect_design,
)
from studio.designs.structure.symmetry import Axis, is_symmetric

YARNS_SHOWN = 24
PAIRS_SHOWN = 6


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("design", metavar="FILE", type=Path, help="the design: PNG, BMP, TIFF, JPEG …")
    parser.add_argument("--json", action="store_true", help="print everything as one line of JSON")


def run(args: argparse.Namespace) -> int:
    """Measure a design and print its figures; returns 0."""
    design = open_named(read_design(args.design), str(args.design), to_vary=False)
    for note in design.notes:
        print(note, file=sys.stderr)
    inspection = inspect_design(design)
    if args.json:
        print(json.dumps(inspection.to_json()))
        return 0
    print(f"{args.design}: {', '.join(describe(inspection))}")
    for name, value in (*_list_figures(inspection), *_list_yarns(inspection)):
        print(f"  {name:14}{value}")
    return 0


def _list_figures(inspection: Inspection) -> Iterator[tuple[str, str]]:
    """Yield the name and value of each line about the drawing."""
    border, repeat, seams = inspection.border, inspection.repeat, inspection.seams
    yield "size", f"{inspection.width_px} x {inspection.height_px} knots, {inspection.mode}"
    if inspection.density is not None:
        yield "density", str(inspection.density)
    yield "left to right", _describe_axis(inspection.vertical)
    yield "top to bottom", _describe_axis(inspection.horizontal)
    if border is None:
        yield "border", "none found"
    else:
        sides = (border.left_px, border.top_px, border.right_px, border.bottom_px)
        yield "border", "left {}, top {}, right {}, bottom {} knots".format(*sides)
    yield "repeat", "none found" if repeat is None else describe_repeat(inspection, repeat)
    yield "side seam", _describe_seam(None if seams is None else seams.vertical)
    yield "end seam", _describe_seam(None if seams is None else seams.horizontal)
    yield "stray knots", describe_share(inspection.orphan_share)


def _list_yarns(inspection: Inspection) -> Iterator[tuple[str, str]]:
    """Yield the name and value of each line about the yarns, by number. If there are many, the largest are shown."""
    yield "colours", f"{inspection.colours}, {_describe_colours(inspection)}"
    if inspection.worst_served is not None:
        yield "worst-served tenth", f"CIEDE2000 {inspection.worst_served:.1f} from its yarn"
    largest = np.argsort(-np.array(inspection.shares), kind="stable")[:YARNS_SHOWN]
    palette = inspection.to_json()["palette"]
    for yarn in sorted(largest.tolist()):
        yield f"yarn {yarn}", f"{palette[yarn]}  {describe_share(inspection.shares[yarn]):>16}"
    if (hidden := len(palette) - len(largest)) > 0:
        yield "and", f"{hidden} yarns of smaller shares; --json lists all"
    if unused := len(inspection.unused_at_end):
        names = ", ".join(inspection.to_json()["unused_at_end"][:YARNS_SHOWN])
        yield "unused", f"{unused} behind the last yarn in use: {names}{' …' if unused > YARNS_SHOWN else ''}"
    for first, second, difference in inspection.near_yarns[:PAIRS_SHOWN]:
        yield "nearly alike", f"yarns {first} and {second}, CIEDE2000 {difference:.1f}"
    if (hidden := len(inspection.near_yarns) - PAIRS_SHOWN) > 0:
        yield "and", f"{hidden} more pairs; --json lists all"


def _describe_colours(inspection: Inspection) -> str:
    if inspection.suggested is None:
        return "exact"
    if inspection.indexed:
        return f"exact; could be woven in {inspection.suggested} yarns"
    return f"read as {inspection.suggested} yarns"


def _describe_axis(axis: Axis) -> str:
    if axis.agreement == 1 and axis.kappa == 0:
        return "not applicable: the design is plain"
    figures = f"{describe_share(axis.agreement)} of knots agree, kappa {axis.kappa:.2f}"
    return f"{describe_place(axis)}: {figures}" if is_symmetric(axis) else f"not symmetric: at best {figures}"


def _describe_seam(ratio: float | None) -> str:
    return "not applicable" if ratio is None else f"{ratio:.2f} times the step inside"
