"""What `evaluate adapter` found, as its file holds it. Read by pages and by the model card, so without torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from studio.errors import RequestError, StorageError, first_line
from studio.evaluation.archive_distance import Floor
from studio.evaluation.intervals import Estimate
from studio.schema import ForeignJSONError, read_json_object
from studio.schema.fields import read_fields

FORM = 1
BASE = 0.0
"""The weight at which an adapter is the base model, to the bit."""


@dataclass(frozen=True, slots=True)
class FigureText:
    """The words of a figure, and whether less or more of it is nearer to the archive; None where neither is better."""

    title: str
    means: str
    better: Literal["lower", "higher"] | None


FIGURES: Mapping[str, FigureText] = {
    "archive": FigureText(
        "distance to the archive",
        "mean of the three distances below; 0: distributed as the archive is, 1: as far from it as one of its designs "
        "is from another",
        "lower",
    ),
    "palette": FigureText("palette", "the distance by single knots: which colours, and how much of each", "lower"),
    "patches": FigureText(
        "knots and colours", "the distance by contrasts within 7 × 7 knots, at 1, 2 and 4 knots a step", "lower"
    ),
    "drawing": FigureText(
        "drawing", "the distance by edges within 7 × 7 knots at the same steps, whatever the colours are", "lower"
    ),
    "known_small": FigureText(
        "known 4 × 4", "share of the patterns of 4 × 4 knots that another design of the archive has, in any yarns", None
    ),
    "known_large": FigureText("known 8 × 8", "the same of 8 × 8 knots", None),
    "width_gap": FigureText(
        "line width", "how far the widths of lines are from the archive's, in knots; 0: the same widths", "lower"
    ),
    "fidelity": FigureText(
        "closeness to the source", "correlation of edges with the design that was varied; 1: the same drawing", None
    ),
    "diversity": FigureText(
        "diversity", "1 less the correlation of edges of two variations of a design; 0: one drawing", None
    ),
    "memorised": FigureText(
        "copied motifs", "share of the places looked at that a training picture has and the source has not", "lower"
    ),
}
"""The figures of variations by id, in the order in which they are shown."""


@dataclass(frozen=True, slots=True)
class LossStep:
    """Held-out loss at one weight: the mean over noise levels, its difference to the base's, and by noise level."""

    weight: float
    mean: Estimate
    difference: Estimate | None
    by_level: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True)
class LadderStep:
    """The variations drawn at one weight: their figures (`FIGURES`) and the differences to the base's."""

    weight: float
    pictures: int
    figures: Mapping[str, Estimate]
    differences: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True)
class CopiedMotif:
    """A motif of a variation that a training picture has.

    `design` and `picture` are names of the source design and of the training picture; places are left, top, right,
    bottom as shares of the sides.
    """

    weight: float
    design: str
    seed: int
    where: tuple[float, float, float, float]
    picture: str
    there: tuple[float, float, float, float]
    likeness: float
    mirrored: bool


@dataclass(frozen=True, slots=True)
class BestWeight:
    """The weight that the ladder finds by its `rule`, None where none is better than the base.

    `reason` says in a sentence why. `difference` is the distance to the archive at the weight less that of the base,
    at the level of all weights together.
    """

    weight: float | None
    reason: str
    difference: Estimate | None = None
    rule: str = ""


@dataclass(frozen=True, slots=True)
class AdapterEvaluation:
    """An adapter against its base model.

    - `adapter`: name and sha256; `model`: id, title, fingerprint; `dataset`: name and counts, and the name of the
      `sources` that were varied; `trained`: name and count of the pictures that copies were looked for in, empty
      where none were.
    - `settings`: strength, steps, guidance_scale, count, seed, weights, sigmas, trigger.
    - `losses`, `paired_losses`, `ladder`: one entry for each weight, the base (0) first.
    - `floors`: distances of one half of the archive to the other, by kind. `own`: figures of the held-out designs
      themselves against the others, as far as they have any.
    - `complete`: whether everything was measured. `notes`: what was left out, and what the figures cannot say.
    """

    created_at: str
    adapter: Mapping[str, str]
    model: Mapping[str, str]
    dataset: Mapping[str, Any]
    trained: Mapping[str, Any]
    settings: Mapping[str, Any]
    device: str
    seconds: float
    complete: bool
    losses: tuple[LossStep, ...] = ()
    paired_losses: tuple[LossStep, ...] = ()
    ladder: tuple[LadderStep, ...] = ()
    floors: Mapping[str, Floor] = field(default_factory=dict)
    own: Mapping[str, Estimate] = field(default_factory=dict)
    copies: tuple[CopiedMotif, ...] = ()
    best: BestWeight = field(default_factory=lambda: BestWeight(None, "Nothing was measured."))
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"version": FORM, **dataclasses.asdict(self)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> AdapterEvaluation:
        """Return the evaluation that `to_json` wrote. Raises `RequestError` for anything else."""
        try:
            nested = {
                **{name: tuple(_read_loss(one) for one in values[name]) for name in ("losses", "paired_losses")},
                "ladder": tuple(_read_step(one) for one in values["ladder"]),
                "floors": {str(kind): read_fields(Floor, one) for kind, one in values["floors"].items()},
                "own": _read_estimates(values["own"]),
                "copies": tuple(_read_copy(one) for one in values["copies"]),
                "best": _read_best(values["best"]),
                "notes": tuple(str(note) for note in values["notes"]),
                **{name: dict(values[name]) for name in ("adapter", "model", "dataset", "trained", "settings")},
            }
            return read_fields(cls, dict(values) | nested)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise RequestError(
                f"This is no evaluation of an adapter: {first_line(error)} Evaluate it again."
            ) from error

    def step(self, weight: float) -> LadderStep | None:
        """Return the ladder's step at a weight."""
        return next((one for one in self.ladder if one.weight == weight), None)


def read_evaluation(file: Path) -> AdapterEvaluation | None:
    """Return the evaluation in a file, None where there is no file.

    Raises `StorageError` if it cannot be read, `RequestError` if it is damaged.
    """
    try:
        return AdapterEvaluation.from_json(read_json_object(file))
    except FileNotFoundError:
        return None
    except ForeignJSONError as error:
        raise RequestError(f"{file} is damaged: {first_line(error)} Evaluate the adapter again.") from error
    except OSError as error:
        raise StorageError(f"{file} cannot be read: {first_line(error)} Check the disk.") from error


def _read_estimate(values: Mapping[str, Any]) -> Estimate:
    for name in ("value", "low", "high"):
        number = values[name]
        if number is None and name != "value":
            continue
        if isinstance(number, bool) or not isinstance(number, (int, float)):
            raise ValueError(f"{name} is {number!r} and should be a number")
    return read_fields(Estimate, values)


def _read_estimates(values: Mapping[str, Any]) -> dict[str, Estimate]:
    return {str(name): _read_estimate(one) for name, one in values.items()}


def _read_loss(values: Mapping[str, Any]) -> LossStep:
    difference = values["difference"]
    return LossStep(
        weight=float(values["weight"]),
        mean=_read_estimate(values["mean"]),
        difference=None if difference is None else _read_estimate(difference),
        by_level=_read_estimates(values["by_level"]),
    )


def _read_step(values: Mapping[str, Any]) -> LadderStep:
    return LadderStep(
        weight=float(values["weight"]),
        pictures=int(values["pictures"]),
        figures=_read_estimates(values["figures"]),
        differences=_read_estimates(values["differences"]),
    )


def _read_best(values: Mapping[str, Any]) -> BestWeight:
    weight, difference = values["weight"], values["difference"]
    return BestWeight(
        weight=None if weight is None else float(weight),
        reason=str(values["reason"]),
        difference=None if difference is None else _read_estimate(difference),
        rule=str(values["rule"]),
    )


def _read_copy(values: Mapping[str, Any]) -> CopiedMotif:
    boxes = {name: _read_box(values[name]) for name in ("where", "there")}
    return read_fields(CopiedMotif, dict(values) | boxes)


def _read_box(sides: Sequence[float]) -> tuple[float, float, float, float]:
    left, top, right, bottom = (float(side) for side in sides)
    return left, top, right, bottom
