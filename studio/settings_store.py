"""The choices of the settings page, stored in settings.json of the outputs folder."""

from __future__ import annotations

import dataclasses
import json
import logging
import threading
from dataclasses import dataclass
from pathlib import Path

from studio.catalogue.files.paths import write_atomically
from studio.errors import RequestError, StorageError
from studio.schema import ForeignJSONError, read_json_object
from studio.schema.fields import check_text

IDLE_LIMIT_MINUTES = 24 * 60
NAME_LIMIT = 4096
"""Characters of a name or path, the most that file systems allow."""

logger = logging.getLogger(__name__)


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
        _check_name("The model", self.model)
        _check_name("The memory profile", self.profile)
        if self.adapter_folder is not None:
            _check_name("The adapter folder", self.adapter_folder)
        minutes = self.idle_unload_minutes
        if isinstance(minutes, bool) or not isinstance(minutes, int) or not 0 <= minutes <= IDLE_LIMIT_MINUTES:
            raise RequestError(f"{minutes} minutes are out of range. Choose 0 (never) to {IDLE_LIMIT_MINUTES}.")


def _check_name(what: str, name: object) -> None:
    """Raise `RequestError` unless a name or a path is text that a page can show and a disk can have."""
    if not isinstance(name, str) or "\0" in name or len(name) > NAME_LIMIT:
        raise RequestError(f"{what} must be text of at most {NAME_LIMIT} characters.")
    check_text(what, name)


class SettingsStore:
    """Reads and writes the settings file. Thread-safe."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()

    def load(self) -> StudioSettings:
        """Return the saved settings; the defaults if there is no file, and for what cannot be read or used in it.

        Unknown keys are ignored.
        """
        settings = StudioSettings()
        with self._lock:
            try:
                values = read_json_object(self._file)
            except FileNotFoundError:
                return settings
            except (OSError, ForeignJSONError) as error:
                logger.warning("%s is damaged (%s); the defaults are used", self._file, error)
                return settings
        for field in dataclasses.fields(StudioSettings):
            if field.name in values:
                try:
                    settings = dataclasses.replace(settings, **{field.name: values[field.name]})
                except RequestError as error:
                    logger.warning("%s: %s The default is used", self._file, error)
        return settings

    def save(self, settings: StudioSettings) -> None:
        """Write the settings. Raises `StorageError` if the outputs folder cannot be written."""
        with self._lock:
            try:
                write_atomically(self._file, json.dumps(dataclasses.asdict(settings), indent=2).encode())
            except StorageError as error:
                raise StorageError(f"The settings could not be saved in {self._file.parent}. {error}") from error
