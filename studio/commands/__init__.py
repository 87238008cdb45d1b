"""The commands of `python -m studio`. A command is one entry of `COMMANDS` and a module of that name."""

from __future__ import annotations

import argparse
import errno
import importlib
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from studio import __version__
from studio.errors import InputError, StudioError
from studio.terminal import accept_any_name, drop_output, flush_output

BAD_INPUT = 2
FAILED = 1
INTERRUPTED = 130
READER_LEFT = 141
PROGRAM = "python -m studio"

COMMANDS: dict[str, str] = {
    "vary": "make variations of a design",
    "inspect": "measure a design: yarns, symmetry, border, repeat",
    "export": "write a design or a variation in a format of loom software",
    "catalogue": "rebuild the index of outputs/ from its files",
    "train": "train an adapter (LoRA), or the built-in model",
    "dataset": "check a dataset, write its captions, or collect one from the gallery",
    "evaluate": "measure an adapter, the built-in model, or variations of a design",
    "benchmark": "compare with plain pipeline calls, or time knots and motifs",
}
"""Summary by name. A command's module has `add_arguments(parser)` and `run(args) -> int`. Only the module of the given
command is imported, so that it does not wait for another's libraries."""


class _Parser(argparse.ArgumentParser):
    """A parser that reports bad arguments in one line, without the usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"{self.prog}: {message}. See {self.prog} --help.\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0, 2 for bad input, 1 for other failures.

    130 after Ctrl+C, and 141 if the reader of the output has left (`| head`), as in a shell.
    """
    accept_any_name()
    try:
        try:
            return _run(list(sys.argv[1:] if arguments is None else arguments))
        finally:
            flush_output()
    except StudioError as error:
        print(f"{PROGRAM}: {error}", file=sys.stderr)
        return BAD_INPUT if isinstance(error, InputError) else FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        drop_output()
        return READER_LEFT
    except OSError as error:
        drop_output()
        print(f"{PROGRAM}: {_describe(error)}", file=sys.stderr)
        return FAILED


def _run(given: list[str]) -> int:
    parser = _Parser(prog=PROGRAM, description="Carpet Diffusion Studio")
    parser.add_argument("--version", action="version", version=f"Carpet Diffusion Studio {__version__}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    modules = {}
    for name, summary in COMMANDS.items():
        subparser = subparsers.add_parser(name, help=summary, description=summary.capitalize() + ".")
        if name in given[:1]:
            modules[name] = importlib.import_module(f"studio.commands.{name}")
            modules[name].add_arguments(subparser)
    args = parser.parse_args(given)
    code: int = modules[args.command].run(args)
    return code


def _describe(error: OSError) -> str:
    """Return what the system refused, and where: a full disk, a folder that cannot be written."""
    reason = error.strerror or str(error) or type(error).__name__
    if error.filename is None and error.errno == errno.ENOENT:
        return "the folder that the command was started in is gone. Change to another folder, and try again."
    if error.filename is None:
        return f"the output could not be written: {reason}. Free some space, or write it elsewhere, and try again."
    return f"{os.fsdecode(error.filename)}: {reason}. Check the path and its permissions."
