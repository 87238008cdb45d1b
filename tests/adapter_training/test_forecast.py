from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from diffusers import SD3Transformer2DModel

from studio.adapter_training.folder import TrainingFolder
from studio.adapter_training.forecast import forecast
from studio.adapter_training.memory_estimate import TransformerShape, estimate_memory, read_shape
from studio.models.adapters import linear_layers
from studio.models.hardware import Hardware
from studio.models.registry import resolve_model
from studio.schema import LoraRecipe
from tests.adapter_training.conftest import Train

GIB = 2**30
NO_CARD = Hardware("cpu", None, None, 32.0, 8)


@pytest.fixture(scope="module")
def large() -> TransformerShape:
    with torch.device("meta"):  # the real class at the full size, without weights
        transformer = SD3Transformer2DModel(
            sample_size=128,
            patch_size=2,
            in_channels=16,
            num_layers=38,
            attention_head_dim=64,
            num_attention_heads=38,
            joint_attention_dim=4096,
            caption_projection_dim=2432,
            pooled_projection_dim=2048,
            out_channels=16,
            pos_embed_max_size=192,
            qk_norm="rms_norm",
        )
    return TransformerShape(linear_layers(transformer), 38, 2432, 16)


@pytest.mark.slow
def test_large_in_8_bits_needs_what_was_measured_on_a_card(large: TransformerShape) -> None:
    recipe = LoraRecipe(base="8bit", layers="attention-and-text", average=0.0)
    estimate = estimate_memory(recipe, large, 256)
    assert estimate.total / GIB == pytest.approx(10.4, rel=0.02)
    assert estimate.adapter / 16 == pytest.approx(94.3e6, rel=0.01)
    only_picture = estimate_memory(dataclasses.replace(recipe, layers="attention"), large, 256)
    assert only_picture.adapter / 16 == pytest.approx(47.3e6, rel=0.01)


@pytest.mark.slow
def test_16_bits_a_batch_a_rank_and_a_size_need_more(large: TransformerShape) -> None:
    usual = LoraRecipe(base="8bit")
    least = estimate_memory(usual, large, 256).total
    for more in ({"base": "16bit"}, {"batch": 2}, {"rank": 128}, {"resolution_px": 1280}, {"optimiser": "prodigy"}):
        assert estimate_memory(dataclasses.replace(usual, **more), large, 256).total > least
    assert estimate_memory(dataclasses.replace(usual, optimiser="adamw-8bit"), large, 256).total < least


def test_the_shape_of_a_model_is_read_from_its_files_without_loading_it(small_model: Path) -> None:
    shape = read_shape(resolve_model(str(small_model)))
    assert shape is not None
    transformer = SD3Transformer2DModel.from_pretrained(small_model / "transformer")
    assert dict(shape.linear_layers) == linear_layers(transformer)
    assert (shape.blocks, shape.width, shape.patch_px) == (2, 32, 16)


@pytest.mark.parametrize(
    ("vram_gib", "fit", "said"), [(24.0, "fits", "it fits."), (1e-3, "too large", "Choose a base of 8 bits")]
)
def test_what_fits_on_the_card_is_told_before_the_start(
    small_model: Path, vram_gib: float, fit: str, said: str
) -> None:
    card = Hardware("cuda", "A card", vram_gib, 32.0, 8)
    found = forecast(LoraRecipe(model=str(small_model)), 40, card)
    assert found.fit == fit
    assert said in " ".join(found.lines)
    assert "A card has" in " ".join(found.lines)


def test_how_often_each_picture_is_seen_is_told(small_model: Path) -> None:
    found = forecast(LoraRecipe(model=str(small_model), steps=100, batch=2, accumulate=4), 40, NO_CARD)
    assert found.epochs == 10
    assert "40 pictures and their mirror images is seen about 10 times" in found.lines[0]
    often = forecast(LoraRecipe(model=str(small_model), steps=4000, batch=8, accumulate=4), 40, NO_CARD)
    assert "seen about 1600 times" in often.lines[0]
    assert found.seconds is None
    assert "after the first steps" in found.lines[-1]


@pytest.mark.slow
def test_the_time_is_that_of_an_earlier_training_of_the_same_model(train: Train, small_model: Path) -> None:
    folder = train(steps=8, accumulate=1)
    paces = sorted(entry["seconds"] for entry in list(folder.entries()) if entry["kind"] == "step")
    recipe = dataclasses.replace(folder.read_facts().recipe, steps=100, accumulate=3)
    found = forecast(recipe, 40, NO_CARD, [TrainingFolder(folder.root / "none"), folder])
    assert found.seconds is not None
    assert 300 * paces[0] <= found.seconds <= 300 * paces[-1]
    other = dataclasses.replace(recipe, base="8bit")
    assert forecast(other, 40, NO_CARD, [folder]).seconds is None
