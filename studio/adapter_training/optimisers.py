"""The optimisers of a LoRA training."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

import torch

from studio.errors import RequestError
from studio.schema import LoraRecipe

_BETAS = (0.9, 0.999)


def make_optimiser(parameters: list[torch.nn.Parameter], recipe: LoraRecipe) -> torch.optim.Optimizer:
    """Return the recipe's optimiser: AdamW, AdamW with states of 8 bits, or Prodigy, which finds its rate.

    Sources: I. Loshchilov, F. Hutter, Decoupled Weight Decay Regularization, 2019; T. Dettmers et al., 8-bit Optimizers
    via Block-wise Quantization, 2022; K. Mishchenko, A. Defazio, Prodigy: An Expeditiously Adaptive Parameter-Free
    Learner, 2023. Raises `RequestError` where the package of an optimiser is not installed.
    """
    options: dict[str, Any] = {
        "lr": recipe.learning_rate,
        "betas": _BETAS,
        "weight_decay": recipe.weight_decay,
    }
    if recipe.optimiser == "adamw":
        return torch.optim.AdamW(parameters, **options)
    if recipe.optimiser == "adamw-8bit":
        optimiser = _import("bitsandbytes", recipe).optim.AdamW8bit(parameters, **options)
    else:
        optimiser = _import("prodigyopt", recipe).Prodigy(
            parameters, **options, decouple=True, use_bias_correction=True, safeguard_warmup=True
        )
    assert isinstance(optimiser, torch.optim.Optimizer)
    return optimiser


def _import(package: str, recipe: LoraRecipe) -> ModuleType:
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise RequestError(
            f"The optimiser “{recipe.optimiser}” needs the package {package}, which is not installed. Install it with "
            f"“pip install {package}”, or choose adamw."
        ) from error
