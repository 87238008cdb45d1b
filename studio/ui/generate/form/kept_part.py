"""What a kept part does to a design's symmetry, found and told before a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from studio.designs.files.opening import open_design
from studio.designs.inspection import describe_share
from studio.designs.weaving.plan import plan_weave
from studio.errors import StudioError
from studio.schema import Constraints, Drawing
from studio.ui.session import workspace


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


def find_kept_part(sha256: str, constraints: Constraints, drawing: Drawing) -> KeptPart | None:
    """Return what a run with these constraints keeps, None where it keeps no part or is refused at its start."""
    if constraints.keep == "none" or constraints.symmetry == "none":
        return None
    try:
        return _read_kept_part(sha256, constraints, drawing)
    except (StudioError, OSError):  # told when the run is to be started
        return None


@st.cache_data(max_entries=64, show_spinner=False)
def _read_kept_part(sha256: str, constraints: Constraints, drawing: Drawing) -> KeptPart:
    design = open_design(workspace().catalogue.source_path(sha256).read_bytes())
    plan = plan_weave(design, constraints, drawing)
    return KeptPart(plan.marked_share, plan.kept_share, plan.mirrored, plan.notes)
