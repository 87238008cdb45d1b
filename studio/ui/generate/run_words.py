"""A run in words: its progress, its end and what drew it, one line each."""

from __future__ import annotations

from studio.catalogue.lineage import Lineage, describe_motifs
from studio.designs.inspection import describe_share
from studio.schema import JobSnapshot, JobState, RunFacts, TrainingSnapshot, VariationRecord, VariationRequest
from studio.ui.generate.form.drawing import DRAWINGS, describe_pull
from studio.ui.shared.amounts import describe_duration
from studio.ui.shared.markdown import escape_markdown


def describe_progress(snapshot: JobSnapshot) -> str:
    """Return a line on the progress of a run that is not over."""
    left = f" · about {describe_duration(snapshot.seconds_left)} left" if snapshot.seconds_left is not None else ""
    if snapshot.stage == "Stopping":
        return "Stopping after this step"
    if snapshot.state is JobState.QUEUED:
        runs = "1 run goes" if snapshot.ahead == 1 else f"{snapshot.ahead} runs go"
        return f"Waiting in line · {runs} first" if snapshot.ahead else snapshot.stage
    if snapshot.state is JobState.PREPARING:
        return f"{snapshot.stage}{left}"
    if snapshot.step >= snapshot.steps:
        return f"Finishing the pictures{left}"
    return f"{_describe_drawing(snapshot)}{left}"


def describe_training(snapshot: TrainingSnapshot) -> str:
    """Return what a run waits for while a training goes first, and what to do about it."""
    if snapshot.state is JobState.QUEUED:
        return "A training waits in line before it. It can be taken out on the Train page."
    if snapshot.stage.startswith("Stopping"):
        return "A training is being stopped; it writes a checkpoint first."
    left = f": {describe_duration(snapshot.seconds_left)} left" if snapshot.seconds_left is not None else ""
    return f"A training is running{left}. Stop it on the Train page; it can be resumed."


def _describe_drawing(snapshot: JobSnapshot) -> str:
    """Return which variations are being drawn: motifs draw one after another, a model several at once."""
    count = len(snapshot.variations)
    if count == 1:
        return "Drawing the variation"
    if snapshot.request.drawing == "motifs":
        return f"Variation {snapshot.step * count // snapshot.steps + 1} of {count}"
    finished = sum(variation is not None for variation in snapshot.variations)
    return f"{finished} of {count} variations finished" if finished else f"Drawing {count} variations"


def describe_end(finished: int, snapshot: JobSnapshot | None) -> str:
    """Return a line on how a run ended. Without a snapshot only the number of finished variations is known."""
    made = count_variations(finished)
    if snapshot is None:
        return made
    if snapshot.state is JobState.FINISHED:
        return f"{made} in {describe_duration(snapshot.seconds_elapsed)}"
    how = "Stopped" if snapshot.state is JobState.CANCELLED else "The run did not finish"
    return f"{how} · {made} kept" if finished else how


def describe_facts(facts: RunFacts, made: VariationRequest | VariationRecord, lineage: Lineage) -> str:
    """Return a line on what drew a run, how far it was asked to go, and at which sizes, in Markdown.

    `made` holds the run's settings, `lineage` the designs that it was made from.
    """
    size = f"{facts.width_px} × {facts.height_px} knots"
    if made.drawing == "motifs":
        return f"Drawn from {_describe_motifs(facts, made, lineage)} · {size} · {_describe_change(made)}"
    model = escape_markdown(facts.model_title)
    if facts.adapter_name is not None:
        model += f" with the adapter {escape_markdown(facts.adapter_name)} at {facts.adapter_weight:g}"
    steps = f"{facts.effective_steps} step{'' if facts.effective_steps == 1 else 's'}"
    small = f"{facts.working_width_px} × {facts.working_height_px} px"
    if made.drawing == "both":
        sizes = f"its picture drawn at {small}, the motifs at {size}" if facts.enlarged else size
        wanted = (_describe_change(made), describe_pull(made.pull), f"strength {made.strength:g}")
        return " · ".join((f"Drawn from the design’s motifs, led by {model}", *wanted, sizes, steps))
    sizes = f"drawn at {small}, enlarged to {size}" if facts.enlarged else size
    return " · ".join((f"Drawn by {model}", f"strength {made.strength:g}", sizes, steps))


def describe_way(record: VariationRecord) -> str:
    """Return in one word which way a variation was drawn."""
    return "Crossed" if record.cross is not None else DRAWINGS.get(record.drawing, record.drawing)


def is_led(made: VariationRequest | VariationRecord) -> bool:
    """Return whether a picture leads the drawing, so that at least the wanted share of the knots is changed."""
    return made.drawing == "both" or (made.cross is not None and made.cross.way == "layout")


def _describe_motifs(facts: RunFacts, made: VariationRequest | VariationRecord, lineage: Lineage) -> str:
    if made.cross is None:
        return escape_markdown(facts.model_title)
    named, share = escape_markdown(describe_motifs(made, lineage)), describe_share(made.cross.share)
    return f"{named}, {share} of the second" if made.cross.way == "motifs" else f"{named}, pull {share}"


def _describe_change(made: VariationRequest | VariationRecord) -> str:
    return f"how far: {'at least' if is_led(made) else 'about'} {describe_share(made.change)}"


def count_variations(count: int) -> str:
    """Return a number of variations in words, such as “1 variation” or “5 variations”."""
    return f"{count} variation{'' if count == 1 else 's'}"
