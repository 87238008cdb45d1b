"""The form's choices under “For the loom”: yarns, symmetry, repeat, and the part to keep."""

from __future__ import annotations

import streamlit as st

from studio.catalogue import Source
from studio.designs.files.opening import Design
from studio.designs.inspection import Inspection, describe_share
from studio.designs.structure.symmetry import is_nearly_symmetric, is_symmetric
from studio.designs.weaving.axes import SIDES
from studio.designs.weaving.plan import plan_weave
from studio.errors import RequestError
from studio.jobs.reading import Reading
from studio.schema import COLOURS_LIMIT, Constraints, Drawing
from studio.ui.generate.form.form_values import drop_marks_of_other_design, key_of, read_constraints, read_form
from studio.ui.generate.form.kept_part import find_kept_part
from studio.ui.generate.form.rectangle import draw_rectangle
from studio.ui.generate.form.yarns import pick_yarns, tell_yarns
from studio.ui.session import workspace
from studio.ui.shared.facts.design_facts import count_yarns, find_facts
from studio.ui.shared.facts.reading import draw_reading_of
from studio.ui.shared.markdown import escape_markdown

PALETTES = {
    "auto": "Automatic",
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
    """Draw the choices in an expander; its title sums up what is kept. Without a design, what needs one is left out."""
    if source is not None and drop_marks_of_other_design(source.sha256):
        st.toast("The yarns or the part that you marked belonged to the last design. Mark them again in this one.")
    values = read_form()
    facts = None if source is None else find_facts(source.sha256)
    repeatable = source is None or can_repeat(source)
    problem, part, reading = None, None, None
    try:
        constraints = read_constraints(values, repeatable=repeatable)
        found = None if source is None else find_kept_part(source.sha256, constraints, values.drawing)
        part, reading = (None, found) if isinstance(found, Reading) else (found, None)
        kept = describe_constraints(constraints, facts, values.drawing, mirrored=part is None or part.mirrored)
    except RequestError as error:
        kept, problem = "not complete", str(error)
    with st.expander(f"For the loom · {kept}", key="form_loom"):
        _draw_choices(repeatable=repeatable)
        if values.palette == "new":
            _draw_new_yarns(source)
        if values.keep == "rectangle" and source is not None:
            draw_rectangle(source)
        if reading is not None:
            draw_reading_of(reading, "kept_part_reading")
        for sentence in () if part is None else part.describe():
            st.caption(f":material/info: {sentence}")
        # `draw_rectangle` asks for a missing rectangle itself.
        if problem is not None and not (values.keep == "rectangle" and values.rectangle is None):
            st.caption(f":material/info: {escape_markdown(problem)}")
        if not repeatable:
            st.caption(
                ":material/info: Repeat is not applicable: this design has a border. To repeat its field, upload one "
                "repeat of the field alone."
            )
        if facts is not None and facts.border is None and values.keep in ("border", "field"):
            st.caption(":material/info: No border was found in this design, so neither border nor field can be kept.")
    if facts is not None and values.symmetry == "auto":
        _offer_symmetry(facts)
    if not repeatable and values.repeat != "none":  # below the expander, which may be closed
        st.caption(
            f":material/info: The {REPEATS[values.repeat].lower()} repeat that you chose is not used: this design has "
            "a border."
        )


def _offer_symmetry(facts: Inspection) -> None:
    """Tell of a design that is nearly symmetric, and offer to make its variations exactly so."""
    near = [axis for axis in (facts.vertical, facts.horizontal) if is_nearly_symmetric(axis)]
    if not near:
        return
    exact = any(is_symmetric(axis) for axis in (facts.vertical, facts.horizontal))
    wanted = "quarter" if len(near) == 2 or exact else near[0].direction
    sides = ", ".join(f"{SIDES[axis.direction]} in {describe_share(axis.agreement)} of the knots" for axis in near)
    st.caption(f":material/info: This design is nearly symmetric: {sides}.")
    st.button(
        "Make variations exactly symmetric",
        key="form_make_symmetric",
        type="tertiary",
        icon=":material/flip:",
        on_click=_set_symmetry,
        args=(wanted,),
    )


def _set_symmetry(wanted: str) -> None:
    st.session_state[key_of("symmetry")] = wanted


def can_repeat(source: Source) -> bool:
    """Return whether a design may be one repeat of a cloth: it has no border, or its file cannot be read."""
    facts = find_facts(source.sha256)
    return facts is None or facts.border is None


def check_constraints(source: Source, constraints: Constraints) -> None:
    """Raise `StudioError` if the constraints do not fit the design, or if that cannot be read. Called before a run.

    Of a large design nothing is raised: the run itself checks it, and says the same where its pictures would be.
    """
    if constraints.none:
        return
    designs = workspace().designs
    reading = designs.ask(
        ("constraints", source.sha256, constraints),
        lambda own: _check(own, designs.open(own, source.sha256), constraints),
    )
    if reading.at_once():
        reading.answer()
    else:
        reading.cancel()


def _check(reading: Reading[None], design: Design, constraints: Constraints) -> None:
    reading.begin("Checking the settings")
    plan_weave(design, constraints)


def keeps_yarns(palette: str, facts: Inspection | None) -> bool:
    """Return whether a palette choice keeps the yarns of the design with these facts."""
    few = facts is not None and facts.indexed and facts.colours <= COLOURS_LIMIT
    return palette == "source" or (palette == "auto" and few)


def describe_constraints(
    constraints: Constraints, facts: Inspection | None, drawing: Drawing = "model", *, mirrored: bool = True
) -> str:
    """Return what is kept in a few words, such as “10 yarns, symmetric”; motifs always keep to yarns.

    `mirrored` is false where the design's own symmetry cannot be kept beside the kept part.
    """
    words = []
    if constraints.palette == "new":
        locked = f", {len(constraints.locked)} of them locked" if constraints.locked else ""
        words.append(f"{constraints.colours} {'yarns' if locked else 'new yarns'}{locked}")
    elif keeps_yarns(constraints.palette, facts):
        count = 0 if facts is None else facts.colours if facts.indexed else facts.suggested
        words.append("the design’s yarns" if not count else count_yarns(count))
    elif drawing != "model" and facts is not None:
        words.append(count_yarns(facts.colours) if facts.indexed else f"{count_yarns(len(facts.palette))} suggested")
    if constraints.symmetry == "auto":
        symmetric = mirrored and facts is not None and (is_symmetric(facts.vertical) or is_symmetric(facts.horizontal))
        words += ["symmetric"] if symmetric else []
    elif constraints.symmetry != "none":
        words.append("symmetric")
    if constraints.repeat != "none":
        words.append(f"{constraints.repeat} repeat")
    if constraints.keep != "none":
        words.append("a part kept" if constraints.keep == "rectangle" else f"{constraints.keep} kept")
    undecided = facts is None and "auto" in (constraints.palette, constraints.symmetry)
    return ", ".join(words) or ("as in the design" if undecided else "nothing kept")


def _draw_choices(*, repeatable: bool) -> None:
    with st.grid(2, min_column_width=_FIELD_PX, gap="small") as grid:
        with grid.cell():
            _choose(
                "Yarns",
                "palette",
                PALETTES,
                "The colours that a variation may have. Automatic keeps the design’s yarns if there are at most "
                f"{COLOURS_LIMIT}, and otherwise leaves the colours free.",
            )
        with grid.cell():
            _choose("Symmetry", "symmetry", SYMMETRIES, "Variations are mirrored exactly, to the knot.")
        with grid.cell():
            if repeatable:
                _choose(
                    "Repeat",
                    "repeat",
                    REPEATS,
                    "How repeats of the design are laid side by side on the loom. Seams are closed.",
                )
            else:
                _draw_no_repeat()
        with grid.cell():
            _choose("Keep", "keep", KEEPS, "The part that stays exactly as it is, while the rest is varied.")


def _draw_new_yarns(source: Source | None) -> None:
    st.number_input(
        "Number of yarns",
        min_value=1,
        max_value=COLOURS_LIMIT,
        step=1,
        key=key_of("colours"),
        help="Each variation gets this many yarns of its own. 8 to 10 suit most machine-made carpets.",
        persist_state="session",
    )
    yarns = None if source is None else tell_yarns(source.sha256)
    if yarns is not None:
        pick_yarns(
            "Locked yarns",
            yarns,
            key_of("locked"),
            help_text="These yarns of the design are in every variation; the others are new.",
        )


def _draw_no_repeat() -> None:
    """Draw a disabled choice under a key of its own, so that the form keeps the repeat that was chosen before."""
    st.selectbox(
        "Repeat",
        ["Not applicable"],
        key="form_no_repeat",
        disabled=True,
        help="This design has a border, so it is complete and does not repeat.",
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
