"""The training of the built-in model, and the checkpoint that is shipped."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from studio.errors import InputError
from studio.models.registry import BUILTIN_FOLDER
from studio.training import architecture, evaluation
from studio.training.autoencoder import AutoencoderRecipe, AutoencoderTraining, measure_loss, measure_psnr
from studio.training.builtin import Stretch, build_training, run_stretch, train_builtin
from studio.training.checkpoint import (
    BuiltinParts,
    assemble_pipeline,
    build_parts,
    export_parts,
    load_parts,
    load_state,
    save_state,
)
from studio.training.figures import FIGURES, Workbench, measure_obedience, measure_snapping
from studio.training.flow import FlowRecipe, FlowTraining, draw_sigmas, encode_prompts
from studio.training.latents import Bucket, LatentStream
from studio.training.optimisers import Muon, Schedule, orthogonalise
from studio.training.stream import HELD_OUT_SEEDS, TRAINING_SEEDS, draw_crops, draw_example

CPU = torch.device("cpu")
CAPTIONS = ["kilim carpet, red and ivory diamonds, three borders", "blue medallion rug"]
TINY_VAE = AutoencoderRecipe(batch=2, side_px=48, warm_up_steps=2)
TINY_FLOW = FlowRecipe(batch=2, warm_up_steps=2)


@pytest.fixture(scope="module", autouse=True)
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(min(2, before))
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def tokenizers():
    corpus = architecture.write_corpus(CAPTIONS)
    return architecture.train_clip_tokenizer(corpus), architecture.train_t5_tokenizer(corpus)


def build_tiny(tokenizers, seed: int = 0) -> BuiltinParts:
    """The real text encoders and VAE, and a transformer of two thin layers."""
    tokenizer, tokenizer_3 = tokenizers
    torch.manual_seed(seed)
    return BuiltinParts(
        vae=architecture.build_autoencoder((8, 16, 16)),
        transformer=architecture.build_transformer(architecture.TransformerSize(layers=2, heads=2, head_dim=16)),
        text_encoder=architecture.build_clip_encoder(tokenizer),
        text_encoder_2=architecture.build_clip_encoder(tokenizer),
        text_encoder_3=architecture.build_t5_encoder(tokenizer_3),
        tokenizer=tokenizer,
        tokenizer_3=tokenizer_3,
    )


def build_flow(tokenizers) -> FlowTraining:
    parts = build_tiny(tokenizers)
    buckets = (Bucket(128, 128, 2, 0.5), Bucket(128, 144, 2, 0.5))
    return FlowTraining(parts, CPU, TINY_FLOW, LatentStream(parts.vae, CPU, buckets, uses=2, window=16))


def build_vae(tokenizers) -> AutoencoderTraining:
    return AutoencoderTraining(build_tiny(tokenizers).vae, CPU, TINY_VAE)


def read_weights(training) -> dict[str, torch.Tensor]:
    modules = training.average.modules.items()
    return {f"{name}.{key}": value.clone() for name, module in modules for key, value in module.state_dict().items()}


# The data


def test_examples_depend_on_their_number_alone_and_never_on_held_out_seeds():
    first, again, other = draw_example(5, 160, 128), draw_example(5, 160, 128), draw_example(6, 160, 128)
    assert first.caption == again.caption
    assert np.array_equal(first.pixels, again.pixels)
    assert first.pixels.shape == (128, 160, 3)
    assert not np.array_equal(first.pixels, other.pixels)
    assert min(HELD_OUT_SEEDS) >= 0
    assert max(HELD_OUT_SEEDS) < TRAINING_SEEDS


def test_crops_have_their_size_and_repeat_by_number():
    crops, again = draw_crops(3, 96, 2), draw_crops(3, 96, 2)
    assert [crop.shape for crop in crops] == [(96, 96, 3)] * 2
    assert all(np.array_equal(a, b) for a, b in zip(crops, again, strict=True))


def test_sigmas_cover_the_range_and_seldom_the_noisiest_part():
    rng = np.random.default_rng(0)
    sigmas = np.concatenate([draw_sigmas(rng, 8, FlowRecipe()) for _ in range(500)])
    assert sigmas.min() >= 0
    assert sigmas.max() <= 1
    assert 0.05 < np.mean(sigmas > 0.85) < 0.11
    assert abs(np.mean(sigmas[sigmas <= 0.85]) - 0.425) < 0.01


# The architecture


def test_text_is_encoded_as_the_pipeline_encodes_it(tokenizers):
    parts = build_tiny(tokenizers)
    text = "Kilim carpet, red diamonds, a word like zyzzyva"
    with torch.no_grad():
        states, pooled = encode_prompts(parts, [text])
        wanted = assemble_pipeline(parts).encode_prompt(
            text, text, text, do_classifier_free_guidance=False, max_sequence_length=architecture.TEXT_TOKENS
        )
    assert torch.equal(states, wanted[0])
    assert torch.equal(pooled, wanted[2])


def test_tokenizers_know_captions_by_word_and_all_else_by_letter(tokenizers):
    tokenizer, tokenizer_3 = tokenizers
    assert tokenizer.tokenize("red kilim, ivory") == ["red</w>", "kilim</w>", ",</w>", "ivory</w>"]
    assert tokenizer_3.tokenize("red kilim, ivory") == ["▁red", "▁kilim", ",", "▁ivory"]
    assert tokenizer.unk_token_id not in tokenizer("qzx Ünï 7!", add_special_tokens=False).input_ids
    assert tokenizer_3.unk_token_id not in tokenizer_3("qzx 7!").input_ids


def test_an_exported_model_loads_equal_and_draws(tokenizers, tmp_path: Path):
    from diffusers import StableDiffusion3Img2ImgPipeline
    from PIL import Image

    parts = build_tiny(tokenizers)
    export_parts(parts, tmp_path / "model")
    (tmp_path / "model" / "vae" / "left-over.safetensors").write_bytes(b"old")
    export_parts(parts, tmp_path / "model")
    loaded = load_parts(tmp_path / "model")
    for name, module in parts.flow_modules.items():
        for key, value in module.state_dict().items():
            kept = value.half().float() if value.is_floating_point() else value  # files hold 16 bits, memory 32
            assert torch.equal(kept, loaded.flow_modules[name].state_dict()[key]), f"{name}.{key}"
            assert value.dtype == kept.dtype  # what is trained on stays as fine as it was
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


def test_the_whole_model_fits_the_repository(tokenizers, tmp_path: Path):
    export_parts(build_parts(CAPTIONS), tmp_path / "model")
    check_weight_files(tmp_path / "model")


# The objective


def test_the_flow_walks_back_to_the_picture_under_the_shipped_scheduler():
    scheduler = architecture.build_scheduler()
    scheduler.set_timesteps(12)
    generator = torch.Generator().manual_seed(0)
    wanted = torch.randn(1, 8, 16, 16, generator=generator)
    noise = torch.randn(1, 8, 16, 16, generator=generator)
    sample = scheduler.scale_noise(wanted, scheduler.timesteps[4:5], noise)
    scheduler.set_begin_index(4)
    for time in scheduler.timesteps[4:]:
        sample = scheduler.step(noise - wanted, time, sample, return_dict=False)[0]
    assert torch.allclose(sample, wanted, atol=1e-5)


def test_the_loss_of_the_right_answer_is_nothing(tokenizers, monkeypatch: pytest.MonkeyPatch):
    flow = build_flow(tokenizers)
    latents, texts = flow.stream.draw(0)
    noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(1))
    sigmas = torch.tensor([0.3, 0.8])
    monkeypatch.setattr(flow, "_say", lambda noisy, texts, sigmas: noise - latents)
    assert flow._measure(latents, texts, sigmas, noise).item() == 0
    monkeypatch.setattr(flow, "_say", lambda noisy, texts, sigmas: latents - noise)
    assert flow._measure(latents, texts, sigmas, noise).item() > 1


# The optimisers


def test_orthogonalised_steps_have_even_singular_values():
    matrices = torch.randn(2, 24, 60, generator=torch.Generator().manual_seed(0))
    for given in (matrices, matrices.mT):
        values = torch.linalg.svdvals(orthogonalise(given))
        assert values.min() > 0.5
        assert values.max() < 1.5


@pytest.mark.parametrize("block", [None, 4])
def test_muon_walks_downhill_on_matrices_and_convolutions(block):
    torch.manual_seed(0)
    weights = [torch.nn.Parameter(torch.randn(12, 20)), torch.nn.Parameter(torch.randn(8, 4, 3, 3))]
    muon = Muon(weights, block)
    before = sum(weight.square().sum().item() for weight in weights)
    for _ in range(20):
        sum(weight.square().sum() for weight in weights).backward()
        muon.step(0.1)
        for weight in weights:
            weight.grad = None
    assert sum(weight.square().sum().item() for weight in weights) < 0.5 * before


def test_the_schedule_warms_up_holds_and_cools_down():
    schedule = Schedule(warm_up_steps=10)
    assert [schedule.factor(step) for step in (0, 4, 9, 10_000)] == [0.1, 0.5, 1.0, 1.0]
    assert not schedule.ended(10_000)
    schedule.cool_down_from, schedule.cool_down_steps = 10_000, 99
    assert schedule.factor(10_000) == pytest.approx(0.99)
    assert schedule.factor(10_098) == pytest.approx(0.01)
    assert [schedule.ended(step) for step in (10_098, 10_099)] == [False, True]


def test_a_gentle_schedule_rises_longer_and_less_far_and_is_kept():
    schedule = Schedule(warm_up_steps=10, cool_down_from=0, cool_down_steps=999)
    schedule.go_gently()
    assert schedule.factor(0) == pytest.approx(0.5 / 40, rel=0.01)
    assert max(schedule.factor(step) for step in range(1000)) == pytest.approx(0.5 * 0.96, rel=0.01)
    kept = Schedule(warm_up_steps=10)
    kept.load_state_dict(schedule.state_dict())
    assert kept == schedule


# The trainings


def test_ten_steps_lower_the_loss_of_the_autoencoder(tokenizers):
    training = build_vae(tokenizers)
    batch = training._draw_batch(0)

    def measure() -> float:
        with torch.no_grad():
            return measure_loss(
                training.vae.decode(training.vae.encode(batch).latent_dist.mean).sample, batch, TINY_VAE
            ).item()

    before = measure()
    for _ in range(10):
        training.advance()
    assert measure() < 0.9 * before


def test_ten_steps_lower_the_loss_of_the_flow(tokenizers):
    flow = build_flow(tokenizers)
    latents, texts = flow.stream.draw(0)
    noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(1))
    sigmas = torch.tensor([0.4, 0.7])
    with torch.no_grad():
        before = flow._measure(latents, texts, sigmas, noise).item()
        for _ in range(10):
            with torch.enable_grad():
                flow.advance()
        after = flow._measure(latents, texts, sigmas, noise).item()
    assert after < 0.98 * before


@pytest.mark.parametrize("build", [build_vae, build_flow])
def test_a_resumed_run_equals_an_uncut_one(build, tokenizers, tmp_path: Path):
    uncut = build(tokenizers)
    for step in range(6):
        if step == 2:
            uncut.schedule.cool_down_from, uncut.schedule.cool_down_steps = 2, 6
        uncut.advance()
        if step == 3:
            save_state(uncut.state(), tmp_path / "state.pt")
    resumed = build(tokenizers)
    resumed.load(load_state(tmp_path / "state.pt"))
    assert resumed.steps_done == 4
    for _ in range(2):
        resumed.advance()
    wanted, got = read_weights(uncut), read_weights(resumed)
    for key, value in wanted.items():
        assert torch.allclose(value, got[key], atol=1e-6), key
    for key, value in uncut.average.values.items():
        assert torch.allclose(value, resumed.average.values[key], atol=1e-6), key


def test_the_average_is_swapped_in_and_out(tokenizers):
    training = build_vae(tokenizers)
    for _ in range(3):
        training.advance()
    before = read_weights(training)
    training.average.swap()
    averaged = read_weights(training)
    training.average.swap()
    after = read_weights(training)
    assert any(not torch.equal(before[key], averaged[key]) for key in before)
    assert all(torch.equal(before[key], after[key]) for key in before)


def test_training_the_decoder_leaves_the_latents_alone(tokenizers):
    parts = build_tiny(tokenizers)
    encoder = {key: value.clone() for key, value in parts.vae.encoder.state_dict().items()}
    decoder = {key: value.clone() for key, value in parts.vae.decoder.state_dict().items()}
    training = AutoencoderTraining(parts.vae, CPU, TINY_VAE, decoder_only=True)
    training.advance()
    assert all(torch.equal(value, encoder[key]) for key, value in parts.vae.encoder.state_dict().items())
    assert any(not torch.equal(value, decoder[key]) for key, value in parts.vae.decoder.state_dict().items())


def test_a_stretch_writes_model_state_metrics_and_samples_and_the_next_goes_on(tokenizers, tmp_path: Path):
    output = tmp_path / "run"
    export_parts(build_tiny(tokenizers), output / "model")
    for stretch in (Stretch(output, 0.0, "vae"), Stretch(output, 0.0, "flow")):
        assert list(run_stretch(stretch))[-1].saved
    with pytest.raises(InputError, match="--resume"):
        next(train_builtin(output, minutes=1))
    last = list(train_builtin(output, minutes=0, resume=True, phase="vae"))[-1]
    assert (last.phase, last.step) == ("vae", 2)
    lines = [json.loads(line) for line in (output / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(line["phase"], line["step"]) for line in lines] == [("vae", 1), ("flow", 1), ("vae", 2)]
    assert all(np.isfinite(line["loss"]) for line in lines)
    assert sorted(path.name for path in (output / "samples").iterdir()) == [
        "flow-0000001.png",
        "vae-0000001.png",
        "vae-0000002.png",
    ]
    config = load_parts(output / "model").vae.config
    assert config.scaling_factor != 1


def test_a_training_that_begins_from_a_model_without_its_state_begins_gently(tokenizers, tmp_path: Path):
    output = tmp_path / "run"
    export_parts(build_tiny(tokenizers), output / "model")
    for name in ("vae", "flow", "flow"):  # the second stretch of the flow keeps the schedule of its first
        list(run_stretch(Stretch(output, 0.0, name)))
        assert load_state(output / "state" / f"{name}.pt")["schedule"]["peak"] == 0.5
    (output / "state" / "flow.pt").unlink()
    (output / "state" / "origin.json").write_text('{"from_model": false}', encoding="utf-8")
    list(run_stretch(Stretch(output, 0.0, "flow")))
    assert load_state(output / "state" / "flow.pt")["schedule"]["peak"] == 1.0


def test_building_a_training_by_phase(tokenizers):
    parts = build_tiny(tokenizers)
    assert [build_training(phase, parts, CPU).name for phase in ("vae", "decoder", "flow")] == [
        "vae",
        "decoder",
        "flow",
    ]


# What is shipped


def check_weight_files(folder: Path) -> None:
    sizes = {path.relative_to(folder): path.stat().st_size for path in folder.rglob("*.safetensors")}
    assert sizes
    assert not {path: size for path, size in sizes.items() if size > 14_000_000}
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) <= 60_000_000


def test_the_shipped_files_keep_to_the_limits():
    check_weight_files(BUILTIN_FOLDER)


def test_the_shipped_model_has_the_architecture_and_rebuilds_carpets():
    parts = load_parts(BUILTIN_FOLDER)
    wanted = dataclasses.asdict(architecture.TRANSFORMER)
    config = parts.transformer.config
    assert (config.num_layers, config.num_attention_heads, config.attention_head_dim) == tuple(wanted.values())
    assert parts.tokenizer.model_max_length == architecture.TEXT_TOKENS
    training = AutoencoderTraining(parts.vae, CPU)
    pixels = draw_example(1, 192, 256).pixels
    made = training._walk(pixels)[1]
    assert measure_psnr(pixels, made) > 20


# How it is measured


@pytest.fixture(scope="module")
def bench(tokenizers):
    return Workbench(assemble_pipeline(build_tiny(tokenizers)), designs=1, pairs=1)


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.id)
def test_every_figure_can_be_measured(figure, bench):
    assert np.isfinite(figure.measure(bench))


def test_a_perfect_autoencoder_has_every_pixel_right(bench, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bench, "rebuild", lambda pixels: pixels)
    assert measure_snapping(bench) == 100
    monkeypatch.setattr(bench, "rebuild", lambda pixels: 255 - pixels)
    assert measure_snapping(bench) < 50


def test_obedience_counts_the_bluer_and_the_redder(bench, monkeypatch: pytest.MonkeyPatch):
    colours = {"blue carpet": (40, 60, 160), "red carpet": (170, 50, 40)}

    def paint(pixels, prompt, strength, seeds):
        return np.full((1, 8, 8, 3), colours[prompt], np.uint8)

    monkeypatch.setattr(bench, "draw", paint)
    assert measure_obedience(bench) == 100
    colours["blue carpet"], colours["red carpet"] = colours["red carpet"], colours["blue carpet"]
    assert measure_obedience(bench) == 0


def test_the_command_refuses_a_figure_that_there_is_not(capsys: pytest.CaptureFixture[str]):
    parser = argparse.ArgumentParser()
    evaluation.add_arguments(parser)
    assert evaluation.run(parser.parse_args(["--only", "beauty"])) == 2
    assert "beauty" in capsys.readouterr().err
