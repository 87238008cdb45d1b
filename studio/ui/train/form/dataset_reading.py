"""The reading of a dataset in the background, so that a page shows its progress meanwhile."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from studio.datasets import Dataset, open_dataset
from studio.errors import RunCancelledError, StudioError, first_line

logger = logging.getLogger(__name__)


class DatasetReading:
    """A dataset that is being read, has been read, or could not be. For any thread.

    `progress` are the numbers of pictures read so far and in total. `dataset` is None until it is read, `error` is the
    sentence on why it could not be.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.progress = (0, 0)
        self.dataset: Dataset | None = None
        self.error: str | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read, name="studio-dataset", daemon=True)
        self._thread.start()

    @property
    def over(self) -> bool:
        """Whether it is read, or could not be."""
        return self.dataset is not None or self.error is not None

    def close(self) -> None:
        """Stop reading, and close the archive."""
        self._stop.set()
        if self.dataset is not None:
            self.dataset.close()

    def _read(self) -> None:
        try:
            dataset = open_dataset(self.path, progress=self._note)
        except RunCancelledError:
            self.error = "Reading was stopped."
        except StudioError as error:
            self.error = str(error)
        except Exception as error:  # the page must not wait for ever
            logger.exception("reading %s", self.path)
            self.error = f"The pictures could not be read ({type(error).__name__}): {first_line(error)} Try again."
        else:
            self.dataset = dataset
            if self._stop.is_set():
                dataset.close()

    def _note(self, done: int, total: int) -> None:
        self.progress = done, total
        if self._stop.is_set():
            raise RunCancelledError("Reading was stopped.")
