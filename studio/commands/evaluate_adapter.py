"""The adapter part of `evaluate`: an adapter against its base model on held-out designs, at several weights."""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from filelock import FileLock
from tqdm import tqdm

from studio.adapter_evaluation.results import AdapterEvaluation
from studio.adapter_training.folder import TrainingFacts, TrainingFolder
from studio.catalogue.files.paths import write_atomically
from studio.commands import INTERRUPTED
from studio.commands.arguments import read_adapter
from studio.commands.figures.adapter_table import list_lines
from studio.datasets import Dataset, Example, open_dataset, split
from studio.errors import InputError, StudioError
from studio.jobs.device_lock import device_lock_file, hold_device
from studio.models.adapter_files import read_adapter_path
from studio.models.memory_profiles import AUTOMATIC, PROFILES, check_profile
from studio.models.registry import MODELS, resolve_model
from studio.schema import ADAPTER_WEIGHT_LIMIT, COUNT_LIMIT, SEED_LIMIT

if TYPE_CHECKING:
    from studio.adapter_evaluation.bench import AdapterBench, Progress

WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25)
DESIGNS = 24
VARIATIONS = 3
FIGURES_FILE = "evaluation.json"
_BAR = "{desc} |{bar:24}| {n_fmt}/{total_fmt}{postfix}"


def add_adapter_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments. Settings that are left out take the model's defaults."""
    parser.add_argument("folder", metavar="FOLDER", help="the adapter, or the folder of its training")
    parser.add_argument(
        "--dataset",
        metavar="HELD_OUT",
        help="folder or ZIP of designs that were not trained on (default: those that the training kept apart)",
    )
    parser.add_argument(
        "--trained",
        metavar="DATASET",
        help="the designs that were trained on: look for copies of their motifs (default: those of the training)",
    )
    parser.add_argument(
        "--sources",
        metavar="DATASET",
        help="designs to vary, such as ones of another style (default: the held-out ones, whose variations are near "
        "the archive from the start)",
    )
    parser.add_argument("--trigger", help="words that begin every prompt (default: those of the training)")
    parser.add_argument("--model", help=f"{', '.join(MODELS)}, or a folder (default: the training's, else builtin)")
    parser.add_argument("--profile", default=AUTOMATIC, help=f"memory profile: {AUTOMATIC}, {', '.join(PROFILES)}")
    parser.add_argument(
        "--weights",
        default=",".join(f"{weight:g}" for weight in WEIGHTS),
        help="weights of the adapter, 0 to 2; 0, the base, is always measured (default: %(default)s)",
    )
    parser.add_argument("--strength", type=float, help="how far from the design, 0.01 to 1")
    parser.add_argument("--steps", type=int, help="steps of the whole noise schedule")
    parser.add_argument("--guidance", type=float, help="guidance scale")
    parser.add_argument(
        "--count", type=int, default=VARIATIONS, help="variations of each design at each weight (default: 3)"
    )
    parser.add_argument(
        "--designs", type=int, default=DESIGNS, help="designs to draw at most; 0 measures the loss alone (default: 24)"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of noise and variations (default: 0)")
    parser.add_argument("--json", action="store_true", help="print JSON in place of the tables")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help=f"also write it to a file (default: {FIGURES_FILE} of a training)"
    )


def run_adapter(args: argparse.Namespace) -> int:
    """Measure, print tables, and return 0; 130 after Ctrl+C, with the figures of what was finished.

    Raises `InputError`, and `ModelError` for a model that cannot be loaded.
    """
    training = _find_training(read_adapter_path(args.folder))
    facts = None if training is None else training.read_facts()
    model = args.model or ("builtin" if facts is None else facts.recipe.model)
    entry = resolve_model(model)
    adapter = read_adapter(str(args.folder if training is None else training.adapter), entry)
    weights, output = _read_weights(args.weights), _find_output(args.output, training)
    check_profile(args.profile)
    _check_counts(args)
    lock = FileLock(device_lock_file())
    with hold_device(lock, threading.Event(), _tell_waiting), contextlib.ExitStack() as opened:
        held_out, trained = _open_datasets(args, facts, opened)

        from studio.adapter_evaluation.bench import AdapterBench, Subject
        from studio.adapter_evaluation.drawing import DrawingSettings
        from studio.models.pipeline_slot import PipelineSlot

        defaults = entry.defaults
        settings = DrawingSettings(
            model=model,
            adapter=str(adapter.path),
            profile=args.profile,
            strength=defaults.strength if args.strength is None else args.strength,
            steps=defaults.steps if args.steps is None else args.steps,
            guidance_scale=defaults.guidance_scale if args.guidance is None else args.guidance,
            count=args.count,
            seed=args.seed,
        )
        trigger = args.trigger if args.trigger is not None else ("" if facts is None else facts.recipe.trigger)
        subject = Subject(
            {"name": adapter.name, "sha256": adapter.sha256},
            held_out,
            trained,
            sources=None if args.sources is None else opened.enter_context(open_dataset(args.sources)),
            trigger=" ".join(trigger.split()),
        )
        bench = AdapterBench(PipelineSlot(), subject, settings, weights, designs=args.designs)
        try:
            finished = _follow(bench)
        except StudioError:
            if bench.begun:  # what was measured before took long
                _show(bench.summarise(), output, as_json=args.json)
            raise
    _show(bench.summarise(), output, as_json=args.json)
    if training is not None and output == training.root / FIGURES_FILE:
        from studio.adapter_training.card.card import write_card

        print(f"Written into {write_card(training)} too", file=sys.stderr)
    return 0 if finished else INTERRUPTED


def _open_datasets(
    args: argparse.Namespace, facts: TrainingFacts | None, opened: contextlib.ExitStack
) -> tuple[Dataset, Dataset | None]:
    """Return the held-out designs, and those that were trained on where they are known.

    What is not named is the training's own dataset, as it was split. Raises `InputError`.
    """
    named = [None if one is None else opened.enter_context(open_dataset(one)) for one in (args.dataset, args.trained)]
    held_out, trained = named
    if held_out is None and facts is None:
        raise InputError("--dataset is missing. Name a folder or ZIP of designs that were not trained on.")
    if facts is not None and (held_out is None or trained is None):
        try:
            learned, kept = _open_training(facts, opened)
        except InputError as error:
            if held_out is None:
                raise
            print(f"Copies are not looked for: {error}", file=sys.stderr)
        else:
            held_out = kept if held_out is None else held_out
            trained = learned if trained is None else trained
    assert held_out is not None  # or it was raised
    return held_out, trained


def _open_training(facts: TrainingFacts, opened: contextlib.ExitStack) -> tuple[Dataset, Dataset]:
    """Return the designs that a training was given, and those that it kept apart. Raises `InputError`."""
    whole = opened.enter_context(open_dataset(str(facts.dataset["path"])))
    learned, kept = split(whole.examples, facts.recipe.held_out, facts.recipe.seed)
    if (len(learned), len(kept)) != (facts.dataset.get("trained"), facts.dataset.get("held_out")):
        raise InputError(
            "The dataset of the training has changed, so what was kept apart is not known. Name designs that were not "
            "trained on with --dataset, and those that were with --trained."
        )
    return _select(whole, learned), _select(whole, kept)


def _select(whole: Dataset, examples: Sequence[Example]) -> Dataset:
    """Return a part of a dataset, which reads from its files."""
    return Dataset(whole.path, whole.files, replace(whole.contents, examples=tuple(examples)))


def _follow(bench: AdapterBench) -> bool:
    """Run the evaluation with a bar of progress; return whether it came to its end."""
    with tqdm(total=1, file=sys.stderr, leave=False, bar_format=_BAR, desc="Starting") as bar:
        try:
            bench.run(lambda progress: _update_bar(bar, progress))
        except KeyboardInterrupt:
            return False
    return True


def _update_bar(bar: tqdm[NoReturn], progress: Progress) -> None:
    """Redraw the bar only if the stage or its pieces changed, so that a log file stays short."""
    if (progress.stage, progress.done) == (bar.desc.removesuffix(": "), bar.n):
        return
    left = "" if progress.seconds_left is None else f"about {_show_time(progress.seconds_left)} left of this part"
    bar.set_description(progress.stage, refresh=False)
    bar.set_postfix_str(left, refresh=False)
    bar.total, bar.n = progress.total or 1, progress.done
    bar.refresh()


def _show_time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _show(found: AdapterEvaluation, output: Path | None, *, as_json: bool) -> None:
    text = json.dumps(found.to_json(), indent=2, ensure_ascii=False) + "\n"
    if output is not None:
        write_atomically(output, text.encode())
        print(f"Written to {output}", file=sys.stderr)
    if as_json:
        print(text, end="")
        return
    for line in list_lines(found):
        print(line)


@functools.cache  # said once
def _tell_waiting() -> None:
    print("Waiting for another studio on this computer", file=sys.stderr)


def _find_training(given: Path) -> TrainingFolder | None:
    """Return the training whose folder, or whose adapter's, was given."""
    folders = (
        [TrainingFolder(given), TrainingFolder(given.parent)] if given.name == "adapter" else [TrainingFolder(given)]
    )
    return next((folder for folder in folders if folder.begun), None)


def _find_output(output: Path | None, training: TrainingFolder | None) -> Path | None:
    if output is None:
        return None if training is None else training.root / FIGURES_FILE
    if output.is_dir() or not output.absolute().parent.is_dir():
        raise InputError(
            f"--output {output} cannot be written. Give a file in a folder that exists, such as {FIGURES_FILE}."
        )
    return output


def _read_weights(text: str) -> list[float]:
    try:
        weights = [float(part) for part in text.split(",") if part.strip()]
    except ValueError as error:
        raise InputError(f"--weights {text} are not numbers. Give some such as 0,0.5,1.") from error
    outside = [weight for weight in weights if not 0 <= weight <= ADAPTER_WEIGHT_LIMIT]
    if outside or not any(weights):
        wrong = f"{outside[0]:g} is out of range" if outside else "the base alone is no comparison"
        raise InputError(f"--weights {text}: {wrong}. Give some of 0 to {ADAPTER_WEIGHT_LIMIT:g}, such as 0,0.5,1.")
    return weights


def _check_counts(args: argparse.Namespace) -> None:
    if not 1 <= args.count <= COUNT_LIMIT:
        raise InputError(f"--count {args.count} is out of range. Choose 1 to {COUNT_LIMIT}.")
    if args.designs < 0:
        raise InputError(f"--designs {args.designs} is out of range. Choose 0 or more; {DESIGNS} is usual.")
    if not 0 <= args.seed < SEED_LIMIT:
        raise InputError(f"--seed {args.seed} is out of range. Choose 0 to {SEED_LIMIT - 1}.")
