"""Where a run stands, how it ended and what it was made with, in a line each."""

from __future__ import annotations

from studio.schema import JobSnapshot, JobState, RunFacts


def describe_progress(snapshot: JobSnapshot) -> str:
    """Return one line on where a run stands that is not over."""
    left = f" · {_about(snapshot.seconds_left)} left" if snapshot.seconds_left is not None else ""
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
    """Return one line on how a run ended with so many pictures; without a snapshot only these are known."""
    made = f"{finished} variation{'' if finished == 1 else 's'}"
    if snapshot is None:
        return made
    if snapshot.state is JobState.FINISHED:
        return f"{made} in {_duration(snapshot.seconds_elapsed)}"
    how = "Stopped" if snapshot.state is JobState.CANCELLED else "The run did not finish"
    return f"{how} · {made} kept" if finished else how


def describe_facts(facts: RunFacts) -> str:
    """Return one line on what made the pictures of a run."""
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


def _about(seconds: float) -> str:
    return f"about {_duration(seconds)}"


def _duration(seconds: float) -> str:
    whole = max(round(seconds), 1)
    return f"{whole} s" if whole < 90 else f"{round(whole / 60)} min"
