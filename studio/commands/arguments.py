"""Arguments that several commands share."""

from __future__ import annotations

import argparse
from pathlib import Path

from studio.designs import Design, open_design
from studio.errors import DesignError
from studio.workspace import default_outputs


def add_outputs_argument(parser: argparse.ArgumentParser) -> None:
    """Declare --outputs, the folder of the catalogue."""
    default = default_outputs()
    parser.add_argument(
        "--outputs", type=Path, default=default, help=f"folder for everything that is made (default: {default})"
    )


def read_design(file: Path) -> bytes:
    """Return the bytes of a design's file. Raises `DesignError` if it cannot be read."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise DesignError(f"{file} cannot be read: {error.strerror}. Give the path of a picture file.") from error


def open_named(data: bytes, name: str) -> Design:
    """Return the design in the bytes of a file. Raises `DesignError` that begins with `name`."""
    try:
        return open_design(data)
    except DesignError as error:
        raise DesignError(f"{name}: {error}") from error
