"""A run as the page shows it: read from the queue or, after a restart, from the catalogue alone."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from studio.catalogue import Catalogue, Source, Variation
from studio.errors import NotFoundError
from studio.schema import JobSnapshot, RunFacts, VariationRecord, VariationRequest
from studio.workspace import Workspace

_Drawn = tuple[int, str | None]
"""A seed, and the id of the variation drawn from it; None as long as that is not finished."""


@dataclass(frozen=True, slots=True)
class RunSlot:
    """One slot of a run: its newest finished variation, if any, and that variation's seed or the one to be drawn.

    `redraw` is the newest job that draws, or drew, this slot again; None if there was none since the studio started.
    """

    number: int
    seed: int
    variation: Variation | None
    redraw: JobSnapshot | None = None

    @property
    def ongoing(self) -> JobSnapshot | None:
        """The job that is about to replace this slot's variation, or None."""
        return None if self.redraw is None or self.redraw.state.over else self.redraw


@dataclass(frozen=True, slots=True)
class RunView:
    """A run and its slots.

    `size` is the design's width and height in pixels. `seeds` are all that were ever drawn in the run. `request` holds
    the settings: the run's own request or, where only the catalogue knows the run, the record of its first picture.
    `snapshot` is None where the queue does not know the run.
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
    def ongoing(self) -> JobSnapshot | None:
        """The run's snapshot while it waits or is drawn; None once it is over."""
        return None if self.snapshot is None or self.snapshot.state.over else self.snapshot

    @property
    def idle(self) -> bool:
        """Whether neither the run nor a redraw is in progress."""
        return self.ongoing is None and all(slot.ongoing is None for slot in self.slots)

    @property
    def finished(self) -> int:
        """Number of finished pictures."""
        return sum(slot.variation is not None for slot in self.slots)


def find_run(workspace: Workspace, run_id: str) -> RunView:
    """Return a run by its id. Raises `NotFoundError` if neither the queue nor the catalogue knows it."""
    catalogue, snapshot = workspace.catalogue, workspace.jobs.snapshot(run_id)
    kept, redraws = catalogue.run(run_id, replaced=True), workspace.jobs.drawn_again(run_id)
    request: VariationRequest | VariationRecord
    if snapshot is not None:
        request, facts, source = snapshot.request, snapshot.facts, catalogue.source(snapshot.request.source)
        size = (source.width_px, source.height_px)
        first = dict(enumerate(zip(request.seeds, snapshot.variations, strict=True)))
    elif kept:
        request, facts, source = kept[0].record, kept[0].record.facts, catalogue.source(kept[0].record.source)
        size, first = (facts.width_px, facts.height_px), {}
    else:
        raise NotFoundError("This run is no longer known. Its finished pictures, if any, are in the gallery.")
    slots = _find_slots(catalogue, kept, first, redraws)
    seeds = {variation.record.seed for variation in kept} | {seed for seed, _ in first.values()}
    seeds |= {job.request.seeds[0] for job in redraws.values()}
    return RunView(run_id, source, size, slots, frozenset(seeds), request, facts, snapshot)


def _find_slots(
    catalogue: Catalogue,
    kept: tuple[Variation, ...],
    first: Mapping[int, _Drawn],
    redraws: Mapping[int, JobSnapshot],
) -> tuple[RunSlot, ...]:
    """Return the slots of a run; `first` and `redraws` hold what the queue knows of them, by slot number."""
    newest = {variation.record.slot: variation for variation in kept}
    slots = []
    for number in sorted({*newest, *first, *redraws}):
        job = redraws.get(number)
        drawn = [] if job is None else [(job.request.seeds[0], job.variations[0])]
        drawn += [first[number]] if number in first else []
        # `Catalogue.run` leaves out what lies in the bin; the queue still knows its id.
        variation = newest.get(number) or _find_first(catalogue, [drawn_id for _, drawn_id in drawn])
        seed = drawn[-1][0] if variation is None else variation.record.seed
        slots.append(RunSlot(number, seed, variation, job))
    return tuple(slots)


def _find_first(catalogue: Catalogue, variation_ids: Iterable[str | None]) -> Variation | None:
    for variation_id in variation_ids:
        with contextlib.suppress(NotFoundError):  # it was removed from the bin
            if variation_id is not None:
                return catalogue.variation(variation_id)
    return None
