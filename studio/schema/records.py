"""The record of a finished variation, kept in its PNG and in the catalogue."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from studio.schema.constraints import Constraints
from studio.schema.fields import make_encodable, read_fields
from studio.schema.foreign_json import encodable
from studio.schema.request import MEDIUM_CHANGE, Cross, Drawing, read_cross

WITHOUT_MODEL = "motifs"
"""The model id in the facts of a run in which no model drew."""


@dataclass(frozen=True, slots=True)
class RunFacts:
    """The facts that all variations of a run share. The engine reports them, every variation's record keeps them.

    - `model`: id in the table of models, the path of a folder, or `WITHOUT_MODEL`. `model_title` is for the designer.
    - `model_fingerprint`: hash of the weights (hex).
    - `adapter_name`, `adapter_sha256`, `adapter_weight` (0 to 2): the LoRA in use. None without an adapter.
    - `profile`: id of the memory profile. `device`: name of the device. `precision`: dtype of the weights.
    - `effective_steps`: denoising steps at the run's strength (see `effective_steps` in `studio.schema.request`).
    - `width_px`, `height_px`: size of the design and of the variation.
    - `working_width_px`, `working_height_px`: size at which the model drew, without padding. Equal to the design's
      size unless the design exceeds the model's limit.
    - `shift`: time shift of the scheduler (1 changes nothing) if the noise was fitted to the design, else None.
    - `versions`: version by package name.
    - `notes`: sentences for the designer about changes to the input, such as a prompt that was cut.
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
        make_encodable(self)
        object.__setattr__(self, "notes", tuple(encodable(note) for note in self.notes))

    @property
    def enlarged(self) -> bool:
        """Whether the model drew at a smaller size and the result was enlarged."""
        return (self.working_width_px, self.working_height_px) != (self.width_px, self.height_px)


@dataclass(frozen=True, slots=True)
class Weaving:
    """The figures of weaving the model's picture.

    Shares are fractions of all knots, 0 to 1. None means that the figure does not apply, or that an earlier version
    did not record it.

    - `yarns`: the palette in order as "#rrggbb". Empty if the colours are free.
    - `shares`: share of knots in each yarn. Empty in records of earlier versions.
    - `colour_shift`: mean CIEDE2000 difference between the model's picture and the picture in yarns, before
      symmetry, kept parts, seams or stray knots changed it.
    - `changed_share`: knots with another yarn than in the design. None if the yarns are new and a model drew.
    - `alike_share`: those of them that changed only between yarns that look alike (CIEDE2000 below 3).
    - `unchanged_share`: parts in which the model's picture equals the design after the VAE round trip. These take the
      design's knots.
    - `settled_share`: knots set to another yarn than the nearest one, because of the design's contacts (pairs of
      adjacent yarns).
    - `orphan_share_before`, `orphan_share`: stray knots before and after cleaning.
    - `cleaned_share`: knots that the cleaning changed.
    - `vertical`, `horizontal`: offset of the mirror axis from the middle, in half knots (right or down is positive).
      None without that axis.
    - `agreement`: knots that equal their mirror partner.
    - `mirrored_share`: knots that the mirroring changed.
    - `kept_share`: knots that were kept from the design, with their mirror images.
    - `seam_horizontal`, `seam_vertical`: colour step across the seam divided by the mean step inside. About 1 is
      invisible.
    - `seams_closed`: knots that were changed because a seam ratio was above 1.3.
    - `known_small`, `known_large`: neighbourhoods of 4 x 4 and of 8 x 8 knots that the design has too, mirrored or not.
      In new yarns: those of the design in these yarns.
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
    known_small: float | None = None
    known_large: float | None = None
    alike_share: float | None = None

    @property
    def anew_share(self) -> float | None:
        """The share of knots that are drawn anew to the eye: without those between yarns that look alike."""
        return None if self.changed_share is None else self.changed_share - (self.alike_share or 0.0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "yarns", tuple(self.yarns))
        object.__setattr__(self, "shares", tuple(self.shares))


@dataclass(frozen=True, slots=True)
class VariationRecord:
    """The full record of one finished variation.

    - `id`: of the variation. `run`: id of its run. `slot`: its position in the run, counted from 0.
    - `created_at`: ISO 8601 in UTC with milliseconds.
    - `source`: SHA-256 (hex) of the design's file. `parent`: id of the variation it was branched from, or None.
    - `prompt` to `seed`, `constraints`: as in `VariationRequest`.
    - `seconds`: this variation's share of the run's time.
    - `weaving`: None if the picture is the model's own.
    - `drawing`, `change`, `pull`, `cross`: as in `VariationRequest`. Earlier versions drew with the model only.

    Lone surrogates in texts become “?”: earlier versions took them from the command line.
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
    drawing: Drawing = "model"
    change: float = MEDIUM_CHANGE
    pull: float = 0.7
    cross: Cross | None = None

    def __post_init__(self) -> None:
        make_encodable(self)

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON; `facts`, `constraints` and `weaving` are nested."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> VariationRecord:
        """Return the record that `to_json` wrote in this or another version.

        Unknown keys are ignored, missing ones take the field's default. Raises `KeyError` or `TypeError` if a field
        without a default is missing.
        """
        facts = read_fields(RunFacts, values["facts"])
        weaving = values.get("weaving")
        nested = {
            "facts": facts,
            "constraints": read_fields(Constraints, values.get("constraints", {})),
            "weaving": read_fields(Weaving, weaving) if weaving is not None else None,
            "cross": read_cross(values.get("cross")),
        }
        return read_fields(cls, dict(values) | nested)
