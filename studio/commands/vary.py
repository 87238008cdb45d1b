"""`vary SOURCE --prompt TEXT`: variations of a design, kept in the same catalogue that the pages show."""

from __future__ import annotations

import argparse
import functools
import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from studio.commands import INTERRUPTED
from studio.commands.arguments import add_outputs_argument, read_design
from studio.commands.constraints import add_constraint_arguments, read_constraints
from studio.designs import open_design
from studio.designs.weaving.plan import plan_weave
from studio.errors import InputError, StorageError, StudioError
from studio.models.adapter_files import inspect_adapter
from studio.models.hardware import find_hardware
from studio.models.profiles import AUTOMATIC, PROFILES, resolve_profile
from studio.models.registry import MODELS, resolve_model
from studio.schema import (
    COUNT_LIMIT,
    SEED_LIMIT,
    AdapterUse,
    JobSnapshot,
    JobState,
    VariationRequest,
    fresh_seed,
    seeds_from,
)
from studio.workspace import Workspace, open_workspace

if TYPE_CHECKING:
    from studio.jobs import Drawing

_POLL_SECONDS = 0.1
_BAR = "{desc} |{bar:24}| {n_fmt}/{total_fmt} steps{postfix}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments; a setting that is left out takes the model's own default."""
    parser.add_argument("source", metavar="SOURCE", type=Path, help="the design to vary: PNG, JPEG, BMP, TIFF …")
    parser.add_argument("--prompt", required=True, help="what the variations should look like")
    parser.add_argument("--negative", default="", help="what they should not look like (read when guidance is above 1)")
    parser.add_argument("--strength", type=float, help="how far from the design, above 0 to 1")
    parser.add_argument("--steps", type=int, help="steps of the whole schedule; strength decides how many are drawn")
    parser.add_argument("--guidance", type=float, help="guidance scale")
    parser.add_argument("--seed", type=int, help="seed of the first variation; the next ones count up (default: fresh)")
    parser.add_argument("--count", type=int, default=5, help="number of variations, 1 to 10 (default: 5)")
    parser.add_argument("--model", default="builtin", help=f"{', '.join(MODELS)}, or a folder (default: builtin)")
    parser.add_argument("--adapter", type=Path, help="a peft LoRA folder")
    parser.add_argument("--adapter-weight", type=float, default=1.0, help="0 to 2 (default: 1)")
    parser.add_argument("--profile", default=AUTOMATIC, help=f"memory profile: {AUTOMATIC}, {', '.join(PROFILES)}")
    add_constraint_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print one line of JSON for each variation")
    add_outputs_argument(parser)


def run(args: argparse.Namespace) -> int:
    """Make the variations; returns 0 when all are there."""
    data = read_design(args.source)
    defaults = resolve_model(args.model).defaults
    resolve_profile(args.profile, find_hardware())
    if args.adapter is not None:
        inspect_adapter(args.adapter)
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
        adapter=AdapterUse(str(args.adapter.resolve()), args.adapter_weight) if args.adapter is not None else None,
        profile=args.profile,
        constraints=read_constraints(args),
    )
    if args.negative and request.guidance_scale <= 1:
        print("The negative prompt is not read at a guidance scale of 1 or less.", file=sys.stderr)
    # What does not fit the design is said before anything is loaded or kept.
    plan_weave(open_design(data), request.constraints)
    workspace = open_workspace(args.outputs, _engine_maker())
    try:
        return _follow(workspace, request, data, args)
    finally:
        workspace.jobs.close()


def _follow(workspace: Workspace, request: VariationRequest, data: bytes, args: argparse.Namespace) -> int:
    """Submit the request and show it until it is over."""
    source = workspace.catalogue.add_source(data, label=args.source.name)
    for note in source.notes:
        print(note, file=sys.stderr)
    job = workspace.jobs.submit(replace(request, source=source.sha256))
    shown: set[str] = set()
    with tqdm(total=1, file=sys.stderr, leave=False, bar_format=_BAR, desc="Starting") as bar:
        while True:
            snapshot = workspace.jobs.snapshot(job)
            _show(bar, snapshot)
            for variation in [v for v in snapshot.variations if v is not None and v not in shown]:
                shown.add(variation)
                _print_variation(workspace, variation, args.json)
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


def _show(bar: tqdm, snapshot: JobSnapshot) -> None:
    """Redraw the bar when something changed; between changes it stays still, so that a log file stays short."""
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


def _engine_maker() -> Callable[[], Drawing]:
    """Return a factory that makes one engine at the first run: torch is imported in the worker, after the checks."""

    @functools.cache
    def make() -> Drawing:
        from studio.generation.engine import Engine
        from studio.models.slot import PipelineSlot

        return Engine(PipelineSlot())

    return make
