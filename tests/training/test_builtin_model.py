"""The parts of the built-in model and the shipped checkpoint."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler

from studio.models.registry import BUILTIN_FOLDER
from studio.training import architecture
from studio.training.autoencoder import AutoencoderTraining
from studio.training.checkpoint import assemble_pipeline, build_parts, export_parts, load_parts
from studio.training.examples import draw_example
from studio.training.flow import encode_prompts
from studio.training.pixels import measure_psnr
from tests.support.tiny_models import CAPTIONS, CPU, build_tiny, tokenizers, two_threads

__all__ = ["tokenizers", "two_threads"]


def test_prompts_are_encoded_as_in_the_pipeline(tokenizers):
    parts = build_tiny(tokenizers)
    text = "Kilim carpet, red diamonds, a word like zyzzyva"
    with torch.no_grad():
        states, pooled = encode_prompts(parts, [text])
        wanted = assemble_pipeline(parts).encode_prompt(
            text, text, text, do_classifier_free_guidance=False, max_sequence_length=architecture.TEXT_TOKENS
        )
    assert torch.equal(states, wanted[0])
    assert torch.equal(pooled, wanted[2])


def test_tokenizers_split_known_captions_into_words_and_other_text_into_letters(tokenizers):
    tokenizer, tokenizer_3 = tokenizers
    assert tokenizer.tokenize("red kilim, ivory") == ["red</w>", "kilim</w>", ",</w>", "ivory</w>"]
    assert tokenizer_3.tokenize("red kilim, ivory") == ["▁red", "▁kilim", ",", "▁ivory"]
    assert tokenizer.unk_token_id not in tokenizer("qzx Ünï 7!", add_special_tokens=False).input_ids
    assert tokenizer_3.unk_token_id not in tokenizer_3("qzx 7!").input_ids


@pytest.mark.slow
def test_an_exported_model_loads_with_equal_weights_and_draws(tokenizers, tmp_path: Path):
    from diffusers import StableDiffusion3Img2ImgPipeline
    from PIL import Image

    parts = build_tiny(tokenizers)
    export_parts(parts, tmp_path / "model")
    (tmp_path / "model" / "vae" / "left-over.safetensors").write_bytes(b"old")
    export_parts(parts, tmp_path / "model")
    loaded = load_parts(tmp_path / "model")
    for name, module in parts.flow_modules.items():
        for key, value in module.state_dict().items():
            kept = value.half().float() if value.is_floating_point() else value  # exported in fp16, loaded in fp32
            assert torch.equal(kept, loaded.flow_modules[name].state_dict()[key]), f"{name}.{key}"
            assert value.dtype == kept.dtype  # the export leaves the parts in fp32
    assert not (tmp_path / "model" / "vae" / "left-over.safetensors").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    pipe = StableDiffusion3Img2ImgPipeline.from_pretrained(tmp_path / "model", dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    drawn = pipe(
        "red kilim",
        image=Image.new("RGB", (144, 128), "red"),
        width=144,
        height=128,
        strength=0.5,
        num_inference_steps=4,
        guidance_scale=1.0,
        max_sequence_length=architecture.TEXT_TOKENS,
    ).images[0]
    assert drawn.size == (144, 128)


@pytest.mark.slow
def test_a_new_model_keeps_to_the_size_limits(tokenizers, tmp_path: Path):
    export_parts(build_parts(CAPTIONS), tmp_path / "model")
    check_weight_files(tmp_path / "model")


def test_the_shipped_scheduler_equals_a_new_one():
    config = FlowMatchEulerDiscreteScheduler.from_pretrained(BUILTIN_FOLDER, subfolder="scheduler").config
    built = architecture.build_scheduler().config
    assert all(config[key] == built[key] for key in built if not key.startswith("_"))


def check_weight_files(folder: Path) -> None:
    sizes = {path.relative_to(folder): path.stat().st_size for path in folder.rglob("*.safetensors")}
    assert sizes
    assert not {path: size for path, size in sizes.items() if size > 14_000_000}
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) <= 60_000_000


def test_the_shipped_model_keeps_to_the_size_limits():
    check_weight_files(BUILTIN_FOLDER)


@pytest.mark.slow
def test_the_shipped_model_has_the_current_architecture_and_reconstructs_carpets():
    parts = load_parts(BUILTIN_FOLDER)
    wanted = dataclasses.asdict(architecture.TRANSFORMER)
    config = parts.transformer.config
    assert (config.num_layers, config.num_attention_heads, config.attention_head_dim) == tuple(wanted.values())
    assert tuple(parts.vae.config.block_out_channels) == architecture.VAE_WIDTHS
    assert parts.vae.config.layers_per_block == architecture.VAE_LAYERS
    assert parts.tokenizer.model_max_length == architecture.TEXT_TOKENS
    training = AutoencoderTraining(parts.vae, CPU)
    pixels = draw_example(1, 192, 256).pixels
    made = training.rebuild(pixels)[1]
    assert measure_psnr(pixels, made) > 26
