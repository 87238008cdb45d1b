"""`evaluate builtin`: the figures of the built-in model next to what they have to reach."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from studio.models.registry import BUILTIN_FOLDER


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what can be evaluated."""
    subjects = parser.add_subparsers(dest="subject", required=True, metavar="SUBJECT")
    _add_builtin_arguments(subjects.add_parser("builtin", help="the small model that the studio ships"))


def _add_builtin_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--folder", type=Path, default=BUILTIN_FOLDER, help="the model (default: the one shipped)")
    parser.add_argument("--designs", type=int, default=12, help="held-out designs to look at (default 12)")
    parser.add_argument("--pairs", type=int, default=50, help="red and blue pairs to draw (default 50)")
    parser.add_argument("--only", nargs="+", metavar="ID", help="measure these figures only")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to a file")


def run(args: argparse.Namespace) -> int:
    """Measure, print a table, and return the exit code; a figure that falls short is told, not an error."""
    import torch
    from diffusers import StableDiffusion3Img2ImgPipeline

    from studio.training.held_out_evaluation import FIGURES, Workbench

    known = {figure.id for figure in FIGURES}
    unknown = [name for name in args.only or () if name not in known]
    if unknown:
        print(f"There is no figure “{unknown[0]}”. Choose of: {', '.join(sorted(known))}.", file=sys.stderr)
        return 2
    pipe = StableDiffusion3Img2ImgPipeline.from_pretrained(args.folder, dtype=torch.float32, local_files_only=True)
    bench = Workbench(pipe, args.designs, args.pairs)
    measured: dict[str, float] = {}
    for line in write_table(bench, args.only, measured):
        print(line, flush=True)
    if args.json is not None:
        args.json.write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")
    return 0


def write_table(bench: object, only: list[str] | None, measured: dict[str, float]) -> Iterator[str]:
    """Yield the lines of a Markdown table as the figures are measured; they are gathered in `measured`."""
    from studio.training.held_out_evaluation import FIGURES

    yield "| figure | measured | wanted, CPU training | wanted, graphics card |"
    yield "|---|---|---|---|"
    for figure in FIGURES:
        if only and figure.id not in only:
            continue
        value = measured[figure.id] = figure.measure(bench)  # type: ignore[arg-type]
        sign = "≥" if figure.better == "higher" else "≤"
        unit = f" {figure.unit}" if figure.unit else ""
        wanted = " | ".join(f"{sign} {bound:g}{unit}" for bound in (figure.wanted_cpu, figure.wanted_gpu))
        yield f"| {figure.title} | {value:.2f}{unit} | {wanted} |"
