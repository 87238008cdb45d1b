"""The options of `vary` for what variations must keep of their design."""

from __future__ import annotations

import argparse
from typing import get_args

from studio.errors import InputError
from studio.schema import COLOURS_LIMIT, Constraints, KeepChoice, RepeatChoice, SymmetryChoice
from studio.schema.constraints import check_rectangle


def add_constraint_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options. By default a variation keeps the yarns and the symmetry of its design."""
    group = parser.add_argument_group("what the variations must keep")
    group.add_argument(
        "--palette",
        default="auto",
        metavar="source|free|N",
        help="the design's yarns, free colours, or N new yarns (default: source for designs of at most "
        f"{COLOURS_LIMIT} colours, else free)",
    )
    group.add_argument(
        "--lock",
        metavar="N,N",
        help="numbers of the design's yarns (see inspect) to keep in a palette of N new ones",
    )
    group.add_argument(
        "--symmetry",
        default="auto",
        choices=get_args(SymmetryChoice),
        help="mirror left and right (vertical), top and bottom (horizontal) or both (quarter) "
        "(default: auto, the design's own symmetry)",
    )
    group.add_argument(
        "--repeat",
        default="none",
        choices=get_args(RepeatChoice),
        help="how copies of the design are laid side by side, so that their seams close (default: none)",
    )
    group.add_argument(
        "--keep",
        default="none",
        metavar="none|border|field|L,T,R,B",
        help="the part of the design that stays as it is; a rectangle is left, top, right, bottom in pixels "
        "(default: none)",
    )


def read_constraints(args: argparse.Namespace) -> Constraints:
    """Return the constraints that the options give. Raises `InputError`, such as `RequestError` on a bad value."""
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
    keep: KeepChoice = args.keep
    rectangle = None
    if "," in keep:
        try:
            sides = [int(side) for side in keep.split(",")]
        except ValueError:
            raise InputError(f"--keep {args.keep} is not known. Give four whole numbers: 100,100,400,300.") from None
        keep, rectangle = "rectangle", check_rectangle(sides)
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
