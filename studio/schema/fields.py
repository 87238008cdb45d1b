"""Fields of the frozen types: checked where they are given, read back from JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, TypeVar, get_args

from studio.errors import RequestError

_Fields = TypeVar("_Fields")


def check_number(name: str, value: float, low: float, high: float, good: str) -> None:
    """Raise `RequestError` unless the value lies in low..high; `good` says what would."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:  # refuses NaN
        raise RequestError(f"{name} {value} is out of range. Choose {low:g} to {high:g}; {good}.")


def check_whole(name: str, value: int, low: int, high: int, good: str) -> None:
    """Raise `RequestError` unless the value is a whole number in low..high."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise RequestError(f"{name} {value} is out of range. Choose a whole number from {low} to {high}; {good}.")


def check_choice(name: str, value: object, choices: object) -> None:
    """Raise `RequestError` unless the value is one of a `Literal`'s."""
    if value not in get_args(choices):
        raise RequestError(f"{name} “{value}” is not known. Choose one of: {', '.join(get_args(choices))}.")


def read_fields(kind: type[_Fields], values: Mapping[str, Any]) -> _Fields:
    """Return a dataclass from the JSON values that it knows."""
    return kind(**{field.name: values[field.name] for field in dataclasses.fields(kind) if field.name in values})
