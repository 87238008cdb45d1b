"""`evaluate builtin`: the figures of the built-in model on held-out designs, next to their targets.

`evaluate set` measures variations against their design instead (`evaluate_set`), `evaluate adapter` an adapter against
its base model (`evaluate_adapter`).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from studio.commands.evaluate_adapter import add_adapter_arguments, run_adapter
from studio.commands.evaluate_set import add_set_arguments, run_set
from studio.commands.figures.figures_file import check_figures_file, write_figures
from studio.errors import InputError
from studio.models.registry import BUILTIN_FOLDER, resolve_model

if TYPE_CHECKING:
    from studio.training.held_out_evaluation import Figure


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what can be evaluated, and the arguments."""
    subjects = parser.add_subparsers(dest="subject", required=True, metavar="SUBJECT")
    _add_builtin_arguments(subjects.add_parser("builtin", help="the small model that the studio ships"))
    add_set_arguments(subjects.add_parser("set", help="variations against their design, knot by knot"))
    add_adapter_arguments(subjects.add_parser("adapter", help="an adapter against its base model, on held-out designs"))


def _add_builtin_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--folder", type=Path, default=BUILTIN_FOLDER, help="folder of the model (default: the one shipped)"
    )
    parser.add_argument("--designs", type=int, default=12, help="number of held-out designs (default: 12)")
    parser.add_argument(
        "--pairs", type=int, default=50, help="number of pairs of a red and a blue carpet to draw (default: 50)"
    )
    parser.add_argument("--only", nargs="+", metavar="ID", help="ids of the figures to measure (default: all)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to a file")


def run(args: argparse.Namespace) -> int:
    """Measure, print a Markdown table, and return the exit code. Raises `InputError`, and `ModelError` for a model."""
    runs = {"set": run_set, "adapter": run_adapter, "builtin": _run_builtin}
    return runs[args.subject](args)


def _run_builtin(args: argparse.Namespace) -> int:
    """Measure a model. A figure below its target is not an error.

    Raises `InputError` for an unknown figure, `RequestError` or `ModelError` for a folder that is not a model.
    """
    import torch

    from studio.models.loading import load_pipeline
    from studio.training.held_out_evaluation import FIGURES, Workbench

    known = {figure.id for figure in FIGURES}
    unknown = [name for name in args.only or () if name not in known]
    if unknown:
        raise InputError(f"There is no figure “{unknown[0]}”. Choose from: {', '.join(sorted(known))}.")
    check_figures_file(args.json)
    pipe = load_pipeline(resolve_model(str(args.folder)), torch.float32)
    bench = Workbench(pipe, args.designs, args.pairs)
    measured: dict[str, float] = {}
    print("| figure | measured | wanted, CPU training | wanted, graphics card |")
    print("|---|---|---|---|", flush=True)
    for figure in FIGURES:
        if args.only and figure.id not in args.only:
            continue
        measured[figure.id] = figure.measure(bench)
        print(_format_row(figure, measured[figure.id]), flush=True)
    write_figures(args.json, measured)
    return 0


def _format_row(figure: Figure, value: float) -> str:
    sign = "≥" if figure.better == "higher" else "≤"
    unit = f" {figure.unit}" if figure.unit else ""
    wanted = " | ".join(f"{sign} {bound:g}{unit}" for bound in (figure.wanted_cpu, figure.wanted_gpu))
    return f"| {figure.title} | {value:.2f}{unit} | {wanted} |"
