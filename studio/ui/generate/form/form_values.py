"""Values of the form: read, checked, and filled in from a model, a picture or an earlier run.

Values live in the session state under the keys of the form's widgets. A function that replaces several of them with a
notice keeps the previous ones, so that the designer can undo it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from studio.errors import RequestError
from studio.models.adapter_files import name_adapter
from studio.models.registry import ModelEntry
from studio.schema import (
    COUNT_LIMIT,
    MEDIUM_CHANGE,
    STRONG_CHANGE,
    SUBTLE_CHANGE,
    AdapterUse,
    Constraints,
    Cross,
    CrossWay,
    Drawing,
    KeepChoice,
    PaletteChoice,
    RepeatChoice,
    SymmetryChoice,
    VariationRecord,
    VariationRequest,
    fresh_seed,
    seeds_from,
)
from studio.settings_store import StudioSettings

SUBTLE, MEDIUM, STRONG = "Subtle", "Medium", "Strong"
CHANGES = {SUBTLE: SUBTLE_CHANGE, MEDIUM: MEDIUM_CHANGE, STRONG: STRONG_CHANGE}
"""Shares of the knots that a drawing from motifs changes, by their names."""
PRESET_KEY, CHANGE_PRESET_KEY = "form_preset", "form_change_preset"
FRESH, LOCKED = "Fresh", "Locked"
_MODEL = "form_model"
_PRESETS = "form_presets"
_BEFORE = "form_before"
_NOTICE = "form_notice"


@dataclass(frozen=True, slots=True)
class FormValues:
    """Values of the form's widgets.

    `drawing`, `change` and `pull` are as in `VariationRequest`. `cross` is the SHA-256 of a second design, None for
    none; `cross_parent` is the variation that it is. `seed_mode` is `FRESH` (new seeds for each run) or `LOCKED`
    (`seed` is the first one). `locked` are yarn indices, `rectangle` is the part to keep (left, top, right, bottom in
    knots); both belong to the design whose SHA-256 is `marked`.
    """

    prompt: str
    negative_prompt: str
    strength: float
    steps: int
    guidance_scale: float
    count: int
    seed_mode: str
    seed: int
    adapter_weight: float
    palette: PaletteChoice
    colours: int
    symmetry: SymmetryChoice
    repeat: RepeatChoice
    keep: KeepChoice
    drawing: Drawing = "model"
    change: float = MEDIUM_CHANGE
    pull: float = 0.7
    cross: str | None = None
    cross_parent: str | None = None
    cross_way: CrossWay = "motifs"
    cross_share: float = 0.5
    locked: tuple[int, ...] = ()
    rectangle: tuple[int, int, int, int] | None = None
    marked: str | None = None


def prepare_form(entry: ModelEntry) -> None:
    """Set missing values to the model's defaults; after a change of model, apply its defaults with a notice."""
    defaults = entry.defaults
    first = FormValues(
        prompt="",
        negative_prompt="",
        strength=defaults.strength,
        steps=defaults.steps,
        guidance_scale=defaults.guidance_scale,
        count=5,
        seed_mode=FRESH,
        seed=fresh_seed(),
        adapter_weight=1.0,
        palette="auto",
        colours=8,
        symmetry="auto",
        repeat="none",
        keep="none",
        drawing=defaults.drawing,
    )
    for name, value in dataclasses.asdict(first).items():
        st.session_state.setdefault(key_of(name), value)
    st.session_state[_PRESETS] = {SUBTLE: defaults.subtle, MEDIUM: defaults.strength, STRONG: defaults.strong}
    st.session_state.setdefault(PRESET_KEY, preset_of(st.session_state[key_of("strength")], presets()))
    st.session_state.setdefault(CHANGE_PRESET_KEY, preset_of(st.session_state[key_of("change")], CHANGES))
    if st.session_state.setdefault(_MODEL, entry.id) != entry.id:
        st.session_state[_MODEL] = entry.id
        write_form(
            dataclasses.replace(
                read_form(),
                strength=defaults.strength,
                steps=defaults.steps,
                guidance_scale=defaults.guidance_scale,
                drawing=defaults.drawing if read_form().cross is None else "motifs",
            ),
            notice=f"Drawing, strength, steps and guidance are now those that suit {entry.title}.",
        )


def read_form() -> FormValues:
    """Return the form's values."""
    return FormValues(**{field.name: st.session_state[key_of(field.name)] for field in dataclasses.fields(FormValues)})


def write_form(values: FormValues, *, notice: str | None = None) -> None:
    """Replace the form's values, before its widgets are drawn. With a `notice` the designer can undo it."""
    if notice is not None:
        before = dataclasses.asdict(read_form())
        st.session_state[_BEFORE] = {name: before[name] for name in before if before[name] != getattr(values, name)}
        st.session_state[_NOTICE] = notice
    for name, value in dataclasses.asdict(values).items():
        st.session_state[key_of(name)] = value
    st.session_state[PRESET_KEY] = preset_of(values.strength, presets())
    st.session_state[CHANGE_PRESET_KEY] = preset_of(values.change, CHANGES)


def take_settings(record: VariationRecord, settings: StudioSettings, entry: ModelEntry) -> None:
    """Fill the form with a picture's settings and lock its seed."""
    values = dataclasses.replace(_merge_settings(record), seed_mode=LOCKED, seed=record.seed)
    here = name_adapter(Path(settings.adapter_folder)) if settings.adapter_folder is not None else None
    made_with = _model_and_adapter(record.facts.model_title, record.facts.adapter_name)
    now = _model_and_adapter(entry.title, here)
    notice = "The form now has the settings of the picture that you chose, with its seed locked."
    if made_with != now and record.drawing != "motifs":
        notice += f" It was made with {made_with}. Settings has {now}, so the same seed gives another picture."
    write_form(values, notice=notice)


def take_run(made: VariationRequest | VariationRecord, count: int) -> None:
    """Fill the form with the settings of a run of `count` variations; its seeds are not taken over."""
    write_form(dataclasses.replace(_merge_settings(made), count=count))


def suggest_settings(record: VariationRecord) -> None:
    """Fill the form with the settings of a picture to vary, if the prompt is empty; its seed is not taken over."""
    if not read_form().prompt.strip():
        write_form(_merge_settings(record))


def suggest_prompt(prompt: str) -> None:
    """Set the prompt, if it is empty."""
    if not read_form().prompt.strip():
        st.session_state[key_of("prompt")] = prompt


def read_request(
    source: str, parent: str | None, entry: ModelEntry, settings: StudioSettings, *, repeatable: bool = True
) -> VariationRequest:
    """Return the request that the form describes; the repeat is dropped unless the design is `repeatable`.

    Raises `RequestError` on invalid values: a browser may send any.
    """
    values = read_form()
    first = values.seed if values.seed_mode == LOCKED else fresh_seed()
    guided = isinstance(values.guidance_scale, (int, float)) and values.guidance_scale > 1
    return VariationRequest(
        source=source,
        parent=parent,
        prompt=values.prompt or "",
        negative_prompt=(values.negative_prompt or "") if guided else "",
        strength=values.strength,
        steps=values.steps,
        guidance_scale=values.guidance_scale,
        seeds=seeds_from(first, min(values.count, COUNT_LIMIT + 1)),  # one above the limit is enough to be refused
        model=entry.id,
        adapter=AdapterUse(settings.adapter_folder, values.adapter_weight) if settings.adapter_folder else None,
        profile=settings.profile,
        constraints=read_constraints(values, repeatable=repeatable),
        drawing=values.drawing,
        change=values.change,
        pull=values.pull,
        cross=_read_cross(values),
    )


def _read_cross(values: FormValues) -> Cross | None:
    if values.cross is None or values.drawing != "motifs":
        return None
    return Cross(values.cross, values.cross_way, values.cross_share, values.cross_parent)


def read_constraints(values: FormValues, *, repeatable: bool = True) -> Constraints:
    """Return the constraints that the form describes. Raises `RequestError` on invalid or incomplete ones."""
    if values.keep == "rectangle" and values.rectangle is None:
        raise RequestError(
            "The part that must stay is not marked yet. Drag over it on the small picture under “For the loom”."
        )
    return Constraints(
        palette=values.palette,
        colours=values.colours if values.palette == "new" else None,
        symmetry=values.symmetry,
        repeat=values.repeat if repeatable else "none",
        keep=values.keep,
        locked=tuple(values.locked),
        rectangle=values.rectangle,
    )


def drop_marks_of_other_design(design: str) -> bool:
    """Clear locked yarns and rectangle unless they belong to this design (SHA-256); return whether one was in use.

    A yarn index and a rectangle mean nothing in another design.
    """
    values = read_form()
    if values.marked == design:
        return False
    st.session_state[key_of("marked")] = design
    st.session_state[key_of("locked")] = []
    st.session_state[key_of("rectangle")] = None
    return (values.keep == "rectangle" and values.rectangle is not None) or (
        values.palette == "new" and bool(values.locked)
    )


def present_notice() -> str | None:
    """Return the notice on the last change that can still be undone, or None."""
    return st.session_state.get(_NOTICE)


def undo_change() -> None:
    """Restore the values that the notice announces as changed; all others stay."""
    write_form(dataclasses.replace(read_form(), **st.session_state[_BEFORE]))
    drop_notice()


def drop_notice() -> None:
    """Accept the change that the notice announces."""
    st.session_state[_NOTICE] = st.session_state[_BEFORE] = None


def key_of(name: str) -> str:
    """Return the widget key of a field of `FormValues`."""
    return f"form_{name}"


def presets() -> dict[str, float]:
    """Return the model's named strengths."""
    strengths: dict[str, float] = st.session_state[_PRESETS]
    return strengths


def preset_of(value: float, named: Mapping[str, float]) -> str | None:
    """Return the name of a value, None if it has none."""
    return next((name for name, one in named.items() if abs(one - value) < 0.005), None)


def _merge_settings(made: VariationRequest | VariationRecord) -> FormValues:
    """Return the form's values with the settings of a run or picture in their place."""
    form = read_form()
    if isinstance(made, VariationRecord):
        weight = made.facts.adapter_weight
    else:
        weight = made.adapter.weight if made.adapter is not None else None
    return dataclasses.replace(
        form,
        prompt=made.prompt,
        negative_prompt=made.negative_prompt,
        strength=made.strength,
        steps=made.steps,
        guidance_scale=made.guidance_scale,
        adapter_weight=form.adapter_weight if weight is None else weight,
        palette=made.constraints.palette,
        colours=made.constraints.colours or form.colours,
        symmetry=made.constraints.symmetry,
        repeat=made.constraints.repeat,
        keep=made.constraints.keep,
        locked=made.constraints.locked,
        rectangle=made.constraints.rectangle,
        marked=made.source,
        drawing=made.drawing,
        change=made.change,
        pull=made.pull,
        cross=None if made.cross is None else made.cross.source,
        cross_parent=None if made.cross is None else made.cross.parent,
        cross_way=form.cross_way if made.cross is None else made.cross.way,
        cross_share=form.cross_share if made.cross is None else made.cross.share,
    )


def _model_and_adapter(model: str, adapter: str | None) -> str:
    return model if adapter is None else f"{model} and the adapter {adapter}"
