"""`evaluate builtin`: the built-in model's figures on held-out designs, next to what they have to reach."""

from __future__ import annotations

import argparse

from studio.training import evaluation


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what can be evaluated."""
    subjects = parser.add_subparsers(dest="subject", required=True, metavar="SUBJECT")
    evaluation.add_arguments(subjects.add_parser("builtin", help="the small model that the studio ships"))


def run(args: argparse.Namespace) -> int:
    """Measure, print the table and return the exit code."""
    return evaluation.run(args)
