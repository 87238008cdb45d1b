"""`train lora DATASET --output FOLDER`: train an adapter, in one run or in several that continue each other."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from filelock import FileLock, Timeout
from tqdm import tqdm

from studio.adapter_training.defaults import default_settings
from studio.adapter_training.folder import TrainingFolder
from studio.errors import InputError, RequestError, RunCancelledError, StorageError, first_line
from studio.jobs.device_lock import device_lock_file, hold_device
from studio.models.registry import MODELS, resolve_model
from studio.schema import BasePrecision, LoraRecipe, NoiseLevels, Optimiser, TrainedLayers

LOCK_FILE = ".lock"
_DEFAULTS = LoraRecipe()
_BAR = "{desc} |{bar:24}| {n_fmt}/{total_fmt} steps, {remaining} left{postfix}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments: each field of `LoraRecipe` is an option with its default."""
    parser.add_argument(
        "dataset", type=Path, nargs="?", metavar="DATASET", help="a folder or a ZIP of captioned pictures"
    )
    parser.add_argument("--output", type=Path, help="folder of the training, made if missing")
    parser.add_argument("--check", action="store_true", help="say what is in the dataset and what fits; train nothing")
    parser.add_argument("--resume", action="store_true", help="go on with the training in the folder")
    parser.add_argument("--json", action="store_true", help="print one line of JSON for each entry of the log")
    parser.add_argument("--paired", action="store_true", help="learn the way from sources to their variations too")
    parser.add_argument("--no-mirrored", action="store_true", help="do not train on mirror images")
    _add(parser, "--model", "model", str, f"{', '.join(MODELS)}, or a folder")
    _add(parser, "--rank", "rank", int, "rank of the products; a larger one learns more and makes a larger file")
    _add(parser, "--alpha", "alpha", float, "weight of the products times the rank")
    _add(parser, "--layers", "layers", get_args(TrainedLayers), "what is trained")
    _add(parser, "--optimiser", "optimiser", get_args(Optimiser), "how")
    _add(parser, "--learning-rate", "learning_rate", float, "highest learning rate; 1 for prodigy")
    _add(parser, "--warm-up", "warm_up_steps", int, "steps until the learning rate is highest")
    _add(parser, "--steps", "steps", int, "number of steps")
    _add(parser, "--batch", "batch", int, "pictures at once")
    _add(parser, "--accumulate", "accumulate", int, "batches a step")
    _add(
        parser,
        "--resolution",
        "resolution_px",
        int,
        "side of the square with as many pixels as a training picture; less for a model that draws less",
    )
    _add(parser, "--base", "base", get_args(BasePrecision), "number format of the weights that stay")
    _add(parser, "--noise-levels", "noise_levels", get_args(NoiseLevels), "how noise levels are drawn")
    _add(parser, "--shift", "shift", float, "above 1 trains more at high noise")
    _add(parser, "--caption-dropout", "caption_dropout", float, "share of pictures with an empty caption")
    _add(parser, "--average", "average", float, "decay of the average that is saved; 0 saves the last weights")
    _add(parser, "--clip", "clip", float, "largest norm of the gradients")
    _add(parser, "--weight-decay", "weight_decay", float, "weight decay")
    _add(parser, "--held-out", "held_out", float, "share of the designs that is kept for validation")
    _add(parser, "--checkpoint-every", "checkpoint_every", int, "steps between checkpoints")
    _add(parser, "--validate-every", "validate_every", int, "steps between validations")
    _add(parser, "--samples-every", "samples_every", int, "steps between samples; 0 draws none")
    _add(parser, "--trigger", "trigger", str, "words that begin every caption, to call for the style")
    _add(parser, "--seed", "seed", int, "seed of all that is drawn at random")


def run(args: argparse.Namespace) -> int:
    """Train, report the progress on stderr, and return the exit code. Raises `StudioError`."""
    if args.check:
        return _check(args)
    if args.output is None:
        raise InputError("--output is missing. Name the folder for the training, such as --output runs/my-carpets.")
    folder = TrainingFolder(args.output)
    recipe, path = _read_recipe(args, folder)
    from studio.datasets import open_dataset

    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda number, frame: stop.set())
    screen = _JsonLines(stop) if args.json else _Screen(recipe.steps)
    with (
        screen,
        _hold_folder(folder),
        open_dataset(path, progress=_read_on(stop, screen)) as dataset,
        contextlib.ExitStack() as held,
    ):
        try:
            held.enter_context(_hold_device(stop, screen))
        except RunCancelledError:  # nothing was begun
            return 0
        from studio.adapter_training.run import LoraRun

        run = LoraRun(folder, recipe, stopped=stop.is_set, report=screen)
        state = run.run(dataset, resume=args.resume)
    if state == "stopped":
        print("Stopped. Go on with --resume.", file=sys.stderr)
    elif not args.json:
        print(folder.adapter)
    return 0


def _read_on(stop: threading.Event, report: Callable[[Mapping[str, Any]], None]) -> Callable[[int, int], None]:
    """Return a listener to the reading of a dataset, which raises where it is to stop."""

    def read_on(done: int, count: int) -> None:
        report({"kind": "stage", "stage": "Reading the dataset", "share": done / max(count, 1)})
        if stop.is_set():
            raise RunCancelledError("The training was stopped before it began.")

    return read_on


@contextlib.contextmanager
def _hold_folder(folder: TrainingFolder) -> Iterator[None]:
    """Hold the folder of a training, so that it is not resumed twice at once. Raises `StudioError`."""
    if not _is_first():
        yield
        return
    try:
        folder.root.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder.root / LOCK_FILE)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise RequestError(
            f"The training in {folder.root} is running already. Wait until it ends, or stop it there."
        ) from error
    except (OSError, NotImplementedError) as error:  # the latter where a file system knows no locks
        raise StorageError(
            f"The folder {folder.root} cannot be used: {first_line(error)} Name one that you may write to."
        ) from error
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def _hold_device(stop: threading.Event, report: Callable[[Mapping[str, Any]], None]) -> Iterator[None]:
    """Hold the graphics card, as `hold_device`; of the processes of one training the first one holds it for all."""
    if not _is_first():
        yield
        return
    waiting = {"kind": "stage", "stage": "Waiting for another studio on this computer", "share": None}
    with hold_device(FileLock(device_lock_file()), stop, lambda: report(waiting)):
        yield


def _check(args: argparse.Namespace) -> int:
    """Print what is in a dataset, and what the training would need."""
    from studio.adapter_training.forecast import forecast
    from studio.datasets import open_dataset, split
    from studio.models.hardware import find_hardware

    if args.dataset is None:
        raise InputError("DATASET is missing: name a folder or a ZIP of pictures with captions.")
    recipe = _make_recipe(args)
    entry = resolve_model(recipe.model)
    with open_dataset(args.dataset) as dataset:
        report = dataset.check(recipe.resolution_px, entry.multiple_px, entry.smallest_px)
        trained, _ = split(dataset.examples, recipe.held_out, recipe.seed)
    found = forecast(recipe, len(trained), find_hardware())
    if args.json:
        values = {"dataset": report.to_json(), "fit": found.fit, "seconds": found.seconds, "forecast": found.lines}
        print(json.dumps(values, ensure_ascii=False))
    else:
        print(*report.lines(), *found.lines, sep="\n")
    return 0


def _read_recipe(args: argparse.Namespace, folder: TrainingFolder) -> tuple[LoraRecipe, Path]:
    """Return the recipe and the dataset: of the folder to resume, or of the arguments. Raises `RequestError`."""
    if args.resume:
        facts = folder.read_facts()
        given = [name for name in _options() if getattr(args, name) is not None]
        if given:
            raise RequestError(
                f"--{given[0].replace('_', '-')} does not go with --resume: a training goes on as it began. Leave it "
                "out, or begin a new training in another folder."
            )
        return facts.recipe, Path(facts.dataset["path"]) if args.dataset is None else args.dataset
    if args.dataset is None:
        raise InputError("DATASET is missing: name a folder or a ZIP of pictures with captions.")
    if folder.begun and _is_first():
        raise RequestError(
            f"{folder.root} holds a training already. Go on with it with --resume, or name another folder."
        )
    return _make_recipe(args), args.dataset


def _make_recipe(args: argparse.Namespace) -> LoraRecipe:
    """Return the recipe of the arguments; what is not given has its default. Raises `RequestError`."""
    given: dict[str, Any] = {name: getattr(args, name) for name in _options() if getattr(args, name) is not None}
    values = default_settings(resolve_model(given.get("model", _DEFAULTS.model))) | given
    values.setdefault("alpha", float(values.get("rank", _DEFAULTS.rank)))
    if values.get("optimiser") == "prodigy":
        values.setdefault("learning_rate", 1.0)
    return LoraRecipe(**values, paired=args.paired, mirrored=not args.no_mirrored)


def _is_first() -> bool:
    """Return whether this is the first of the processes that `accelerate launch` started, or the only one."""
    return os.environ.get("RANK", "0") == "0"


def _options() -> list[str]:
    return [one.name for one in dataclasses.fields(LoraRecipe) if one.name not in ("paired", "mirrored")]


def _add(parser: argparse.ArgumentParser, option: str, name: str, kind: Any, text: str) -> None:  # noqa: ANN401
    """Add an option for a field of the recipe; None where it is not given."""
    default = getattr(_DEFAULTS, name)
    shown = f"{text} (default: {default:g})" if isinstance(default, float) else f"{text} (default: {default or 'none'})"
    if isinstance(kind, tuple):
        parser.add_argument(option, dest=name, choices=kind, help=shown)
    else:
        parser.add_argument(option, dest=name, type=kind, metavar=name.rsplit("_", 1)[-1].upper(), help=shown)


class _Screen:
    """Shows the entries of the log to a person, on stderr."""

    def __init__(self, steps: int) -> None:
        self._bar = tqdm(total=steps, desc="Training", bar_format=_BAR, file=sys.stderr, disable=None)
        self._stage = ""

    def __enter__(self) -> _Screen:
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.close()

    def __call__(self, entry: Mapping[str, Any]) -> None:
        kind = entry["kind"]
        if kind == "step":
            self._bar.n = entry["step"]
            self._bar.set_postfix_str(f", loss {entry['loss']:.4f}", refresh=False)
            self._bar.refresh()
        elif kind == "stage" and entry["stage"] != self._stage:
            self._stage = entry["stage"]
            self._bar.write(f"{self._stage} …", file=sys.stderr)
        elif kind == "validation":
            self._bar.write(f"Step {entry['step']}: held-out loss {entry['loss']:.4f}", file=sys.stderr)
        elif kind == "checkpoint":
            self._bar.write(f"Step {entry['step']}: saved", file=sys.stderr)


class _JsonLines:
    """Prints the entries of the log as lines of JSON; a reader that has left stops the training."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop

    def __enter__(self) -> _JsonLines:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def __call__(self, entry: Mapping[str, Any]) -> None:
        try:
            print(json.dumps(entry, ensure_ascii=False), flush=True)
        except (BrokenPipeError, OSError):
            self._stop.set()
