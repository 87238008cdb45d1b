"""The frozen dataclasses that cross rooms. They hold no pixels and no tensors."""

from studio.schema.constraints import (
    COLOURS_LIMIT,
    SIDE_LIMIT_PX,
    YARNS_LIMIT,
    Constraints,
    KeepChoice,
    PaletteChoice,
    RepeatChoice,
    SymmetryChoice,
)
from studio.schema.progress import JobSnapshot, JobState
from studio.schema.records import RunFacts, VariationRecord, Weaving
from studio.schema.request import (
    ADAPTER_WEIGHT_LIMIT,
    COUNT_LIMIT,
    GUIDANCE_LIMIT,
    PROMPT_LIMIT,
    SEED_LIMIT,
    STEPS_LIMIT,
    AdapterUse,
    PipelineChoice,
    VariationRequest,
    effective_steps,
    fresh_seed,
    seeds_from,
)

__all__ = [
    "ADAPTER_WEIGHT_LIMIT",
    "COLOURS_LIMIT",
    "COUNT_LIMIT",
    "GUIDANCE_LIMIT",
    "PROMPT_LIMIT",
    "SEED_LIMIT",
    "SIDE_LIMIT_PX",
    "STEPS_LIMIT",
    "YARNS_LIMIT",
    "AdapterUse",
    "Constraints",
    "JobSnapshot",
    "JobState",
    "KeepChoice",
    "PaletteChoice",
    "PipelineChoice",
    "RepeatChoice",
    "RunFacts",
    "SymmetryChoice",
    "VariationRecord",
    "VariationRequest",
    "Weaving",
    "effective_steps",
    "fresh_seed",
    "seeds_from",
]
