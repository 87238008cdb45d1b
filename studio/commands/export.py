"""`export SOURCE --format FORMAT --output FILE`: write a design or a variation in a format of loom software."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from studio.catalogue import Catalogue
from studio.catalogue.files.paths import write_atomically
from studio.catalogue.identifiers import VARIATION_ID, not_found
from studio.catalogue.lineage import find_density
from studio.commands.arguments import add_outputs_argument, open_named, read_design
from studio.designs import Design
from studio.designs.files.export import EXPORTERS, Density
from studio.designs.index_map import IndexMap
from studio.designs.yarns import merge_alike, read_yarns, restore_yarns, take_yarns
from studio.errors import InputError
from studio.schema import YARNS_LIMIT


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("source", metavar="SOURCE", help="a picture file, or the id of a variation in the gallery")
    parser.add_argument("--format", required=True, choices=EXPORTERS, help=", ".join(EXPORTERS))
    parser.add_argument("--output", required=True, type=Path, metavar="FILE", help="the file to write")
    parser.add_argument("--force", action="store_true", help="overwrite the file if it exists")
    yarns = parser.add_mutually_exclusive_group()
    yarns.add_argument(
        "--colours", type=int, metavar="N", help="largest number of yarns (default: the design's own yarns)"
    )
    yarns.add_argument("--palette-of", type=Path, metavar="FILE", help="map the knots to the yarns of another design")
    parser.add_argument(
        "--merge-alike",
        action="store_true",
        help="give knots of yarns that look alike (see inspect) the larger of them; palette and numbers stay",
    )
    parser.add_argument(
        "--reeds", type=float, metavar="N", help="knots per metre of width; needs --picks (default: the file's own)"
    )
    parser.add_argument("--picks", type=float, metavar="N", help="knots per metre of length; needs --reeds")
    add_outputs_argument(parser)


def run(args: argparse.Namespace) -> int:
    """Write the file and print one line about it; returns 0."""
    exporter = EXPORTERS[args.format]
    density = _read_density(args.reeds, args.picks)
    if args.colours is not None and not 1 <= args.colours <= YARNS_LIMIT:
        raise InputError(f"--colours {args.colours} is out of range. Choose 1 to {YARNS_LIMIT}.")
    _check_target(args.output, exporter.suffix, args.force)
    data, yarns, stated = _read_source(args.source, args.outputs)
    design = open_named(data, args.source, to_vary=False)
    for note in design.notes:
        print(note, file=sys.stderr)
    if args.palette_of is not None:
        other = read_yarns(open_named(read_design(args.palette_of), str(args.palette_of), to_vary=False))
        index_map = take_yarns(design, other)
    else:
        index_map = _read_index_map(design, args.colours)
        if index_map is design.index_map and yarns:
            index_map = restore_yarns(index_map, yarns)
        elif index_map is design.index_map and design.palette is not None:
            index_map = index_map.with_palette(design.palette)
    if density is None and (density := design.density or stated) is not None:
        _report_rounding(density)
        if not density.of_cloth:
            print(f"The file’s {density}, is kept. For the loom give --reeds and --picks.", file=sys.stderr)
    if args.merge_alike:
        before, index_map = index_map, merge_alike(index_map)
        merged = len(before.used()) - len(index_map.used())
        print(f"{_count(merged, 'yarn')} merged into one that looks alike.", file=sys.stderr)
    write_atomically(args.output, exporter.encode(index_map, density))
    woven = "" if density is None else f", {density}"
    size = f"{index_map.width_px} x {index_map.height_px} knots"
    used, entries = len(index_map.used()), len(index_map.palette)
    unused = f" of a palette of {entries}" if used < entries else ""
    print(f"{args.output}  {size}, {_count(used, 'yarn')}{unused}{woven}")
    return 0


def _read_density(reeds: float | None, picks: float | None) -> Density | None:
    if reeds is None and picks is None:
        return None
    if reeds is None or picks is None:
        given, other = ("--picks", "--reeds") if reeds is None else ("--reeds", "--picks")
        raise InputError(f"{given} also needs {other}. Give both, in knots per metre, or neither.")
    try:
        density = Density(reeds, picks)
    except ValueError as error:
        raise InputError(f"The density cannot be used: {error}.") from error
    _report_rounding(density)
    return density


def _report_rounding(density: Density) -> None:
    if not density.whole:
        whole = f"{density.reeds_per_metre:.0f} x {density.picks_per_metre:.0f}"
        print(f"The file holds whole knots per metre: {whole}.", file=sys.stderr)


def _check_target(target: Path, suffix: str, force: bool) -> None:
    """Raise `InputError` if the file cannot be written under this name."""
    if target.suffix.lower() != suffix:
        raise InputError(f"--output {target.name} does not end in {suffix}. Name it {target.stem}{suffix}.")
    try:
        usable, exists = target.parent.is_dir() and not target.is_dir(), target.exists()
    except OSError as error:
        raise InputError(f"--output {target} cannot be used: {error.strerror}. Choose another name.") from error
    if not usable:
        raise InputError(f"--output {target} is in a folder that does not exist. Make the folder, or choose another.")
    if exists and not force:
        raise InputError(f"{target} exists already. Choose another name, or add --force to overwrite it.")


def _read_source(source: str, outputs: Path) -> tuple[bytes, tuple[str, ...], Density | None]:
    """Return the bytes of a file or a variation, the palette in its record ("#rrggbb"), empty without one, and the
    density of its design.

    Raises `DesignError` or `NotFoundError`.
    """
    path = Path(source)
    if VARIATION_ID.fullmatch(source) is None or path.exists():
        return read_design(path), (), None
    if not outputs.is_dir():  # opening a catalogue would make the folder
        raise not_found("variation", source)
    with Catalogue(outputs) as catalogue:
        record = catalogue.variation(source).record
        yarns = () if record.weaving is None else record.weaving.yarns
        return read_design(catalogue.variation_path(source)), yarns, find_density(catalogue, record)


def _read_index_map(design: Design, colours: int | None) -> IndexMap:
    """Return the index map in the design's own yarns, or in at most `colours`. Prints on stderr what that changed."""
    index_map = read_yarns(design, colours)
    yarns = len(index_map.used())
    if colours is not None and yarns < colours:
        print(f"The design has only {_count(yarns, 'colour')}; all are kept.", file=sys.stderr)
    elif colours is None and design.index_map is None:
        print(
            f"The picture has no yarns of its own; it was reduced to {_count(yarns, 'yarn')}. Set --colours.",
            file=sys.stderr,
        )
    return index_map


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
