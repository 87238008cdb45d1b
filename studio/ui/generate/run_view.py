"""A run as it is drawn: from the queue or, after a restart, from the catalogue alone."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from studio.catalogue import Catalogue, Source, Variation
from studio.errors import NotFoundError
from studio.schema import JobSnapshot, RunFacts, VariationRecord, VariationRequest
from studio.workspace import Workspace

_Made = tuple[int, str | None]
"""A seed, and the id of the variation that was made of it, if any."""


@dataclass(frozen=True, slots=True)
class RunSlot:
    """One place of a run's sheet: its newest finished variation, if any, and the seed of that or of what is to come.

    `again` is the newest job that draws, or drew, this place again; None where there was none since the start.
    """

    number: int
    seed: int
    variation: Variation | None
    again: JobSnapshot | None = None

    @property
    def forming(self) -> bool:
        """Whether another picture is on its way into this place."""
        return self.again is not None and not self.again.state.over


@dataclass(frozen=True, slots=True)
class RunView:
    """What is known of a run. `size` is that of the design in pixels, `seeds` are all that were ever drawn in it.

    `request` holds the settings: the run's own, or those written into its first picture.
    """

    id: str
    source: Source
    size: tuple[int, int]
    slots: tuple[RunSlot, ...]
    seeds: frozenset[int]
    request: VariationRequest | VariationRecord
    facts: RunFacts | None
    snapshot: JobSnapshot | None

    @property
    def over(self) -> bool:
        """Whether the run itself has come to its end; single places may still be drawn again."""
        return self.snapshot is None or self.snapshot.state.over

    @property
    def still(self) -> bool:
        """Whether nothing more will happen."""
        return self.over and not any(slot.forming for slot in self.slots)

    @property
    def finished(self) -> int:
        """Number of pictures that are there."""
        return sum(slot.variation is not None for slot in self.slots)


def find_run(workspace: Workspace, run_id: str) -> RunView:
    """Return a run by its id. Raises `NotFoundError` when neither the queue nor the catalogue knows it."""
    catalogue, snapshot = workspace.catalogue, workspace.jobs.snapshot(run_id)
    kept, again = catalogue.run(run_id, replaced=True), workspace.jobs.drawn_again(run_id)
    if snapshot is not None:
        request, facts, source = snapshot.request, snapshot.facts, catalogue.source(snapshot.request.source)
        size = (source.width_px, source.height_px)
        first = dict(enumerate(zip(request.seeds, snapshot.variations, strict=True)))
    elif kept:
        request, facts, source = kept[0].record, kept[0].record.facts, catalogue.source(kept[0].record.source)
        size, first = (facts.width_px, facts.height_px), {}
    else:
        raise NotFoundError("This run is not known any more. What it finished, if anything, is in the gallery.")
    slots = _find_slots(catalogue, kept, first, again)
    seeds = {variation.record.seed for variation in kept} | {seed for seed, _ in first.values()}
    seeds |= {job.request.seeds[0] for job in again.values()}
    return RunView(run_id, source, size, slots, frozenset(seeds), request, facts, snapshot)


def _find_slots(
    catalogue: Catalogue,
    kept: tuple[Variation, ...],
    first: Mapping[int, _Made],
    again: Mapping[int, JobSnapshot],
) -> tuple[RunSlot, ...]:
    """Return the places of a run's sheet; `first` and `again` hold what the queue knows of each, by its number."""
    newest = {variation.record.slot: variation for variation in kept}
    slots = []
    for number in sorted({*newest, *first, *again}):
        job = again.get(number)
        made = [] if job is None else [(job.request.seeds[0], job.variations[0])]
        made += [first[number]] if number in first else []
        # What lies in the bin is no longer found by its run; the queue alone still knows its id.
        variation = newest.get(number) or _find_first(catalogue, [made_id for _, made_id in made])
        seed = made[-1][0] if variation is None else variation.record.seed
        slots.append(RunSlot(number, seed, variation, job))
    return tuple(slots)


def _find_first(catalogue: Catalogue, variation_ids: Iterable[str | None]) -> Variation | None:
    for variation_id in variation_ids:
        with contextlib.suppress(NotFoundError):  # removed for good meanwhile
            if variation_id is not None:
                return catalogue.variation(variation_id)
    return None
