"""What a change of design does to the form: what belonged to the last design goes, what belonged to this one returns.

That is the prompt of a sample, unless it was edited, and symmetry and repeat. All else is the designer's own and stays.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import streamlit as st

from studio.designs.samples import SAMPLES
from studio.schema import RepeatChoice, SymmetryChoice, VariationRecord
from studio.ui.generate.form.form_values import drop_notice, key_of, read_form, write_form

_USED = "form_used_with"


@dataclass(frozen=True, slots=True)
class Own:
    """Values of the form that belong to one design. `prompt` is that of a sample, empty where the designer typed."""

    prompt: str = ""
    symmetry: SymmetryChoice = "auto"
    repeat: RepeatChoice = "none"


def leave_design(old: str | None, new: str, *, akin: bool = False, usual: Own | None = None) -> None:
    """Bring the form from one design (SHA-256) to another; call it before the form's widgets are drawn.

    `akin`: the new design is the old one in other yarns or varied, so that everything still fits. `usual` are the
    values for a design that this session has not used yet, by default automatic ones. The first design changes nothing.
    """
    if old is None or old == new:
        return
    drop_notice()
    values = read_form()
    used: dict[str, Own] = st.session_state.setdefault(_USED, {})
    used[old] = Own(values.prompt if is_of_sample(values.prompt) else "", values.symmetry, values.repeat)
    if akin:
        return
    own = used.get(new, usual or Own())
    if is_of_sample(values.prompt) or not values.prompt.strip():
        st.session_state[key_of("prompt")] = own.prompt
    changed = [name for name in ("symmetry", "repeat") if getattr(values, name) != getattr(own, name)]
    if changed:
        names = " and ".join(changed).capitalize()
        are, were = ("are", "were") if len(changed) > 1 else ("is", "was")
        if new not in used and usual is not None:
            notice = f"{names} {are} as the picture was drawn with: what you had chosen {were} for the last design."
        elif new in used:
            notice = f"{names} {are} as you last had {'them' if len(changed) > 1 else 'it'} with this design."
        else:
            notice = f"{names} {are} automatic again: what you had chosen {were} for the last design."
        write_form(dataclasses.replace(read_form(), symmetry=own.symmetry, repeat=own.repeat), notice=notice)


def read_own(record: VariationRecord) -> Own:
    """Return the values that a variation was drawn with."""
    return Own(record.prompt, record.constraints.symmetry, record.constraints.repeat)


def is_of_sample(prompt: str) -> bool:
    """Return whether a prompt is that of a sample, unedited."""
    return " ".join(prompt.split()) in {sample.prompt for sample in SAMPLES}


def drop_sample_prompt() -> None:
    """Empty the prompt if it is that of a sample, unedited."""
    if is_of_sample(read_form().prompt):
        st.session_state[key_of("prompt")] = ""
