"""The command that trains a LoRA, as the list of arguments of a process: no shell reads it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from studio.schema import LoraRecipe


def make_arguments(dataset: Path, output: Path, recipe: LoraRecipe, *, resume: bool) -> tuple[str, ...]:
    """Return the arguments of `python -m studio` for a training into a folder, or for the rest of one.

    Options are written as `--name=value`, so that no value is read as an option.
    """
    options = []
    for field in dataclasses.fields(recipe):
        name, value = field.name.replace("_", "-"), getattr(recipe, field.name)
        if isinstance(value, bool):
            options.append(f"--{name}" if value else f"--no-{name}")
        else:
            options.append(f"--{name}={value}")
    if resume:
        options.append("--resume")
    return ("train", "lora", f"--output={output}", "--json", *options, "--", str(dataset))
