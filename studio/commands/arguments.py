"""Arguments that several commands share."""

from __future__ import annotations

import argparse
import stat
from pathlib import Path

from studio.designs import Design, open_design
from studio.designs.files.opening import BYTES_LIMIT
from studio.errors import DesignError
from studio.models.adapter_files import AdapterFile, inspect_adapter, read_adapter_path
from studio.models.adapter_fit import check_fit, read_layers
from studio.models.registry import ModelEntry
from studio.workspace import default_outputs


def add_outputs_argument(parser: argparse.ArgumentParser) -> None:
    """Declare --outputs, the folder of the catalogue."""
    default = default_outputs()
    parser.add_argument(
        "--outputs", type=Path, default=default, help=f"folder for everything that is made (default: {default})"
    )


def read_design(file: Path) -> bytes:
    """Return the bytes of a design's file.

    Raises `DesignError` if it cannot be read, is a device or a pipe, or is larger than a design may be. Of the latter
    nothing is read: a device has no end, and a pipe may have no beginning.
    """
    try:
        about = file.stat()
        if not stat.S_ISREG(about.st_mode) and not stat.S_ISDIR(about.st_mode):
            raise DesignError(f"{file} is a device or a pipe. Give the path of a picture file.")
        if about.st_size > BYTES_LIMIT:
            raise DesignError(
                f"{file} has {about.st_size / 2**20:.0f} MB; at most {BYTES_LIMIT // 2**20} MB are allowed. "
                "Save it as PNG, or with fewer pixels."
            )
        with file.open("rb") as opened:
            return opened.read(BYTES_LIMIT + 1)
    except OSError as error:
        raise DesignError(f"{file} cannot be read: {error.strerror}. Give the path of a picture file.") from error
    except ValueError as error:  # a null character in the name
        raise DesignError(f"{file!s:.200} is no name of a file. Give the path of a picture file.") from error


def open_named(data: bytes, name: str, *, to_vary: bool = True) -> Design:
    """Return the design in the bytes of a file (`open_design`). Raises `DesignError` that begins with `name`."""
    try:
        return open_design(data, to_vary=to_vary)
    except DesignError as error:
        raise DesignError(f"{name}: {error}") from error


def read_adapter(text: str, entry: ModelEntry) -> AdapterFile:
    """Return the adapter at a path as it was written, checked against a model that is here. Raises `AdapterError`."""
    adapter = inspect_adapter(read_adapter_path(text))
    if entry.folder is not None and (layers := read_layers(entry.folder)):
        check_fit(layers, adapter)
    return adapter
