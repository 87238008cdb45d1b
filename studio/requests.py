"""The frozen types that cross the studio's rooms. No pixels, no tensors: everything here survives JSON."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, TypeVar, get_args

from studio.errors import RequestError

SEED_LIMIT = 2**32
"""Seeds are 0 <= seed < 2**32: the range that torch, numpy and the readers of A1111 parameters share."""
COUNT_LIMIT = 10
PROMPT_LIMIT = 2000
STEPS_LIMIT = 200
GUIDANCE_LIMIT = 30.0
ADAPTER_WEIGHT_LIMIT = 2.0
SIDE_LIMIT_PX = 16_384
COLOURS_LIMIT = 64
"""Yarns that a palette may have at most; looms take fewer."""
YARNS_LIMIT = 256
"""Numbers of yarns are 0 <= number < 256: one byte a knot."""

PaletteChoice = Literal["auto", "free", "source", "new"]
SymmetryChoice = Literal["auto", "none", "vertical", "horizontal", "quarter"]
RepeatChoice = Literal["none", "straight", "half-drop", "brick", "mirror"]
KeepChoice = Literal["none", "border", "field", "rectangle"]


def effective_steps(steps: int, strength: float) -> int:
    """Return how many denoising steps img2img really walks.

    The pipeline skips the first `int(steps - steps * strength)` of its schedule
    (diffusers, `StableDiffusion3Img2ImgPipeline.get_timesteps`), in floating point as it does. At least 1 for any
    strength above 0.
    """
    return steps - int(max(steps - min(steps * strength, steps), 0))


def fresh_seed() -> int:
    """Return a seed that nobody chose."""
    return secrets.randbelow(SEED_LIMIT)


def seeds_from(first: int, count: int) -> tuple[int, ...]:
    """Return `count` consecutive seeds beginning at `first`, wrapping round at the limit."""
    return tuple((first + i) % SEED_LIMIT for i in range(count))


@dataclass(frozen=True, slots=True)
class AdapterUse:
    """A peft adapter folder and how strongly it is applied (0 leaves the base model as it is, 1 as trained)."""

    folder: str
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= ADAPTER_WEIGHT_LIMIT:  # also refuses NaN
            raise RequestError(f"Adapter weight {self.weight} is out of range. Choose 0 to 2; 1 is as trained.")


@dataclass(frozen=True, slots=True)
class PipelineChoice:
    """What has to be in memory for a run. Two runs with an equal choice share one loaded pipeline."""

    model: str
    adapter_folder: str | None = None
    profile: str = "auto"


@dataclass(frozen=True, slots=True)
class Constraints:
    """What the variations must keep of their design, so that they can be woven.

    `palette`: "free" leaves the model's picture as it is; "source" brings it into the design's yarns, in their order;
    "new" into `colours` yarns of its own, among them, first and in this order, the design's yarns whose numbers are
    `locked`; "auto" is "source" where the design has yarns, else "free". `symmetry`: "auto" keeps what the design has;
    "vertical" mirrors left and right about an upright axis, "horizontal" above and below, "quarter" both. `repeat`:
    how the design is laid beside itself on the loom. `keep`: the part that stays as it is, bit for bit; for
    "rectangle" (left, top, right, bottom) in pixels of the design, right and bottom not included. Raises
    `RequestError` on what cannot be.
    """

    palette: PaletteChoice = "free"
    colours: int | None = None
    locked: tuple[int, ...] = ()
    symmetry: SymmetryChoice = "none"
    repeat: RepeatChoice = "none"
    keep: KeepChoice = "none"
    rectangle: tuple[int, int, int, int] | None = None

    def __post_init__(self) -> None:
        _check_choice("Palette", self.palette, PaletteChoice)
        _check_choice("Symmetry", self.symmetry, SymmetryChoice)
        _check_choice("Repeat", self.repeat, RepeatChoice)
        _check_choice("Keep", self.keep, KeepChoice)
        if self.palette == "new":
            _check_whole("Colours", self.colours, 1, COLOURS_LIMIT, "8 to 10 suit most machine-made carpets")
            object.__setattr__(self, "locked", _check_locked(self.locked, self.colours))
        else:
            object.__setattr__(self, "colours", None)
            object.__setattr__(self, "locked", ())
        if self.keep == "rectangle":
            object.__setattr__(self, "rectangle", _check_rectangle(self.rectangle))
        elif self.rectangle is not None:
            object.__setattr__(self, "rectangle", None)

    @property
    def none(self) -> bool:
        """Whether the model's picture is left as it is."""
        return self == Constraints()


@dataclass(frozen=True, slots=True)
class VariationRequest:
    """One click: a source, a prompt, settings, and one seed for each variation wanted.

    `source` is the content hash (SHA-256, hex) of a source in the catalogue; `parent` the variation it was
    branched from, if any. Raises `RequestError` on values that cannot work, naming the value and a good one.
    """

    source: str
    prompt: str
    seeds: tuple[int, ...]
    negative_prompt: str = ""
    strength: float = 0.6
    steps: int = 28
    guidance_scale: float = 4.5
    model: str = "builtin"
    adapter: AdapterUse | None = None
    profile: str = "auto"
    parent: str | None = None
    constraints: Constraints = field(default_factory=Constraints)

    def __post_init__(self) -> None:
        _check_prompt(self.prompt, self.negative_prompt)
        _check_number("Strength", self.strength, 0.01, 1.0, "0.6 is a medium variation")
        _check_whole("Steps", self.steps, 1, STEPS_LIMIT, "28 is a good start")
        _check_number("Guidance scale", self.guidance_scale, 0.0, GUIDANCE_LIMIT, "4.5 is a good start")
        if not 1 <= len(self.seeds) <= COUNT_LIMIT:
            raise RequestError(f"{len(self.seeds)} variations were asked for. Choose 1 to {COUNT_LIMIT}; 5 is usual.")
        for seed in self.seeds:
            _check_whole("Seed", seed, 0, SEED_LIMIT - 1, "leave it empty for a fresh one")
        if len(set(self.seeds)) < len(self.seeds):
            raise RequestError("The same seed was given twice: both variations would be equal. Use different seeds.")
        object.__setattr__(self, "prompt", " ".join(self.prompt.split()))
        object.__setattr__(self, "negative_prompt", " ".join(self.negative_prompt.split()))

    @property
    def effective_steps(self) -> int:
        """Denoising steps that are really walked at this strength."""
        return effective_steps(self.steps, self.strength)

    @property
    def pipeline(self) -> PipelineChoice:
        """What has to be loaded for this run."""
        return PipelineChoice(self.model, self.adapter.folder if self.adapter else None, self.profile)

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return dataclasses.asdict(self) | {"seeds": list(self.seeds)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> VariationRequest:
        """Return the request that `to_json` wrote; checks it again."""
        adapter = values.get("adapter")
        known = {f.name for f in dataclasses.fields(cls)}
        plain = {key: value for key, value in values.items() if key in known}
        nested = {
            "seeds": tuple(plain["seeds"]),
            "adapter": AdapterUse(**adapter) if adapter else None,
            "constraints": _read(Constraints, values.get("constraints", {})),
        }
        return cls(**plain | nested)


def _check_prompt(prompt: str, negative_prompt: str) -> None:
    if not prompt.strip():
        raise RequestError(
            "The prompt is empty. Describe the carpet you want, such as “kilim, red and ivory diamonds”."
        )
    for name, text in (("prompt", prompt), ("negative prompt", negative_prompt)):
        if len(text) > PROMPT_LIMIT:
            raise RequestError(
                f"The {name} has {len(text)} characters; at most {PROMPT_LIMIT} are allowed, "
                "and the model reads only the first few hundred words. Shorten it."
            )


def _check_number(name: str, value: float, low: float, high: float, good: str) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:  # refuses NaN
        raise RequestError(f"{name} {value} is out of range. Choose {low:g} to {high:g}; {good}.")


def _check_whole(name: str, value: int, low: int, high: int, good: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise RequestError(f"{name} {value} is out of range. Choose a whole number from {low} to {high}; {good}.")


def _check_choice(name: str, value: object, choices: object) -> None:
    if value not in get_args(choices):
        raise RequestError(f"{name} “{value}” is not known. Choose one of: {', '.join(get_args(choices))}.")


def _check_locked(numbers: object, colours: int) -> tuple[int, ...]:
    """Return the numbers rising and each once."""
    good = "such as 0, 3"
    if not isinstance(numbers, (tuple, list)):
        raise RequestError(f"The yarns to lock are numbers, {good}, not “{numbers}”.")
    for number in numbers:
        _check_whole("The number of a locked yarn", number, 0, YARNS_LIMIT - 1, good)
    locked = tuple(sorted(set(numbers)))
    if len(locked) >= colours:
        raise RequestError(
            f"{len(locked)} yarns are locked, which leaves none of {colours} to be new. Choose more than "
            f"{len(locked)} colours, or lock fewer yarns."
        )
    return locked


def _check_rectangle(sides: object) -> tuple[int, int, int, int]:
    good = "such as 100, 100, 400, 300"
    if not isinstance(sides, (tuple, list)) or len(sides) != 4:
        raise RequestError(f"The rectangle to keep needs left, top, right and bottom in pixels, {good}.")
    for side in sides:
        _check_whole("A side of the rectangle to keep", side, 0, SIDE_LIMIT_PX, good)
    left, top, right, bottom = sides
    if left >= right or top >= bottom:
        raise RequestError(f"The rectangle to keep, {left}, {top}, {right}, {bottom}, holds no pixel. Choose {good}.")
    return left, top, right, bottom


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What was true of the whole run: said by the engine, kept with every variation.

    Sizes in pixels. `working_*` is the size at which the model drew (before cropping the padding and before any
    enlarging); it equals the design's own size when nothing was scaled. `notes` are sentences for the designer on what
    was done to the input, such as a prompt that was cut.
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
        facts = _read(RunFacts, values["facts"])
        weaving = values.get("weaving")
        nested = {
            "facts": facts,
            "constraints": _read(Constraints, values.get("constraints", {})),
            "weaving": _read(Weaving, weaving) if weaving is not None else None,
        }
        return _read(cls, dict(values) | nested)


_Record = TypeVar("_Record")


def _read(kind: type[_Record], values: Mapping[str, Any]) -> _Record:
    """Return a dataclass from the JSON values that it knows."""
    return kind(**{field.name: values[field.name] for field in dataclasses.fields(kind) if field.name in values})


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    PREPARING = "preparing"
    RUNNING = "running"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def over(self) -> bool:
        """Whether nothing more will happen."""
        return self in (JobState.FINISHED, JobState.CANCELLED, JobState.FAILED)


@dataclass(frozen=True, slots=True)
class JobSnapshot:
    """A job as it stands at one moment, for whoever draws it.

    The job's id is also the `run` of its variations, unless it draws a slot of another run again. `ahead` counts jobs
    that go first. `stage` is a few words for the designer. `step` of `steps` counts denoising steps over all batches.
    `previews` and `variations` have one entry a slot: a small encoded picture (WebP bytes) or None, the id of the
    finished variation or None. `bad_input` says that the error lies in what was given and not in the machine. `unsaved`
    counts finished pictures that could not be written yet and wait in memory.
    """

    id: str
    request: VariationRequest
    state: JobState
    ahead: int
    stage: str
    step: int
    steps: int
    seconds_elapsed: float
    seconds_left: float | None
    previews: tuple[bytes | None, ...]
    variations: tuple[str | None, ...]
    facts: RunFacts | None = None
    error: str | None = None
    bad_input: bool = False
    unsaved: int = 0
