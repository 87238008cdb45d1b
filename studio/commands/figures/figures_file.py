"""The file that `--json` names, for the figures that a command measured."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from studio.errors import InputError


def check_figures_file(file: Path | None) -> None:
    """Raise `InputError` for a file that cannot be written, before anything is measured."""
    if file is not None and (file.is_dir() or not file.absolute().parent.is_dir()):
        raise InputError(f"--json {file} cannot be written. Give a file in a folder that exists, such as figures.json.")


def write_figures(file: Path | None, figures: Mapping[str, Any]) -> None:
    """Write the figures, unless no file is named. Raises `InputError` where the file cannot be written."""
    if file is None:
        return
    try:
        file.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError(f"--json {file} cannot be written: {error.strerror}. Give another file.") from error
