"""A training in words: its state, its progress, its end."""

from __future__ import annotations

from studio.jobs.trainings import Training, TrainingState
from studio.schema import JobState, TrainingSnapshot
from studio.ui.shared.amounts import describe_count, describe_duration, describe_memory

STATES = {
    TrainingState.WAITING: "Waiting in line",
    TrainingState.RUNNING: "Running",
    TrainingState.FINISHED: "Finished",
    TrainingState.STOPPED: "Stopped",
    TrainingState.FAILED: "Did not finish",
    TrainingState.INTERRUPTED: "Interrupted",
}
ICONS = {
    TrainingState.WAITING: ":material/hourglass_empty:",
    TrainingState.RUNNING: ":material/model_training:",
    TrainingState.FINISHED: ":material/check_circle:",
    TrainingState.STOPPED: ":material/pause_circle:",
    TrainingState.FAILED: ":material/error:",
    TrainingState.INTERRUPTED: ":material/power_off:",
}


def name_training(training_id: str) -> str:
    """Return the name of a training as a page shows it."""
    return training_id.replace("-", " ").replace("_", " ")


def describe_progress(snapshot: TrainingSnapshot) -> str:
    """Return a line on the progress of a training that is not over."""
    if snapshot.stage.startswith("Stopping"):
        return "Stopping: a checkpoint is written first"
    if snapshot.state is JobState.QUEUED:
        return f"Waiting in line · {snapshot.ahead} before it" if snapshot.ahead else snapshot.stage
    if snapshot.state is JobState.PREPARING or not snapshot.step:
        return snapshot.stage
    words = [f"Step {describe_count(snapshot.step)} of {describe_count(snapshot.steps)}"]
    if snapshot.stage != "Training":
        words.append(snapshot.stage)
    if snapshot.seconds_left is not None:
        words.append(f"about {describe_duration(snapshot.seconds_left)} left")
    return " · ".join(words)


def describe_figures(snapshot: TrainingSnapshot) -> str:
    """Return the figures of the last step: its loss, and the memory that was needed."""
    words = []
    if snapshot.loss is not None:
        words.append(f"loss {snapshot.loss:.3f}")
    if snapshot.peak_bytes is not None:
        words.append(f"at most {describe_memory(snapshot.peak_bytes)} of memory")
    text = " · ".join(words)
    return text[:1].upper() + text[1:]


def describe_end(training: Training) -> str:
    """Return a sentence on how far a training came that is not in the queue, and what to do next."""
    progress, steps = training.progress, training.order.recipe.steps
    reached = f"{describe_count(progress.step)} of {describe_count(steps)} steps"
    if training.state is TrainingState.FINISHED:
        return f"Finished: {reached}."
    kept = (
        f"Resume goes on from the checkpoint of step {describe_count(progress.checkpoint)}."
        if progress.checkpoint
        else "It begins anew when you resume it: there is no checkpoint yet."
    )
    if training.state is TrainingState.INTERRUPTED:
        return f"Interrupted after {reached}: the studio or the computer was switched off. {kept}"
    if training.state is TrainingState.FAILED:
        return f"It did not finish: {reached}. {kept}"
    return f"Stopped after {reached}. {kept}"
