"""Checks of dataclass fields, and reading dataclasses from JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from studio.errors import RequestError
from studio.schema.foreign_json import encodable

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_Record = TypeVar("_Record", bound="DataclassInstance")


def check_number(name: str, value: object, low: float, high: float, advice: str) -> None:
    """Raise `RequestError` unless `value` is a number in [low, high]. `advice` ends the message with a good value."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:  # NaN fails too
        raise RequestError(f"{name} {value} is out of range. Choose {low:g} to {high:g}; {advice}.")


def check_whole(name: str, value: object, low: int, high: int, advice: str) -> int:
    """Return `value`. Raises `RequestError` unless it is an integer in [low, high]."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise RequestError(f"{name} {value} is out of range. Choose a whole number from {low} to {high}; {advice}.")
    return value


def check_choice(name: str, value: object, choices: object) -> None:
    """Raise `RequestError` unless `value` is one of the values of the `Literal` type `choices`."""
    if value not in get_args(choices):
        raise RequestError(f"{name} “{value}” is not known. Choose one of: {', '.join(get_args(choices))}.")


def check_text(name: str, text: str) -> None:
    """Raise `RequestError` on text with lone surrogates: bytes of another encoding, which no file or page can hold."""
    if encodable(text) != text:
        raise RequestError(
            f"{name}, “{encodable(text)[:100]}”, holds characters that are not UTF-8 text. They are shown as “?”; "
            "write them again, or rename the file or folder."
        )


def make_encodable(record: DataclassInstance) -> None:
    """Replace lone surrogates by “?” in each text field of a frozen dataclass. For `__post_init__`."""
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        if isinstance(value, str):
            object.__setattr__(record, field.name, encodable(value))


def read_fields(kind: type[_Record], values: Mapping[str, Any]) -> _Record:
    """Return the dataclass `kind` made from JSON values. Keys that are not its fields are ignored."""
    return kind(**{field.name: values[field.name] for field in dataclasses.fields(kind) if field.name in values})
