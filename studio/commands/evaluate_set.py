"""The set part of `evaluate`: the figures of variations against their design, knot by knot. No model takes part."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

from studio.commands.arguments import open_named, read_design
from studio.commands.figures.figures_file import check_figures_file, write_figures
from studio.commands.figures.recomposed_figures import ABSENT, COLUMNS, average, show_ratio
from studio.designs import Design
from studio.designs.inspection import describe_share
from studio.designs.yarns import read_yarns
from studio.errors import InputError
from studio.evaluation.recomposed import (
    Knots,
    Reference,
    SetFigures,
    TakenKnots,
    VariationFigures,
    measure_set,
    measure_variation,
    read_reference,
    take_knots,
)
from studio.schema import RepeatChoice

LEGEND: Mapping[str, str] = {
    "changed": "share of the knots that have another yarn than in the design",
    "known 4 × 4": "share of the squares of 4 × 4 knots that the design has too, as they are or mirrored",
    "known 8 × 8": "the same of 8 × 8 knots: the design's own drawing; elsewhere motifs meet that never met before, or "
    "there are lines that the design does not have",
    "complete 8 × 8": "share of the design's squares of 8 × 8 knots that the variation still has",
    "stray knots": "share of the knots that lie alone among other yarns",
    "stray difference": "that share less the design's; 0 is as many as the design has",
    "least yarn ratio": "share of a yarn divided by its share in the design, for the yarn that lost most, of those "
    "with at least 0.5 % of the design; 1 is as much as the design has",
    "greatest yarn ratio": "the same for the yarn that gained most",
    "lost yarns": "number of the design's yarns that the variation does not use",
    "symmetry": "share of the knots that equal their mirror partner about the design's axes; 1 is exact",
    "seam": "colour step where copies meet divided by the usual one inside; about 1 cannot be seen",
    "pair ratio": "how much two variations differ divided by how much they differ from the design; 0 is one picture",
    "near-duplicates": "pairs of variations that are nearly one picture",
}
"""What each column says, by its title. Shares are 0 to 1."""


def add_set_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("source", metavar="SOURCE", type=Path, help="the design")
    parser.add_argument("variations", metavar="VARIATION", type=Path, nargs="+", help="variations of its size")
    add_repeat_argument(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to a file")


def add_repeat_argument(parser: argparse.ArgumentParser) -> None:
    """Declare --repeat."""
    parser.add_argument(
        "--repeat",
        default="none",
        choices=get_args(RepeatChoice),
        help="how copies are laid side by side, so that their seams are measured too (default: none)",
    )


def run_set(args: argparse.Namespace) -> int:
    """Measure, print a Markdown table, and return 0. Raises `InputError`."""
    check_figures_file(args.json)
    design = _open(args.source)
    reference = read_reference(read_yarns(design), args.repeat)
    knots: list[Knots] = []
    figures: list[VariationFigures] = []
    for file in args.variations:
        taken = _take(file, reference)
        knots.append(taken.knots)
        figures.append(measure_variation(reference, taken.knots))
    whole = measure_set(reference, knots)
    for line in (*_list_rows(args.variations, figures, whole), ""):
        print(line)
    for title, words in LEGEND.items():
        print(f"- {title}: {words}.")
    write_figures(args.json, _to_json(args, reference, figures, whole))
    return 0


def _open(file: Path) -> Design:
    """Return the design in a file, and print how it was altered on opening. Raises `DesignError`."""
    design = open_named(read_design(file), str(file))
    for note in design.notes:
        print(f"{file}: {note}", file=sys.stderr)
    return design


def _take(file: Path, reference: Reference) -> TakenKnots:
    """Return the knots of a variation's file. Raises `InputError`."""
    picture = _open(file)
    try:
        taken = take_knots(picture, reference.index_map)
    except InputError as error:
        raise InputError(f"{file}: {error}") from error
    if taken.foreign_share > 0:
        share = describe_share(taken.foreign_share)
        print(f"{file}: {share} of its pixels are no yarn of the design; each counts as the nearest.", file=sys.stderr)
    return taken


def _list_rows(files: Sequence[Path], figures: Sequence[VariationFigures], whole: SetFigures) -> Iterator[str]:
    """Yield the lines of the table: one for each variation, and the means of the set."""
    titles = ["variation", *(column.title for column in COLUMNS.values()), "pair ratio", "near-duplicates"]
    yield _row(titles)
    yield "|" + "---|" * len(titles)
    for file, one in zip(files, figures, strict=True):
        yield _row([file.name, *(column.show(column.read(one)) for column in COLUMNS.values()), ABSENT, ABSENT])
    means = [column.show(average(column, figures)) for column in COLUMNS.values()]
    yield _row([f"the set of {whole.variations}, means", *means, show_ratio(whole), _name_pairs(files, whole)])


def _name_pairs(files: Sequence[Path], whole: SetFigures) -> str:
    if whole.pair_difference is None:
        return ABSENT
    return ", ".join(f"{files[i].name} and {files[j].name}" for i, j in whole.near_duplicates) or "none"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _to_json(
    args: argparse.Namespace, reference: Reference, figures: Sequence[VariationFigures], whole: SetFigures
) -> dict[str, Any]:
    return {
        "design": str(args.source),
        "design_px": [reference.index_map.width_px, reference.index_map.height_px],
        "repeat": reference.repeat,
        "axes": dict(reference.axes),
        "stray_share": reference.stray_share,
        "variations": [{"file": str(file), **asdict(one)} for file, one in zip(args.variations, figures, strict=True)],
        "set": asdict(whole),
    }
