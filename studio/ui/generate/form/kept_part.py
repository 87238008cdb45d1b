"""What a kept part does to a design's symmetry, found and told before a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from studio.designs.files.opening import Design
from studio.designs.inspection import describe_share
from studio.designs.weaving.plan import plan_weave
from studio.errors import StudioError
from studio.jobs.reading import Reading
from studio.schema import Constraints, Drawing
from studio.ui.session import workspace

_ASKED = "kept_part_asked"


@dataclass(frozen=True, slots=True)
class KeptPart:
    """A kept part beside the symmetry of its run.

    `marked` and `share` are the shares of the knots that are kept without and with their mirror images, `mirrored`
    whether the run is symmetric at all, and `notes` the sentences of the plan.
    """

    marked: float
    share: float
    mirrored: bool
    notes: Sequence[str]

    def describe(self) -> tuple[str, ...]:
        """Return the sentences for the form: the plan's notes, and that the mirror image stays too."""
        if self.share <= self.marked:
            return tuple(self.notes)
        return (*self.notes, f"Its mirror image stays too: together {describe_share(self.share)} of the design.")


def find_kept_part(sha256: str, constraints: Constraints, drawing: Drawing) -> KeptPart | Reading[KeptPart] | None:
    """Return what a run with these constraints keeps, or the reading that finds it.

    None where the run keeps no part, or is refused at its start.
    """
    if constraints.keep == "none" or constraints.symmetry == "none":
        return None
    designs = workspace().designs
    reading = designs.ask(
        ("kept part", sha256, constraints, drawing),
        lambda own: _plan(own, designs.open(own, sha256), constraints, drawing),
    )
    _cancel_other(reading)
    if not reading.at_once():
        return reading
    try:
        return reading.answer()
    except StudioError:  # told when the run is to be started
        return None


def _cancel_other(reading: Reading[KeptPart]) -> None:
    """End what this session asked before: a part that is dragged over a large design asks at each stop."""
    other: Reading[KeptPart] | None = st.session_state.get(_ASKED)
    if other is not None and other is not reading:
        other.cancel()
    st.session_state[_ASKED] = reading


def _plan(reading: Reading[KeptPart], design: Design, constraints: Constraints, drawing: Drawing) -> KeptPart:
    reading.begin("Finding what the kept part does")
    plan = plan_weave(design, constraints, drawing)
    return KeptPart(plan.marked_share, plan.kept_share, plan.mirrored, plan.notes)
