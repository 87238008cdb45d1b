"""The training of the built-in model, and the checkpoint that is shipped."""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from diffusers.pipelines.stable_diffusion_3.pipeline_stable_diffusion_3_img2img import calculate_shift

from studio.errors import InputError
from studio.models.registry import BUILTIN_FOLDER
from studio.training import architecture, autoencoder, evaluation
from studio.training.autoencoder import (
    REFINING,
    AutoencoderRecipe,
    AutoencoderTraining,
    draw_batch,
    measure_loss,
    measure_psnr,
    measure_yarns,
    to_pixels,
    to_tensor,
)
from studio.training.builtin import Stretch, build_training, open_parts, run_stretch, train_builtin
from studio.training.checkpoint import (
    BuiltinParts,
    assemble_pipeline,
    build_parts,
    export_parts,
    load_parts,
    load_state,
    save_state,
)
from studio.training.decoder import DecoderRecipe, DecoderTraining, weave_crop
from studio.training.figures import FIGURES, Workbench, measure_obedience, measure_snapping
from studio.training.flow import FlowModel, FlowRecipe, FlowTraining, draw_sigmas, encode_prompts
from studio.training.latents import Bucket, LatentStream
from studio.training.linear_start import begin_linear
from studio.training.optimisers import Muon, Schedule, orthogonalise
from studio.training.palettes import BASIC_WORDS
from studio.training.stream import HELD_OUT_SEEDS, TRAINING_SEEDS, PairShares, draw_crops, draw_example, draw_pair
from studio.training.widening import widen_autoencoder

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


@pytest.fixture(autouse=True)
def few_held_out_designs(monkeypatch: pytest.MonkeyPatch):
    """Looks at fewer, so that a validation takes a moment."""
    monkeypatch.setattr(autoencoder, "LOOKED_AT", 2)
    monkeypatch.setattr(autoencoder, "MEASURED_PLACES", range(24, 28))


@pytest.fixture(scope="module")
def tokenizers():
    corpus = architecture.write_corpus(CAPTIONS)
    return architecture.train_clip_tokenizer(corpus), architecture.train_t5_tokenizer(corpus)


def build_tiny(tokenizers, seed: int = 0) -> BuiltinParts:
    """The real text encoders and VAE, and a transformer of two thin layers."""
    tokenizer, tokenizer_3 = tokenizers
    torch.manual_seed(seed)
    return BuiltinParts(
        vae=architecture.build_autoencoder(),
        transformer=architecture.build_transformer(architecture.TransformerSize(layers=2, heads=2, head_dim=16)),
        text_encoder=architecture.build_clip_encoder(tokenizer),
        text_encoder_2=architecture.build_clip_encoder(tokenizer),
        text_encoder_3=architecture.build_t5_encoder(tokenizer_3),
        tokenizer=tokenizer,
        tokenizer_3=tokenizer_3,
    )


def build_flow(tokenizers, recoloured_share: float = 0.0) -> FlowTraining:
    parts = build_tiny(tokenizers)
    buckets = (Bucket(128, 128, 2, 0.5), Bucket(128, 144, 2, 0.5))
    return FlowTraining(
        parts, CPU, TINY_FLOW, LatentStream(parts.vae, CPU, buckets, PairShares(recoloured_share), uses=2, window=16)
    )


def build_recolouring(tokenizers) -> FlowTraining:
    return build_flow(tokenizers, recoloured_share=0.5)


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
    scheduler.set_timesteps(12, mu=0.3)
    generator = torch.Generator().manual_seed(0)
    wanted = torch.randn(1, 8, 16, 16, generator=generator)
    noise = torch.randn(1, 8, 16, 16, generator=generator)
    sample = scheduler.scale_noise(wanted, scheduler.timesteps[4:5], noise)
    scheduler.set_begin_index(4)
    for time in scheduler.timesteps[4:]:
        sample = scheduler.step(noise - wanted, time, sample, return_dict=False)[0]
    assert torch.allclose(sample, wanted, atol=1e-5)


@pytest.mark.parametrize(("size_px", "shift"), [((288, 384), 1.2), ((512, 688), 1.4)])
def test_a_larger_picture_begins_with_more_noise(size_px, shift):
    """What the pipeline will do with the shipped scheduler, by its own arithmetic."""
    scheduler = FlowMatchEulerDiscreteScheduler.from_pretrained(BUILTIN_FOLDER, subfolder="scheduler")
    config = scheduler.config
    built = architecture.build_scheduler().config
    assert all(config[key] == built[key] for key in built if not key.startswith("_"))
    tokens = size_px[0] * size_px[1] // architecture.MULTIPLE_PX**2
    mu = calculate_shift(
        tokens, config.base_image_seq_len, config.max_image_seq_len, config.base_shift, config.max_shift
    )
    scheduler.set_timesteps(10, mu=mu)
    even = np.linspace(1, 0.001, 10)[4]
    assert scheduler.sigmas[4].item() == pytest.approx(shift * even / (1 + (shift - 1) * even), abs=1e-4)


def test_the_loss_of_the_right_answer_is_nothing(tokenizers, monkeypatch: pytest.MonkeyPatch):
    flow = build_flow(tokenizers)
    batch = flow.stream.draw(0)
    assert torch.equal(batch.sources, batch.targets)
    noise = torch.randn(batch.targets.shape, generator=torch.Generator().manual_seed(1))
    sigmas, starts = torch.tensor([0.3, 0.8]), torch.tensor([0.9, 0.5])
    monkeypatch.setattr(flow.model, "predict_velocity", lambda noisy, texts, sigmas: noise - batch.targets)
    assert flow._measure(batch, batch.captions, sigmas, starts, noise).item() < 1e-9
    monkeypatch.setattr(flow.model, "predict_velocity", lambda noisy, texts, sigmas: batch.targets - noise)
    assert flow._measure(batch, batch.captions, sigmas, starts, noise).item() > 1


def test_a_recoloured_walk_leads_from_the_noisy_source_to_the_target(tokenizers, monkeypatch: pytest.MonkeyPatch):
    """Euler's steps along the wanted direction land on the target, whatever start, as img2img walks them."""
    flow = build_flow(tokenizers, recoloured_share=1.0)
    batch = flow.stream.draw(0)
    assert batch.recoloured.all()
    assert not torch.equal(batch.sources, batch.targets)
    noise = torch.randn(batch.targets.shape, generator=torch.Generator().manual_seed(1))
    starts = torch.tensor([0.5, 0.9])
    start = starts.view(-1, 1, 1, 1)
    z = (1 - start) * batch.sources + start * noise
    seen: list[torch.Tensor] = []

    def predict(noisy: torch.Tensor, texts: list[str], sigmas: torch.Tensor) -> torch.Tensor:
        seen.append(noisy)
        return (noisy - batch.targets) / sigmas.view(-1, 1, 1, 1)

    monkeypatch.setattr(flow.model, "predict_velocity", predict)
    for part in (1.0, 0.5):
        # What the model is shown at this sigma is where the walk has come to, and its answer there is the wanted one.
        assert flow._measure(batch, batch.captions, part * starts, starts, noise).item() < 1e-9
        assert torch.allclose(seen[-1], z, atol=1e-5)
        z = z - 0.5 * start * predict(z, batch.captions, part * starts)
    assert torch.allclose(z, batch.targets, atol=1e-5)


def test_a_recoloured_pair_is_one_drawing_in_two_dressings():
    for number in range(4):
        pair = draw_pair(number, 160, 128, PairShares(recoloured=1))
        same = draw_pair(number, 160, 128, PairShares())
        example = draw_example(number, 160, 128)
        assert np.array_equal(pair.target, example.pixels)
        assert pair.caption == same.caption == example.caption
        assert same.source is same.target
        assert not np.array_equal(pair.source, pair.target)
        if len(np.unique(pair.target.reshape(-1, 3), axis=0)) <= 16:  # not shrunk: every knot has one of its yarns
            sides = (pair.source.reshape(-1, 3), pair.target.reshape(-1, 3))
            maps = [np.unique(side, axis=0, return_inverse=True)[1] for side in sides]
            assert len({*zip(*(one.tolist() for one in maps), strict=True)}) == maps[0].max() + 1


def test_some_captions_leave_the_colours_open():
    said = {draw_pair(number, 128, 128, PairShares(plain=1)).caption for number in range(12)}
    assert not {word for text in said for word in text.replace(",", " ").split()} & {*BASIC_WORDS}
    assert len(said) > 4
    assert all(draw_pair(3, 128, 128, PairShares(1, 1)).caption == draw_example(3, 128, 128).caption for _ in range(2))


# The VAE's first weights


def test_a_vae_begins_as_the_best_linear_code_of_its_pictures():
    torch.manual_seed(0)
    crops = to_tensor(np.stack([crop for number in range(4) for crop in draw_crops(number, 96, 4)]))
    unseen = to_tensor(np.stack([crop for number in range(40, 44) for crop in draw_crops(number, 96, 4)]))
    vae = architecture.build_autoencoder()

    @torch.no_grad()
    def rebuild(pictures: torch.Tensor) -> np.ndarray:
        return to_pixels(vae.decode(vae.encode(pictures).latent_dist.mode()).sample)

    assert measure_psnr(to_pixels(unseen), rebuild(unseen)) < 12
    begin_linear(vae, crops)
    assert measure_psnr(to_pixels(unseen), rebuild(unseen)) > 18
    # A picture half as strong comes out about half as strong: no norm takes its contrast out.
    faint, strong = (rebuild(part * unseen).astype(float) - 127.5 for part in (0.4, 0.8))
    assert np.abs(strong - 2 * faint).mean() < 0.3 * np.abs(strong).mean()


@pytest.mark.parametrize("widths", [(8, 48), (16, 24), (16, 32, 48)])
def test_a_vae_of_another_form_has_no_linear_start(widths):
    with pytest.raises(ValueError, match="linear start"):
        begin_linear(architecture.build_autoencoder(widths), torch.zeros(1, 3, 32, 32))


def test_a_larger_vae_begins_as_the_smaller_one_and_its_copies_learn_apart():
    torch.manual_seed(0)
    small, large = architecture.build_autoencoder((8, 16), layers=1), architecture.build_autoencoder((24, 32), layers=3)
    small.register_to_config(shift_factor=0.3, scaling_factor=0.7)
    pictures = torch.rand(2, 3, 32, 48) * 2 - 1
    widen_autoencoder(small, large)
    latents = small.encode(pictures).latent_dist.parameters
    assert torch.allclose(large.encode(pictures).latent_dist.parameters, latents, atol=1e-4)
    made = large.decode(latents[:, :4]).sample
    assert torch.allclose(made, small.decode(latents[:, :4]).sample, atol=1e-4)
    assert (large.config.shift_factor, large.config.scaling_factor) == (0.3, 0.7)
    made.square().mean().backward()
    gradient = large.decoder.conv_in.weight.grad
    assert not torch.allclose(gradient[:16], gradient[16:], rtol=0.05)


@pytest.mark.parametrize(("widths", "layers", "said"), [((12, 16), 1, "multiples"), ((8, 16), 0, "lacks")])
def test_a_vae_grows_by_whole_multiples_only(widths, layers, said):
    with pytest.raises(ValueError, match=said):
        widen_autoencoder(
            architecture.build_autoencoder((8, 16), layers=1), architecture.build_autoencoder(widths, layers=layers)
        )


def test_a_folder_with_a_smaller_vae_is_opened_as_large_as_those_of_today(tokenizers, tmp_path: Path):
    parts = build_tiny(tokenizers)
    parts.vae = architecture.build_autoencoder((16, 24), layers=1)
    export_parts(parts, tmp_path / "model")
    small, opened = load_parts(tmp_path / "model").vae, open_parts(tmp_path / "model").vae
    assert tuple(opened.config.block_out_channels) == architecture.VAE_WIDTHS
    pictures = torch.rand(1, 3, 32, 48, generator=torch.Generator().manual_seed(0)) * 2 - 1
    wanted = small.encode(pictures).latent_dist.mode()
    assert torch.allclose(opened.encode(pictures).latent_dist.mode(), wanted, atol=1e-4)


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
    batch = draw_batch(0, TINY_VAE)

    def measure() -> float:
        with torch.no_grad():
            return measure_loss(
                training.vae.decode(training.vae.encode(batch).latent_dist.mean).sample, batch, TINY_VAE
            ).item()

    before = measure()
    for _ in range(10):
        training.advance()
    assert measure() < 0.9 * before


@pytest.mark.parametrize("recoloured_share", [0.0, 1.0])
def test_ten_steps_lower_the_loss_of_the_flow(tokenizers, recoloured_share):
    flow = build_flow(tokenizers, recoloured_share)
    batch = flow.stream.draw(0)
    noise = torch.randn(batch.targets.shape, generator=torch.Generator().manual_seed(1))
    sigmas, starts = torch.tensor([0.4, 0.7]), torch.tensor([0.6, 0.8])
    with torch.no_grad():
        before = flow._measure(batch, batch.captions, sigmas, starts, noise).item()
        for _ in range(10):
            with torch.enable_grad():
                flow.advance()
        after = flow._measure(batch, batch.captions, sigmas, starts, noise).item()
    assert after < 0.98 * before


@pytest.mark.parametrize("build", [build_vae, build_recolouring])
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


def test_refining_lowers_the_confusion_of_yarns_and_holds_the_latents(tokenizers):
    recipe = dataclasses.replace(REFINING, batch=2, side_px=48, warm_up_steps=2, muon_rate=2.5e-3, adamw_rate=8e-4)

    @torch.no_grad()
    def measure(training: AutoencoderTraining) -> float:
        wanted = draw_batch(0, recipe)
        made = training.vae.decode(training.vae.encode(wanted).latent_dist.mode()).sample
        return measure_yarns(made, wanted, recipe.yarn_spread)[0].item()

    drifts = []
    for hold_weight in (100.0, 0.0):
        vae = build_tiny(tokenizers).vae
        training = AutoencoderTraining(vae, CPU, dataclasses.replace(recipe, hold_weight=hold_weight), refine=True)
        before = measure(training)
        drifts.append([training.advance()["drift"] for _ in range(12)][-1])
        assert measure(training) < 0.8 * before
    assert drifts[0] < 0.75 * drifts[1]


TINY_DECODER = DecoderRecipe(batch=2, side_px=48, warm_up_steps=2, adamw_rate=1e-3, muon_rate=3e-3, window=4)


def leave_alone(noisy: torch.Tensor, sigma: float) -> torch.Tensor:
    """Stands for a transformer that takes nothing away."""
    return noisy


def test_a_decoder_learns_to_draw_from_noisy_latents_and_leaves_them_as_they_are(tokenizers):
    training = DecoderTraining(build_tiny(tokenizers).vae, CPU, leave_alone, TINY_DECODER)
    wanted = draw_batch(0, TINY_DECODER)

    @torch.no_grad()
    def look() -> tuple[torch.Tensor, float]:
        latents = training.vae.encode(wanted).latent_dist.mode()
        noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(0))
        made = training.vae.decode(latents + 0.2 * latents.std() * noise).sample
        return latents, measure_loss(made, wanted, TINY_DECODER).item()

    latents, before = look()
    for _ in range(12):
        training.advance()
    after = look()
    assert torch.equal(latents, after[0])
    assert after[1] < 0.9 * before


def test_a_decoder_meets_what_the_transformer_leaves_several_times(tokenizers):
    """Latents with noise of a known sigma go to the transformer, each batch once."""
    met: list[tuple[torch.Tensor, float]] = []

    def walk(noisy: torch.Tensor, sigma: float) -> torch.Tensor:
        met.append((noisy, sigma))
        return torch.full_like(noisy, 7.0)

    recipe = dataclasses.replace(TINY_DECODER, batch=1, crops_each=1, latent_noise=0.0)
    vae = build_tiny(tokenizers).vae
    decoded: list[torch.Tensor] = []
    training = DecoderTraining(vae, CPU, walk, recipe)
    vae.decoder.register_forward_pre_hook(lambda module, given: decoded.append(given[0]))
    vae.register_to_config(shift_factor=0.5, scaling_factor=2.0)
    for step in range(90):
        with torch.no_grad():
            training.rebuild_batch(step)
    assert 15 < len(met) < 30  # of 30 batches in three steps each; what has next to no noise stays
    assert all(0.1 <= sigma <= recipe.walk_sigma for _, sigma in met)
    walked = [bool((given == 7.0 / 2 + 0.5).all()) for given in decoded]
    assert 45 < sum(walked) < 90
    number = next(number for number in range(90) if np.random.default_rng([number, 15]).random() > 0.2)
    wanted = draw_batch(number, recipe)
    scaled = (vae.encode(wanted).latent_dist.mode() - 0.5) * 2
    sigma = recipe.walk_sigma * np.random.default_rng([number, 15]).random()
    given = next(noisy for noisy, seen in met if seen == sigma)
    assert ((given - (1 - sigma) * scaled) / sigma).std().item() == pytest.approx(1, abs=0.08)


def test_a_decoder_that_was_cut_goes_on_as_if_it_was_not(tokenizers, tmp_path: Path):
    def build(vae) -> DecoderTraining:
        return DecoderTraining(vae, CPU, leave_alone, TINY_DECODER)

    whole, cut = build(build_tiny(tokenizers).vae), build(build_tiny(tokenizers).vae)
    for _ in range(8):
        whole.advance()
    for _ in range(5):
        cut.advance()
    save_state(cut.state(), tmp_path / "decoder.pt")
    later = build(cut.vae)
    later.load(load_state(tmp_path / "decoder.pt"))
    for _ in range(3):
        later.advance()
    wanted, found = read_weights(whole), read_weights(later)
    assert all(torch.equal(wanted[key], found[key]) for key in wanted)


def test_a_crop_is_woven_as_it_was_drawn_and_in_doubt_as_it_was_designed():
    yarns = torch.tensor([[-1.0, -1.0, -1.0], [0.0, 0.0, 0.0], [1.0, 1.0, 1.0]])
    knots = torch.zeros(12, 12, dtype=torch.long)
    knots[:, 6:] = 2
    knots[0, 0] = 1
    design = yarns[knots].permute(2, 0, 1)
    drawn = design + 0.2 * torch.rand(design.shape, generator=torch.Generator().manual_seed(0))
    drawn[:, 4:8, 1:4] = 1.0  # redrawn
    drawn[:, 4:8, 8:10] = 0.45  # faint, nearer to the middle yarn by a little
    drawn[:, 10, 2] = 0.9  # a stray knot
    wanted = knots.clone()
    wanted[4:8, 1:4] = 2
    wanted[0, 0] = 0
    woven = weave_crop(drawn, design)
    assert torch.equal(woven, yarns[wanted].permute(2, 0, 1))
    assert weave_crop(drawn, torch.rand(3, 12, 12, generator=torch.Generator().manual_seed(0))) is None


def test_a_walk_without_words_takes_strides_of_a_tenth(tokenizers, monkeypatch: pytest.MonkeyPatch):
    model = FlowModel(build_tiny(tokenizers), CPU)
    seen: list[float] = []
    wanted = torch.zeros(2, 4, 16, 16)

    def predict(noisy: torch.Tensor, texts: list[str], sigmas: torch.Tensor) -> torch.Tensor:
        assert texts == ["", ""]
        seen.append(round(sigmas[0].item(), 3))
        return (noisy - wanted) / sigmas.view(-1, 1, 1, 1)

    monkeypatch.setattr(model, "predict_velocity", predict)
    assert torch.allclose(model.walk_captionless(torch.ones(2, 4, 16, 16), 0.4), wanted, atol=1e-6)
    assert seen == [0.4, 0.3, 0.2, 0.1]


def test_a_refining_that_was_cut_goes_on_as_if_it_was_not(tokenizers, tmp_path: Path):
    recipe = dataclasses.replace(REFINING, batch=2, side_px=48, warm_up_steps=2)

    def build() -> AutoencoderTraining:
        return AutoencoderTraining(build_tiny(tokenizers).vae, CPU, recipe, refine=True)

    whole = build()
    for _ in range(4):
        whole.advance()
    cut = build()
    for _ in range(2):
        cut.advance()
    save_state(cut.state(), tmp_path / "refine.pt")
    # As `train` does it: the folder holds the weights of the cut, not those that the latents are held to.
    later = AutoencoderTraining(cut.vae, CPU, recipe, refine=True)
    later.load(load_state(tmp_path / "refine.pt"))
    for _ in range(2):
        later.advance()
    wanted, found = read_weights(whole), read_weights(later)
    assert all(torch.equal(wanted[key], found[key]) for key in wanted)


def test_exactness_is_won_by_pixels_that_are_all_but_right():
    """Ten columns a little wrong and one ten times as wrong are alike in L1, and unlike here."""
    wanted = torch.zeros(1, 3, 16, 16)
    little, much = wanted.clone(), wanted.clone()
    little[..., :10], much[..., 0] = 0.05, 0.5
    plain, exact = (AutoencoderRecipe(yarn_weight=0, exact_weight=weight) for weight in (0, 1))
    right, little_more, much_more = (
        measure_loss(one, wanted, exact) - measure_loss(one, wanted, plain) for one in (wanted, little, much)
    )
    assert little_more - right > 2 * (much_more - right)


def test_confusion_counts_the_right_yarn_and_not_how_near_it_is():
    yarns = torch.tensor([[-1.0, -1.0, -1.0], [1.0, 1.0, 1.0]])
    wanted = yarns[torch.tensor([[0, 1], [1, 0]])].permute(2, 0, 1)[None]

    def confuse(made: torch.Tensor, picture: torch.Tensor = wanted) -> float:
        return measure_yarns(made, picture, 0.04)[0].item()

    assert confuse(wanted) < 1e-6
    assert confuse(torch.zeros_like(wanted)) == pytest.approx(math.log(2), rel=1e-3)  # a file's colours are whole
    assert confuse(0.5 * wanted) < 0.01
    assert confuse(-wanted) > 50
    many = torch.rand((1, 3, 8, 8), generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert confuse(-many, many) == 0


def test_straying_counts_what_is_no_yarn_and_not_which_yarn_it_is():
    yarns = torch.tensor([[-1.0, -1.0, -1.0], [1.0, 1.0, 1.0]])
    wanted = yarns[torch.tensor([[0, 1], [1, 0]])].permute(2, 0, 1)[None]
    right, other, halfway = (measure_yarns(part * wanted, wanted, 0.04)[1].item() for part in (1, -1, 0))
    assert right == pytest.approx(0.1, abs=0.01)  # the root of what counts as all but right
    assert other == pytest.approx(right)
    assert halfway == pytest.approx(3**0.25, rel=0.01)


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
    assert [build_training(phase, parts, CPU).name for phase in ("vae", "refine", "decoder", "flow")] == [
        "vae",
        "refine",
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
    made = training.rebuild(pixels)[1]
    assert measure_psnr(pixels, made) > 26


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
