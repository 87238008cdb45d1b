"""Runs in line for one worker, and how each of them stands."""

from studio.jobs.queue import Drawing, JobQueue

__all__ = ["Drawing", "JobQueue"]
