"""The engine on the real built-in pipeline: sizes, seeds, adapters, and how often each part of the model is called."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image

from studio.errors import AdapterError, RunCancelledError
from studio.generation import preparation
from studio.generation.cycle_spinning import pick_corners, roll
from studio.generation.engine import Engine
from studio.generation.events import Drawn, RunEvent, Stepped
from studio.generation.noise_shift import LEAST_SHIFT, choose_shift
from studio.generation.previews import LatentPreview
from studio.generation.vae import Codec
from studio.models.pipeline_slot import PipelineSlot
from studio.models.registry import MODELS
from studio.schema import AdapterUse, Constraints, PipelineChoice, VariationRequest, effective_steps
from studio.training.held_out_evaluation import STEPS, Workbench, draw_held_out_carpet
from tests.support.adapters import write_adapter
from tests.support.knots import as_design
from tests.support.pictures import draw_design
from tests.support.runs import draw, drawn, facts, pictures, watching

PATCH = 8
"""Side of the built-in transformer's patches, in latent cells."""


@pytest.mark.slow
@pytest.mark.parametrize(("width", "height"), [(160, 208), (75, 300), (300, 75), (33, 47), (131, 129)])
def test_a_variation_has_the_designs_own_size(slot: PipelineSlot, width: int, height: int) -> None:
    events = draw(slot, draw_design(width, height))
    (picture,) = pictures(events).values()
    assert picture.shape == (height, width, 3)
    assert not facts(events).enlarged
    assert drawn(events)[7].small is None


@pytest.mark.slow
def test_a_large_design_is_drawn_smaller_and_enlarged(slot: PipelineSlot) -> None:
    events = draw(slot, draw_design(900, 1200), steps=2)
    (picture,) = pictures(events).values()
    said = facts(events)
    assert picture.shape == (1200, 900, 3)
    assert said.enlarged
    assert said.working_width_px * said.working_height_px <= MODELS["builtin"].working_pixels
    assert abs(said.working_width_px / said.working_height_px - 0.75) < 0.01
    small = drawn(events)[7].small
    assert small.size == (said.working_width_px, said.working_height_px)
    enlarged = np.asarray(small.resize((900, 1200), Image.Resampling.LANCZOS), np.int16)
    assert np.abs(enlarged - picture).mean() < 0.5


@pytest.mark.slow
@pytest.mark.parametrize("guidance", [1.0, 3.0])
def test_a_seed_gives_the_same_picture_alone_and_in_a_batch(slot: PipelineSlot, guidance: float) -> None:
    """To the bit and in every knot, also in a symmetric run, which sends every picture through the VAE twice more."""
    design, constraints = draw_design(128, 160), Constraints(palette="source", symmetry="vertical")
    settings = {"steps": 8, "strength": 0.6, "guidance_scale": guidance, "constraints": constraints}
    together = drawn(draw(slot, design, seeds=(5, 6, 7, 8, 9), **settings))
    assert len({event.image.tobytes() for event in together.values()}) == 5
    for seed in (5, 8):
        alone = drawn(draw(slot, design, seeds=(seed,), **settings))[seed]
        assert alone.image.tobytes() == together[seed].image.tobytes()
        assert alone.woven.image.tobytes() == together[seed].woven.image.tobytes()


@pytest.mark.slow
def test_more_than_five_variations_are_drawn_in_batches(slot: PipelineSlot) -> None:
    events = draw(slot, draw_design(128, 128), seeds=tuple(range(7)))
    steps = [event for event in events if isinstance(event, Stepped)]
    assert [event.slot for event in events if isinstance(event, Drawn)] == list(range(7))
    assert [step.step for step in steps] == list(range(1, steps[0].steps + 1))
    assert set(steps[0].previews) == set(range(5))
    assert set(steps[-1].previews) == {5, 6}


@pytest.mark.slow
def test_equals_the_plain_pipeline(slot: PipelineSlot, monkeypatch: pytest.MonkeyPatch) -> None:
    """diffusers' own call gets the same latents and shift; cycle spinning is off (latents alone: test_sampling)."""
    design = draw_design(128, 160)
    with slot.use(PipelineChoice("builtin"), print) as loaded:
        monkeypatch.setattr(loaded, "entry", replace(loaded.entry, cycle_spinning=False))
    ours = pictures(draw(slot, design, seeds=(3,), strength=0.8, steps=4, guidance_scale=2.5))[3]
    with slot.use(PipelineChoice("builtin"), print) as loaded:
        pipe = loaded.pipe
        with torch.no_grad():
            latents = Codec(pipe).encode(pipe.image_processor.preprocess(design.image))
        shift = choose_shift(pipe, Codec(pipe), loaded.prompts, latents)
        plain = pipe(
            prompt="red kilim carpet",
            negative_prompt="",
            image=latents,
            width=128,
            height=160,
            strength=0.8,
            num_inference_steps=4,
            guidance_scale=2.5,
            generator=torch.Generator().manual_seed(3),
            max_sequence_length=loaded.entry.prompt_tokens,
            mu=math.log(shift),
        ).images[0]
    assert np.abs(np.asarray(plain, np.int16) - ours).max() <= 1


@pytest.mark.slow
def test_the_evaluation_draws_the_same_pictures_as_a_run(slot: PipelineSlot) -> None:
    design = as_design(draw_held_out_carpet(10).pixels)
    strength = 0.55
    assert effective_steps(STEPS, strength) % 2  # so that another number of steps would give another picture
    events = draw(slot, design, seeds=(3,), strength=strength, steps=STEPS)
    drawn = pictures(events)[3]
    assert facts(events).shift > 1  # so that leaving it out would show
    with slot.use(PipelineChoice("builtin"), print) as loaded:
        bench = Workbench(loaded.pipe, designs=0)
        measured = bench.draw(np.asarray(design.image), "red kilim carpet", strength, (3,))[0]
    assert np.abs(measured.astype(np.int16) - drawn).max() <= 1


@pytest.mark.slow
def test_design_and_prompt_are_encoded_once(slot: PipelineSlot) -> None:
    design = draw_design(128, 144, seed=41)
    with slot.use(PipelineChoice("builtin"), print) as loaded:
        parts = {name: getattr(loaded.pipe, name) for name in ("text_encoder", "text_encoder_2", "text_encoder_3")}
        parts["transformer"], parts["vae encoder"] = loaded.pipe.transformer, loaded.pipe.vae.encoder
        calls = dict.fromkeys(parts, 0)

        def count(name: str):
            def hook(*_: object) -> None:
                calls[name] += 1

            return hook

        handles = [part.register_forward_hook(count(name)) for name, part in parts.items()]
        try:
            prompt = "a prompt that no other test uses"
            draw(slot, design, seeds=(1,), steps=1, strength=1.0)  # reads the empty prompt as well
            calls.update(dict.fromkeys(calls, 0))
            other = draw_design(128, 144, seed=42)
            draw(slot, other, prompt=prompt, seeds=(1, 2, 3, 4, 5), steps=3, strength=1.0)
            first = dict(calls)
            draw(slot, other, prompt=prompt, seeds=(6, 7), steps=3, strength=1.0)
        finally:
            for handle in handles:
                handle.remove()
    probes = first.pop("transformer") - 5 * 3  # on a CPU each row of a batch is predicted alone
    assert first == {"text_encoder": 1, "text_encoder_2": 1, "text_encoder_3": 1, "vae encoder": 1}
    assert probes in (2, 4, 6)  # to choose the noise shift
    assert calls == first | {"transformer": 5 * 3 + probes + 2 * 3}  # nothing is encoded again


@pytest.mark.slow
def test_the_design_in_use_is_remembered_longest(slot: PipelineSlot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparation, "_REMEMBERED_DESIGNS", 2)
    kept, passing, last = (draw_design(128, 128, seed=seed) for seed in (51, 52, 53))
    for design in (kept, passing, kept, last):
        draw(slot, design, steps=1, strength=1.0)
    with slot.use(PipelineChoice("builtin"), print) as loaded:
        known = [key[0] for key in loaded.designs]
    assert known[-2:] == [kept.sha256, last.sha256]
    assert passing.sha256 not in known


@pytest.mark.slow
def test_a_higher_strength_departs_further_from_the_design(slot: PipelineSlot) -> None:
    design = draw_design(128, 160)
    source = np.asarray(design.image, np.int16)
    near, far = (
        np.abs(pictures(draw(slot, design, strength=strength, steps=6))[7] - source).mean() for strength in (0.2, 0.9)
    )
    assert near < far


@pytest.mark.slow
def test_guidance_reads_the_negative_prompt(slot: PipelineSlot) -> None:
    design = draw_design(128, 128)
    plain, guided, avoided = (
        pictures(draw(slot, design, guidance_scale=scale, negative_prompt=negative))[7]
        for scale, negative in ((1.0, ""), (4.0, ""), (4.0, "blue stripes"))
    )
    assert np.abs(plain - guided).max() > 1
    assert np.abs(guided - avoided).max() > 1


@pytest.mark.slow
def test_a_stopped_run_does_not_change_the_next_one(slot: PipelineSlot) -> None:
    design = draw_design(128, 128)
    before = pictures(draw(slot, design))[7]

    def stop(event: RunEvent) -> None:
        if isinstance(event, Stepped):
            raise RunCancelledError("stop")

    with pytest.raises(RunCancelledError):
        request = VariationRequest(source="", prompt="red kilim carpet", seeds=(7,), steps=6, guidance_scale=1.0)
        Engine(slot).generate(request, design, stop)
    assert (pictures(draw(slot, design))[7] == before).all()


@pytest.mark.slow
def test_previews_approach_the_finished_picture(slot: PipelineSlot) -> None:
    events = draw(slot, draw_design(160, 128, seed=3), strength=0.5, steps=8)
    last = [event for event in events if isinstance(event, Stepped)][-1].previews[0]
    final = next(event.image for event in events if isinstance(event, Drawn)).resize(last.size, Image.Resampling.BOX)
    assert abs(last.width / last.height - 160 / 128) < 0.1
    assert np.abs(np.asarray(last, np.int16) - np.asarray(final, np.int16)).mean() < 40


@pytest.mark.slow
def test_previews_show_the_clean_estimate_of_each_step(slot: PipelineSlot, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[torch.Tensor] = []
    design = draw_design(128, 128)
    with watching(slot, design) as seen:
        monkeypatch.setattr(
            LatentPreview, "draw", lambda self, latents, box: shown.append(latents) or Image.new("RGB", (8, 8))
        )
        draw(slot, design, seeds=(7, 8), strength=0.7, steps=4)
    assert len(seen) == 2 * 3  # on a CPU each row of a batch is predicted alone
    estimates = [roll_back(noisy - sigma * velocity, k // 2, 3)[0] for k, (noisy, sigma, velocity) in enumerate(seen)]
    assert all(torch.allclose(one, wanted, atol=1e-3) for one, wanted in zip(shown, estimates, strict=True))


def roll_back(latents: torch.Tensor, step: int, steps: int) -> torch.Tensor:
    row, column = pick_corners(*latents.shape[-2:], steps, PATCH, every=False)[step]
    return roll(latents, (-row, -column))


@pytest.mark.slow
def test_the_latents_are_shifted_at_every_other_step(slot: PipelineSlot) -> None:
    design = draw_design(128, 160)
    with watching(slot, design) as seen:
        draw(slot, design, seeds=(7,), strength=0.5, steps=8)
    assert len(seen) == 4
    for k, ((noisy, sigma, velocity), (shown, lower, _)) in enumerate(pairwise(seen)):
        ended = roll_back(noisy + (lower - sigma) * velocity, k, 4)
        assert torch.allclose(roll_back(shown, k + 1, 4), ended, atol=1e-3)
        assert torch.allclose(shown, ended, atol=1e-3) == (k % 2 == 1)  # at its own corner again


@pytest.mark.slow
def test_a_design_that_survives_noise_gets_more_of_it_than_one_that_does_not(slot: PipelineSlot) -> None:
    """The first sigma is that of the strength, shifted; the shift is in the record."""
    rng = np.random.default_rng(0)
    even = np.linspace(1, 0.001, 4)[1]
    for knot_px, shifted in ((32, True), (1, False)):
        knots = rng.integers(0, 255, (128 // knot_px, 128 // knot_px, 3), dtype=np.uint8)
        design = as_design(knots.repeat(knot_px, 0).repeat(knot_px, 1))
        with watching(slot, design) as seen:
            said = facts(draw(slot, design, strength=0.7, steps=4))
        assert (said.shift > LEAST_SHIFT) == shifted
        assert seen[0][1] == pytest.approx(said.shift * even / (1 + (said.shift - 1) * even), abs=2e-3)
        half = facts(draw(slot, design, strength=0.5, steps=4)).shift
        assert half == pytest.approx(said.shift**0.5)


@pytest.mark.slow
def test_a_design_is_not_probed_at_a_low_strength(slot: PipelineSlot) -> None:
    knots = np.random.default_rng(6).integers(0, 255, (4, 4, 3), dtype=np.uint8)
    design = as_design(knots.repeat(32, 0).repeat(32, 1))
    with slot.use(PipelineChoice("builtin"), print) as loaded:
        calls: list[float] = []
        hook = loaded.pipe.transformer.register_forward_hook(
            lambda _module, _arguments, given, _answer: calls.append(float(given["timestep"][0]) / 1000),
            with_kwargs=True,
        )
    try:
        kept = facts(draw(slot, design, strength=0.4, steps=5))
        calls_of_the_run = list(calls)
        calls.clear()
        varied = facts(draw(slot, design, strength=0.6, steps=5))
    finally:
        hook.remove()
    assert kept.shift == 1
    assert len(calls_of_the_run) == kept.effective_steps
    assert calls_of_the_run[0] == pytest.approx(np.linspace(1, 0.001, 5)[3], abs=2e-3)
    assert varied.shift > 1
    assert len(calls) > varied.effective_steps


def test_a_prompt_that_is_cut_is_reported(slot: PipelineSlot) -> None:
    long = draw(slot, draw_design(128, 128), prompt="red carpet " * 100)
    assert "longer" in facts(long).notes[0]
    assert facts(draw(slot, draw_design(128, 128))).notes == ()


class TestAdapter:
    @pytest.mark.slow
    def test_changes_the_picture_and_honours_weight(self, slot: PipelineSlot, tmp_path) -> None:
        design, folder = draw_design(128, 128), str(write_adapter(tmp_path / "carpet-lora", slot))
        base = pictures(draw(slot, design))[7]
        off, half, full = (
            pictures(events := draw(slot, design, adapter=AdapterUse(folder, weight)))[7] for weight in (0.0, 0.5, 1.0)
        )
        assert (off == base).all()  # weight 0 is the base model, bit for bit
        assert 0 < np.abs(half - base).mean() < np.abs(full - base).mean()
        said = facts(events)
        assert (said.adapter_name, said.adapter_weight) == ("carpet-lora", 1.0)
        assert len(said.adapter_sha256) == 64
        assert (pictures(draw(slot, design))[7] == base).all()  # removed again

    @pytest.mark.slow
    def test_honours_lora_alpha(self, slot: PipelineSlot, tmp_path) -> None:
        design = draw_design(128, 128)
        folders = {alpha: str(write_adapter(tmp_path / str(alpha), slot, alpha=alpha)) for alpha in (4, 8)}
        same = [
            pictures(draw(slot, design, adapter=AdapterUse(folders[alpha], weight)))[7]
            for alpha, weight in ((4, 1.0), (8, 0.5), (8, 1.0))
        ]
        assert np.abs(same[0] - same[1]).max() <= 1
        assert np.abs(same[0] - same[2]).max() > 1

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("damage", "says"),
        [
            ({"rename": "other_blocks"}, "made for another model"),
            ({"width": 1024}, "made for another model"),
            ({"truncate": True}, "damaged"),
            ({"config": "{"}, "damaged"),
            ({"config": '{"peft_type": "LOHA", "r": 4, "lora_alpha": 4}'}, "LOHA"),
            ({"without": "adapter_config.json"}, "adapter_config.json"),
        ],
    )
    def test_refuses_with_a_reason(self, slot: PipelineSlot, tmp_path, damage: dict, says: str) -> None:
        folder = write_adapter(tmp_path / "bad", slot, **damage)
        with pytest.raises(AdapterError, match=says):
            draw(slot, draw_design(128, 128), adapter=AdapterUse(str(folder)))
        assert pictures(draw(slot, draw_design(128, 128)))  # the studio goes on
