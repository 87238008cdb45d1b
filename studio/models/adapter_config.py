"""The settings of a LoRA, as peft writes them into a configuration: which are applied and which are refused."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from studio.errors import AdapterError, first_line, quote

RANK_LIMIT = 4096
"""More than the width of any layer of the Stable Diffusion 3 family, which is 2432."""
SCALE_LIMIT = 1000.0
"""lora_alpha / rank is 1 or 2 in most adapters, and 16 in the strongest that are published."""
_REPEATS_LIMIT = 4
"""With more repeats, or a repeated group, a regular expression may take longer than anyone waits."""
_LITERALS = re.compile(r"\\.|\[\^?\]?[^\]]*\]", re.DOTALL)
_REPEATS = re.compile(r"[*+{]")
_REPEATED_GROUP = re.compile(r"\)[*+{]")
_WAY = "Train a plain LoRA, or merge the adapter into a model folder and choose that as the model."
_OTHER_FORMS = {
    "use_dora": "a DoRA",
    "use_qalora": "a QALoRA",
    "use_bdlora": "a BD-LoRA",
    "lora_bias": "a LoRA with biases of its own",
    "modules_to_save": "a LoRA with whole layers beside it",
    "trainable_token_indices": "a LoRA with words of its own",
    "target_parameters": "a LoRA of parameters that are not layers",
    "layer_replication": "a LoRA of a model with repeated layers",
    "alora_invocation_tokens": "an aLoRA",
    "arrow_config": "a mixture of LoRAs",
    "kasa_config": "a KaSA",
    "monteclora_config": "a MonteCLoRA",
}
"""Settings of peft that change what an adapter computes, with the name of what it then is."""
_CHANGES_THE_BASE = ("pissa", "olora", "corda", "loftq", "lora_ga")
"""Ways to begin a training that subtract the first state of the adapter from the base model."""


@dataclass(frozen=True, slots=True)
class LoraSettings:
    """Rank and alpha of the layers: an adapter is scaled by alpha / rank, or by alpha / sqrt(rank) with `rslora`.

    The patterns are peft's: a regular expression for the end of a layer's path, and the value for the layers it fits.
    """

    rank: int
    alpha: float
    rank_pattern: Mapping[str, int] = field(default_factory=dict)
    alpha_pattern: Mapping[str, float] = field(default_factory=dict)
    rslora: bool = False


def read_settings(values: object, place: str) -> LoraSettings:
    """Return the settings in a configuration that was read from `place`.

    Raises `AdapterError` for other kinds of adapters than a plain LoRA, and for values that no training writes.
    """
    if not isinstance(values, dict):
        raise AdapterError(f"{place} holds no settings of an adapter. Copy the adapter again.")
    kind = values.get("peft_type", "LORA")
    if kind != "LORA":
        raise AdapterError(f"The adapter in {place} is of the kind {_show(kind)}; the studio reads LORA. {_WAY}")
    for name, form in _OTHER_FORMS.items():
        if values.get(name):
            raise AdapterError(f"The adapter in {place} is {form} ({name}), which the studio cannot apply. {_WAY}")
    if values.get("bias", "none") not in ("none", None):
        raise AdapterError(
            f"The adapter in {place} changes biases too (bias: {_show(values['bias'])}), which the studio cannot "
            f"apply. {_WAY}"
        )
    start = values.get("init_lora_weights")
    if isinstance(start, str) and start.lower().startswith(_CHANGES_THE_BASE):
        raise AdapterError(
            f"The adapter in {place} began with {_show(start)}, which changes the base model itself. Save it again "
            "with peft’s path_initial_model_for_weight_conversion, which makes it a plain LoRA."
        )
    return LoraSettings(
        rank=_rank(values.get("r"), "r", place),
        alpha=_alpha(values.get("lora_alpha"), "lora_alpha", place),
        rank_pattern={key: _rank(value, key, place) for key, value in _pattern(values, "rank_pattern", place).items()},
        alpha_pattern={
            key: _alpha(value, key, place) for key, value in _pattern(values, "alpha_pattern", place).items()
        },
        rslora=values.get("use_rslora") is True,
    )


def check_scale(scale: float, layer: str, name: str) -> None:
    """Raise `AdapterError` unless a layer's scale is one that a training can have meant."""
    if not 0 < scale <= SCALE_LIMIT:
        raise AdapterError(
            f"The adapter “{name}” multiplies the layer {quote(layer)} by {scale:.3g}, which no training means; at "
            f"most {SCALE_LIMIT:g} is applied. Check its lora_alpha and rank, or copy it again."
        )


def _rank(value: object, name: str, place: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= RANK_LIMIT:
        raise AdapterError(
            f"{place} names the rank {_show(value)} ({name}). A rank is a whole number from 1 to {RANK_LIMIT}. "
            "Copy the adapter again."
        )
    return value


def _alpha(value: object, name: str, place: str) -> float:
    try:
        alpha = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    except OverflowError:  # a whole number beyond the range of floating point
        alpha = math.inf
    if not 0 < alpha <= RANK_LIMIT * SCALE_LIMIT:
        raise AdapterError(
            f"{place} names the lora_alpha {_show(value)} ({name}). It is a number above 0, such as the rank. "
            "Copy the adapter again."
        )
    return alpha


def _pattern(values: dict[str, Any], name: str, place: str) -> dict[str, object]:
    """Return a pattern whose keys are regular expressions, checked as peft uses them."""
    pattern = values.get(name) or {}
    if not isinstance(pattern, dict):
        raise AdapterError(f"{place} has a {name} that is no table: {_show(pattern)}. Copy the adapter again.")
    for key in pattern:
        try:
            re.compile(rf"(.*\.)?({key})$")
        except (re.error, RecursionError, OverflowError) as error:
            raise AdapterError(
                f"{place} has a {name} that cannot be read: {_show(key)} is no regular expression. {first_line(error)} "
                "Copy the adapter again."
            ) from error
        bare = _LITERALS.sub("x", key)
        if _REPEATED_GROUP.search(bare) or len(_REPEATS.findall(bare)) > _REPEATS_LIMIT:
            raise AdapterError(
                f"{place} has a {name} that may take too long to compare: {_show(key)} repeats a group, or more than "
                f"{_REPEATS_LIMIT} times. Write the names of the layers in its place."
            )
    return pattern


def _show(value: object) -> str:
    """Return a value from a file in at most 60 characters."""
    if isinstance(value, dict | list):
        return f"a {'table' if isinstance(value, dict) else 'list'} of {len(value)}"
    return quote(value, 60)
