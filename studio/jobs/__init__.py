"""The queue of runs with its one worker, the progress of each run, and designs that are read meanwhile."""

from studio.jobs.queue import JobQueue, RunEngine

__all__ = ["JobQueue", "RunEngine"]
