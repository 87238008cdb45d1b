"""`vary SOURCE --prompt TEXT`: make variations of a design in the catalogue that the pages show."""

from __future__ import annotations

import argparse
import functools
import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, get_args

from tqdm import tqdm

from studio.catalogue.lineage import describe_motifs, find_lineage
from studio.commands import INTERRUPTED
from studio.commands.arguments import add_outputs_argument, open_named, read_adapter, read_design
from studio.commands.constraints import add_constraint_arguments, read_constraints
from studio.designs import encode_png, open_design
from studio.designs.weaving.plan import plan_weave
from studio.designs.yarns import merge_alike
from studio.errors import InputError, StorageError, StudioError
from studio.models.memory_profiles import AUTOMATIC, PROFILES, check_profile
from studio.models.registry import MODELS, resolve_model
from studio.schema import (
    COUNT_LIMIT,
    MEDIUM_CHANGE,
    SEED_LIMIT,
    AdapterUse,
    Cross,
    CrossWay,
    Drawing,
    JobSnapshot,
    JobState,
    VariationRequest,
    fresh_seed,
    seeds_from,
)
from studio.workspace import Workspace, open_workspace

if TYPE_CHECKING:
    from studio.generation.drawing_engine import ModelEngine
    from studio.jobs import RunEngine

_POLL_SECONDS = 0.1
_BAR = "{desc} |{bar:24}| {n_fmt}/{total_fmt} steps{postfix}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments. Settings that are left out take the model's defaults."""
    parser.add_argument("source", metavar="SOURCE", type=Path, help="the design to vary: PNG, JPEG, BMP, TIFF …")
    parser.add_argument("--prompt", default="", help="what the variations should look like; a model needs it")
    parser.add_argument(
        "--drawing",
        choices=get_args(Drawing),
        help="who draws: the design's own motifs, the model, or the motifs with the model's picture in the lead "
        "(default: motifs with the built-in model, else model)",
    )
    parser.add_argument(
        "--change",
        type=float,
        default=MEDIUM_CHANGE,
        help="motifs, both: how far from the design, as the share of the knots to draw anew, 0.02 to 0.9 (0.25)",
    )
    parser.add_argument(
        "--pull", type=float, default=0.7, help="both: how much the model's picture leads, 0 to 1 (default: 0.7)"
    )
    parser.add_argument("--cross", type=Path, metavar="DESIGN", help="motifs: a second design that takes part")
    parser.add_argument(
        "--share", type=float, default=0.5, help="share of the second design's motifs, 0.05 to 0.95 (default: 0.5)"
    )
    parser.add_argument(
        "--cross-way",
        choices=get_args(CrossWay),
        default="motifs",
        help="both designs' motifs in one carpet, or the second one's layout in the first one's motifs",
    )
    parser.add_argument("--negative", default="", help="what they should not look like (used if guidance is above 1)")
    parser.add_argument("--strength", type=float, help="a model: how far from the design, 0.01 to 1")
    parser.add_argument(
        "--steps", type=int, help="steps of the whole noise schedule; the strength is the share of them that is run"
    )
    parser.add_argument("--guidance", type=float, help="guidance scale")
    parser.add_argument("--seed", type=int, help="seed of the first variation; the others count up (default: random)")
    parser.add_argument("--count", type=int, default=5, help="number of variations, 1 to 10 (default: 5)")
    parser.add_argument("--model", default="builtin", help=f"{', '.join(MODELS)}, or a folder (default: builtin)")
    parser.add_argument("--adapter", help="a LoRA: a folder as peft or diffusers saves it, or a .safetensors file")
    parser.add_argument("--adapter-weight", type=float, default=1.0, help="0 to 2 (default: 1)")
    parser.add_argument("--profile", default=AUTOMATIC, help=f"memory profile: {AUTOMATIC}, {', '.join(PROFILES)}")
    add_constraint_arguments(parser)
    parser.add_argument(
        "--merge-alike",
        action="store_true",
        help="vary the design with yarns that look alike (see inspect) made one; palette and numbers stay",
    )
    parser.add_argument("--json", action="store_true", help="print one line of JSON per variation")
    add_outputs_argument(parser)


def run(args: argparse.Namespace) -> int:
    """Make the variations; returns 0 if all are finished."""
    if args.cross is not None and args.drawing not in (None, "motifs"):
        raise InputError(
            f"--cross does not go with --drawing {args.drawing}: two designs are crossed in their own motifs. Use "
            "--drawing motifs, or leave it out."
        )
    data, label = read_design(args.source), args.source.stem
    if args.merge_alike:
        data, label = _merge_alike(data, args.source)
    other = None if args.cross is None else read_design(args.cross)
    entry = resolve_model(args.model)
    defaults = entry.defaults
    check_profile(args.profile)
    adapter = None if args.adapter is None else read_adapter(args.adapter, entry)
    if not 1 <= args.count <= COUNT_LIMIT:
        raise InputError(f"--count {args.count} is out of range. Choose 1 to {COUNT_LIMIT}.")
    first_seed = fresh_seed() if args.seed is None else args.seed
    if not 0 <= first_seed < SEED_LIMIT:
        raise InputError(f"--seed {first_seed} is out of range. Choose 0 to {SEED_LIMIT - 1}, or leave it out.")
    request = VariationRequest(
        source="",
        prompt=args.prompt,
        negative_prompt=args.negative,
        strength=defaults.strength if args.strength is None else args.strength,
        steps=defaults.steps if args.steps is None else args.steps,
        guidance_scale=defaults.guidance_scale if args.guidance is None else args.guidance,
        seeds=seeds_from(first_seed, args.count),
        model=args.model,
        adapter=None if adapter is None else AdapterUse(str(adapter.path), args.adapter_weight),
        profile=args.profile,
        constraints=read_constraints(args),
        drawing=args.drawing or ("motifs" if args.cross is not None else defaults.drawing),
        change=args.change,
        pull=args.pull,
        cross=None if args.cross is None else Cross("", args.cross_way, args.share),
    )
    if args.negative and request.guidance_scale <= 1:
        print("The negative prompt is not read at a guidance scale of 1 or less.", file=sys.stderr)
    _check_designs(request, data, other, args)
    workspace = open_workspace(args.outputs, _make_engine_factory())
    try:
        if request.cross is not None and other is not None:
            crossed = workspace.catalogue.add_source(other, label=args.cross.stem)
            request = replace(request, cross=replace(request.cross, source=crossed.sha256))
        return _follow(workspace, request, data, label, as_json=args.json)
    finally:
        workspace.jobs.close()


def _merge_alike(data: bytes, file: Path) -> tuple[bytes, str]:
    """Return a design with its yarns nearly alike merged, and its name, as one click on the page does.

    Raises `InputError` for a picture without yarns of its own.
    """
    design = open_named(data, str(file))
    if design.index_map is None:
        raise InputError(
            f"{file} has no yarns of its own that --merge-alike could merge. Leave the option out, or export the "
            "design with --colours first."
        )
    merged = merge_alike(design.index_map)
    fewer = len(design.index_map.used()) - len(merged.used())
    if not fewer:
        print("No two yarns look alike; the design is varied as it is.", file=sys.stderr)
        return data, file.stem
    print(f"{fewer} yarn{'' if fewer == 1 else 's'} merged into one that looks alike.", file=sys.stderr)
    return encode_png(merged, design.density), f"{file.stem}, yarns merged"


def _check_designs(request: VariationRequest, data: bytes, other: bytes | None, args: argparse.Namespace) -> None:
    """Refuse designs that cannot be drawn from, and constraints that do not fit, before anything is loaded or stored.

    Raises `InputError`.
    """
    design = open_design(data)
    plan = plan_weave(design, request.constraints, request.drawing)
    if other is not None:
        open_named(other, str(args.cross))
    if request.drawing != "model":
        from studio.recompose.domain import find_domain
        from studio.recompose.recomposer import check_size  # imports numba, which only motifs need

        shape = design.height_px, design.width_px
        check_size(str(args.source), find_domain(shape, request.constraints.repeat, plan.vertical, plan.horizontal))


def _follow(workspace: Workspace, request: VariationRequest, data: bytes, label: str, *, as_json: bool) -> int:
    """Submit the request, show its progress until it is over, and return the exit code."""
    source = workspace.catalogue.add_source(data, label=label)
    for note in source.notes:
        print(note, file=sys.stderr)
    request = replace(request, source=source.sha256)
    if request.drawing != "model":
        lineage = find_lineage(workspace.catalogue, request)
        print(f"Drawn from {describe_motifs(request, lineage)}.", file=sys.stderr)
    job = workspace.jobs.submit(request)
    printed: set[str] = set()
    with tqdm(total=1, file=sys.stderr, leave=False, bar_format=_BAR, desc="Starting") as bar:
        while True:
            snapshot = workspace.jobs.snapshot(job)
            if snapshot is None:
                raise StudioError(f"The queue has lost the run {job}. Start it again.")
            _update_bar(bar, snapshot)
            for variation in [v for v in snapshot.variations if v is not None and v not in printed]:
                printed.add(variation)
                _print_variation(workspace, variation, as_json)
            if snapshot.state.over:
                break
            try:
                time.sleep(_POLL_SECONDS)
            except KeyboardInterrupt:
                workspace.jobs.cancel(job)
    if snapshot.state is JobState.FAILED:
        raise (InputError if snapshot.bad_input else StudioError)(snapshot.error)
    if snapshot.unsaved:
        raise StorageError(snapshot.error)
    return 0 if snapshot.state is JobState.FINISHED else INTERRUPTED


def _update_bar(bar: tqdm[NoReturn], snapshot: JobSnapshot) -> None:
    """Redraw the bar only if the stage or step changed, so that a log file stays short."""
    left = "" if snapshot.seconds_left is None else f"about {snapshot.seconds_left:.0f} s left"
    if (snapshot.stage, snapshot.step) == (bar.desc.removesuffix(": "), bar.n):
        return
    bar.set_description(snapshot.stage, refresh=False)
    bar.set_postfix_str(left, refresh=False)
    bar.total, bar.n = snapshot.steps or 1, snapshot.step
    bar.refresh()


def _print_variation(workspace: Workspace, variation_id: str, as_json: bool) -> None:
    record = workspace.catalogue.variation(variation_id).record
    path = workspace.catalogue.variation_path(variation_id)
    if as_json:
        line = {
            "id": record.id,
            "path": str(path),
            "seed": record.seed,
            "seconds": record.seconds,
            "width": record.facts.width_px,
            "height": record.facts.height_px,
        }
        print(json.dumps(line), flush=True)
    else:
        print(f"{path}  seed {record.seed}  {record.seconds:.1f} s", flush=True)


def make_model_engine() -> ModelEngine:
    """Return an engine that draws with a model, and none loaded yet. Imports torch."""
    from studio.generation.engine import Engine
    from studio.models.pipeline_slot import PipelineSlot

    return Engine(PipelineSlot())


def _make_engine_factory() -> Callable[[], RunEngine]:
    """Return a factory of one engine. It imports torch after the checks, and only where a model draws."""
    from studio.generation.drawing_engine import DrawingEngine

    engine = DrawingEngine(functools.cache(make_model_engine))
    return lambda: engine
