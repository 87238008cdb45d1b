"""What a training needs of a card's memory, told before it begins. Without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from studio.adapter_training.defaults import name_layers
from studio.models.adapter_fit import read_layers
from studio.models.registry import ModelEntry
from studio.schema import LoraRecipe, read_json_object

_TEXT_TOKENS = 77
_BLOCK_ROWS = 35
"""What one block computes anew, as so many rows of its width in 16 bits for each token. Fitted to one measurement:
Stable Diffusion 3.5 Large in 8 bits, rank 64 on all eight products, 1024 x 1024, a batch of 1: 10.4 GiB on an H100."""
_GIB = 2**30


@dataclass(frozen=True, slots=True)
class TransformerShape:
    """The sizes of a transformer that memory depends on.

    `linear_layers` are (outputs, inputs) by name; `blocks` and `width` of its transformer blocks; `patch_px` the side
    in pixels of what one token stands for.
    """

    linear_layers: Mapping[str, tuple[int, int]]
    blocks: int
    width: int
    patch_px: int

    @property
    def parameters(self) -> int:
        """Number of weights of the linear layers, which are nearly all."""
        return sum(outputs * inputs for outputs, inputs in self.linear_layers.values())


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """Bytes of a card's memory: the base model, the adapter with its gradients and states, and what a step computes."""

    base: int
    adapter: int
    step: int

    @property
    def total(self) -> int:
        """The peak in bytes."""
        return self.base + self.adapter + self.step

    def describe(self) -> str:
        """Return a line for a person, in GiB."""
        parts = ", ".join(
            f"{value / _GIB:.1f} {name}"
            for value, name in ((self.base, "the model"), (self.adapter, "the adapter"), (self.step, "a step"))
        )
        return f"about {self.total / _GIB:.1f} GiB on the card ({parts})"


def estimate_memory(recipe: LoraRecipe, shape: TransformerShape, prompt_tokens: int) -> MemoryEstimate:
    """Return what a training with checkpointed activations needs; `prompt_tokens` is how many T5 reads."""
    weight = 1 if recipe.base == "8bit" else 2
    ends = tuple(f".{name}" for name in name_layers(recipe))
    trained = sum(
        recipe.rank * (outputs + inputs)
        for name, (outputs, inputs) in shape.linear_layers.items()
        if name.endswith(ends)
    )
    states = 2 if recipe.optimiser == "adamw-8bit" else 8
    if recipe.optimiser == "prodigy":
        states = 16  # the first weights and a sum of gradients beside the two moments
    each = 4 + 4 + states + (4 if recipe.average else 0)
    tokens = recipe.resolution_px**2 // shape.patch_px**2 + _TEXT_TOKENS + prompt_tokens
    return MemoryEstimate(
        base=weight * shape.parameters,
        adapter=each * trained,
        step=2 * recipe.batch * tokens * shape.width * (shape.blocks + _BLOCK_ROWS),
    )


def read_shape(entry: ModelEntry) -> TransformerShape | None:
    """Return the shape of a model on this computer, None where it is not here or cannot be read."""
    folder = entry.folder if entry.folder is not None else _find_fetched(entry)
    if folder is None:
        return None
    layers = read_layers(folder)
    try:
        config = read_json_object(folder / "transformer" / "config.json")
        vae = read_json_object(folder / "vae" / "config.json")
        width = int(config["num_attention_heads"]) * int(config["attention_head_dim"])
        cell = 2 ** (len(vae["block_out_channels"]) - 1)
        return TransformerShape(layers, int(config["num_layers"]), width, cell * int(config["patch_size"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _find_fetched(entry: ModelEntry) -> Path | None:
    """Return the folder of a model that the hub's library has fetched earlier, None where it has not."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(entry.id, "transformer/config.json")
    return Path(found).parents[1] if isinstance(found, str) else None
