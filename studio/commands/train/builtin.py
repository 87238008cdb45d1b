"""`train builtin`: train the built-in model, in one run or in several that continue each other."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--output", type=Path, required=True, help="folder of the training, made if missing")
    parser.add_argument("--minutes", type=float, default=60.0, help="how long to train now (default: 60)")
    parser.add_argument("--resume", action="store_true", help="continue the training in the folder")
    parser.add_argument(
        "--phase", choices=("vae", "flow", "decoder", "all"), default="all", help="the part to train (default: all)"
    )
    parser.add_argument(
        "--cool-down",
        type=int,
        default=0,
        metavar="STEPS",
        help="lower the learning rate to 0 over this number of steps from now on, to end a phase",
    )
    parser.add_argument("--device", default="auto", help="cpu, cuda or auto (default: auto)")
    parser.add_argument("--threads", type=int, default=0, help="number of CPU threads (default: all)")


def run(args: argparse.Namespace) -> int:
    """Train, report progress on stderr, and return the exit code. Raises `StudioError`."""
    import torch

    from studio.training.builtin import train_builtin

    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda number, frame: stop.set())
    if args.threads:
        torch.set_num_threads(args.threads)
    for progress in train_builtin(
        args.output,
        args.minutes,
        resume=args.resume,
        phase=args.phase,
        cool_down_steps=args.cool_down,
        device=args.device,
        stopped=stop.is_set,
    ):
        figures = "  ".join(f"{key} {value:.4f}" for key, value in progress.figures.items())
        saved = "  (saved)" if progress.saved else ""
        left = f"{progress.seconds_left / 60:.1f} min left"
        print(f"{progress.phase} step {progress.step}  {left}  {figures}{saved}", file=sys.stderr, flush=True)
    if stop.is_set():
        print("Stopped after a checkpoint. Continue with --resume.", file=sys.stderr)
    return 0
