"""The queue of runs with its one worker, and the progress of each run."""

from studio.jobs.queue import JobQueue, RunEngine

__all__ = ["JobQueue", "RunEngine"]
