"""The head of a model card: what the Hugging Face hub reads of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from huggingface_hub import EvalResult, ModelCardData

from studio.adapter_evaluation.results import BASE, FIGURES, AdapterEvaluation
from studio.adapter_training.card.account import Account
from studio.adapter_training.card.emissions import Grid, find_emissions_kg

LICENCES: Mapping[str, tuple[str, str | None]] = {
    "GPL-3.0-or-later, like the studio": ("gpl-3.0", None),
    "Stability AI Community License": ("other", "stabilityai-ai-community"),
}
"""The hub's identifier of each licence of the table of models, and its name there where the identifier is “other”."""
OTHER_LICENCE = ("other", "licence-of-the-base-model")
TASK = "image-to-image"
HELD_OUT = "Held-out designs"
IDENTIFIER = re.compile(r"[\w.-]+/[\w.-]+")
"""A model on the hub: owner and name."""
EVALUATED = ("archive", "palette", "patches", "drawing", "width_gap", "fidelity", "diversity")
"""Figures of variations that are results of the model; the others are checks."""


def make_metadata(account: Account, found: AdapterEvaluation | None, title: str, grid: Grid) -> ModelCardData:
    """Return the head of the card. Its results are those of the evaluation, or else the last held-out losses."""
    facts = account.facts
    model = facts.model
    licence, name = LICENCES.get(str(model.get("licence")), OTHER_LICENCE)
    link = str(model.get("licence_url") or "") if licence == "other" else ""
    identifier = str(model.get("id"))
    data = ModelCardData(
        language="en",
        license=licence,
        license_name=name,
        license_link=link or None,
        library_name="diffusers",
        pipeline_tag=TASK,
        base_model=identifier if IDENTIFIER.fullmatch(identifier) else None,
        tags=["lora", "peft", "carpet", "textile-design", TASK],
        model_name=title,
        eval_results=list(_list_results(account, found)) or None,
        co2_eq_emissions=_describe_emissions(account, grid),
    )
    if facts.recipe.trigger:
        data["instance_prompt"] = facts.recipe.trigger
    return data


def choose_shown_weight(found: AdapterEvaluation) -> float | None:
    """Return the weight whose figures the card shows: the best one, or else 1, or the highest that was measured."""
    every = [one.weight for one in found.ladder] + [one.weight for one in found.losses]
    measured = [weight for weight in every if weight != BASE]
    if found.best.weight in measured:
        return found.best.weight
    return 1.0 if 1.0 in measured else max(measured, default=None)


def _list_results(account: Account, found: AdapterEvaluation | None) -> Iterator[EvalResult]:
    weight = None if found is None else choose_shown_weight(found)
    if found is None or weight is None:
        if account.validations:
            yield _make_result("loss", "Held-out flow loss", float(account.validations[-1]["loss"]), {})
        return
    settings = {"weight": weight}
    for loss in found.losses:
        if loss.weight == weight:
            yield _make_result("loss", "Held-out flow loss", loss.mean.value, settings)
    step = found.step(weight)
    for name in EVALUATED if step is not None else ():
        if step is not None and (figure := step.figures.get(name)) is not None:
            title = FIGURES[name].title
            yield _make_result(name, title[0].upper() + title[1:], figure.value, settings)


def _make_result(kind: str, name: str, value: float, settings: dict[str, float]) -> EvalResult:
    return EvalResult(
        task_type=TASK,
        task_name="Variations of carpet designs",
        dataset_type="imagefolder",
        dataset_name=HELD_OUT,
        metric_type=kind,
        metric_name=name,
        metric_value=round(value, 5),
        metric_args=settings or None,
    )


def _describe_emissions(account: Account, grid: Grid) -> dict[str, object]:
    """Return the emissions in grams of CO2e as the hub reads them."""
    energy = account.energy
    how = "estimated" if energy.estimated else "measured"
    return {
        "emissions": round(1000 * find_emissions_kg(energy.kwh, grid), 3),
        "source": f"{how} energy x {grid.kg_per_kwh:g} kg CO2e per kWh ({grid.place}; {grid.source})",
        "training_type": "fine-tuning",
        "geographical_location": grid.place,
        "hardware_used": account.facts.device,
    }
