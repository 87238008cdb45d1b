"""The settings of a new training: few at first, the rest in an expander. Their values survive visits to other pages."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import streamlit as st

from studio.adapter_training.defaults import default_settings
from studio.errors import StudioError
from studio.models.registry import MODELS, ModelEntry, resolve_model
from studio.schema import LoraRecipe
from studio.settings_store import StudioSettings
from studio.ui.train.form.setting_words import SETTINGS, Setting

_FIRST = ("model", "steps", "trigger")
_MODEL = "train_model_of_values"
_RANK = "train_rank_before"
_FIELD_PX = 200
_DEFAULTS = LoraRecipe()
_NAME = "train_name"
_NAME_LIMIT = 50


def key_of(name: str) -> str:
    """Return the widget key of a field of `LoraRecipe`."""
    return f"train_{name}"


def prepare_recipe(settings: StudioSettings) -> None:
    """Set missing values to the defaults, and those that belong to a model to what suits the chosen one."""
    for name, value in _DEFAULTS.to_json().items():
        st.session_state.setdefault(key_of(name), settings.model if name == "model" else value)
    _follow_rank()
    model = st.session_state[key_of("model")]
    if st.session_state.get(_MODEL) != model:
        st.session_state[_MODEL] = model
        if (entry := find_entry(model)) is not None:
            st.session_state[key_of("resolution_px")] = default_settings(entry)["resolution_px"]


def _follow_rank() -> None:
    """Keep alpha as large as the rank, where it was so before the rank was changed."""
    rank, alpha = st.session_state[key_of("rank")], st.session_state[key_of("alpha")]
    if rank is not None and alpha == st.session_state.setdefault(_RANK, _DEFAULTS.rank):
        st.session_state[key_of("alpha")] = float(rank)
    st.session_state[_RANK] = rank


def find_entry(model: str) -> ModelEntry | None:
    """Return a model by its id or folder, None where it cannot be used."""
    try:
        return resolve_model(model)
    except StudioError:
        return None


def read_recipe() -> LoraRecipe:
    """Return the recipe that the widgets describe. Raises `RequestError` on invalid values: a browser may send any."""
    values: dict[str, Any] = {
        field.name: st.session_state.get(key_of(field.name)) for field in dataclasses.fields(LoraRecipe)
    }
    whole = {name for name, setting in SETTINGS.items() if setting.high and not setting.digits}
    return LoraRecipe(**{name: _as_whole(value) if name in whole else value for name, value in values.items()})


def read_name(suggested: str) -> str:
    """Return the name of the training, by default the suggested one."""
    return (st.session_state.get(_NAME) or "").strip() or suggested


def draw_recipe(settings: StudioSettings, suggested_name: str) -> None:
    """Draw the settings, after `prepare_recipe`."""
    with st.grid(2, min_column_width=_FIELD_PX, gap="small"):
        _draw_model(settings)
        st.text_input(
            "Name of the adapter",
            key=_NAME,
            max_chars=_NAME_LIMIT,
            placeholder=suggested_name or "Kashan",
            help="By this name it is listed in Settings and named in the records of its pictures.",
            persist_state="session",
        )
        for name in _FIRST[1:]:
            _draw_setting(name, SETTINGS[name])
    with st.expander("More settings", key="train_more"):
        st.caption("These suit most carpets. Change one at a time, and compare on the designs held out.")
        with st.grid(2, min_column_width=_FIELD_PX, gap="small"):
            for name, setting in SETTINGS.items():
                if name not in _FIRST:
                    _draw_setting(name, setting)


def _draw_model(settings: StudioSettings) -> None:
    own = {settings.model} if settings.model not in MODELS else set()
    chosen = st.session_state[key_of("model")]
    options = [*MODELS, *sorted(own | ({chosen} - set(MODELS)))]
    st.selectbox(
        SETTINGS["model"].label,
        options,
        format_func=_name_model,
        key=key_of("model"),
        help=SETTINGS["model"].help,
        persist_state="session",
    )


def _name_model(model: str) -> str:
    entry = find_entry(model)
    return model if entry is None else entry.title


def _draw_setting(name: str, setting: Setting) -> None:
    key = key_of(name)
    if setting.choices:
        choices: Mapping[str, str] = setting.choices
        st.selectbox(
            setting.label,
            list(choices),
            format_func=lambda value: choices.get(value, str(value)),
            key=key,
            help=setting.help,
            persist_state="session",
        )
    elif setting.high and setting.digits:
        st.number_input(
            setting.label,
            min_value=float(setting.low),
            max_value=float(setting.high),
            step=float(setting.step),
            format=f"%.{setting.digits}f",
            key=key,
            help=setting.help,
            persist_state="session",
        )
    elif setting.high:
        st.number_input(
            setting.label,
            min_value=int(setting.low),
            max_value=int(setting.high),
            step=int(setting.step),
            key=key,
            help=setting.help,
            persist_state="session",
        )
    elif isinstance(getattr(_DEFAULTS, name), bool):
        st.toggle(setting.label, key=key, help=setting.help, persist_state="session")
    else:
        st.text_input(setting.label, key=key, placeholder="kashan carpet", help=setting.help, persist_state="session")


def _as_whole(value: Any) -> Any:  # noqa: ANN401  # what a browser sent
    return int(value) if isinstance(value, float) and value.is_integer() else value
