"""`train builtin`: the built-in model, trained in stretches that add up."""

from __future__ import annotations

import argparse

from studio.training import command


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what can be trained."""
    subjects = parser.add_subparsers(dest="subject", required=True, metavar="SUBJECT")
    command.add_arguments(subjects.add_parser("builtin", help="the small model that the studio ships"))


def run(args: argparse.Namespace) -> int:
    """Train one stretch and return the exit code."""
    return command.run(args)
