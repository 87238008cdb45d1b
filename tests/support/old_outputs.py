"""An outputs folder that version 0.1.0 has made, and what that version's own catalogue said of it.

`outputs-0.1.0.zip` was made by that version's engine on the built-in model: a woven run of five, one variation branched
from it with guidance, an adapter and a kept rectangle, a run on a TIFF of inks, a variation taken as a design,
favourites, a favourite and another picture in the bin, and settings. `expected.json` in it is the catalogue's content.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

ARCHIVE = Path(__file__).with_name("outputs-0.1.0.zip")
LATER_FIELDS = {"drawing": "model", "change": 0.25, "pull": 0.7, "cross": None}
LATER_FIGURES = {"known_small": None, "known_large": None, "alike_share": None}
"""What records and their weaving have gained since, and its value for pictures of that version."""


@pytest.fixture
def old_outputs(tmp_path: Path) -> Path:
    """The unpacked folder of this test."""
    with zipfile.ZipFile(ARCHIVE) as archive:
        archive.extractall(tmp_path / "outputs")
    return tmp_path / "outputs"


def read_expected(old_outputs: Path) -> dict[str, Any]:
    """Return the content by its kinds: variations by id, sources. Records have the fields of later versions too."""
    expected: dict[str, Any] = json.loads((old_outputs / "expected.json").read_text("utf-8"))
    for variation in expected["variations"].values():
        record = variation["record"]
        assert not LATER_FIELDS.keys() & record.keys()
        record |= LATER_FIELDS
        if record["weaving"] is not None:
            record["weaving"] |= LATER_FIGURES
    return expected
