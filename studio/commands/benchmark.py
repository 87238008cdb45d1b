"""`benchmark`: the time of a run in the studio, compared with separate calls of the plain pipeline.

Both sides use the same loaded model, design, prompt, seeds and settings, and take turns. Besides seconds it counts the
calls of each part of the model, which are the same on every machine. `--knots` runs `knots_benchmark` instead, and the
subject `recompose` runs `recompose_benchmark`; `files` runs `file_forms.table`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from studio.commands.arguments import read_design
from studio.commands.figures.figures_file import check_figures_file, write_figures
from studio.commands.file_forms.table import add_table_arguments, make_table
from studio.commands.knots_benchmark import DEFAULT_SIZE, measure_knots
from studio.commands.recompose_benchmark import add_recompose_arguments, measure_recomposing
from studio.designs import Design, fit, open_design
from studio.designs.samples import SAMPLES
from studio.errors import InputError
from studio.jobs.device_lock import device_lock_file
from studio.models.memory_profiles import AUTOMATIC
from studio.models.registry import resolve_model
from studio.schema import PipelineChoice, VariationRequest, seeds_from

if TYPE_CHECKING:
    from studio.models.pipeline_slot import LoadedPipeline, PipelineSlot

_PARTS = {
    "text encoders": ("text_encoder", "text_encoder_2", "text_encoder_3"),
    "image encoder": ("vae.encoder",),
    "transformer": ("transformer",),
    "image decoder": ("vae.decoder",),
}
"""Modules of the pipeline whose calls are counted, by the name in the table."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--model", default="builtin", help="an id of the models table, or a folder (default: builtin)")
    parser.add_argument("--design", type=Path, default=SAMPLES[0].path, help="the design to vary (default: a sample)")
    parser.add_argument("--prompt", default="red medallion carpet with an ivory border", help="the prompt")
    parser.add_argument("--count", type=int, default=5, help="number of variations (default: 5)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each side; the median counts (default: 3)")
    parser.add_argument("--profile", default=AUTOMATIC, help="memory profile (default: auto)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to a file")
    parser.add_argument(
        "--knots",
        nargs="?",
        const=DEFAULT_SIZE,
        metavar="WIDTHxHEIGHT",
        help="measure instead the time and memory to inspect a design of this size and to weave a picture of it, "
        f"without a model and on one core (default: {DEFAULT_SIZE})",
    )
    subjects = parser.add_subparsers(dest="subject", metavar="SUBJECT")
    add_recompose_arguments(
        subjects.add_parser("recompose", help="measure instead variations drawn from a design's own motifs")
    )
    add_table_arguments(subjects.add_parser("files", help="compare instead what is read of each form of file"))


def run(args: argparse.Namespace) -> int:
    """Measure, print a table and a line of JSON; returns 0."""
    check_figures_file(args.json)
    if args.subject == "files":
        return make_table(args.output)
    if args.subject == "recompose":
        with FileLock(device_lock_file()):
            figures = measure_recomposing(args.designs, args.repeat, args.drawing)
    else:
        figures = _measure_drawing(args) if args.knots is None else measure_knots(args.knots)
    print(json.dumps(figures))
    write_figures(args.json, figures)
    return 0


def _measure_drawing(args: argparse.Namespace) -> dict[str, Any]:
    """Measure the studio and the plain pipeline, print a table, and return the figures. Raises `InputError`."""
    from studio.models.pipeline_slot import PipelineSlot

    if args.rounds < 1:
        raise InputError(f"--rounds {args.rounds} is out of range. Choose 1 or more.")
    design = open_design(read_design(args.design))
    defaults = resolve_model(args.model).defaults
    request = VariationRequest(
        source=design.sha256,
        prompt=args.prompt,
        seeds=seeds_from(1, args.count),
        strength=defaults.strength,
        steps=defaults.steps,
        guidance_scale=defaults.guidance_scale,
        model=args.model,
        profile=args.profile,
    )
    with FileLock(device_lock_file()):  # a studio that is open waits and does not affect the figures
        figures = _take_turns(request, design, PipelineSlot(), args.rounds)
    _print_table(figures)
    return figures


def _take_turns(request: VariationRequest, design: Design, slot: PipelineSlot, rounds: int) -> dict[str, Any]:
    """Draw a request with each side in turn, once as a warm-up and then `rounds` times, and return the figures."""
    sides = {"studio": _draw_by_studio, "plain": _draw_plainly}
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    calls: dict[str, dict[str, int]] = {}
    for turn in range(rounds + 1):
        for name, draw in sides.items():
            with slot.use(PipelineChoice(request.model, None, request.profile), lambda _: None) as loaded:
                loaded.prompts.forget()
                loaded.designs.clear()
                with _counting(loaded) as counts:
                    began = time.perf_counter()
                    draw(slot, loaded, request, design)
                    elapsed = time.perf_counter() - began
            print(f"{'warm-up' if turn == 0 else f'round {turn}'}: {name} {elapsed:.2f} s", file=sys.stderr)
            if turn > 0:
                seconds[name].append(elapsed)
            calls[name] = counts
    return {
        "model": request.model,
        "design_px": [design.width_px, design.height_px],
        "variations": len(request.seeds),
        "effective_steps": request.effective_steps,
        "guidance_scale": request.guidance_scale,
        "seconds": {name: round(statistics.median(times), 3) for name, times in seconds.items()},
        "ratio": round(statistics.median(a / b for a, b in zip(seconds["studio"], seconds["plain"], strict=True)), 3),
        "calls": calls,
    }


def _draw_by_studio(slot: PipelineSlot, _loaded: LoadedPipeline, request: VariationRequest, design: Design) -> None:
    from studio.generation.engine import Engine

    Engine(slot).generate(request, design, lambda _event: None)


def _draw_plainly(_slot: PipelineSlot, loaded: LoadedPipeline, request: VariationRequest, design: Design) -> None:
    """Call the pipeline once per variation, as a script would, so that everything is encoded each time."""
    import torch

    entry = loaded.entry
    canvas = entry.plan_canvas(design)
    picture = fit(design.image, canvas)
    for seed in request.seeds:
        loaded.pipe(
            prompt=request.prompt,
            image=picture,
            width=canvas.padded_width_px,
            height=canvas.padded_height_px,
            strength=request.strength,
            num_inference_steps=request.steps,
            guidance_scale=request.guidance_scale,
            generator=torch.Generator("cpu").manual_seed(seed),
            max_sequence_length=entry.prompt_tokens,
        )


@contextmanager
def _counting(loaded: LoadedPipeline) -> Iterator[dict[str, int]]:
    """Yield a dictionary that counts the forward calls of each part of the model."""
    counts = dict.fromkeys(_PARTS, 0)

    def make_hook(name: str) -> Callable[..., None]:
        def hook(*_: object) -> None:
            counts[name] += 1

        return hook

    handles = [
        attrgetter(path)(loaded.pipe).register_forward_hook(make_hook(name))
        for name, paths in _PARTS.items()
        for path in paths
    ]
    try:
        yield counts
    finally:
        for handle in handles:
            handle.remove()


def _print_table(figures: dict[str, Any]) -> None:
    print(f"{figures['variations']} variations with {figures['model']}, {figures['effective_steps']} steps each")
    print(f"{'':18}{'studio':>10}{'plain':>10}")
    print(f"{'seconds':18}{figures['seconds']['studio']:>10.2f}{figures['seconds']['plain']:>10.2f}")
    for part in _PARTS:
        print(f"{part:18}{figures['calls']['studio'][part]:>10}{figures['calls']['plain'][part]:>10}")
    print(f"ratio studio / plain: {figures['ratio']:.2f} (median of the rounds)")
