"""The knots part of `benchmark`: time and memory to inspect a large design and to weave a picture of it, on one core.

No model takes part. The picture to weave is the design as a model could draw it: smaller, with noise, and enlarged.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from PIL import Image

from studio.designs import IndexMap, open_design
from studio.designs.colours.palette import snap
from studio.designs.inspection import inspect_design
from studio.designs.weaving.orphans import clean_orphans
from studio.designs.yarns import read_yarns
from studio.errors import InputError, StudioError

DEFAULT_SIZE = "2400x3600"
_YARNS = 16
_LEAST_SIDE_PX, _MOST_SIDE_PX = 64, 8000
_BOUNDS = {"inspect": (2, "s"), "snap and clean": (3, "s"), "memory": (1000, "MB")}
"""Limits for 2400 x 3600 knots on one core: processor time in seconds, and the peak of memory."""
_ONE_CORE = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1")


def measure_knots(size: str) -> dict[str, Any]:
    """Measure a design of WIDTHxHEIGHT knots, print a table, and return the figures. Raises `InputError`.

    The work runs in a separate process, so that the memory and threads of other libraries do not count.
    """
    width, height = _parse_size(size)
    with tempfile.TemporaryDirectory() as folder:
        _write_pictures(Path(folder), width, height)
        answer = subprocess.run(
            [sys.executable, "-c", f"from {__name__} import print_measured; print_measured()", folder],
            cwd=Path(__file__).parents[2],
            env=os.environ | _ONE_CORE,
            capture_output=True,
            text=True,
            check=False,
        )
    if answer.returncode != 0:
        raise StudioError(f"The design could not be measured: {answer.stderr.strip().splitlines()[-1]}")
    measured = json.loads(answer.stdout)
    print(f"a design of {width} x {height} knots in {_YARNS} yarns, on one core")
    print(f"{'':18}{'measured':>12}{'bound':>12}")
    for name, (bound, unit) in _BOUNDS.items():
        places = 2 if unit == "s" else 0
        print(f"{name:18}{f'{measured[name]:.{places}f} {unit}':>12}{f'{bound:.{places}f} {unit}':>12}")
    return {"design_px": [width, height], "yarns": _YARNS, "measured": measured, "bounds": _BOUNDS}


def print_measured() -> None:
    """Measure the pictures in the folder `sys.argv[1]` and print the figures as JSON.

    Runs in the process that `measure_knots` starts.
    """
    folder = Path(sys.argv[1])
    began = time.process_time()
    design = open_design((folder / "design.png").read_bytes())
    inspect_design(design)
    inspect_seconds = time.process_time() - began
    palette = read_yarns(design).palette
    with Image.open(folder / "drawn.bmp") as picture:
        drawn = np.asarray(picture.convert("RGB"))
    began = time.process_time()
    clean_orphans(snap(drawn, palette))
    clean_seconds = time.process_time() - began
    measured = {"inspect": inspect_seconds, "snap and clean": clean_seconds, "memory": measure_peak_mb()}
    print(json.dumps({name: round(value, 3) for name, value in measured.items()}))


def _parse_size(text: str) -> tuple[int, int]:
    """Return width and height in knots. Raises `InputError`."""
    sides = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    if sides is None:
        raise InputError(f"--knots {text} is not known. Give width x height: {DEFAULT_SIZE}.")
    width, height = int(sides[1]), int(sides[2])
    if not _LEAST_SIDE_PX <= min(width, height) <= max(width, height) <= _MOST_SIDE_PX:
        raise InputError(
            f"--knots {text} is out of range. Choose sides of {_LEAST_SIDE_PX} to {_MOST_SIDE_PX}: {DEFAULT_SIZE}."
        )
    return width, height


def _write_pictures(folder: Path, width: int, height: int) -> None:
    """Write design.png, symmetric contours with stray knots, and drawn.bmp, the design as a model could draw it."""
    rng = np.random.default_rng(0)
    sides = [np.linspace(-1, 1, -(-side // 2))[:, None] for side in (height, width)]
    down, across = (np.cos(side * rng.uniform(0, 40, 24)).astype(np.float32) for side in sides)
    field = down @ across.T
    shares = np.linspace(0, 1, _YARNS + 1)[1:-1]
    indices = np.digitize(field, np.quantile(field[::5, ::5], shares)).astype(np.uint8)
    indices = indices.repeat(2, axis=0).repeat(2, axis=1)[:height, :width].copy()
    strays = rng.integers(0, indices.size, indices.size // 300)
    indices.flat[strays] = rng.integers(0, _YARNS, len(strays), dtype=np.uint8)
    design = IndexMap(indices, rng.integers(0, 256, (_YARNS, 3), dtype=np.uint8)).image()
    design.save(folder / "design.png", compress_level=1)
    small = np.asarray(design.convert("RGB").resize((width // 4, height // 4), Image.Resampling.BOX))
    drawn = (small + rng.normal(0, 4, small.shape)).clip(0, 255).astype(np.uint8)
    Image.fromarray(drawn).resize((width, height), Image.Resampling.LANCZOS).save(folder / "drawn.bmp")


def measure_peak_mb() -> float:
    """Return the peak resident memory of this process in MB (10^6 bytes)."""
    status = Path("/proc/self/status")
    if status.exists():  # `ru_maxrss` on Linux includes the peak of the parent process
        (peak_kib,) = re.findall(r"VmHWM:\s*(\d+) kB", status.read_text("utf-8"))
        return int(peak_kib) * 1024 / 1e6
    if sys.platform == "win32":
        return psutil.Process().memory_info().peak_wset / 1e6
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # bytes on macOS
