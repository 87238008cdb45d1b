"""The choices of the settings page, stored in settings.json of the outputs folder."""

from __future__ import annotations

import dataclasses
import json
import logging
import threading
from dataclasses import dataclass
from pathlib import Path

from studio.errors import RequestError, StorageError

IDLE_LIMIT_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class StudioSettings:
    """The model, adapter and memory profile of the next run, and when the model is unloaded.

    `adapter_folder` is a peft folder or None. `idle_unload_minutes` is 0 (never) to `IDLE_LIMIT_MINUTES`.
    """

    model: str = "builtin"
    adapter_folder: str | None = None
    profile: str = "auto"
    idle_unload_minutes: int = 15

    def __post_init__(self) -> None:
        if not isinstance(self.model, str) or not isinstance(self.profile, str):
            raise RequestError("The names of a model and of a memory profile must be text.")
        if self.adapter_folder is not None and not isinstance(self.adapter_folder, str):
            raise RequestError("The path of an adapter folder must be text.")
        if not 0 <= self.idle_unload_minutes <= IDLE_LIMIT_MINUTES:
            raise RequestError(
                f"{self.idle_unload_minutes} minutes are out of range. Choose 0 (never) to {IDLE_LIMIT_MINUTES}."
            )


class SettingsStore:
    """Reads and writes the settings file. Thread-safe."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()

    def load(self) -> StudioSettings:
        """Return the saved settings, or the defaults if there is no file or it is damaged. Unknown keys are ignored."""
        with self._lock:
            try:
                values = json.loads(self._file.read_text("utf-8"))
                known = {field.name for field in dataclasses.fields(StudioSettings)}
                return StudioSettings(**{key: value for key, value in values.items() if key in known})
            except FileNotFoundError:
                return StudioSettings()
            except (OSError, ValueError, TypeError, AttributeError, RequestError):
                logging.getLogger(__name__).warning("%s is damaged; the defaults are used", self._file)
                return StudioSettings()

    def save(self, settings: StudioSettings) -> None:
        """Write the settings. Raises `StorageError` if the outputs folder cannot be written."""
        temporary = self._file.with_suffix(".tmp")
        with self._lock:
            try:
                temporary.write_text(json.dumps(dataclasses.asdict(settings), indent=2), "utf-8")
                temporary.replace(self._file)
            except OSError as error:
                raise StorageError(
                    f"The settings could not be saved in {self._file.parent}: {error.strerror}. "
                    "Make the folder writable and choose again."
                ) from error
