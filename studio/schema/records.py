"""What is known of a finished variation: written into its file and into the catalogue."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from studio.schema.constraints import Constraints
from studio.schema.fields import read_fields


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What was true of the whole run: said by the engine, kept with every variation.

    Sizes in pixels. `working_*` is the size at which the model drew (before cropping the padding and before any
    enlarging); it equals the design's own size when nothing was scaled. `shift` is the scheduler's where the noise was
    fitted to the design and the strength. `notes` are sentences for the designer on what was done to the input, such as
    a prompt that was cut.
    """

    model: str
    model_title: str
    model_fingerprint: str
    adapter_name: str | None
    adapter_sha256: str | None
    adapter_weight: float | None
    profile: str
    device: str
    precision: str
    effective_steps: int
    width_px: int
    height_px: int
    working_width_px: int
    working_height_px: int
    shift: float | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "notes", tuple(self.notes))

    @property
    def enlarged(self) -> bool:
        """Whether the model drew smaller than the design and the result was enlarged."""
        return (self.working_width_px, self.working_height_px) != (self.width_px, self.height_px)


@dataclass(frozen=True, slots=True)
class Weaving:
    """What was done to the model's picture so that it can be woven, in figures; kept with the variation.

    Shares are of all knots, 0 to 1. `yarns` are the palette's colours in order ("#rrggbb"), empty where the colours
    were left free; `shares` what is woven in each, empty in records of an older studio. `colour_shift` is the mean
    CIEDE2000 between the model's picture and the woven one before anything but its colours was touched;
    `changed_share` of the knots have another yarn than in the design (None where the yarns are new).
    `unchanged_share` of what was drawn are parts that the model gave back as it saw them, which are the design's, knot
    for knot; `settled_share` took not the nearest yarn but one that the design has beside such neighbours.
    `vertical` and `horizontal` are the offsets of the axes about which it is symmetric, `agreement` the measured share
    of knots that equal their partner (None in records of an older studio).
    Seam ratios are 1 where a seam cannot be told from the inside; `seams_closed` is the share of knots that were
    changed because they were larger than 1.3. None: does not apply.
    """

    yarns: tuple[str, ...] = ()
    shares: tuple[float, ...] = ()
    colour_shift: float | None = None
    changed_share: float | None = None
    unchanged_share: float | None = None
    settled_share: float = 0.0
    orphan_share_before: float | None = None
    orphan_share: float | None = None
    cleaned_share: float = 0.0
    vertical: int | None = None
    horizontal: int | None = None
    agreement: float | None = None
    mirrored_share: float = 0.0
    kept_share: float = 0.0
    seam_horizontal: float | None = None
    seam_vertical: float | None = None
    seams_closed: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "yarns", tuple(self.yarns))
        object.__setattr__(self, "shares", tuple(self.shares))


@dataclass(frozen=True, slots=True)
class VariationRecord:
    """Everything that is known of one finished variation. Written into its file and into the catalogue.

    `created_at` is ISO 8601 in UTC with milliseconds; `seconds` this variation's share of the run's time.
    `slot` is its place in the run, counted from 0. `weaving` is None where the picture is the model's own.
    """

    id: str
    run: str
    slot: int
    created_at: str
    source: str
    parent: str | None
    prompt: str
    negative_prompt: str
    strength: float
    steps: int
    guidance_scale: float
    seed: int
    seconds: float
    facts: RunFacts
    constraints: Constraints = field(default_factory=Constraints)
    weaving: Weaving | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON; `facts`, `constraints` and `weaving` are nested."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> VariationRecord:
        """Return the record that `to_json` wrote, by this version or another.

        Keys of a later version are left aside; a field that an earlier one did not write takes its default. Raises
        `KeyError` or `TypeError` when a field without a default is missing.
        """
        facts = read_fields(RunFacts, values["facts"])
        weaving = values.get("weaving")
        nested = {
            "facts": facts,
            "constraints": read_fields(Constraints, values.get("constraints", {})),
            "weaving": read_fields(Weaving, weaving) if weaving is not None else None,
        }
        return read_fields(cls, dict(values) | nested)
