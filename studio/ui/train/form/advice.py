"""Advice on a training before it begins, in sentences: what its settings mean for these pictures on this computer."""

from __future__ import annotations

from collections.abc import Iterator

from studio.datasets import DatasetReport
from studio.models.hardware import Hardware
from studio.models.registry import ModelEntry
from studio.schema import LoraRecipe
from studio.ui.session import access_token_present

_FEW_DESIGNS = 8
_BY_HEART_TIMES = 400
_TOO_SELDOM_TIMES = 10


def list_advice(
    recipe: LoraRecipe, entry: ModelEntry | None, computer: Hardware, pictures: tuple[DatasetReport, float] | None
) -> tuple[str, ...]:
    """Return what a designer should know before the start.

    `pictures` are their report and how often each is seen; None while none are chosen.
    """
    return (
        *_advise_on_model(recipe, entry, computer),
        *_advise_on_settings(recipe),
        *(() if pictures is None else _advise_on_pictures(recipe, *pictures)),
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


def _advise_on_settings(recipe: LoraRecipe) -> Iterator[str]:
    if not recipe.trigger:
        yield "Without trigger words it acts whenever it is chosen; with them, a prompt can call for its style."
    if recipe.optimiser == "prodigy" and recipe.learning_rate < 0.1:
        yield "Prodigy finds the learning rate itself: set the learning rate to 1, or it hardly learns."
    if recipe.optimiser != "prodigy" and recipe.learning_rate > 1e-3:
        yield f"A learning rate of {recipe.learning_rate:g} is high: samples may become noise. 0.0001 is usual."
    if recipe.checkpoint_every > recipe.steps:
        yield "There is no checkpoint before the end. Choose fewer steps between checkpoints, in case of a power cut."


def _advise_on_pictures(recipe: LoraRecipe, report: DatasetReport, epochs: float) -> Iterator[str]:
    if epochs > _BY_HEART_TIMES:
        yield "Each is seen often: it may learn these designs by heart. Fewer steps, or more pictures, keep it general."
    if epochs < _TOO_SELDOM_TIMES:
        yield "Each is seen seldom, for a style to be learnt. More steps help."
    if report.designs < _FEW_DESIGNS:
        yield f"Only {report.designs} design{'' if report.designs == 1 else 's'}: twenty or more show a style."
    if not report.can_hold_out and recipe.held_out:
        yield "No design can be held out, so whether it learns the style or the designs by heart cannot be measured."
    if recipe.paired and not report.pairs:
        yield "There are no pairs in these pictures, so “Learn from pairs” has no effect."
    if report.pairs and not recipe.paired:
        yield "These pictures hold pairs. “Learn from pairs” under “More settings” learns how one was varied."
    if report.without_caption:
        yield "Pictures without a caption are learnt with the trigger words alone. Captions can be made above."
