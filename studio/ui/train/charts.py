"""The curves of a training: the loss of its steps, and the loss on the designs held out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from studio.jobs.training_log import TrainingProgress
from studio.ui.shared.amounts import describe_count
from studio.ui.shared.tables import plain_table

_TRAINED, _HELD_OUT = "Trained on, smoothed", "Held out"
_COLOURS = ["#5b8fc7", "#c9782b"]
"""Both have a contrast of more than 3:1 on the light and on the dark page; the second line is dashed too."""
_MOST_POINTS = 400
_SMOOTHED = 25
_HEIGHT_PX = 280


def draw_losses(progress: TrainingProgress, steps: int) -> None:
    """Draw the curves over `steps` steps, and below them what they say in words."""
    rows = [
        *({"step": step, "loss": loss, "of": _TRAINED} for step, loss in smooth(progress.steps, progress.losses)),
        *({"step": one.step, "loss": one.loss, "of": _HELD_OUT} for one in progress.validations),
    ]
    with st.container(key="training_losses", gap="xsmall"):
        words = describe_losses(progress)
        st.vega_lite_chart(_make_chart(rows, steps), width="stretch", height=_HEIGHT_PX, alt=words)
        st.caption(words)
    if progress.validations and progress.validations[-1].by_level:
        with st.expander("Held-out loss by noise level", key="training_levels"):
            st.html(plain_table(_rows_by_level(progress), "Held-out loss by noise level"))
            st.caption(
                "Low levels are details, such as lines a knot wide; high levels are layout and colours. The best step "
                "so far may differ from level to level."
            )


def smooth(steps: Sequence[int], losses: Sequence[float]) -> list[tuple[int, float]]:
    """Return (step, mean of the losses of the steps up to it), at most about `_MOST_POINTS` of them.

    The mean is over `_SMOOTHED` steps: the loss of one step depends most on the noise level that was drawn for it.
    """
    every = max(1, len(steps) // _MOST_POINTS)
    points = []
    for end in range(len(steps), 0, -every):
        window = losses[max(0, end - max(_SMOOTHED, every)) : end]
        points.append((steps[end - 1], sum(window) / len(window)))
    return points[::-1]


def describe_losses(progress: TrainingProgress) -> str:
    """Return in words what the curves show."""
    if not progress.losses:
        return "The loss appears here with the first step: how far the model is from the designs, the lower the better."
    smoothed = smooth(progress.steps, progress.losses)
    words = [f"Loss {smoothed[-1][1]:.3f} at step {describe_count(progress.step)}"]
    if progress.validations:
        first, last = progress.validations[0], progress.validations[-1]
        best = min(progress.validations, key=lambda one: one.loss)
        words.append(f"held out {last.loss:.3f} ({first.loss:.3f} at step {describe_count(first.step)})")
        if best.loss < last.loss:
            words.append(f"lowest {best.loss:.3f} at step {describe_count(best.step)}")
    return f"{', '.join(words)}. Where the held-out loss rises again, the model begins to learn designs by heart."


def _rows_by_level(progress: TrainingProgress) -> list[tuple[str, str]]:
    first, last = progress.validations[0], progress.validations[-1]
    return [
        (f"Level {level}", f"{loss:.3f}" + (f", from {first.by_level[level]:.3f}" if level in first.by_level else ""))
        for level, loss in last.by_level.items()
    ]


def _make_chart(rows: list[dict[str, Any]], steps: int) -> dict[str, Any]:
    """Return the curves as a specification of Vega-Lite, whose axis of steps has its whole length from the start."""
    kinds = [_TRAINED, _HELD_OUT]
    of = {"field": "of", "type": "nominal", "title": None}
    return {
        "data": {"values": rows},
        "mark": {"type": "line", "point": len(rows) < 40},
        "encoding": {
            "x": {"field": "step", "type": "quantitative", "title": "Step", "scale": {"domain": [0, steps]}},
            "y": {"field": "loss", "type": "quantitative", "title": "Loss", "scale": {"zero": False}},
            "color": of | {"scale": {"domain": kinds, "range": _COLOURS}, "legend": {"orient": "top"}},
            "strokeDash": of | {"scale": {"domain": kinds, "range": [[1, 0], [6, 3]]}, "legend": None},
        },
    }
