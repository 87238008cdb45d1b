"""`catalogue rebuild`: make the index of an outputs folder again from its files."""

from __future__ import annotations

import argparse
import sys

from tqdm import tqdm

from studio.catalogue import Catalogue
from studio.commands.arguments import add_outputs_argument


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    rebuild = actions.add_parser("rebuild", help="make the index again from the files, favourites included")
    add_outputs_argument(rebuild)


def run(args: argparse.Namespace) -> int:
    """Rebuild the index and print what was found; returns 0."""
    with tqdm(unit="file", file=sys.stderr, leave=False) as bar:

        def show(done: int, total: int) -> None:
            bar.total, bar.n = total, done
            bar.refresh()

        with Catalogue(args.outputs) as catalogue:
            report = catalogue.rebuild(show)
            adopted = catalogue.opening.adopted + report.adopted  # opening the catalogue adds rows too
    print(
        f"{report.variations} variations, {report.binned} in the bin, {report.sources} sources; "
        f"{adopted} were not in the index before, {len(report.missing)} have lost their file."
    )
    for sentence in report.skipped:
        print(sentence, file=sys.stderr)
    return 0
