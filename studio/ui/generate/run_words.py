"""A run in words: its progress, its end and what drew it, one line each."""

from __future__ import annotations

from studio.schema import WITHOUT_MODEL, JobSnapshot, JobState, RunFacts


def describe_progress(snapshot: JobSnapshot) -> str:
    """Return a line on the progress of a run that is not over."""
    left = f" · about {_duration(snapshot.seconds_left)} left" if snapshot.seconds_left is not None else ""
    if snapshot.stage == "Stopping":
        return "Stopping after this step"
    if snapshot.state is JobState.QUEUED:
        runs = "1 run goes" if snapshot.ahead == 1 else f"{snapshot.ahead} runs go"
        return f"Waiting in line · {runs} first" if snapshot.ahead else snapshot.stage
    if snapshot.state is JobState.PREPARING:
        return f"{snapshot.stage}{left}"
    if snapshot.step >= snapshot.steps:
        return f"Finishing the pictures{left}"
    return f"Step {snapshot.step} of {snapshot.steps}{left}"


def describe_end(finished: int, snapshot: JobSnapshot | None) -> str:
    """Return a line on how a run ended. Without a snapshot only the number of finished variations is known."""
    made = count_variations(finished)
    if snapshot is None:
        return made
    if snapshot.state is JobState.FINISHED:
        return f"{made} in {_duration(snapshot.seconds_elapsed)}"
    how = "Stopped" if snapshot.state is JobState.CANCELLED else "The run did not finish"
    return f"{how} · {made} kept" if finished else how


def describe_facts(facts: RunFacts) -> str:
    """Return a line on the model, adapter, sizes and steps that drew a run."""
    if facts.model == WITHOUT_MODEL:
        return f"Drawn from {facts.model_title} · {facts.width_px} × {facts.height_px} knots"
    parts = [f"Drawn by {facts.model_title}"]
    if facts.adapter_name is not None:
        parts[0] += f" with the adapter {facts.adapter_name} at {facts.adapter_weight:g}"
    if facts.enlarged:
        parts.append(
            f"drawn at {facts.working_width_px} × {facts.working_height_px} px, "
            f"enlarged to {facts.width_px} × {facts.height_px}"
        )
    else:
        parts.append(f"{facts.width_px} × {facts.height_px} px")
    parts.append(f"{facts.effective_steps} step{'' if facts.effective_steps == 1 else 's'}")
    return " · ".join(parts)


def count_variations(count: int) -> str:
    """Return a number of variations in words, such as “1 variation” or “5 variations”."""
    return f"{count} variation{'' if count == 1 else 's'}"


def _duration(seconds: float) -> str:
    whole = max(round(seconds), 1)
    return f"{whole} s" if whole < 90 else f"{round(whole / 60)} min"
