"""The settings of a training in plain words: their labels, helps and choices, in the order in which they are shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from studio.schema.request import SEED_LIMIT
from studio.schema.training import RANK_LIMIT, RESOLUTION_LIMIT_PX, TRAINING_STEPS_LIMIT


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its label, its help, and how it is entered.

    `low`, `high` and `step` are those of a number, whole where `step` is, with `digits` after the point; `choices` are
    the words of a choice by value. A setting with neither is a switch, or text.
    """

    label: str
    help: str
    low: float = 0.0
    high: float = 0.0
    step: float = 0.0
    digits: int = 0
    choices: Mapping[str, str] = field(default_factory=dict)


SETTINGS: Mapping[str, Setting] = {
    "model": Setting("Model", "The model that is taught. Its adapter draws with this model only."),
    "steps": Setting(
        "Steps",
        "How long it learns. 500 show whether it works, 1500 suit some twenty to a hundred designs, 4000 a large "
        "archive. Too many, and designs are learnt by heart.",
        1,
        TRAINING_STEPS_LIMIT,
        100,
    ),
    "trigger": Setting(
        "Trigger words",
        "One or two words that begin every caption, such as the name of the style. In a prompt they call for it.",
    ),
    "rank": Setting(
        "Rank",
        "How much the adapter can take in. 64 suits carpets; 16 makes a quarter of the file and learns less by heart.",
        1,
        RANK_LIMIT,
        8,
    ),
    "alpha": Setting("Alpha", "How strongly it acts: as much as the rank is usual.", 1, 10 * RANK_LIMIT, 1.0, 1),
    "layers": Setting(
        "Layers",
        "What of the model is changed. The prompt’s layers help to learn new words, and double the file.",
        choices={"attention": "Of the picture", "attention-and-text": "Of picture and prompt"},
    ),
    "base": Setting(
        "Model in memory",
        "8 bits need about half of the memory; the adapter itself is always trained in full.",
        choices={"16bit": "16 bits", "8bit": "8 bits"},
    ),
    "resolution_px": Setting(
        "Resolution",
        "A training picture has as many pixels as a square of this side, whatever its shape. 1024 suits Stable "
        "Diffusion 3.5, 512 needs a quarter of the time and sees less detail.",
        64,
        RESOLUTION_LIMIT_PX,
        64,
    ),
    "batch": Setting(
        "Pictures at once", "1 fits small cards. More is a little faster and needs more memory.", 1, 256, 1
    ),
    "accumulate": Setting(
        "Batches a step", "The adapter is changed after so many batches. 4 pictures a step learn evenly.", 1, 1024, 1
    ),
    "optimiser": Setting(
        "Optimiser",
        "How the adapter is changed. 8 bits save some memory. Prodigy finds the learning rate itself: set that to 1.",
        choices={"adamw": "AdamW", "adamw-8bit": "AdamW, 8 bits", "prodigy": "Prodigy"},
    ),
    "learning_rate": Setting(
        "Learning rate",
        "How far each step goes. Where samples become noise it is too high, where nothing changes too low.",
        1e-8,
        10.0,
        1e-5,
        6,
    ),
    "warm_up_steps": Setting(
        "Warm-up steps",
        "The learning rate rises over these steps, and falls slowly afterwards.",
        0,
        TRAINING_STEPS_LIMIT,
        10,
    ),
    "paired": Setting(
        "Learn from pairs",
        "Where a folder holds a design and its variations (0, 1, 2 …), half of the time the way from the one to the "
        "others is learnt.",
    ),
    "mirrored": Setting("Mirror images too", "Each picture is learnt mirrored as well. Not for designs with script."),
    "caption_dropout": Setting(
        "Without a caption",
        "Share of the time in which a picture is learnt without its caption: the style then shows without words too.",
        0.0,
        1.0,
        0.05,
        2,
    ),
    "noise_levels": Setting(
        "Noise levels",
        "Evenly keeps fine patterns. The middle learns layouts sooner.",
        choices={"uniform": "Evenly", "logit-normal": "Mostly the middle"},
    ),
    "shift": Setting(
        "Shift", "Above 1 there is more noise: more of the layout, less of fine lines.", 0.1, 20.0, 0.5, 2
    ),
    "average": Setting(
        "Average",
        "The adapter that is kept is an average over the last steps; 0 keeps the last state.",
        0.0,
        0.99999,
        0.01,
        3,
    ),
    "clip": Setting(
        "Largest change", "A step that would change the adapter more than this is shortened.", 1e-6, 1e6, 0.5, 2
    ),
    "weight_decay": Setting("Weight decay", "Pulls the adapter towards no effect; 0.01 is usual.", 0.0, 1.0, 0.01, 3),
    "held_out": Setting(
        "Designs held out",
        "Share of the designs that it never learns from. On them you see whether it has learnt the style, or designs "
        "by heart.",
        0.0,
        0.5,
        0.05,
        2,
    ),
    "checkpoint_every": Setting(
        "Steps between checkpoints", "What a power cut may cost at most.", 1, TRAINING_STEPS_LIMIT, 50
    ),
    "validate_every": Setting(
        "Steps between validations", "How often the loss on held-out designs is measured.", 1, TRAINING_STEPS_LIMIT, 50
    ),
    "samples_every": Setting(
        "Steps between samples", "How often held-out designs are drawn; 0 draws none.", 0, TRAINING_STEPS_LIMIT, 50
    ),
    "seed": Setting(
        "Seed", "All that is drawn at random. The same seed and pictures give the same adapter.", 0, SEED_LIMIT - 1, 1
    ),
}
"""The settings by field of `LoraRecipe`."""


def show_value(value: object) -> str:
    """Return a value of a recipe as text."""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    for setting in SETTINGS.values():
        if isinstance(value, str) and value in setting.choices:
            return setting.choices[value]
    return f"{value:g}" if isinstance(value, float) else str(value) or "None"
