"""`dataset check | captions | collect`: datasets to train a LoRA on, without a model and without a page."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from studio.catalogue import Catalogue, GalleryQuery
from studio.commands.arguments import add_outputs_argument
from studio.datasets import collect, list_captions, open_dataset, write_captions
from studio.errors import InputError
from studio.models.registry import resolve_model
from studio.schema import LoraRecipe

if TYPE_CHECKING:
    from studio.datasets import Progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions and their arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    check = actions.add_parser("check", help="what is in a dataset, and what is wrong with it")
    check.add_argument("path", metavar="PATH", help="a folder or a ZIP of pictures with captions")
    check.add_argument("--model", default=LoraRecipe().model, help="the model to train (default: %(default)s)")
    check.add_argument("--resolution", type=int, metavar="PX", help="side of the square of a training picture's area")
    check.add_argument("--json", action="store_true", help="print everything as one line of JSON")
    captions = actions.add_parser(
        "captions", help="list the captions; those that are missing are made from the designs"
    )
    captions.add_argument("path", metavar="PATH", help="a folder or a ZIP of pictures")
    captions.add_argument("--write", action="store_true", help="write the captions that were missing")
    captions.add_argument("--json", action="store_true", help="print the table as one line of JSON")
    gather = actions.add_parser("collect", help="make a dataset from pictures of the gallery and their designs")
    gather.add_argument("ids", metavar="ID", nargs="*", help="ids of variations")
    gather.add_argument("--favourites", action="store_true", help="the favourites")
    gather.add_argument("--search", metavar="TEXT", help="the pictures whose prompts have these words")
    gather.add_argument("--output", type=Path, required=True, metavar="FOLDER", help="folder to make")
    add_outputs_argument(gather)


def run(args: argparse.Namespace) -> int:
    """Run an action and return 0. Raises `InputError`, and `StorageError` where the disk refuses."""
    return {"check": _check, "captions": _list_captions, "collect": _collect}[args.action](args)


def _check(args: argparse.Namespace) -> int:
    entry = resolve_model(args.model)
    resolution = args.resolution
    if resolution is None:
        resolution = min(LoraRecipe().resolution_px, math.isqrt(entry.working_pixels))
    with _show("reading") as progress, open_dataset(args.path, progress=progress) as dataset:
        report = dataset.check(resolution, entry.multiple_px, entry.smallest_px)
    print(json.dumps(report.to_json()) if args.json else "\n".join(report.lines()))
    return 0


def _list_captions(args: argparse.Namespace) -> int:
    with _show("reading") as reading, open_dataset(args.path, progress=reading) as dataset:
        with _show("captions") as progress:
            rows = list_captions(dataset, progress=progress)
        if args.json:
            print(json.dumps([asdict(row) for row in rows]))
        else:
            for row in rows:
                print(f"{row.name}\t{row.origin}\t{row.caption}")
        if args.write:
            done = write_captions(dataset, {row.id: row.caption for row in rows if row.origin == "design"})
            print(f"{len(done.written)} captions written.", file=sys.stderr)
            for remark in done.kept:
                print(remark, file=sys.stderr)
    return 0


def _collect(args: argparse.Namespace) -> int:
    if not args.outputs.is_dir():  # opening a catalogue would make the folder
        raise InputError(f"--outputs {args.outputs} does not exist. Give the folder of the gallery.")
    if not (args.ids or args.favourites or args.search):
        raise InputError("Say what to collect: ids, --favourites, or --search with words of the prompts.")
    with Catalogue(args.outputs) as catalogue:
        catalogue.wait_until_read()
        ids = list(args.ids)
        if args.favourites or args.search:
            ids += catalogue.ids(GalleryQuery(favourites_only=args.favourites, text=args.search or ""))
        target = args.output.absolute()
        with _show("collecting") as progress:
            made = collect(catalogue, ids, target.parent, target.name, progress=progress)
    print(made)
    return 0


@contextmanager
def _show(doing: str) -> Iterator[Progress]:
    """Yield a callback that shows how far the work is, on stderr."""
    with tqdm(desc=doing, unit="picture", file=sys.stderr, leave=False) as bar:

        def show(done: int, total: int) -> None:
            bar.total, bar.n = total, done
            bar.refresh()

        yield show
