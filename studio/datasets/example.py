"""One picture of a dataset, as everything that trains or measures knows it."""

from __future__ import annotations

from dataclasses import dataclass

from studio.datasets.alike import Kind
from studio.datasets.captions import Origin


@dataclass(frozen=True, slots=True)
class Example:
    """A picture to train on.

    - `id`: 16 hex digits, of its name and its file's bytes. `name`: its path in the dataset,
      with “/”; signs that no page can show are “?”.
    - `caption`: one line; empty where there is none. `origin` says where it comes from.
    - `source`: id of the example that it is a variation of, None where it is not one of a pair.
    - `design`: the same for all pictures of one design: pairs, near-duplicates, mirror images and recolourings.
    """

    id: str
    name: str
    caption: str
    width_px: int
    height_px: int
    source: str | None = None
    design: str = ""
    origin: Origin = "none"


@dataclass(frozen=True, slots=True)
class AlikePictures:
    """A picture that is nearly another one, both by name, and how."""

    name: str
    other: str
    kind: Kind
