"""`benchmark`: variations by the studio against as many separate calls of the plain pipeline, in one run.

Both sides use the same loaded model, design, prompt, seeds and settings, turn by turn. Besides seconds it counts how
often each part of the model was called, since those counts hold on every machine. With `--knots` it measures instead,
without a model, what a large design takes to be read and a drawn picture of it to be brought into its yarns.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
from filelock import FileLock
from PIL import Image

from studio.commands.arguments import read_design
from studio.designs import Design, IndexMap, fit, open_design
from studio.designs.colours.palette import snap
from studio.designs.inspection import inspect_design
from studio.designs.samples import SAMPLES
from studio.designs.weaving.orphans import clean_orphans
from studio.errors import InputError, StudioError
from studio.models.profiles import AUTOMATIC
from studio.models.registry import resolve_model
from studio.schema import PipelineChoice, VariationRequest, seeds_from
from studio.workspace import device_lock_file

if TYPE_CHECKING:
    from studio.models.slot import LoadedPipeline, PipelineSlot

_PARTS = {
    "text encoders": ("text_encoder", "text_encoder_2", "text_encoder_3"),
    "image encoder": ("vae.encoder",),
    "transformer": ("transformer",),
    "image decoder": ("vae.decoder",),
}
_KNOTS, _YARNS = "2400x3600", 16
_SIDES_PX = (64, 8000)
_BOUNDS = {"inspect": (2, "s"), "snap and clean": (3, "s"), "memory": (1000, "MB")}
"""What a design of 2400 x 3600 knots may take on one core: seconds of the processor, and at most so much at once."""
_ONE_CORE = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--model", default="builtin", help="an id of the models table, or a folder (default: builtin)")
    parser.add_argument("--design", type=Path, default=SAMPLES[0].path, help="the design to vary (default: a sample)")
    parser.add_argument("--prompt", default="red medallion carpet with an ivory border")
    parser.add_argument("--count", type=int, default=5, help="variations (default: 5)")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each side; the median counts (default: 3)")
    parser.add_argument("--profile", default=AUTOMATIC, help="memory profile (default: auto)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to a file")
    parser.add_argument(
        "--knots",
        nargs="?",
        const=_KNOTS,
        metavar="WIDTHxHEIGHT",
        help=f"measure instead, on one core, what a drawn design of so many knots takes (default: {_KNOTS})",
    )


def run(args: argparse.Namespace) -> int:
    """Measure, print a table and a line of JSON; returns 0."""
    if args.knots is not None:
        return _measure_knots(args, *_read_knots(args.knots))
    from studio.models.slot import PipelineSlot

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
    with FileLock(device_lock_file()):  # a studio that is open meanwhile waits, and does not spoil the figures
        return _measure(args, request, design, PipelineSlot())


def _measure(args: argparse.Namespace, request: VariationRequest, design: Design, slot: PipelineSlot) -> int:
    sides = {"studio": _draw_by_studio, "plain": _draw_plainly}
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    calls: dict[str, dict[str, int]] = {}
    for turn in range(args.rounds + 1):
        for name, draw in sides.items():
            with slot.use(PipelineChoice(args.model, None, args.profile), lambda _: None) as loaded:
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
    figures = {
        "model": args.model,
        "design_px": [design.width_px, design.height_px],
        "variations": args.count,
        "effective_steps": request.effective_steps,
        "guidance_scale": request.guidance_scale,
        "seconds": {name: round(statistics.median(times), 3) for name, times in seconds.items()},
        "ratio": round(statistics.median(a / b for a, b in zip(seconds["studio"], seconds["plain"], strict=True)), 3),
        "calls": calls,
    }
    _print_table(figures)
    _give_out(figures, args.json)
    return 0


def _give_out(figures: dict[str, Any], file: Path | None) -> None:
    print(json.dumps(figures))
    if file is not None:
        file.write_text(json.dumps(figures, indent=2), "utf-8")


def _draw_by_studio(slot: PipelineSlot, _loaded: LoadedPipeline, request: VariationRequest, design: Design) -> None:
    from studio.generation.engine import Engine

    Engine(slot).generate(request, design, lambda _event: None)


def _draw_plainly(_slot: PipelineSlot, loaded: LoadedPipeline, request: VariationRequest, design: Design) -> None:
    """Call the pipeline once a variation, as a script would: everything is encoded each time."""
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
    """Count the forward calls of each part of the model."""
    counts = dict.fromkeys(_PARTS, 0)

    def counter(name: str) -> Any:  # noqa: ANN401
        def hook(*_: object) -> None:
            counts[name] += 1

        return hook

    handles = []
    for name, paths in _PARTS.items():
        for path in paths:
            module: Any = loaded.pipe
            for step in path.split("."):
                module = getattr(module, step)
            handles.append(module.register_forward_hook(counter(name)))
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


def _read_knots(text: str) -> tuple[int, int]:
    """Return width and height of what --knots asks for. Raises `InputError`."""
    sides = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    if sides is None:
        raise InputError(f"--knots {text} is not known. Give width x height: {_KNOTS}.")
    width, height = int(sides[1]), int(sides[2])
    if not _SIDES_PX[0] <= min(width, height) <= max(width, height) <= _SIDES_PX[1]:
        raise InputError(f"--knots {text} is out of range. Choose sides of {_SIDES_PX[0]} to {_SIDES_PX[1]}: {_KNOTS}.")
    return width, height


def _measure_knots(args: argparse.Namespace, width: int, height: int) -> int:
    """Measure in a process of its own, so that no other library's memory or threads count; print as `run` does."""
    with tempfile.TemporaryDirectory() as folder:
        _draw_knots(Path(folder), width, height)
        answer = subprocess.run(
            [sys.executable, "-c", f"from {__name__} import print_knots; print_knots()", folder],
            cwd=Path(__file__).parents[2],
            env=os.environ | _ONE_CORE,
            capture_output=True,
            text=True,
            check=False,
        )
    if answer.returncode != 0:
        raise StudioError(f"The design could not be measured: {answer.stderr.strip().splitlines()[-1]}")
    measured = json.loads(answer.stdout)
    print(f"a design of {width} x {height} knots in {_YARNS} yarns, on one core")
    print(f"{'':18}{'measured':>12}{'bound':>12}")
    for name, (bound, unit) in _BOUNDS.items():
        places = 2 if unit == "s" else 0
        print(f"{name:18}{f'{measured[name]:.{places}f} {unit}':>12}{f'{bound:.{places}f} {unit}':>12}")
    _give_out({"design_px": [width, height], "yarns": _YARNS, "measured": measured, "bounds": _BOUNDS}, args.json)
    return 0


def _draw_knots(folder: Path, width: int, height: int) -> None:
    """Write a design of symmetric contours with stray knots, and what a model could draw of it: soft, and enlarged."""
    rng = np.random.default_rng(0)
    sides = [np.linspace(-1, 1, -(-side // 2))[:, None] for side in (height, width)]
    down, across = (np.cos(side * rng.uniform(0, 40, 24)).astype(np.float32) for side in sides)
    field = down @ across.T
    shares = np.linspace(0, 1, _YARNS + 1)[1:-1]
    indices = np.digitize(field, np.quantile(field[::5, ::5], shares)).astype(np.uint8)
    indices = indices.repeat(2, axis=0).repeat(2, axis=1)[:height, :width].copy()
    strays = rng.integers(0, indices.size, indices.size // 300)
    indices.flat[strays] = rng.integers(0, _YARNS, len(strays), dtype=np.uint8)
    design = IndexMap(indices, rng.integers(0, 256, (_YARNS, 3), dtype=np.uint8)).image()
    design.save(folder / "design.png", compress_level=1)
    small = np.asarray(design.convert("RGB").resize((width // 4, height // 4), Image.Resampling.BOX))
    drawn = (small + rng.normal(0, 4, small.shape)).clip(0, 255).astype(np.uint8)
    Image.fromarray(drawn).resize((width, height), Image.Resampling.LANCZOS).save(folder / "drawn.bmp")


def print_knots() -> None:
    """Measure what lies in the folder that the command line names and print the figures as JSON.

    Runs in the process that `benchmark --knots` starts.
    """
    folder = Path(sys.argv[1])
    began = time.process_time()
    design = open_design((folder / "design.png").read_bytes())
    inspect_design(design)
    inspected = time.process_time() - began
    with Image.open(folder / "drawn.bmp") as picture:
        drawn = np.asarray(picture.convert("RGB"))
    began = time.process_time()
    clean_orphans(snap(drawn, design.index_map.palette))
    cleaned = time.process_time() - began
    measured = {"inspect": inspected, "snap and clean": cleaned, "memory": _measure_peak_mb()}
    print(json.dumps({name: round(value, 3) for name, value in measured.items()}))


def _measure_peak_mb() -> float:
    """Return the most main memory that this process has held at once, in MB (10^6 bytes)."""
    status = Path("/proc/self/status")
    if status.exists():  # what the kernel reports of a process otherwise goes back to the one that started it
        return int(re.search(r"VmHWM:\s*(\d+) kB", status.read_text("utf-8"))[1]) * 1024 / 1e6
    if sys.platform == "win32":
        return psutil.Process().memory_info().peak_wset / 1e6
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # bytes on macOS
