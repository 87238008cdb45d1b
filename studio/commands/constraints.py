"""The options that say what variations must keep of their design, and how they are read."""

from __future__ import annotations

import argparse
from typing import get_args

from studio.errors import InputError
from studio.schema import COLOURS_LIMIT, Constraints, RepeatChoice, SymmetryChoice


def add_constraint_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare them. Left out, a variation keeps the yarns and the symmetry that its design has."""
    group = parser.add_argument_group("what the variations must keep")
    group.add_argument(
        "--palette",
        default="auto",
        metavar="source|free|N",
        help="the design's yarns, free colours, or N new yarns (default: the design's where it has at most "
        f"{COLOURS_LIMIT} colours, else free)",
    )
    group.add_argument(
        "--lock",
        metavar="N,N",
        help="yarns of the design, by the numbers that inspect gives them, that stay among N new ones",
    )
    group.add_argument(
        "--symmetry",
        default="auto",
        choices=get_args(SymmetryChoice),
        help="mirrored left and right (vertical), above and below (horizontal) or both (default: as the design)",
    )
    group.add_argument(
        "--repeat",
        default="none",
        choices=get_args(RepeatChoice),
        help="how the design is laid beside itself, so that the seams close (default: none)",
    )
    group.add_argument(
        "--keep",
        default="none",
        metavar="none|border|field|L,T,R,B",
        help="the part that stays as it is; a rectangle is left, top, right, bottom in pixels (default: none)",
    )


def read_constraints(args: argparse.Namespace) -> Constraints:
    """Return what was asked for. Raises `InputError` on what cannot be read, `RequestError` on what cannot be."""
    palette, colours = args.palette, None
    if palette not in ("auto", "source", "free"):
        try:
            palette, colours = "new", int(palette)
        except ValueError:
            raise InputError(f"--palette {palette} is not known. Choose source, free or a number of yarns.") from None
    locked: tuple[int, ...] = ()
    if args.lock is not None:
        if palette != "new":
            raise InputError(f"--lock {args.lock} goes with new yarns only. Add a number of them: --palette 8.")
        try:
            locked = tuple(int(number) for number in args.lock.split(","))
        except ValueError:
            raise InputError(f"--lock {args.lock} is not known. Give whole numbers of yarns: 0,3.") from None
    keep, rectangle = args.keep, None
    if "," in keep:
        try:
            keep, rectangle = "rectangle", tuple(int(side) for side in keep.split(","))
        except ValueError:
            raise InputError(f"--keep {args.keep} is not known. Give four whole numbers: 100,100,400,300.") from None
    elif keep not in ("none", "border", "field"):
        raise InputError(f"--keep {keep} is not known. Choose none, border, field or a rectangle: 100,100,400,300.")
    return Constraints(
        palette=palette,
        colours=colours,
        locked=locked,
        symmetry=args.symmetry,
        repeat=args.repeat,
        keep=keep,
        rectangle=rectangle,
    )
