"""Adapter folders of one layer of the built-in model, written without torch, and the sentences that refuse them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from studio.errors import AdapterError
from studio.models.adapter_files import CONFIG_FILE, WEIGHTS_FILE, inspect_adapter

LAYER = "transformer_blocks.0.attn.to_q"
KEY = f"base_model.model.{LAYER}"


def write_folder(folder: Path, weights: dict[str, np.ndarray] | None = None, **settings: object) -> Path:
    """Write an adapter of one layer of the built-in model as peft does, with settings and weights of one's own."""
    folder.mkdir(parents=True, exist_ok=True)
    plain = {
        f"{KEY}.lora_A.weight": np.full((4, 384), 0.1, np.float32),
        f"{KEY}.lora_B.weight": np.full((384, 4), 0.1, np.float32),
    }
    save_file(plain if weights is None else weights, folder / WEIGHTS_FILE)
    (folder / CONFIG_FILE).write_text(json.dumps({"peft_type": "LORA", "r": 4, "lora_alpha": 8} | settings), "utf-8")
    return folder


def refuse(path: Path) -> str:
    """Return the sentence with which an adapter is refused by its headers."""
    with pytest.raises(AdapterError) as caught:
        inspect_adapter(path)
    said = str(caught.value)
    assert said.endswith((".", ")."))
    assert said.isprintable()
    said.encode()
    return said


def plain_weights(folder: Path) -> dict[str, np.ndarray]:
    """Return the tensors of an undamaged adapter, which is written below a folder."""
    return load_file(write_folder(folder / "plain") / WEIGHTS_FILE)
