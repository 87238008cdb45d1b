"""The queue of work with its one worker: runs that draw, and trainings; designs that are read meanwhile."""

from studio.jobs.queue import JobQueue
from studio.jobs.work import RunEngine

__all__ = ["JobQueue", "RunEngine"]
