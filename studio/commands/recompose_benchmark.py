"""The recompose part of `benchmark`: time, memory and figures of variations drawn from a design's own motifs.

Five variations of each design and extent are drawn, as a click does it, in a process of their own, so that the memory
of other libraries does not count. By default no model takes part; the built-in one is drawn with for comparison.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from studio.commands.arguments import open_named, read_design
from studio.commands.evaluate_set import add_repeat_argument
from studio.commands.figures.recompose_table import EXTENTS, list_lines
from studio.commands.figures.recomposed_figures import COLUMNS, Column, average, read_all
from studio.commands.knots_benchmark import measure_peak_mb
from studio.commands.vary import make_model_engine
from studio.designs import open_design
from studio.designs.samples import SAMPLES
from studio.designs.yarns import read_yarns
from studio.errors import InputError, StudioError
from studio.evaluation.recomposed import Reference, measure_set, measure_variation, read_reference
from studio.models.registry import resolve_model
from studio.schema import (
    MEDIUM_CHANGE,
    STRONG_CHANGE,
    SUBTLE_CHANGE,
    Constraints,
    Drawing,
    RepeatChoice,
    VariationRequest,
)

if TYPE_CHECKING:
    from studio.generation.events import RunEvent

COUNT = 5
DRAWINGS = ("motifs", "model", "both")
CHANGES = dict(zip(EXTENTS, (SUBTLE_CHANGE, MEDIUM_CHANGE, STRONG_CHANGE), strict=True))
PROMPT = "carpet"
_REFUSED = 2


def add_recompose_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("designs", metavar="DESIGN", type=Path, nargs="*", help="designs (default: the samples)")
    add_repeat_argument(parser)
    parser.add_argument(
        "--drawing",
        choices=DRAWINGS,
        default="motifs",
        help="what draws: the design's motifs (default), the built-in model, or both",
    )
    # Suppressed, since the default of a subject would replace what is given before it.
    parser.add_argument(
        "--json", type=Path, metavar="FILE", default=argparse.SUPPRESS, help="also write the figures to a file"
    )


def measure_recomposing(files: Sequence[Path], repeat: str, drawing: str = "motifs") -> dict[str, Any]:
    """Draw from each design, by default from the samples, print a table for each, and return the figures.

    Raises `InputError` for a design that cannot be opened or drawn from.
    """
    files = files or [sample.path for sample in SAMPLES]
    designs = [open_named(read_design(file), str(file)) for file in files]
    print(f"{COUNT} variations for each extent, drawn by: {drawing}; * beyond its bound")
    measured = []
    for file, design in zip(files, designs, strict=True):
        reference = read_reference(read_yarns(design), repeat)
        figures = {
            "design": str(file),
            "design_px": [design.width_px, design.height_px],
            "yarns": len(reference.index_map.used()),
            "drawn": _find_drawn(reference),
            "extents": {extent: _measure_extent(file, reference, extent, drawing) for extent in EXTENTS},
        }
        print("", *list_lines(figures), sep="\n", flush=True)
        measured.append(figures)
    return {"variations": COUNT, "repeat": repeat, "drawing": drawing, "designs": measured}


def print_drawn() -> None:
    """Draw five variations, write their knots (5, h, w) to a file, and print seconds and memory as JSON.

    Runs in the process that `measure_recomposing` starts. `sys.argv` has the design's file, its repeat, the extent,
    what draws, and the file to write. Ends with exit code 2 and the reason on stderr for a design that cannot be drawn
    from.
    """
    from studio.generation.drawing_engine import DrawingEngine
    from studio.generation.events import Drawn
    from studio.recompose.compiling import compile_all

    file, repeat, extent, drawing, target = sys.argv[1:]
    began = time.perf_counter()
    compile_all()
    loaded, worked = time.perf_counter(), time.process_time()
    finished: list[float] = []
    knots: list[np.ndarray[Any, Any]] = []

    def listen(event: RunEvent) -> None:
        if isinstance(event, Drawn) and event.woven is not None:
            finished.append(time.perf_counter())
            knots.append(np.asarray(event.woven.image))

    try:
        design = open_design(read_design(Path(file)))
        request = plan_click(cast(RepeatChoice, repeat), extent, cast(Drawing, drawing))  # checked there
        DrawingEngine(make_model_engine).generate(request, design, listen)
    except InputError as error:
        print(error, file=sys.stderr)
        sys.exit(_REFUSED)
    figures = {
        "wanted": CHANGES[extent],
        "loading_seconds": loaded - began,
        "first_seconds": finished[0] - loaded,
        "five_seconds": finished[-1] - loaded,
        "processor_seconds": time.process_time() - worked,
        "memory_mb": measure_peak_mb(),
    }
    np.save(target, np.stack(knots))
    print(json.dumps({name: round(value, 3) for name, value in figures.items()}))


def plan_click(repeat: RepeatChoice, extent: str, drawing: Drawing) -> VariationRequest:
    """Return the request of a click on the Generate page that leaves all else as it is there."""
    defaults = resolve_model("builtin").defaults
    strengths = dict(zip(EXTENTS, (defaults.subtle, defaults.strength, defaults.strong), strict=True))
    return VariationRequest(
        source="",
        prompt=PROMPT,
        seeds=tuple(range(1, COUNT + 1)),
        strength=strengths[extent] if drawing == "model" else defaults.strength,
        steps=defaults.steps,
        guidance_scale=defaults.guidance_scale,
        constraints=Constraints("source", symmetry="auto", repeat=repeat),
        drawing=drawing,
        change=CHANGES[extent],
    )


def _measure_extent(file: Path, reference: Reference, extent: str, drawing: str) -> dict[str, Any]:
    """Return the figures of five variations; `mean` and `worst` have one for each of `COLUMNS`."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "knots.npy"
        figures: dict[str, Any] = dict(_draw(file, [reference.repeat, extent, drawing], target))
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


def _draw(file: Path, asked: list[str], target: Path) -> dict[str, float]:
    """Draw in a process of its own; returns what `print_drawn` prints. Raises `InputError` or `StudioError`."""
    program = f"from {__name__} import print_drawn; print_drawn()"
    answer = subprocess.run(
        [sys.executable, "-c", program, str(file.resolve()), *asked, str(target)],
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
