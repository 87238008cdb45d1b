"""The studio's errors: every message is for a designer, says what happened and what to do next.

StudioError
├── InputError            something given to the studio cannot be used (command line: exit code 2)
│   ├── DesignError       the picture
│   ├── RequestError      the settings of a run
│   └── NotFoundError     an id that the catalogue does not hold
├── ModelError            a model cannot be found, fetched, loaded or run
│   ├── AdapterError      an adapter does not fit, or is damaged
│   └── MemoryShortError  the card or the machine has too little memory
├── StorageError          outputs/ cannot be read or written
└── RunCancelledError     the designer stopped the run; what was finished is kept
"""

from __future__ import annotations


def first_line(error: BaseException) -> str:
    """Return the first line of a library's error as a sentence of at most 200 characters."""
    text = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
    return f"{text[:200]}."


class StudioError(Exception):
    """Base of all errors whose text may be shown to a designer as it is."""


class InputError(StudioError):
    """Something given to the studio cannot be used; the text names it and what would be fine."""


class DesignError(InputError):
    """A file is no picture that the studio can vary."""


class RequestError(InputError):
    """The settings of a run cannot work."""


class NotFoundError(InputError):
    """The catalogue holds nothing under this id."""


class ModelError(StudioError):
    """A model cannot be found, fetched, loaded or run."""


class AdapterError(InputError):
    """An adapter is damaged or was trained for another model."""


class MemoryShortError(ModelError):
    """The card or the machine has too little memory for this run."""


class StorageError(StudioError):
    """The outputs folder cannot be read or written."""


class RunCancelledError(StudioError):
    """The run was stopped on request; what was finished before is kept."""
