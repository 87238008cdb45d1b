"""The command that trains a LoRA, as the list of arguments of a process: no shell reads it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

from studio.schema import LoraRecipe

_OPTIONS = {"warm_up_steps": "warm-up", "resolution_px": "resolution"}
"""Names of options that differ from those of their fields."""


def begin_arguments(dataset: Path, output: Path, recipe: LoraRecipe) -> tuple[str, ...]:
    """Return the arguments of `python -m studio` for a new training into a folder. Both paths are absolute."""
    return ("train", "lora", str(dataset), *_common_arguments(output), *_write_options(recipe))


def resume_arguments(output: Path) -> tuple[str, ...]:
    """Return the arguments for the rest of the training in a folder, which goes on as it began."""
    return ("train", "lora", *_common_arguments(output), "--resume")


def _common_arguments(output: Path) -> tuple[str, ...]:
    return (f"--output={output}", "--json")


def _write_options(recipe: LoraRecipe) -> Iterator[str]:
    """Yield every setting as `--name=value`, so that no value is read as an option."""
    for field in dataclasses.fields(recipe):
        value = getattr(recipe, field.name)
        if field.name == "mirrored":
            yield from () if value else ("--no-mirrored",)
        elif field.name == "paired":
            yield from ("--paired",) if value else ()
        else:
            yield f"--{_OPTIONS.get(field.name, field.name.replace('_', '-'))}={value}"
