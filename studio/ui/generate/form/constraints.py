"""What variations must keep of their design: the part of the form that makes them ready for the loom."""

from __future__ import annotations

import streamlit as st

from studio.catalogue import Source
from studio.designs.files.opening import open_design
from studio.designs.inspection import Inspection
from studio.designs.structure.symmetry import is_symmetric
from studio.designs.weaving.plan import plan_weave
from studio.errors import RequestError
from studio.schema import COLOURS_LIMIT, Constraints
from studio.ui.generate.form.form_values import key_of, mark_in, read_constraints, read_form
from studio.ui.generate.form.rectangle import draw_rectangle
from studio.ui.generate.form.yarns import find_yarns, pick_yarns
from studio.ui.session import workspace
from studio.ui.shared.design_facts import find_facts

PALETTES = {
    "auto": "As in the design",
    "source": "The design’s yarns",
    "new": "New yarns",
    "free": "Free colours",
}
SYMMETRIES = {
    "auto": "As in the design",
    "none": "None",
    "vertical": "Left and right",
    "horizontal": "Top and bottom",
    "quarter": "Both (quarter)",
}
REPEATS = {
    "none": "None",
    "straight": "Straight",
    "half-drop": "Half-drop",
    "brick": "Brick",
    "mirror": "Mirror",
}
KEEPS = {"none": "Nothing", "border": "The border", "field": "The field", "rectangle": "A part that I mark"}
_FIELD_PX = 136


def draw_constraints(source: Source | None) -> None:
    """Draw the choices; what they come to for the design is in the expander's title."""
    if source is not None and mark_in(source.sha256):
        st.toast("What you had marked belonged to the last design. Mark it in this one.")
    values = read_form()
    facts = None if source is None else find_facts(source.sha256)
    repeatable = can_repeat(source)
    problem = None
    try:
        kept = describe_constraints(read_constraints(values, repeatable=repeatable), facts)
    except RequestError as error:
        kept, problem = "not complete", str(error)
    with st.expander(f"For the loom · {kept}", key="form_loom"):
        with st.grid(2, min_column_width=_FIELD_PX, gap="small") as grid:
            with grid.cell():
                _choose("Yarns", "palette", PALETTES, "Which colours a variation may have.")
            with grid.cell():
                _choose("Symmetry", "symmetry", SYMMETRIES, "Variations are mirrored exactly, to the knot.")
            with grid.cell():
                if repeatable:
                    _choose(
                        "Repeat", "repeat", REPEATS, "How the design is laid beside itself. Seams are drawn to close."
                    )
                else:
                    _draw_no_repeat()
            with grid.cell():
                _choose("Keep", "keep", KEEPS, "The part that stays exactly as it is, while the rest is varied.")
        if values.palette == "new":
            st.number_input(
                "Number of yarns",
                min_value=1,
                max_value=COLOURS_LIMIT,
                step=1,
                key=key_of("colours"),
                help="Each variation gets so many yarns of its own. 8 to 10 suit most machine-made carpets.",
                persist_state="session",
            )
            if source is not None:
                pick_yarns(
                    "Yarns that stay",
                    find_yarns(source.sha256),
                    key_of("locked"),
                    help_text="These yarns of the design are in every variation; the others are chosen anew.",
                )
        if values.keep == "rectangle" and source is not None:
            draw_rectangle(source)
        if problem is not None and not (values.keep == "rectangle" and values.rectangle is None):
            st.caption(f":material/info: {problem}")
        if not repeatable:
            st.caption(
                ":material/info: Repeat is not applicable: this design has a border. To lay out its field, upload one "
                "repeat of that alone."
            )
        if facts is not None and facts.border is None and values.keep in ("border", "field"):
            st.caption(":material/info: No border was found in this design, so no part of it can be told from another.")
    if not repeatable and values.repeat != "none":  # not within the expander: it may be closed
        st.caption(
            f":material/info: The {REPEATS[values.repeat].lower()} repeat that you chose is set aside: this design has "
            "a border. It comes back with a design that has none."
        )


def can_repeat(source: Source | None) -> bool:
    """Whether a design can be laid beside itself: one with a border is whole as it is."""
    facts = None if source is None else find_facts(source.sha256)
    return facts is None or facts.border is None


def check_constraints(source: Source, constraints: Constraints) -> None:
    """Raise `RequestError` on what does not fit the design, before a run is begun and the last one leaves the page."""
    if not constraints.none:
        data = workspace().catalogue.source_path(source.sha256).read_bytes()
        plan_weave(open_design(data), constraints)


def keeps_yarns(palette: str, facts: Inspection | None) -> bool:
    """Whether variations are drawn in the yarns of a design."""
    few = facts is not None and facts.indexed and facts.colours <= COLOURS_LIMIT
    return palette == "source" or (palette == "auto" and few)


def describe_constraints(constraints: Constraints, facts: Inspection | None) -> str:
    """Return what is kept in a few words: 10 yarns, symmetric."""
    words = []
    if constraints.palette == "new":
        locked = f", {len(constraints.locked)} of them locked" if constraints.locked else ""
        words.append(f"{constraints.colours} {'yarns' if locked else 'new yarns'}{locked}")
    elif keeps_yarns(constraints.palette, facts):
        count = 0 if facts is None else facts.colours if facts.indexed else facts.suggested
        words.append("the design’s yarns" if not count else f"{count} yarn{'s' if count > 1 else ''}")
    if constraints.symmetry == "auto":
        symmetric = facts is not None and (is_symmetric(facts.vertical) or is_symmetric(facts.horizontal))
        words += ["symmetric"] if symmetric else []
    elif constraints.symmetry != "none":
        words.append("symmetric")
    if constraints.repeat != "none":
        words.append(f"{constraints.repeat} repeat")
    if constraints.keep != "none":
        words.append("a part kept" if constraints.keep == "rectangle" else f"{constraints.keep} kept")
    return ", ".join(words) or "free"


def _draw_no_repeat() -> None:
    """Draw the choice that cannot be made, under a key of its own: what was chosen before stays in the form."""
    st.selectbox(
        "Repeat",
        ["Not applicable"],
        key="form_no_repeat",
        disabled=True,
        help="Not applicable: this design has a border, so it is whole as it is.",
    )


def _choose(label: str, name: str, options: dict[str, str], help_text: str) -> None:
    st.selectbox(
        label,
        list(options),
        format_func=options.__getitem__,
        key=key_of(name),
        help=help_text,
        persist_state="session",
    )
