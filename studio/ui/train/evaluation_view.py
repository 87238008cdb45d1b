"""What the evaluation of an adapter has found: a table by weight, curves, copied motifs, and what it cannot say."""

from __future__ import annotations

import shlex
from html import escape
from typing import Any

import streamlit as st

from studio.adapter_evaluation.results import FIGURES, AdapterEvaluation
from studio.evaluation.intervals import Estimate
from studio.jobs.trainings import Training
from studio.ui.shared.best_weight import find_evaluation
from studio.ui.shared.markdown import escape_markdown
from studio.ui.shared.tables import figures_table

_HEIGHT_PX = 260
_COLOUR = "#2b7d74"
_COPIES_SHOWN = 10
_MARKS = {"lower": "less is nearer to the archive", "higher": "more is nearer to the archive"}


def draw_evaluation(training: Training) -> None:
    """Draw the evaluation of a training's adapter, or how to make one."""
    st.subheader("Evaluation")
    found = find_evaluation(training)
    if found is None:
        st.caption(
            "Not made yet. This command draws the designs that were held out, with and without the adapter, and "
            "measures how near they come to your archive. Its figures then stand here."
        )
        command = shlex.join(["python", "-m", "studio", "evaluate", "adapter", str(training.folder.root)])
        st.code(command, language=None, wrap_lines=True)
        return
    if isinstance(found, str):
        st.error(escape_markdown(found))
        return
    _draw_curves(found)
    _draw_table(found)
    _draw_copies(found)
    for note in found.notes:
        st.caption(escape_markdown(note))


def _draw_curves(found: AdapterEvaluation) -> None:
    left, right = st.columns(2, gap="medium")
    archive = [(step.weight, step.figures["archive"]) for step in found.ladder if "archive" in step.figures]
    if archive:
        with left:
            _draw_curve(archive, "Distance to the archive", "0: as the archive; 1: as far as its designs are apart")
    losses = [(step.weight, step.mean) for step in found.losses]
    if losses:
        with right:
            _draw_curve(losses, "Held-out loss", "How far the model is from designs that it has not seen")


def _draw_curve(points: list[tuple[float, Estimate]], title: str, meaning: str) -> None:
    """Draw a figure over the weights, each with its interval."""
    rows = [
        {"weight": weight, "value": one.value, "low": _or(one.low, one.value), "high": _or(one.high, one.value)}
        for weight, one in points
    ]
    best = min(points, key=lambda one: one[1].value)
    said = f"{title}: {points[0][1].value:.3f} at weight {points[0][0]:g}, lowest {best[1].value:.3f} at {best[0]:g}."
    weights: dict[str, Any] = {"field": "weight", "type": "quantitative", "title": "Weight"}
    value = {"field": "value", "type": "quantitative", "title": title, "scale": {"zero": False}}
    layers = [
        {
            "mark": {"type": "rule", "color": _COLOUR},
            "encoding": {"y": value | {"field": "low"}, "y2": {"field": "high"}},
        },
        {"mark": {"type": "line", "point": {"color": _COLOUR}, "color": _COLOUR}, "encoding": {"y": value}},
    ]
    spec = {"data": {"values": rows}, "encoding": {"x": weights}, "layer": layers}
    st.vega_lite_chart(spec, width="stretch", height=_HEIGHT_PX, alt=said)
    st.caption(escape_markdown(f"{said} {meaning}."))


def _draw_table(found: AdapterEvaluation) -> None:
    if not found.ladder:
        return
    heads = [f"{step.weight:g}" + (" (best)" if step.weight == found.best.weight else "") for step in found.ladder]
    rows = []
    for name, text in FIGURES.items():
        values = [step.figures.get(name) for step in found.ladder]
        if any(value is not None for value in values):
            better = f". {_MARKS[text.better]}" if text.better is not None else ""
            rows.append((text.title, f"{text.means}{better}", [_describe(value) for value in values]))
    st.html(figures_table("Weight", heads, rows, "The adapter at each weight"))
    st.caption(
        "Below each figure, the interval in which it would lie for other designs of this kind, in 95 of 100 cases. A "
        "difference that is smaller than the intervals may be chance."
    )


def _describe(value: Estimate | None) -> str:
    """Return a figure and its interval as escaped HTML."""
    if value is None:
        return "–"
    interval = (
        "" if value.low is None or value.high is None else f"<br><small>{value.low:.3f} to {value.high:.3f}</small>"
    )
    return f"{escape(f'{value.value:.3f}')}{interval}"


def _draw_copies(found: AdapterEvaluation) -> None:
    if not found.copies:
        return
    number = "1 copied motif" if len(found.copies) == 1 else f"{len(found.copies)} copied motifs"
    with st.expander(f"{number} found", key="training_copies", icon=":material/content_copy:"):
        for one in found.copies[:_COPIES_SHOWN]:
            mirrored = ", mirrored" if one.mirrored else ""
            st.markdown(
                "- "
                + escape_markdown(
                    f"At weight {one.weight:g}, {one.design}, seed {one.seed}: as in {one.picture}{mirrored} "
                    f"(likeness {one.likeness:.2f})"
                )
            )
        if len(found.copies) > _COPIES_SHOWN:
            st.caption(f"{len(found.copies) - _COPIES_SHOWN} more are in evaluation.json.")


def _or(value: float | None, other: float) -> float:
    return other if value is None else value
