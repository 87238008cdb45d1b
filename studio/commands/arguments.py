"""Arguments that several commands share."""

from __future__ import annotations

import argparse
from pathlib import Path

from studio.designs import Design, open_design
from studio.errors import DesignError
from studio.workspace import default_outputs


def add_outputs_argument(parser: argparse.ArgumentParser) -> None:
    """Declare --outputs, the folder where the studio keeps what it makes."""
    default = default_outputs()
    parser.add_argument("--outputs", type=Path, default=default, help=f"where everything is kept (default: {default})")


def read_design(file: Path) -> bytes:
    """Return the bytes of a design given by its path. Raises `DesignError` when it cannot be read."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise DesignError(f"{file} cannot be read: {error.strerror}. Give the path of a picture file.") from error


def open_named(data: bytes, name: str) -> Design:
    """Return the design that bytes hold. Raises `DesignError` that says whose bytes they are."""
    try:
        return open_design(data)
    except DesignError as error:
        raise DesignError(f"{name}: {error}") from error
