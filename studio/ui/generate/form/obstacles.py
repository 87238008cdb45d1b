"""Why the form offers no run: a file that was refused, a design that is being read, or one with nothing to vary."""

from __future__ import annotations

from studio.catalogue import Source
from studio.designs.inspection import Inspection
from studio.ui.generate.form.form_values import read_form
from studio.ui.generate.form.upload import DESIGN, is_uploading
from studio.ui.shared.facts.design_facts import find_facts, is_being_read
from studio.ui.shared.markdown import escape_markdown
from studio.ui.shared.pictures import title_of


def find_obstacle(design: Source | None, refused: str | None) -> str | None:
    """Return why the form's run cannot be started, as Markdown, None where it can.

    `refused` is the name of the file that was chosen last and cannot be used: another design would be drawn instead.
    """
    if refused is not None:
        instead = "" if design is None else f", or keep “{escape_markdown(title_of(design))}”"
        return f"“{escape_markdown(refused)}” cannot be drawn. Choose another design{instead}."
    unread = _name_unread(design)
    if unread is not None:
        return f"{unread} is still being read. In a moment it can be drawn."
    if design is None or not has_one_yarn(find_facts(design.sha256)):
        return None
    values = read_form()
    if values.drawing != "model":
        return "This design has one yarn, so its motifs have nothing to vary. Choose “Model”, or another design."
    if values.palette in ("auto", "source"):
        return (
            "This design has one yarn, and it is kept: every picture would be plain. Choose “New yarns” or “Free "
            "colours” under “For the loom”, or another design."
        )
    return None


def _name_unread(design: Source | None) -> str | None:
    """Return how to call a design that is still being read, as Markdown, None where none is."""
    if design is None:
        return "The design" if is_uploading(DESIGN) else None
    return f"“{escape_markdown(title_of(design))}”" if is_being_read(design.sha256) else None


def has_one_yarn(facts: Inspection | None) -> bool:
    """Return whether a design with these facts has one yarn only; False where they are not known."""
    return facts is not None and sum(share > 0 for share in facts.shares) == 1
