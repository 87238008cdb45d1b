"""The table of `benchmark files`: each form of the drawing, as it is read, what of it is kept, and what is said."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from studio.commands.file_forms.bmp_forms import list_bmp_forms
from studio.commands.file_forms.drawing import Form, draw_knots
from studio.commands.file_forms.other_forms import list_other_forms
from studio.commands.file_forms.png_forms import list_png_forms
from studio.commands.file_forms.tiff_forms import list_tiff_forms
from studio.designs import Design, open_design
from studio.errors import DesignError, InputError

HEAD = """# Files

What the studio reads of a design's file, what it keeps, and what it says. One drawing of 40 x 48 knots is written in
each form below, by the formats' own specifications and not by the library that reads it. JPEG is the exception: libjpeg
writes and reads it. The reference is the drawing itself: its colours, by the formulas of the specification where the
file states a gamma or a profile, and white where it is transparent. Forms with a star are shown by Chromium too, and a
test compares them (`tests/browser/test_file_forms.py`).

`python -m studio benchmark files --output docs/files.md` makes this file. It exits with 1 where a form is misread.

| format | form | read | kept | said |
|---|---|---|---|---|
"""
TAIL = """
- A BMP with an alpha of zero everywhere is shown empty by Chromium. Programs that write such files mean no
  transparency, so the studio reads the drawing, and says so.
- A gamma within 5 % of 1/2.2 changes nothing in Chromium where no primaries are stated. Beside sRGB's primaries it
  does; the studio leaves the colours as they are, and says so.
- A file of several pictures of their own (pages, an animation) is refused.
- The density of a file is kept on export and shown by `inspect`; PNG and BMP store whole knots per metre.
- The yarn numbers and the unused entries at a palette's end are kept. Formats that fill their table up (GIF, TGA, PCX,
  TIFF) end at the last entry that differs from the filling.
- A device, a pipe and a file of more than 50 MB are refused before anything is read. So is a JPEG of more than 64
  scans, before it is decoded.
"""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table. `right`: the form is read, or refused, as it has to be."""

    cells: tuple[str, ...]
    right: bool


def list_forms() -> Iterator[Form]:
    """Yield every form, format by format."""
    yield from list_png_forms()
    yield from list_bmp_forms()
    yield from list_tiff_forms()
    yield from list_other_forms()


def read_form(form: Form) -> Row:
    """Return the line about a form."""
    name = (form.kind, form.title + (" *" if form.media_type and form.shows is not None else ""))
    try:
        design = open_design(form.data)
    except DesignError as error:
        return Row((*name, "refused", "", str(error)), form.shows is None)
    if form.shows is None:
        return Row((*name, "**read**", "", ""), False)
    pixels = np.asarray(design.image)
    difference = np.abs(pixels.astype(int) - form.shows).max() if pixels.shape == form.shows.shape else 255
    read = "as drawn" if difference <= form.tolerance else f"**wrong by {difference}**"
    if 0 < difference <= form.tolerance:
        read = f"within {form.tolerance} of 255"
    kept, lost = _list_kept(form, design)
    shown = ", ".join([*kept, *(f"**not its {what}**" for what in lost)])
    return Row((*name, read, shown, " ".join(design.notes)), difference <= form.tolerance and not lost)


def _list_kept(form: Form, design: Design) -> tuple[list[str], list[str]]:
    """Return what is kept of the form beside its colours, and what is lost."""
    kept, lost = list[str](), list[str]()
    if form.numbers:
        wanted = draw_knots(int(form.entries) if form.entries in (2, 4) else 5)
        same = design.index_map is not None and np.array_equal(design.index_map.indices, wanted)
        (kept if same else lost).append("numbers")
    if form.entries is not None:
        same = design.palette is not None and len(design.palette) == form.entries
        (kept if same else lost).append(f"{form.entries} entries")
    if form.density is not None:
        density = design.density
        same = density is not None and (density.reeds_per_metre, density.picks_per_metre) == form.density
        (kept if same else lost).append("density")
    return kept, lost


def write_table(rows: Sequence[Row]) -> str:
    """Return the document in Markdown."""
    return HEAD + "".join(f"| {' | '.join(row.cells)} |\n" for row in rows) + TAIL


def add_table_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the document here, not to the terminal")


def make_table(output: Path | None) -> int:
    """Print or write the document; returns 1 where a form is misread, else 0. Raises `InputError`."""
    rows = [read_form(form) for form in list_forms()]
    if output is None:
        print(write_table(rows), end="")
    else:
        try:
            output.write_text(write_table(rows), encoding="utf-8")
        except OSError as error:
            raise InputError(f"--output {output} cannot be written: {error.strerror}. Give another file.") from error
    wrong = sum(not row.right for row in rows)
    print(f"{len(rows)} forms, {wrong} misread", file=sys.stderr)
    return int(wrong > 0)
