"""The section of a model card on evaluation: data, metrics, results, and what they cannot say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from studio.adapter_evaluation.results import BASE, FIGURES, AdapterEvaluation
from studio.adapter_training.card.account import Account
from studio.adapter_training.card.metadata import choose_shown_weight
from studio.adapter_training.card.sections import row
from studio.evaluation.intervals import Estimate

COMMAND = "`python -m studio evaluate adapter TRAINING --dataset HELD_OUT`"
ABSENT = "–"


def describe_evaluation(account: Account, found: AdapterEvaluation | None) -> Iterator[str]:
    """Yield the section: the evaluation's figures, or else the held-out losses of the training's log."""
    weight = None if found is None else choose_shown_weight(found)
    yield "## Evaluation"
    yield ""
    if found is None or weight is None:
        yield from _describe_validations(account)
        return
    yield "### Testing data, factors and metrics"
    yield ""
    dataset, settings = found.dataset, found.settings
    sources = "of them" if dataset.get("sources") == dataset.get("name") else "other designs"
    yield (
        f"{dataset.get('designs')} designs that were kept apart ({dataset.get('pictures')} pictures); variations of "
        f"{dataset.get('drawn')} {sources}, {settings.get('count')} each, at strength {settings.get('strength')}, with "
        "the same seeds for the base and for the adapter. Intervals are of 95 % over designs; differences are taken "
        "design by design."
    )
    yield ""
    yield "- held-out loss: mean square of the error of the predicted flow, at fixed noise and noise levels."
    step, base = found.step(weight), found.step(BASE)
    shown = [name for name in FIGURES if step is not None and name in step.figures]
    yield from (f"- {FIGURES[name].title}: {FIGURES[name].means}." for name in shown)
    yield ""
    yield "### Results"
    yield ""
    yield row(["figure", "base", f"adapter, weight {weight:g}", "difference"])
    yield "|---|---|---|---|"
    losses = {one.weight: one for one in found.losses}
    if weight in losses and BASE in losses:
        loss = losses[weight]
        yield row(["held-out loss", _show(losses[BASE].mean), _show(loss.mean), _show(loss.difference)])
        for level, value in loss.by_level.items():
            yield row([f"at noise {level}", _show(losses[BASE].by_level.get(level)), _show(value), ABSENT])
    for name in shown:
        if step is not None and base is not None:
            figures = base.figures.get(name), step.figures.get(name), step.differences.get(name)
            yield row([FIGURES[name].title, *(_show(figure) for figure in figures)])
    yield ""
    yield "#### Summary"
    yield ""
    best = "none" if found.best.weight is None else f"{found.best.weight:g}"
    yield f"Best weight: {best}. {found.best.reason}"
    yield ""
    yield from (f"- {note}" for note in found.notes)


def _describe_validations(account: Account) -> Iterator[str]:
    """Yield the held-out losses of the log: before the first step, or at the first validation, and at the last."""
    if account.validations:
        first, last = account.validations[0], account.validations[-1]
        yield (
            f"Held-out loss on {account.facts.dataset.get('held_out')} pictures that were not trained on: mean square "
            "of the error of the predicted flow, at fixed noise."
        )
        yield ""
        yield row(["noise level", f"step {first.get('step')}", f"step {last.get('step')}"])
        yield "|---|---|---|"
        earlier, later = _read_levels(first), _read_levels(last)
        for level, value in later.items():
            yield row([level, f"{earlier[level]:.4f}" if level in earlier else ABSENT, f"{value:.4f}"])
        yield row(["mean", f"{first['loss']:.4f}", f"{last['loss']:.4f}"])
        yield ""
        yield "These are means without intervals. A lower loss is a better prediction, not a better carpet."
    else:
        yield "No designs were kept apart in the training, so there is no held-out loss."
    yield ""
    yield f"Variations are not evaluated yet. Run {COMMAND}, which compares the adapter with its base model."


def _read_levels(entry: Mapping[str, Any]) -> dict[str, float]:
    levels = entry.get("by_level")
    if not isinstance(levels, dict):
        return {}
    return {str(level): float(value) for level, value in levels.items() if isinstance(value, (int, float))}


def _show(found: Estimate | None) -> str:
    if found is None:
        return ABSENT
    if found.low is None or found.high is None:
        return f"{found.value:.4f} ({found.count} designs, no interval)"
    return f"{found.value:.4f} ({found.low:.4f} to {found.high:.4f})"
