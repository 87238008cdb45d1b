"""What an evaluation left out, and what its figures cannot say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from studio.evaluation.archive_distance import LEAST_ARCHIVE
from studio.evaluation.intervals import FEW_DESIGNS, LEAST_DESIGNS


@dataclass(frozen=True, slots=True)
class Facts:
    """What the notes depend on: counts of held-out designs, of those drawn, and of pairs; what was measured."""

    designs: int
    drawn: int
    complete: bool
    without_caption: int
    trained_on: int
    looked_for_copies: bool
    pairs: int


def list_notes(facts: Facts) -> Iterator[str]:
    """Yield a sentence for each thing to know of the figures."""
    if not facts.complete:
        yield "The evaluation was stopped: the figures are of the designs that were finished."
    if facts.trained_on:
        yield (
            f"{facts.trained_on} of the held-out pictures were trained on. Their loss and their distance say nothing "
            "of new designs: evaluate on pictures that were kept apart."
        )
    for count, what in ((facts.designs, "held-out designs"), (facts.drawn, "designs with variations")):
        if count and count < LEAST_DESIGNS:
            yield f"{count} {what}: too few for intervals, which need {LEAST_DESIGNS}. The figures may be chance."
        elif count and count < FEW_DESIGNS:
            yield f"{count} {what}: the intervals are rough. {FEW_DESIGNS} or more make them good."
    if facts.designs < LEAST_ARCHIVE:
        yield "The archive is too small to be halved: what distance it has to itself is not known."
    if facts.without_caption:
        yield f"{facts.without_caption} held-out designs have no caption: they were drawn as “carpet”."
    if not facts.pairs:
        yield "No pairs of a design and its variations in the dataset: the loss on pairs was not measured."
    if not facts.looked_for_copies:
        yield "Copies of training pictures were not looked for. Name the training's pictures with --trained."
    else:
        yield (
            "Copies are found from about a fifth of a picture's longer side up, by their lines. What carpets of one "
            "style share counts too: compare with the base, which never saw the pictures. None found is no proof."
        )
    yield (
        "A lower loss is a better prediction of held-out designs, not a better carpet. The distances see colours, "
        "contrasts and edges of some knots; layout and taste they do not see. Look at the variations."
    )
    yield (
        "The intervals are over held-out designs, with the archive and the seeds as they are: they do not say what "
        "another training would give."
    )
