"""The commands of `python -m studio`. A new one is a module here and one entry of `COMMANDS`."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import NoReturn

from studio import __version__
from studio.errors import InputError, StudioError

BAD_INPUT = 2
FAILED = 1
INTERRUPTED = 130

COMMANDS: dict[str, str] = {
    "vary": "make variations of a design",
    "inspect": "measure what a design is: yarns, symmetry, border, repeat",
    "export": "write a design or a variation as a loom's software reads it",
    "catalogue": "rebuild the index of outputs/ from its files",
    "train": "train the built-in model",
    "evaluate": "measure the built-in model on held-out designs",
    "benchmark": "compare the studio with plain pipeline calls, or time the weaving",
}
"""Name and summary. The module of the same name has `add_arguments(parser)` and `run(args) -> int`; it is imported
only when its command is given, so that no command waits for another's libraries."""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, without the usage above it."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"{self.prog}: {message}. See {self.prog} --help.\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0, 2 for bad input, 1 for what failed otherwise."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = _Parser(prog="python -m studio", description="Carpet Diffusion Studio")
    parser.add_argument("--version", action="version", version=f"Carpet Diffusion Studio {__version__}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    modules = {}
    for name, summary in COMMANDS.items():
        subparser = subparsers.add_parser(name, help=summary, description=summary.capitalize() + ".")
        if name in given[:1]:
            modules[name] = importlib.import_module(f"studio.commands.{name}")
            modules[name].add_arguments(subparser)
    args = parser.parse_args(given)
    try:
        return modules[args.command].run(args)
    except StudioError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return BAD_INPUT if isinstance(error, InputError) else FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
