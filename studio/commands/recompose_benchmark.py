"""The recompose part of `benchmark`: time, memory and figures of variations drawn from a design's own motifs.

No model takes part. Five variations of each design and extent are drawn in a process of their own, so that the memory
of other libraries does not count.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from studio.commands.arguments import open_named, read_design
from studio.commands.evaluate_set import add_repeat_argument
from studio.commands.knots_benchmark import measure_peak_mb
from studio.commands.recompose_table import EXTENTS, list_lines
from studio.commands.recomposed_figures import COLUMNS, Column, average, read_all
from studio.designs import Design, open_design
from studio.designs.samples import SAMPLES
from studio.designs.weaving.plan import plan_weave
from studio.designs.yarns import read_yarns
from studio.errors import InputError, StudioError
from studio.evaluation.recomposed import Reference, measure_set, measure_variation, read_reference
from studio.schema import Constraints

if TYPE_CHECKING:
    from studio.recompose.recomposer import Carpet, read_carpet

COUNT = 5
_REFUSED = 2
_LOADING_SIDE = 64
"""The compiled code is loaded by drawing from a design of about this many knots on its shorter side."""


def add_recompose_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("designs", metavar="DESIGN", type=Path, nargs="*", help="designs (default: the samples)")
    add_repeat_argument(parser)
    # Suppressed, since the default of a subject would replace what is given before it.
    parser.add_argument(
        "--json", type=Path, metavar="FILE", default=argparse.SUPPRESS, help="also write the figures to a file"
    )


def measure_recomposing(files: Sequence[Path], repeat: str) -> dict[str, Any]:
    """Draw from each design, by default from the samples, print a table for each, and return the figures.

    Raises `InputError` for a design that cannot be opened or drawn from.
    """
    files = files or [sample.path for sample in SAMPLES]
    designs = [open_named(read_design(file), str(file)) for file in files]
    print(f"{COUNT} variations for each extent, drawn from the design's own motifs; * beyond its bound")
    measured = []
    for file, design in zip(files, designs, strict=True):
        reference = read_reference(read_yarns(design), repeat)
        figures = {
            "design": str(file),
            "design_px": [design.width_px, design.height_px],
            "yarns": len(reference.index_map.used()),
            "drawn": _find_drawn(reference),
            "extents": {extent: _measure_extent(file, reference, extent) for extent in EXTENTS},
        }
        print("", *list_lines(figures), sep="\n", flush=True)
        measured.append(figures)
    return {"variations": COUNT, "repeat": repeat, "designs": measured}


def print_drawn() -> None:
    """Draw five variations, write their knots (5, h, w) to a file, and print seconds and memory as JSON.

    Runs in the process that `measure_recomposing` starts. `sys.argv` has the design's file, its repeat, the extent and
    the file to write. Ends with exit code 2 and the reason on stderr for a design that cannot be drawn from.
    """
    from studio.recompose.recomposer import MEDIUM, STRONG, SUBTLE, Recomposer

    file, repeat, extent, target = sys.argv[1:]
    change = dict(zip(EXTENTS, (SUBTLE, MEDIUM, STRONG), strict=True))[extent]
    try:
        design = open_design(Path(file).read_bytes())
        small = _shrink(_plan_carpet(design, repeat))
        began = time.perf_counter()
        Recomposer(small).draw(change, 0)
        loaded, worked = time.perf_counter(), time.process_time()
        recomposer = Recomposer(_plan_carpet(design, repeat))
        knots = [recomposer.draw(change, 0)]
        first = time.perf_counter()
        knots += [recomposer.draw(change, seed) for seed in range(1, COUNT)]
        last = time.perf_counter()
    except InputError as error:
        print(error, file=sys.stderr)
        sys.exit(_REFUSED)
    figures = {
        "wanted": change,
        "loading_seconds": loaded - began,
        "first_seconds": first - loaded,
        "five_seconds": last - loaded,
        "processor_seconds": time.process_time() - worked,
        "memory_mb": measure_peak_mb(),
    }
    np.save(target, np.stack(knots))
    print(json.dumps({name: round(value, 3) for name, value in figures.items()}))


def _plan_carpet(design: Design, repeat: str) -> Carpet:
    """Return a design as the studio draws from it by default: in its yarns, about its axes. Raises `RequestError`."""

    constraints = Constraints("source", symmetry="auto", repeat=repeat)  # type: ignore[arg-type]  # checked there
    plan = plan_weave(design, constraints)
    return read_carpet(read_yarns(design), repeat, plan.vertical, plan.horizontal)


def _shrink(carpet: Carpet) -> Carpet:
    """Return every n-th knot of a carpet, which is drawn from with the same compiled code."""
    indices = carpet.index_map.indices
    step = max(1, min(indices.shape) // _LOADING_SIDE)
    height, width = (side // step // 2 * 2 for side in indices.shape)  # even, as half-drops and bricks need it
    small = np.ascontiguousarray(indices[::step, ::step][:height, :width])
    vertical, horizontal = (None if offset is None else 0 for offset in (carpet.vertical, carpet.horizontal))
    return replace(carpet, index_map=carpet.index_map.with_indices(small), vertical=vertical, horizontal=horizontal)


def _measure_extent(file: Path, reference: Reference, extent: str) -> dict[str, Any]:
    """Return the figures of five variations; `mean` and `worst` have one for each of `COLUMNS`."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "knots.npy"
        figures: dict[str, Any] = dict(_draw(file, reference.repeat, extent, target))
        knots = list(np.load(target))
    print(f"{file.stem}, {extent}: {figures['five_seconds']:.1f} s", file=sys.stderr)
    each = [measure_variation(reference, one) for one in knots]
    whole = measure_set(reference, knots)
    values = {name: read_all(column, each) for name, column in COLUMNS.items()}
    worst = {name: _find_worst(column, values[name], figures["wanted"]) for name, column in COLUMNS.items()}
    return figures | {
        "mean": {name: _round(average(column, each)) for name, column in COLUMNS.items()},
        "worst": {name: _round(value) for name, value in worst.items()},
        "pair_ratio": _round(whole.pair_ratio),
        "near_duplicates": len(whole.near_duplicates),
    }


def _draw(file: Path, repeat: str, extent: str, target: Path) -> dict[str, float]:
    """Draw in a process of its own; returns what `print_drawn` prints. Raises `InputError` or `StudioError`."""
    program = f"from {__name__} import print_drawn; print_drawn()"
    answer = subprocess.run(
        [sys.executable, "-c", program, str(file.resolve()), repeat, extent, str(target)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode == _REFUSED:
        raise InputError(f"{file}: {answer.stderr.strip()}")
    if answer.returncode != 0:
        reason = (answer.stderr.strip().splitlines() or [f"exit code {answer.returncode}"])[-1]
        raise StudioError(f"{file} could not be drawn from: {reason}")
    figures: dict[str, float] = json.loads(answer.stdout)
    return figures


def _find_worst(column: Column, values: Sequence[float], wanted: float) -> float | None:
    """Return the worst value; of the shares of changed knots the one farthest from the wanted share."""
    if not values:
        return None
    return max(values, key=lambda value: abs(value - wanted)) if column.worst is None else column.worst(values)


def _find_drawn(reference: Reference) -> str:
    """Return the part of a design that is drawn; a repeat is drawn whole, unless its copies are mirrored."""
    axes = len(reference.axes) if reference.repeat in ("none", "mirror") else 0
    return ("whole", "half", "quarter")[axes]


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 5)
