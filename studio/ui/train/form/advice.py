"""Advice on a training before it begins, in sentences: what its settings mean for these pictures on this computer."""

from __future__ import annotations

from collections.abc import Iterator

from studio.datasets import DatasetReport
from studio.models.hardware import Hardware
from studio.models.registry import ModelEntry
from studio.schema import LoraRecipe
from studio.ui.session import access_token_present
from studio.ui.shared.amounts import describe_count

_FEW_DESIGNS = 8
_BY_HEART_TIMES = 400
_TOO_SELDOM_TIMES = 10


def list_advice(
    recipe: LoraRecipe, entry: ModelEntry | None, report: DatasetReport | None, computer: Hardware
) -> tuple[str, ...]:
    """Return what a designer should know before the start. `report` is None while no pictures are chosen."""
    return (
        *_advise_on_model(recipe, entry, computer),
        *_advise_on_settings(recipe),
        *(() if report is None else _advise_on_pictures(recipe, report)),
    )


def _advise_on_model(recipe: LoraRecipe, entry: ModelEntry | None, computer: Hardware) -> Iterator[str]:
    if entry is None:
        yield f"The model {recipe.model} cannot be used here. Choose another one."
        return
    if not entry.local:
        if entry.gated and not access_token_present():
            yield f"{entry.title} needs a Hugging Face token; Settings says how to get one."
        if computer.device == "cpu":
            yield (
                f"There is no graphics card that can be used, and a processor is far too slow for {entry.title}. The "
                "built-in model can be trained here."
            )
    elif computer.device == "cpu" and entry.id == "builtin":
        yield "On a processor the built-in model takes from seconds to minutes for a hundred steps."


def _advise_on_settings(recipe: LoraRecipe) -> Iterator[str]:
    if not recipe.trigger:
        yield "Without trigger words it acts whenever it is chosen; with them, a prompt can call for its style."
    if recipe.optimiser == "prodigy" and recipe.learning_rate < 0.1:
        yield "Prodigy finds the learning rate itself: set the learning rate to 1, or it hardly learns."
    if recipe.optimiser != "prodigy" and recipe.learning_rate > 1e-3:
        yield f"A learning rate of {recipe.learning_rate:g} is high: samples may become noise. 0.0001 is usual."
    if recipe.checkpoint_every > recipe.steps:
        yield "There is no checkpoint before the end. Choose fewer steps between checkpoints, in case of a power cut."


def _advise_on_pictures(recipe: LoraRecipe, report: DatasetReport) -> Iterator[str]:
    seen = recipe.steps * recipe.batch * recipe.accumulate
    times = seen / max(report.pictures, 1)
    yield f"Each picture is learnt about {describe_count(max(round(times), 1))} times."
    if times > _BY_HEART_TIMES:
        yield "That is often: it may learn these designs by heart. Fewer steps, or more pictures, keep it general."
    if times < _TOO_SELDOM_TIMES:
        yield "That is seldom for a style to be learnt. More steps help."
    if report.designs < _FEW_DESIGNS:
        yield f"{report.designs} design{'' if report.designs == 1 else 's'} are few: twenty or more show a style."
    if not report.can_hold_out and recipe.held_out:
        yield "No design can be held out, so whether it learns the style or the designs by heart cannot be measured."
    if recipe.paired and not report.pairs:
        yield "There are no pairs in these pictures, so “Learn from pairs” has no effect."
    if report.pairs and not recipe.paired:
        yield "These pictures hold pairs. “Learn from pairs” under “More settings” learns how one was varied."
    if report.without_caption:
        yield "Pictures without a caption are learnt with the trigger words alone. Captions can be made above."
