"""Faults of an earlier training script for this very job. Each has a test here, so that none returns."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import SD3Transformer2DModel, StableDiffusion3Img2ImgPipeline
from PIL import Image
from transformers import T5EncoderModel

from studio.adapter_training.checkpoints import read_newest_checkpoint
from studio.adapter_training.encoded import EncodedPictures, EncodedPrompts
from studio.datasets import open_dataset
from studio.models.loading import fingerprint_files
from tests.adapter_training.conftest import Train
from tests.support.small_models import SIDE_PX, write_dataset

pytestmark = pytest.mark.slow


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> dict[str, list]:
    """Note what the real transformer and the real T5 are given; they answer as ever."""
    seen: dict[str, list] = {"transformer": [], "t5": []}
    for name, kind in (("transformer", SD3Transformer2DModel), ("t5", T5EncoderModel)):
        forward = kind.forward

        def note(self, *given, _forward=forward, _name=name, **named):
            seen[_name].append({"training": torch.is_grad_enabled(), **named})
            return _forward(self, *given, **named)

        monkeypatch.setattr(kind, "forward", note)
    return seen


def test_timesteps_are_a_thousand_times_the_noise_level(train: Train, calls: dict[str, list]) -> None:
    train(steps=4, accumulate=4)
    times = torch.cat([one["timestep"] for one in calls["transformer"] if one["training"]])
    assert len(times) == 16
    assert times.max() > 500
    assert times.max() <= 1000
    assert times.min() > 1


def test_latents_are_shifted_and_scaled_as_the_pipeline_does(train: Train, small_model: Path, carpets: Path) -> None:
    folder = train(steps=1)
    pipe = StableDiffusion3Img2ImgPipeline.from_pretrained(small_model, dtype=torch.float32, local_files_only=True)
    pictures = EncodedPictures(folder.cache, fingerprint_files(small_model))
    assert pipe.vae.config.shift_factor != 0
    with open_dataset(carpets) as dataset:
        for example in dataset.examples[:2]:
            picture = pipe.image_processor.preprocess(Image.fromarray(dataset.open(example)))
            with torch.no_grad():
                mode = pipe.vae.encode(picture).latent_dist.mode()
            theirs = (mode - pipe.vae.config.shift_factor) * pipe.vae.config.scaling_factor
            assert torch.allclose(pictures.read(f"{example.id}-{SIDE_PX}x{SIDE_PX}"), theirs[0], atol=1e-4)


def test_prompts_are_encoded_as_the_pipeline_does_with_projection_and_three_encoders(
    train: Train, small_model: Path
) -> None:
    folder = train(steps=1, trigger="kashan")
    pipe = StableDiffusion3Img2ImgPipeline.from_pretrained(small_model, dtype=torch.float32, local_files_only=True)
    prompts = EncodedPrompts(folder.cache, fingerprint_files(small_model))
    for text in ("kashan, carpet number 2", ""):
        with torch.no_grad():
            words, _, pooled, _ = pipe.encode_prompt(
                text, None, None, do_classifier_free_guidance=False, max_sequence_length=256
            )
        assert torch.equal(prompts.read(text).words, words)
        assert torch.equal(prompts.read(text).pooled, pooled)


def test_each_caption_is_encoded_once_and_t5_is_never_beside_the_transformer(
    train: Train, calls: dict[str, list], monkeypatch: pytest.MonkeyPatch
) -> None:
    from studio.adapter_training import encoder

    loaded: list[tuple[str, ...]] = []
    load = encoder.load_pipeline

    def note(entry, dtype, *, parts):
        loaded.append(tuple(parts))
        return load(entry, dtype, parts=parts)

    monkeypatch.setattr(encoder, "load_pipeline", note)
    train(steps=6)
    assert len(calls["t5"]) == 7  # six captions and the empty one
    assert not any("transformer" in parts and "text_encoder_3" in parts for parts in loaded)
    before = len(calls["t5"])
    train(steps=8, resume=True)
    assert len(calls["t5"]) == before


def test_every_picture_is_trained_with_its_own_caption(train: Train, calls: dict[str, list], small_model: Path) -> None:
    folder = train(steps=8, caption_dropout=0.0, mirrored=False)
    prompts = EncodedPrompts(folder.cache, fingerprint_files(small_model))
    texts = [prompts.read(f"carpet number {number}").words for number in range(6)]
    given = [one["encoder_hidden_states"] for one in calls["transformer"] if one["training"]]
    met = [[place for place, text in enumerate(texts) if torch.equal(words, text)] for words in given]
    assert all(len(places) == 1 for places in met)
    assert len({place for places in met for place in places}) == folder.read_facts().dataset["trained"]


def test_a_dropped_caption_is_the_empty_one(train: Train, calls: dict[str, list], small_model: Path) -> None:
    folder = train(steps=2, caption_dropout=1.0)
    empty = EncodedPrompts(folder.cache, fingerprint_files(small_model)).read("").words
    given = [one["encoder_hidden_states"] for one in calls["transformer"] if one["training"]]
    assert given and all(torch.equal(words, empty) for words in given)


def test_a_design_of_3_to_4_is_not_stretched_to_a_square(train: Train, tmp_path: Path, calls: dict[str, list]) -> None:
    folder = tmp_path / "tall"
    folder.mkdir()
    for number in range(2):
        Image.fromarray(np.full((256, 192, 3), 90 * number, np.uint8)).save(folder / f"{number}_tall.png")
    train("training", folder, steps=1, resolution_px=224)
    assert {tuple(one["hidden_states"].shape[-2:]) for one in calls["transformer"]} == {(128, 96)}


def test_gradients_are_clipped_and_the_rate_warms_up_and_falls(train: Train) -> None:
    folder = train(steps=6, warm_up_steps=2)
    rates = [entry["learning_rate"] for entry in folder.entries() if entry["kind"] == "step"]
    assert rates == sorted(rates[:3]) + sorted(rates[3:], reverse=True)
    assert rates[2] == pytest.approx(1e-2)
    assert rates[-1] < rates[2] / 2


def test_the_same_seed_gives_the_same_weights_and_another_one_others(train: Train) -> None:
    def lora(name: str, seed: int) -> dict[str, torch.Tensor]:
        found = read_newest_checkpoint(train(name, steps=2, seed=seed, held_out=0.0))
        assert found is not None
        return found[1]["lora"]

    one, again, other = lora("one", 1), lora("again", 1), lora("other", 2)
    assert all(torch.equal(one[key], again[key]) for key in one)
    assert not any(torch.equal(one[key], other[key]) for key in one)


def test_the_average_of_the_weights_is_saved_and_validated(train: Train) -> None:
    from safetensors.torch import load_file

    folder = train(steps=4, average=0.5)
    found = read_newest_checkpoint(folder)
    assert found is not None
    saved = load_file(folder.adapter / "adapter_model.safetensors")
    key = "transformer_blocks.0.attn.to_v.lora_B.weight"
    average = found[1]["average"][f"transformer.{key.replace('lora_B', 'lora_B.default')}"]
    assert torch.equal(saved[f"base_model.model.{key}"], average.bfloat16())
    assert not torch.equal(average, found[1]["lora"][key])


def test_held_out_designs_are_measured_with_the_same_noise_each_time(train: Train) -> None:
    folder = train(steps=4, learning_rate=1e-8)
    losses = [entry["loss"] for entry in folder.entries() if entry["kind"] == "validation"]
    assert len(losses) == 3
    assert losses == pytest.approx([losses[0]] * 3, rel=1e-5)


def test_a_picture_that_cannot_be_read_is_named_and_the_others_are_trained(small_model: Path, tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "some", 5)
    with open_dataset(folder) as opened:
        names = [example.name for example in opened.examples]
    opened_before = open_dataset(folder)
    (folder / names[1]).write_bytes(b"damaged since")

    from studio.adapter_training.folder import TrainingFolder
    from studio.adapter_training.run import LoraRun
    from studio.schema import LoraRecipe
    from tests.adapter_training.conftest import SMALL

    training = TrainingFolder(tmp_path / "training")
    with opened_before:
        LoraRun(training, LoraRecipe(**SMALL | {"model": str(small_model), "steps": 1, "held_out": 0.0})).run(
            opened_before, resume=False
        )
    stages = [entry["stage"] for entry in training.entries() if entry["kind"] == "stage"]
    assert any(names[1] in stage and "left out" in stage for stage in stages)
    assert list(training.entries())[-1]["state"] == "finished"


def test_no_token_is_in_what_a_training_writes(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secretsecretsecret")
    folder = train(steps=1)
    for file in folder.root.rglob("*"):
        if file.is_file():
            assert b"hf_secretsecretsecret" not in file.read_bytes(), file
    json.loads((folder.root / "training.json").read_text("utf-8"))
