"""`train lora|builtin`: train an adapter on a dataset, or the built-in model."""

from __future__ import annotations

import argparse

from studio.commands.train import builtin, lora

_SUBJECTS = {
    "lora": (lora, "an adapter (LoRA) of a model, on your own carpets"),
    "builtin": (builtin, "the small model that the studio ships"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what can be trained, and the arguments of each."""
    subjects = parser.add_subparsers(dest="subject", required=True, metavar="SUBJECT")
    for name, (module, summary) in _SUBJECTS.items():
        module.add_arguments(subjects.add_parser(name, help=summary, description=summary.capitalize() + "."))


def run(args: argparse.Namespace) -> int:
    """Train, and return the exit code. Raises `StudioError`."""
    module, _ = _SUBJECTS[args.subject]
    code: int = module.run(args)
    return code
