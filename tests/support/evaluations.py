"""An evaluation of an adapter with a figure in every field."""

from __future__ import annotations

from studio.adapter_evaluation.results import (
    FIGURES,
    AdapterEvaluation,
    BestWeight,
    CopiedMotif,
    LadderStep,
    LossStep,
)
from studio.evaluation.archive_distance import Floor
from studio.evaluation.intervals import Estimate


def make_evaluation(*, complete: bool = True) -> AdapterEvaluation:
    """Return an evaluation on 12 designs, in which weight 0.5 is the best."""
    base, half = (
        dict.fromkeys(FIGURES, Estimate(0.8, 0.7, 0.9, 12)),
        dict.fromkeys(FIGURES, Estimate(0.5, 0.4, 0.6, 12)),
    )
    fall = Estimate(-0.3, -0.4, -0.2, 12)
    levels = {"0.1": Estimate(0.9, 0.8, 1.0, 12), "0.9": Estimate(1.1, None, None, 12)}
    return AdapterEvaluation(
        created_at="2026-11-28T18:00:00+00:00",
        adapter={"name": "house-style", "sha256": "ab" * 32},
        model={"id": "builtin", "title": "Built-in sketch model", "fingerprint": "0123456789ab"},
        dataset={"name": "kept apart", "designs": 12, "pictures": 20, "drawn": 12, "sources": "kept apart"},
        trained={"name": "archive", "pictures": 40},
        settings={"strength": 0.55, "steps": 12, "guidance_scale": 1.0, "count": 3, "seed": 0, "weights": [0.0, 0.5]},
        device="cpu",
        seconds=61.5,
        complete=complete,
        losses=(
            LossStep(0.0, Estimate(1.0, 0.9, 1.1, 12), None, levels),
            LossStep(0.5, Estimate(0.7, 0.6, 0.8, 12), fall, levels),
        ),
        paired_losses=(LossStep(0.0, Estimate(1.0, 0.9, 1.1, 3), None, levels),),
        ladder=(LadderStep(0.0, 36, base, {}), LadderStep(0.5, 36, half, dict.fromkeys(FIGURES, fall))),
        floors={"patches": Floor(0.0, -0.1, 0.1, 12)},
        own={"known_small": Estimate(0.6, 0.5, 0.7, 12)},
        copies=(
            CopiedMotif(
                weight=0.5,
                design="kept/one.png",
                seed=3,
                where=(0.1, 0.2, 0.3, 0.4),
                picture="secret-customer.png",
                there=(0.5, 0.6, 0.7, 0.8),
                likeness=0.95,
                mirrored=True,
            ),
        ),
        best=BestWeight(0.5, "At 0.5 the distance to the archive changes by -0.300 (-0.400 to -0.200).", fall, "rule"),
        notes=("The figures see knots.",),
    )
