"""The tables of `evaluate adapter`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from studio.adapter_evaluation.results import BASE, FIGURES, AdapterEvaluation, LossStep
from studio.evaluation.intervals import Estimate

ABSENT = "–"
COPIES_SHOWN = 10


def list_lines(found: AdapterEvaluation) -> Iterator[str]:
    """Yield the lines: losses, variations at each weight, the best weight, copies, and what the figures cannot say."""
    yield f"{found.adapter['name']} against {found.model.get('title', 'its base model')}, on {_count(found)}."
    yield ""
    yield from _list_losses("Held-out loss by noise level", found.losses)
    yield from _list_losses("Held-out loss on pairs, by noise level of the start", found.paired_losses)
    yield from _list_ladder(found)
    yield f"Best weight: {'none' if found.best.weight is None else format(found.best.weight, 'g')}. {found.best.reason}"
    if found.best.rule:
        yield f"Rule: {found.best.rule}"
    yield from _list_copies(found)
    yield ""
    yield from (f"- {note}" for note in found.notes)


def _count(found: AdapterEvaluation) -> str:
    dataset = found.dataset
    of = "of them" if dataset["sources"] == dataset["name"] else f"designs of {dataset['sources']}"
    return f"{dataset['designs']} held-out designs of {dataset['name']}, variations of {dataset['drawn']} {of}"


def _list_losses(title: str, steps: Sequence[LossStep]) -> Iterator[str]:
    if not steps:
        return
    levels = list(steps[0].by_level)
    yield f"{title}; {steps[0].mean.count} designs"
    yield ""
    yield _row(["weight", *levels, "mean", "less the base's"])
    yield "|" + "---|" * (len(levels) + 3)
    for step in steps:
        difference = "base" if step.weight == BASE else _show(step.difference, "+.4f")
        cells = [f"{step.by_level[level].value:.4f}" for level in levels]
        yield _row([f"{step.weight:g}", *cells, f"{step.mean.value:.4f}", difference])
    yield ""


def _list_ladder(found: AdapterEvaluation) -> Iterator[str]:
    if not found.ladder:
        return
    titles = [f"{step.weight:g}" if step.weight != BASE else "0, the base" for step in found.ladder]
    yield f"Variations, {found.ladder[0].pictures} at each weight; below a figure its difference to the base's"
    yield ""
    yield _row(["figure", *titles, "the archive itself"])
    yield "|" + "---|" * (len(titles) + 2)
    for name, text in FIGURES.items():
        figures = [step.figures.get(name) for step in found.ladder]
        if not any(figures):
            continue
        yield _row([text.title, *(_show(one, ".3f", interval=False) for one in figures), _show_own(found, name)])
        differences = [step.differences.get(name) for step in found.ladder]
        yield _row(["", *(_show(one, "+.3f") if one is not None else "" for one in differences), ""])
    yield ""
    for name, text in FIGURES.items():
        if name in found.ladder[0].figures:
            yield f"- {text.title}: {text.means}."
    yield ""


def _show_own(found: AdapterEvaluation, name: str) -> str:
    """Return what the archive itself has: of a distance, where those of its halves lie."""
    if (floor := found.floors.get(name)) is not None:
        return f"{floor.low:.3f} to {floor.high:.3f}"
    return _show(found.own.get(name), ".3f", interval=False)


def _list_copies(found: AdapterEvaluation) -> Iterator[str]:
    copies = [one for one in found.copies if one.weight != BASE]
    if not copies:
        return
    yield ""
    yield f"Motifs that training pictures have and the source has not, {len(copies)} in all; the most alike"
    for one in sorted(copies, key=lambda one: -one.likeness)[:COPIES_SHOWN]:
        mirrored = ", mirrored" if one.mirrored else ""
        yield (
            f"- {one.likeness:.2f}: {_show_place(one.where)} of {one.design}, weight {one.weight:g}, seed {one.seed}: "
            f"{_show_place(one.there)} of {one.picture}{mirrored}"
        )


def _show_place(box: tuple[float, float, float, float]) -> str:
    """Return where the middle of a place lies, as shares of the picture's width and height."""
    left, top, right, bottom = box
    return f"{(left + right) / 2:.0%} across, {(top + bottom) / 2:.0%} down"


def _show(found: Estimate | None, form: str, *, interval: bool = True) -> str:
    if found is None:
        return ABSENT
    value = format(found.value, form)
    if not interval or found.low is None or found.high is None:
        return value
    return f"{value} ({found.low:{form}} to {found.high:{form}})"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
