"""The studio's sampler gives the latents of diffusers' own pipeline, to the bit.

Small random models in the shapes of Stable Diffusion 3.5 Large (guidance, a fixed shift of 3), Medium (a second
attention in the first blocks) and Large Turbo (four steps, no guidance), and the built-in model.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import pytest
import torch
from diffusers import (
    AutoencoderKL,
    FlowMatchEulerDiscreteScheduler,
    SD3Transformer2DModel,
    StableDiffusion3Img2ImgPipeline,
)
from peft import LoraConfig

from studio.generation.guidance import one_by_one
from studio.generation.sampling import (
    Step,
    draw_noise,
    plan_sigmas,
    sample_euler,
    sample_variations,
    shift_sigma,
)
from studio.models.pipeline_slot import PipelineSlot
from studio.models.prompts import PromptEmbeds, TextEmbeds
from studio.schema import PipelineChoice, effective_steps
from tests.support.sampling import SEEDS, draw_by_pipeline, draw_by_studio, make_latents

STRENGTHS = (0.3, 0.45, 0.6, 0.61, 0.85, 1.0)
SIZES_PX = ((64, 96), (48, 176), (144, 32), (112, 80), (16, 16))
TOKENS, WIDTH, POOLED = 7, 32, 48


@dataclass(frozen=True)
class Shape:
    """The settings in which the models of the family differ, at small size."""

    layers: int
    dual_attention_layers: tuple[int, ...]
    steps: int
    guided: bool
    scheduler: dict[str, object] | None = None


SHAPES = {
    "large": Shape(3, (), 10, guided=True),
    "large without guidance": Shape(3, (), 10, guided=False),
    "medium": Shape(3, (0, 1), 10, guided=True),
    "turbo": Shape(3, (), 4, guided=False),
    "dynamic": Shape(2, (), 6, guided=True, scheduler={"use_dynamic_shifting": True, "shift": 1.0}),
    "karras": Shape(2, (), 6, guided=True, scheduler={"use_karras_sigmas": True}),
}


@functools.cache
def build(shape: str, dtype: torch.dtype = torch.float32) -> StableDiffusion3Img2ImgPipeline:
    """Return a pipeline of random weights, without text encoders, since embeddings are given."""
    torch.manual_seed(0)
    of = SHAPES[shape]
    transformer = SD3Transformer2DModel(
        sample_size=32,
        patch_size=2,
        in_channels=16,
        num_layers=of.layers,
        attention_head_dim=8,
        num_attention_heads=4,
        joint_attention_dim=WIDTH,
        caption_projection_dim=32,
        pooled_projection_dim=POOLED,
        out_channels=16,
        pos_embed_max_size=96,
        dual_attention_layers=of.dual_attention_layers,
        qk_norm="rms_norm",
    )
    vae = AutoencoderKL(
        block_out_channels=(4, 4, 4, 4),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=16,
        norm_num_groups=1,
        shift_factor=0.0609,
        scaling_factor=1.5305,
        use_quant_conv=False,
        use_post_quant_conv=False,
    )
    pipe = StableDiffusion3Img2ImgPipeline(
        transformer=transformer,
        scheduler=FlowMatchEulerDiscreteScheduler(**{"shift": 3.0} | (of.scheduler or {})),
        vae=vae,
        **dict.fromkeys(
            ["text_encoder", "text_encoder_2", "text_encoder_3", "tokenizer", "tokenizer_2", "tokenizer_3"]
        ),
    )
    pipe.set_progress_bar_config(disable=True)
    pipe.to(dtype=dtype)
    return pipe


def make_embeds(dtype: torch.dtype, *, guided: bool) -> PromptEmbeds:
    rng = torch.Generator().manual_seed(1)
    texts = [
        TextEmbeds(
            torch.randn(1, TOKENS, WIDTH, generator=rng).to(dtype), torch.randn(1, POOLED, generator=rng).to(dtype)
        )
        for _ in range(2)
    ]
    return PromptEmbeds(texts[0], texts[1] if guided else None, cut=False)


def settings_of(shape: str, strength: float) -> dict[str, float]:
    of = SHAPES[shape]
    return {"steps": of.steps, "strength": strength, "scale": 4.5 if of.guided else 1.0}


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [(7,), SEEDS], ids=["alone", "batch"])
@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize("shape", SHAPES)
def test_latents_equal_the_pipelines(shape: str, strength: float, seeds: tuple[int, ...]) -> None:
    pipe, embeds = build(shape), make_embeds(torch.float32, guided=SHAPES[shape].guided)
    given = settings_of(shape, strength) | {"seeds": seeds}
    for width_px, height_px in SIZES_PX:
        clean = make_latents(pipe, width_px, height_px)
        assert torch.equal(draw_by_studio(pipe, clean, embeds, **given), draw_by_pipeline(pipe, clean, embeds, **given))


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [(7,), SEEDS], ids=["alone", "batch"])
@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize("shape", ["large", "large without guidance", "medium", "turbo"])
def test_latents_are_equal_in_16_bits(shape: str, strength: float, seeds: tuple[int, ...]) -> None:
    """Noise, mixing and steps are rounded as the pipeline rounds them."""
    pipe, embeds = build(shape, torch.bfloat16), make_embeds(torch.bfloat16, guided=SHAPES[shape].guided)
    given = settings_of(shape, strength) | {"seeds": seeds}
    clean = make_latents(pipe, 64, 96)
    ours = draw_by_studio(pipe, clean, embeds, **given)
    assert ours.dtype == torch.bfloat16
    assert torch.equal(ours, draw_by_pipeline(pipe, clean, embeds, **given))


def test_latents_of_one_small_run_equal_the_pipelines() -> None:
    pipe, embeds = build("medium"), make_embeds(torch.float32, guided=True)
    clean, given = make_latents(pipe, 32, 48), {"steps": 3, "strength": 0.7, "scale": 4.5}
    assert torch.equal(draw_by_studio(pipe, clean, embeds, **given), draw_by_pipeline(pipe, clean, embeds, **given))


def test_latents_are_equal_with_an_adapter() -> None:
    pipe, embeds = build.__wrapped__("large"), make_embeds(torch.float32, guided=True)
    clean, given = make_latents(pipe, 64, 64), {"steps": 6, "strength": 0.8, "scale": 4.5}
    plain = draw_by_studio(pipe, clean, embeds, **given)
    pipe.transformer.add_adapter(
        LoraConfig(r=4, lora_alpha=8, target_modules=["to_q", "to_v"], init_lora_weights=False), "carpet"
    )
    ours = {}
    for weight in (0.0, 0.5, 1.0):
        pipe.transformer.set_adapters(["carpet"], [weight])
        ours[weight] = draw_by_studio(pipe, clean, embeds, **given)
        assert torch.equal(ours[weight], draw_by_pipeline(pipe, clean, embeds, **given))
    assert torch.equal(ours[0.0], plain)
    assert not torch.equal(ours[0.5], ours[1.0])


@pytest.mark.slow
@pytest.mark.parametrize("strength", STRENGTHS)
@pytest.mark.parametrize("scale", [1.0, 2.5])
@pytest.mark.parametrize("shift", [None, 1.35])
def test_latents_are_equal_with_the_built_in_model(
    slot: PipelineSlot, strength: float, scale: float, shift: float | None
) -> None:
    with slot.use(PipelineChoice("builtin"), lambda _stage: None) as loaded:
        embeds = loaded.prompts.encode("red kilim", "blue", scale > 1)
        given = {"steps": 7, "strength": strength, "scale": scale, "shift": shift, "seeds": (1, 2)}
        clean = make_latents(loaded.pipe, 112, 144)
        ours = draw_by_studio(loaded.pipe, clean, embeds, **given)
        assert torch.equal(ours, draw_by_pipeline(loaded.pipe, clean, embeds, **given))


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["large", "turbo"])
def test_a_row_predicted_alone_is_the_same_in_a_batch(shape: str) -> None:
    pipe, embeds = build(shape), make_embeds(torch.float32, guided=SHAPES[shape].guided)
    given = settings_of(shape, 0.8)
    clean = make_latents(pipe, 64, 96)
    together = draw_by_studio(pipe, clean, embeds, **given, row_by_row=True)
    for seed, row in zip(SEEDS, together, strict=True):
        alone = draw_by_studio(pipe, clean, embeds, **given, seeds=(seed,), row_by_row=True)
        assert torch.equal(row, alone[0])
        assert torch.equal(row, draw_by_pipeline(pipe, clean, embeds, **given, seeds=(seed,))[0])


def test_one_by_one_gives_the_velocity_one_row_at_a_time() -> None:
    counts = []
    step = Step(1, 1, torch.tensor(0.5), torch.tensor(0.0))
    velocity = one_by_one(lambda latents, _step: counts.append(len(latents)) or 2 * latents)
    latents = torch.randn(3, 4, 2, 2)
    assert torch.equal(velocity(latents, step), 2 * latents)
    assert counts == [1, 1, 1]


@pytest.mark.slow
@pytest.mark.parametrize("steps", [1, 4, 28])
@pytest.mark.parametrize("strength", STRENGTHS)
def test_a_run_has_one_sigma_per_effective_step_and_falls_to_0(steps: int, strength: float) -> None:
    for shift in (None, 1.0, 2.5):
        sigmas = plan_sigmas(build("turbo"), steps, strength, (64, 64), shift)
        assert len(sigmas) == effective_steps(steps, strength) + 1
        assert (sigmas.diff() < 0).all()
        assert sigmas[-1] == 0
        assert sigmas.dtype == torch.float32


def test_a_shift_of_1_changes_no_sigma_and_a_larger_one_raises_all_between_0_and_1() -> None:
    assert shift_sigma(0.5, 1.0) == 0.5
    assert [shift_sigma(sigma, 3.0) for sigma in (0.0, 0.5, 1.0)] == [0.0, 0.75, 1.0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_an_exact_model_gives_the_same_clean_estimate_at_every_step(dtype: torch.dtype) -> None:
    """Computed from two successive latents of 16 bits, its error would be ten times as large."""
    rng = torch.Generator().manual_seed(0)
    clean, noise = (torch.randn((1, 4, 16, 16), generator=rng).to(dtype) for _ in range(2))
    velocity = (noise.float() - clean.float()).to(dtype)
    sigmas = shift_sigma(torch.linspace(1, 0, 61), 3.0)
    errors, coarse_errors = [], []
    before = [noise]

    def after_step(step: Step, latents: torch.Tensor, estimate: torch.Tensor) -> torch.Tensor:
        errors.append(measure_error(estimate, clean))
        slope = (latents.float() - before[-1].float()) / (step.next_sigma - step.sigma)
        coarse_errors.append(measure_error(latents.float() - step.next_sigma * slope, clean))
        before.append(latents)
        return latents

    ended = sample_euler(lambda _latents, _step: velocity, noise, sigmas, after_step)
    assert ended.dtype == dtype
    assert max(errors) < (1e-6 if dtype is torch.float32 else 0.02)
    if dtype is torch.bfloat16:
        assert max(coarse_errors) > 10 * max(errors)


def measure_error(found: torch.Tensor, wanted: torch.Tensor) -> float:
    """Return the root mean square error."""
    return (found.float() - wanted.float()).square().mean().sqrt().item()


def test_after_step_receives_the_step_and_can_change_the_latents() -> None:
    seen = []

    def after_step(step: Step, latents: torch.Tensor, clean: torch.Tensor) -> torch.Tensor:
        seen.append((step.number, step.count, float(step.sigma), float(step.next_sigma)))
        return torch.zeros_like(latents)

    sigmas = torch.tensor([0.75, 0.5, 0.0])
    ended = sample_euler(lambda latents, _step: latents, torch.ones(1, 1, 2, 2), sigmas, after_step)
    assert seen == [(1, 2, 0.75, 0.5), (2, 2, 0.5, 0.0)]
    assert (ended == 0).all()


def test_noise_of_a_seed_does_not_depend_on_its_place_in_the_batch() -> None:
    cpu = torch.device("cpu")
    together = draw_noise((0, 1, 2), (4, 3, 3), torch.float32, cpu)
    assert torch.equal(together[2:], draw_noise((2,), (4, 3, 3), torch.float32, cpu))


def test_projections_are_applied_in_order_after_each_step_and_then_reported() -> None:
    """Each is given the noise that the run began with."""
    design, seeds = torch.zeros(1, 4, 2, 2), (3, 4)
    noise = draw_noise(seeds, (4, 2, 2), torch.float32, torch.device("cpu"))
    calls = []

    class Adding:
        def __init__(self, amount: float) -> None:
            self.amount = amount

        def project(self, step, latents, clean, given):
            assert torch.equal(given, noise)
            calls.append((step.number, self.amount))
            return latents + self.amount, clean + self.amount

    reported = []
    ended = sample_variations(
        lambda latents, _step: torch.zeros_like(latents),
        design,
        seeds,
        torch.tensor([0.5, 0.25, 0.0]),
        torch.float32,
        projections=(Adding(1.0), Adding(10.0)),
        report=lambda step, clean: reported.append((step.number, clean)),
    )
    assert calls == [(1, 1.0), (1, 10.0), (2, 1.0), (2, 10.0)]
    assert torch.allclose(ended, 0.5 * noise + 22)
    assert [number for number, _ in reported] == [1, 2]
    assert torch.allclose(reported[0][1], 0.5 * noise + 11)
