"""Checks of what is read back from files and from the index: types, ranges and forms, before anything relies on them.

Values of later versions that a page shows as they are, such as a way to draw, are not limited to those known today.
"""

from __future__ import annotations

import dataclasses
import functools
import re
import types
import typing
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from studio.catalogue.identifiers import RUN_ID, SOURCE_HASH, VARIATION_ID
from studio.errors import RequestError
from studio.schema import (
    ADAPTER_WEIGHT_LIMIT,
    GUIDANCE_LIMIT,
    SEED_LIMIT,
    SIDE_LIMIT_PX,
    STEPS_LIMIT,
    YARNS_LIMIT,
    VariationRecord,
    Weaving,
    encodable,
)
from studio.schema.foreign_json import WHOLE_LIMIT

TEXT_LIMIT = 20_000
"""Characters of one text, ten times as many as a prompt may have."""
ITEMS_LIMIT = 1_000
TIME_LIMIT = 40
"""Characters of a time, enough for ISO 8601 with microseconds and an offset."""
SLOT_LIMIT = 1_000
FIGURE_LIMIT = 1e9
"""Largest figure, such as a number of seconds or a ratio of colour steps."""

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_ROUNDING = 1e-6

_RANGES: Mapping[str, tuple[float, float]] = {
    "slot": (0, SLOT_LIMIT - 1),
    "strength": (0, 1),
    "steps": (0, STEPS_LIMIT),
    "guidance_scale": (0, GUIDANCE_LIMIT),
    "seed": (0, SEED_LIMIT - 1),
    "change": (0, 1),
    "pull": (0, 1),
    "adapter_weight": (0, ADAPTER_WEIGHT_LIMIT),
    "effective_steps": (0, STEPS_LIMIT),
    "width_px": (1, WHOLE_LIMIT),  # `read_record` compares them with the picture
    "height_px": (1, WHOLE_LIMIT),
    "working_width_px": (1, SIDE_LIMIT_PX),
    "working_height_px": (1, SIDE_LIMIT_PX),
    "vertical": (-2 * SIDE_LIMIT_PX, 2 * SIDE_LIMIT_PX),
    "horizontal": (-2 * SIDE_LIMIT_PX, 2 * SIDE_LIMIT_PX),
    "agreement": (0, 1 + _ROUNDING),
    "known_small": (0, 1 + _ROUNDING),
    "known_large": (0, 1 + _ROUNDING),
}
"""Ranges by field of the records. Fields that end in `_share` are fractions of all knots."""

_Check = Callable[[str, Any], None]


def parse_record(values: object) -> VariationRecord:
    """Return the record in JSON values. Raises `ValueError` that names the first field that cannot be used."""
    if not isinstance(values, Mapping):
        raise ValueError("it is no record")
    try:
        record = VariationRecord.from_json(values)
    except (RequestError, TypeError, AttributeError) as error:
        raise ValueError(str(error)) from error
    except KeyError as error:
        raise ValueError(f"{error} is missing") from error
    check_record(record)
    return record


def check_record(record: VariationRecord) -> None:
    """Raise `ValueError` that names the first field of a record that cannot be used."""
    _check_fields(record)
    _check_form("id", record.id, VARIATION_ID)
    _check_form("run", record.run, RUN_ID)
    _check_form("source", record.source, SOURCE_HASH)
    if record.parent is not None:
        _check_form("parent", record.parent, VARIATION_ID)
    check_time("created_at", record.created_at)
    if record.cross is not None:
        _check_form("the second design", record.cross.source, SOURCE_HASH)
        if record.cross.parent is not None:
            _check_form("the second design’s parent", record.cross.parent, VARIATION_ID)
    if record.weaving is not None:
        _check_yarns(record.weaving)


def check_time(name: str, text: str) -> None:
    """Raise `ValueError` on a time that no page could show. Text that is no time is shown as it is."""
    if len(text) > TIME_LIMIT:
        raise ValueError(f"{name} is {_shown(text)}")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return
    try:
        moment.astimezone()
    except (ValueError, OverflowError, OSError) as error:
        raise ValueError(f"{name} is {_shown(text)}") from error


def check_fields(values: Mapping[str, Any], kind: type) -> None:
    """Raise `ValueError` that names the first field of JSON values that has another type than in a dataclass."""
    checks = _checks(kind)
    for name, value in values.items():
        checks[name](name, value)


def _check_fields(value: Any) -> None:  # noqa: ANN401  # a dataclass
    kind: type = type(value)
    for name, check in _checks(kind).items():
        check(name, getattr(value, name))


def _check_form(name: str, text: str, form: re.Pattern[str]) -> None:
    if form.fullmatch(text) is None:
        raise ValueError(f"{name} is {_shown(text)}")


def _check_yarns(weaving: Weaving) -> None:
    if len(weaving.yarns) > YARNS_LIMIT:
        raise ValueError(f"it has {len(weaving.yarns)} yarns")
    for yarn in weaving.yarns:
        _check_form("a yarn", yarn, _COLOUR)
    if weaving.shares and len(weaving.shares) != len(weaving.yarns):
        raise ValueError(f"it has {len(weaving.yarns)} yarns and {len(weaving.shares)} shares of them")
    for share in weaving.shares:
        if not 0 <= share <= 1 + _ROUNDING:
            raise ValueError(f"the share of a yarn is {_shown(share)}")


@functools.cache
def _checks(kind: type) -> Mapping[str, _Check]:
    """Return the check of each field of a dataclass, which raises `ValueError`."""
    hints = typing.get_type_hints(kind)
    return {field.name: _with_range(field.name, _check_of(hints[field.name])) for field in dataclasses.fields(kind)}


def _with_range(name: str, check: _Check) -> _Check:
    limits = _RANGES.get(name, (0, 1 + _ROUNDING) if name.endswith("_share") else None)
    if limits is None:
        return check
    low, high = limits

    def check_range(name: str, value: Any) -> None:  # noqa: ANN401
        check(name, value)
        if value is not None and not low <= value <= high:
            raise ValueError(f"{name} is {_shown(value)}")

    return check_range


def _check_of(hint: Any) -> _Check:  # noqa: ANN401  # one return per kind of type
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is types.UnionType:
        (inner,) = [_check_of(argument) for argument in arguments if argument is not types.NoneType]
        return lambda name, value: None if value is None else inner(name, value)
    if origin is tuple:
        return _check_items(_check_of(arguments[0]))
    if origin is Mapping:
        return _check_mapping
    if origin is typing.Literal:
        return _check_string
    if dataclasses.is_dataclass(hint):
        return lambda _, value: _check_fields(value)
    return {bool: _check_bool, int: _check_whole, float: _check_number, str: _check_string}[hint]


def _check_items(check: _Check) -> _Check:
    def check_all(name: str, value: Any) -> None:  # noqa: ANN401
        if not isinstance(value, (tuple, list)) or len(value) > ITEMS_LIMIT:
            raise ValueError(f"{name} is {_shown(value)}")
        for item in value:
            check(name, item)

    return check_all


def _check_mapping(name: str, value: object) -> None:
    if not isinstance(value, Mapping) or len(value) > ITEMS_LIMIT:
        raise ValueError(f"{name} is {_shown(value)}")
    for key, item in value.items():
        for text in (key, item):
            _check_string(name, text)
            if encodable(text) != text:
                raise ValueError(f"{name} holds {_shown(text)}")


def _check_bool(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise ValueError(f"{name} is {_shown(value)}")


def _check_whole(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= WHOLE_LIMIT:
        raise ValueError(f"{name} is {_shown(value)}")


def _check_number(name: str, value: object) -> None:
    # NaN fails the comparison too, and a whole number of any length can be compared.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= FIGURE_LIMIT:
        raise ValueError(f"{name} is {_shown(value)}")


def _check_string(name: str, value: object) -> None:
    if not isinstance(value, str) or len(value) > TEXT_LIMIT:
        raise ValueError(f"{name} is {_shown(value)}")


def _shown(value: object) -> str:
    """Return a value for a message, shortened and escaped."""
    text = ascii(value)
    return text if len(text) <= 60 else f"{text[:60]}…"
