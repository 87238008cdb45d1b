"""Requests and records: invalid values are refused with a good one named, JSON is read back."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.errors import RequestError
from studio.schema import (
    PROMPT_LIMIT,
    SEED_LIMIT,
    AdapterUse,
    Constraints,
    VariationRecord,
    VariationRequest,
    effective_steps,
    seeds_from,
)
from tests.support.catalogue_records import make_record

GOOD = {"source": "a" * 64, "prompt": "red kilim", "seeds": (1, 2, 3)}


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"prompt": "  \n "}, "prompt is empty"),
        ({"prompt": "x" * (PROMPT_LIMIT + 1)}, str(PROMPT_LIMIT + 1)),
        ({"negative_prompt": "x" * 10_000}, "10000"),
        ({"strength": 0.0}, "Strength 0.0"),
        ({"strength": math.nan}, "Strength nan"),
        ({"strength": math.inf}, "Strength inf"),
        ({"strength": 1.01}, "Strength 1.01"),
        ({"steps": 0}, "Steps 0"),
        ({"steps": 2.5}, "Steps 2.5"),
        ({"guidance_scale": math.nan}, "Guidance scale nan"),
        ({"guidance_scale": -1.0}, "Guidance scale -1"),
        ({"seeds": ()}, "0 variations"),
        ({"seeds": tuple(range(11))}, "11 variations"),
        ({"seeds": (1, 1)}, "same seed"),
        ({"seeds": (-1,)}, "Seed -1"),
        ({"seeds": (SEED_LIMIT,)}, f"Seed {SEED_LIMIT}"),
    ],
)
def test_an_invalid_value_is_refused_and_named(change: dict, names: str) -> None:
    with pytest.raises(RequestError, match=names.replace(".", r"\.")):
        VariationRequest(**GOOD | change)


@pytest.mark.parametrize("weight", [-0.1, 2.1, math.nan])
def test_adapter_weight_has_limits(weight: float) -> None:
    with pytest.raises(RequestError, match="Adapter weight"):
        AdapterUse("folder", weight)


def test_seed_zero_is_a_seed() -> None:
    assert VariationRequest(**GOOD | {"seeds": (0,)}).seeds == (0,)
    assert seeds_from(SEED_LIMIT - 1, 3) == (SEED_LIMIT - 1, 0, 1)


def test_a_request_is_read_back_from_json() -> None:
    request = VariationRequest(**GOOD, adapter=AdapterUse("lora", 0.8), negative_prompt="blur", strength=0.45)
    assert VariationRequest.from_json(json.loads(json.dumps(request.to_json()))) == request


@given(st.lists(st.integers(0, 255), max_size=70), st.integers(1, 64))
def test_at_least_one_yarn_of_a_new_palette_is_new(numbers: list[int], colours: int) -> None:
    wanted = {"palette": "new", "colours": colours, "locked": numbers}
    if len(set(numbers)) >= colours:
        with pytest.raises(RequestError, match=f"{len(set(numbers))} yarns are locked, which leaves none of {colours}"):
            Constraints(**wanted)
        return
    constraints = Constraints(**wanted)
    assert constraints.locked == tuple(sorted(set(numbers)))
    request = VariationRequest(**GOOD, constraints=constraints)
    assert VariationRequest.from_json(json.loads(json.dumps(request.to_json()))) == request


@pytest.mark.parametrize("palette", ["auto", "free", "source"])
def test_locked_yarns_are_dropped_without_a_new_palette(palette: str) -> None:
    constraints = Constraints(palette=palette, colours=8, locked=(1, 2))
    assert (constraints.colours, constraints.locked) == (None, ())


@pytest.mark.parametrize("locked", [(-1,), (256,), (1.5,), (True,), ("1",), "12", 3, None])
def test_an_invalid_yarn_number_cannot_be_locked(locked: object) -> None:
    with pytest.raises(RequestError, match="such as 0, 3"):
        Constraints(palette="new", colours=8, locked=locked)


def test_a_request_without_locked_yarns_is_read() -> None:
    request = VariationRequest(**GOOD, constraints=Constraints(palette="new", colours=8))
    values = json.loads(json.dumps(request.to_json()))
    del values["constraints"]["locked"]
    assert VariationRequest.from_json(values) == request


@given(st.integers(1, 200), st.floats(0.01, 1.0))
def test_effective_steps_are_between_one_and_all(steps: int, strength: float) -> None:
    assert 1 <= effective_steps(steps, strength) <= steps  # also at the lowest strength
    assert effective_steps(steps, 1.0) == steps


@pytest.mark.parametrize(("steps", "strength", "expected"), [(28, 0.6, 17), (4, 0.6, 3), (4, 0.2, 1), (28, 1.0, 28)])
def test_effective_steps_match_the_pipeline(steps: int, strength: float, expected: int) -> None:
    assert effective_steps(steps, strength) == expected


def test_a_record_of_another_version_is_read() -> None:
    record = make_record()
    values = json.loads(json.dumps(record.to_json()))
    values["colour_of_the_sky"] = "blue"
    values["facts"]["later"] = 1
    del values["facts"]["notes"]  # an earlier version did not write them
    assert VariationRecord.from_json(values) == dataclasses.replace(
        record, facts=dataclasses.replace(record.facts, notes=())
    )
    del values["seed"]
    with pytest.raises(TypeError, match="seed"):
        VariationRecord.from_json(values)
