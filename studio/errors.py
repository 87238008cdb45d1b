"""The studio's errors. Every message is for a designer: what happened, and what to do next.

StudioError
├── InputError            something given to the studio cannot be used (command line: exit code 2)
│   ├── DesignError       the picture file
│   ├── RequestError      the settings of a run
│   ├── NotFoundError     an id that the catalogue does not have
│   └── AdapterError      an adapter is damaged or was trained for another model
├── ModelError            a model cannot be found, fetched, loaded or run
│   └── MemoryShortError  the card or the computer has too little memory
├── StorageError          the outputs folder cannot be read or written
└── RunCancelledError     the designer stopped the run, or the reading of a file; finished variations are kept
"""

from __future__ import annotations


def first_line(error: BaseException) -> str:
    """Return the first line of a library's error message, at most 200 characters, with a full stop.

    What the system refused is said in its own words, after the path.
    """
    if isinstance(error, OSError) and error.strerror:
        where = "" if error.filename is None else f"{quote(error.filename)}: "
        return f"{where}{error.strerror}."
    text = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
    return f"{text[:200]}."


def quote(text: object, limit: int = 200) -> str:
    """Return a text from a file, or a path, for a message: one line that can be encoded, cut after `limit` characters.

    A name on a disk may hold line breaks and bytes of another encoding, which a page cannot show.
    """
    line = "".join(character if character.isprintable() else "?" for character in str(text))
    return line if len(line) <= limit else f"{line[:limit]}…"


class StudioError(Exception):
    """Base class of all errors with a message for the designer."""


class InputError(StudioError):
    """Something given to the studio cannot be used. The message names the bad value and a good one."""


class DesignError(InputError):
    """A file is not a picture that the studio can vary."""


class RequestError(InputError):
    """A setting of a run is invalid."""


class NotFoundError(InputError):
    """The catalogue has nothing with this id."""


class ModelError(StudioError):
    """A model cannot be found, fetched, loaded or run."""


class AdapterError(InputError):
    """An adapter is damaged or was trained for another model."""


class MemoryShortError(ModelError):
    """The card or the computer has too little memory for this run."""


class StorageError(StudioError):
    """The outputs folder cannot be read or written."""


class RunCancelledError(StudioError):
    """A run, or the reading of a file, was stopped on request. Variations finished before are kept."""
