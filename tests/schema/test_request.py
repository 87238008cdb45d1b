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
    Cross,
    VariationRecord,
    VariationRequest,
    Weaving,
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
        ({"drawing": "hand"}, "Drawing “hand” is not known. Choose one of: motifs, model, both"),
        ({"drawing": "both", "prompt": " "}, "prompt is empty"),
        ({"drawing": "motifs", "prompt": "x" * (PROMPT_LIMIT + 1)}, str(PROMPT_LIMIT + 1)),
        ({"change": 0.01}, "Change 0.01 is out of range. Choose 0.02 to 0.9"),
        ({"change": 0.91}, "Change 0.91"),
        ({"change": math.nan}, "Change nan"),
        ({"pull": -0.1}, "Pull -0.1 is out of range. Choose 0 to 1"),
        ({"pull": 1.1}, "Pull 1.1"),
        ({"pull": "1"}, "Pull 1"),
        ({"cross": Cross("b" * 64)}, "Set Drawing to the design's motifs"),
        ({"cross": Cross("b" * 64), "drawing": "both"}, "Set Drawing to the design's motifs"),
    ],
)
def test_an_invalid_value_is_refused_and_named(change: dict, names: str) -> None:
    with pytest.raises(RequestError, match=names.replace(".", r"\.")):
        VariationRequest(**GOOD | change)


@pytest.mark.parametrize("weight", [-0.1, 2.1, math.nan])
def test_adapter_weight_has_limits(weight: float) -> None:
    with pytest.raises(RequestError, match="Adapter weight"):
        AdapterUse("folder", weight)


@pytest.mark.parametrize("share", [0.04, 0.96, math.nan, None])
def test_the_share_of_a_second_design_has_limits(share: object) -> None:
    with pytest.raises(RequestError, match=r"Share of the second design .* Choose 0\.05 to 0\.95"):
        Cross("b" * 64, share=share)


def test_an_unknown_way_to_cross_is_refused() -> None:
    with pytest.raises(RequestError, match="Choose one of: motifs, layout"):
        Cross("b" * 64, way="weft")


@pytest.mark.parametrize("change", [{"change": 0.02}, {"change": 0.9}, {"pull": 0}, {"pull": 1}])
def test_the_ends_of_a_range_are_in_it(change: dict) -> None:
    request = VariationRequest(**GOOD, **change)
    assert {name: getattr(request, name) for name in change} == change


def test_a_prompt_is_needed_only_where_a_model_draws() -> None:
    assert VariationRequest(**GOOD | {"prompt": " \n "}, drawing="motifs").prompt == ""


def test_seed_zero_is_a_seed() -> None:
    assert VariationRequest(**GOOD | {"seeds": (0,)}).seeds == (0,)
    assert seeds_from(SEED_LIMIT - 1, 3) == (SEED_LIMIT - 1, 0, 1)


def test_a_request_is_read_back_from_json() -> None:
    request = VariationRequest(**GOOD, adapter=AdapterUse("lora", 0.8), negative_prompt="blur", strength=0.45)
    assert VariationRequest.from_json(json.loads(json.dumps(request.to_json()))) == request


CROSSES = st.builds(
    Cross,
    source=st.text("0123456789abcdef", min_size=64, max_size=64),
    way=st.sampled_from(["motifs", "layout"]),
    share=st.floats(0.05, 0.95),
    parent=st.none() | st.just("20260101-000000-000-abcdef"),
)


@given(st.sampled_from(["motifs", "model", "both"]), st.floats(0.02, 0.9), st.floats(0, 1), st.none() | CROSSES)
def test_a_drawing_is_read_back_from_json(drawing: str, change: float, pull: float, cross: Cross | None) -> None:
    settings = {"drawing": drawing, "change": change, "pull": pull, "cross": cross if drawing == "motifs" else None}
    request = VariationRequest(**GOOD, **settings)
    assert VariationRequest.from_json(json.loads(json.dumps(request.to_json()))) == request
    record = make_record(**settings)
    assert VariationRecord.from_json(json.loads(json.dumps(record.to_json()))) == record


@pytest.mark.parametrize("made", [VariationRequest(**GOOD), make_record()], ids=["request", "record"])
def test_what_an_earlier_version_wrote_was_drawn_by_a_model(made: VariationRequest | VariationRecord) -> None:
    values = json.loads(json.dumps(made.to_json()))
    for name in ("drawing", "change", "pull", "cross"):
        del values[name]
    read = type(made).from_json(values)
    assert (read.drawing, read.change, read.pull, read.cross) == ("model", 0.25, 0.7, None)
    assert read == made


def test_a_weaving_of_an_earlier_version_has_no_neighbourhoods() -> None:
    record = make_record(weaving=Weaving(changed_share=0.2, known_small=0.98, known_large=0.9))
    values = json.loads(json.dumps(record.to_json()))
    del values["weaving"]["known_small"], values["weaving"]["known_large"]
    assert VariationRecord.from_json(values).weaving == Weaving(changed_share=0.2)


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
