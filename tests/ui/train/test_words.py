"""What the Train page says: advice before the start, curves in words, names of settings."""

from __future__ import annotations

import dataclasses

import pytest

from studio.datasets.report import DatasetReport
from studio.jobs.training_log import TrainingProgress, Validation
from studio.models.hardware import Hardware
from studio.models.registry import MODELS
from studio.schema import LoraRecipe
from studio.ui.generate.form.model import begin_with
from studio.ui.shared.amounts import describe_count, describe_duration, describe_memory, describe_moment
from studio.ui.train.charts import describe_losses, smooth
from studio.ui.train.form.advice import list_advice
from studio.ui.train.form.setting_words import SETTINGS, show_value

COMPUTER = Hardware("cpu", None, None, 16.0, 8)


def make_report(**changes: object) -> DatasetReport:
    usual = {"name": "carpets", "pictures": 40, "designs": 40, "sources": 0, "pairs": 0, "smallest_px": 128}
    nothing = {field.name: () for field in dataclasses.fields(DatasetReport)}
    return DatasetReport(**nothing | usual | changes)


def advise(recipe: LoraRecipe, *, epochs: float = 100.0, model: str = "builtin", **report: object) -> str:
    return " ".join(list_advice(recipe, MODELS[model], COMPUTER, (make_report(**report), epochs)))


def test_good_settings_need_no_advice() -> None:
    assert advise(LoraRecipe(trigger="kashan")) == ""


@pytest.mark.parametrize(
    ("recipe", "epochs", "report", "words"),
    [
        ({"trigger": ""}, 100, {}, "Without trigger words"),
        ({"optimiser": "prodigy"}, 100, {}, "set the learning rate to 1"),
        ({"learning_rate": 0.01}, 100, {}, "A learning rate of 0.01 is high"),
        ({"checkpoint_every": 2000}, 100, {}, "There is no checkpoint before the end"),
        ({}, 4000, {}, "learn these designs by heart"),
        ({}, 1, {}, "More steps help"),
        ({}, 100, {"designs": 1}, "twenty or more show a style"),
        ({"paired": True}, 100, {}, "has no effect"),
        ({}, 100, {"pairs": 3}, "“Learn from pairs” under “More settings”"),
        ({}, 100, {"without_caption": ("a.png",)}, "Pictures without a caption"),
        ({}, 100, {"designs": 2}, "No design can be held out"),
    ],
)
def test_advice_says_what_settings_mean_for_these_pictures(
    recipe: dict[str, object], epochs: float, report: dict[str, object], words: str
) -> None:
    settings = {"trigger": "kashan"} | recipe
    assert words in advise(LoraRecipe(**settings), epochs=epochs, **report)


def test_large_model_without_a_card_is_advised_against() -> None:
    assert "far too slow" in advise(LoraRecipe(trigger="k"), model="stabilityai/stable-diffusion-3.5-large")


def test_smoothed_curve_is_a_mean_over_the_steps_before() -> None:
    assert smooth((1, 2, 3), (3.0, 1.0, 2.0)) == [(1, 3.0), (2, 2.0), (3, 2.0)]
    points = smooth(tuple(range(1, 10_001)), (1.0,) * 10_000)
    assert len(points) == 400
    assert points[-1] == (10_000, 1.0)
    assert smooth((), ()) == []


def test_curves_are_told_in_words() -> None:
    validations = (Validation(0, 0.9, {}), Validation(100, 0.4, {}), Validation(200, 0.5, {}))
    told = describe_losses(TrainingProgress(steps=(1, 200), losses=(0.5, 0.25), validations=validations))
    assert "Loss 0.375 at step 200, held out 0.500 (0.900 at step 0), lowest 0.400 at step 100." in told
    assert "appears here" in describe_losses(TrainingProgress())


def test_every_setting_has_words() -> None:
    assert {field.name for field in dataclasses.fields(LoraRecipe)} == set(SETTINGS)
    labels = [setting.label for setting in SETTINGS.values()]
    assert len(set(labels)) == len(labels)
    recipe = LoraRecipe()
    for name, setting in SETTINGS.items():
        value = getattr(recipe, name)
        if setting.choices:
            assert value in setting.choices
        elif setting.high:
            assert setting.low <= value <= setting.high
    assert [show_value(value) for value in (True, 0.0001, "", "8bit", 64)] == ["Yes", "0.0001", "None", "8 bits", "64"]


@pytest.mark.parametrize(
    ("prompt", "with_trigger"),
    [("", "kashan rug"), ("navy field", "kashan rug, navy field"), ("a Kashan  rug", "a Kashan  rug")],
)
def test_prompt_begins_with_the_trigger_words_unless_it_holds_them(prompt: str, with_trigger: str) -> None:
    assert begin_with(prompt, "kashan rug") == with_trigger


def test_amounts_are_told_in_usual_units() -> None:
    durations = [describe_duration(seconds) for seconds in (0.2, 89, 91, 7800, 7200)]
    assert durations == ["1 s", "89 s", "2 min", "2 h 10 min", "2 h"]
    assert describe_memory(10.9 * 2**30) == "10.9 GiB"
    assert describe_count(1500) == "1\N{NARROW NO-BREAK SPACE}500"
    assert describe_moment("no time") == ""
    assert describe_moment("2026-11-28T12:00:00+00:00").startswith("28 November 2026, ")
