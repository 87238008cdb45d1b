"""The form of the Generate page: the request it makes, the values it refuses, and what it remembers."""

from __future__ import annotations

import pytest

from studio.settings_store import StudioSettings
from studio.ui.session import workspace
from tests.support.generate_page import choice, draw_from, errors, generate, page, ready, texts, upload
from tests.support.pages import busy

__all__ = ["busy", "page"]


def test_generate_reports_what_is_missing(page):
    page.run()
    assert "no design yet" in errors(generate(page))
    upload(page)
    draw_from(page, "model")
    assert "The prompt is empty" in errors(generate(page))
    assert not workspace().jobs.active()


def test_prompt_that_is_too_long_is_refused(page):
    ready(page, "x" * 10_000)
    assert "10000 characters" in errors(generate(page))
    assert not workspace().jobs.active()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("form_strength", float("nan"), "Strength"),
        ("form_strength", 7.0, "Strength"),
        ("form_steps", 100_000, "Steps"),
        ("form_guidance_scale", -1.0, "Guidance"),
        ("form_drawing", "by hand", "Drawing"),
        ("form_change", 0.95, "Change"),
        ("form_pull", -0.5, "Pull"),
        ("form_cross_share", 1.0, "Share of the second design"),
        ("form_cross_way", "weft", "Way to cross"),
        ("form_count", 10**9, "Choose 1 to 10"),
        ("form_count", -3, "Choose 1 to 10"),
        ("form_seed", -1, ""),
    ],
)
def test_limits_hold_on_the_server(page, key, value, said):
    """Widgets enforce the limits in the browser; the server checks what a browser sends."""
    from studio.errors import RequestError
    from studio.models.registry import MODELS
    from studio.ui.generate.form import form_values

    ready(page)
    page.session_state["form_seed_mode"] = form_values.LOCKED
    page.session_state["form_cross"] = "b" * 64
    page.session_state[key] = value
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(form_values.st, "session_state", dict(page.session_state.to_dict()))
        if key == "form_seed":
            request = form_values.read_request("a" * 64, None, MODELS["builtin"], StudioSettings())
            assert all(0 <= seed < 2**32 for seed in request.seeds)
        else:
            with pytest.raises(RequestError, match=said):
                form_values.read_request("a" * 64, None, MODELS["builtin"], StudioSettings())


@pytest.mark.usefixtures("busy")
def test_generate_submits_the_values_of_the_form(page):
    draw_from(ready(page, "  kilim,\n red diamonds "), "model")
    choice(page, "form_preset").set_value("Strong").run()
    page.number_input(key="form_steps").set_value(20).run()
    page.number_input(key="form_guidance_scale").set_value(3.0).run()
    page.text_area(key="form_negative_prompt").set_value("people").run()
    page.number_input(key="form_count").set_value(3).run()
    choice(page, "form_seed_mode").set_value("Locked").run()
    page.number_input(key="form_seed").set_value(4294967295).run()
    generate(page)
    (snapshot,) = workspace().jobs.active()
    request = snapshot.request
    assert request.source == workspace().catalogue.sources()[0].sha256
    assert request.prompt == "kilim, red diamonds"
    assert (request.drawing, request.strength, request.steps, request.guidance_scale) == ("model", 0.65, 20, 3.0)
    assert request.negative_prompt == "people"
    assert request.seeds == (4294967295, 0, 1)
    assert (request.model, request.adapter) == ("builtin", None)
    assert page.query_params["run"] == snapshot.id
    assert {"run_cancel"} <= {button.key for button in page.button}


@pytest.mark.usefixtures("busy")
def test_fresh_seeds_differ_from_run_to_run(page):
    ready(page)
    generate(page)
    generate(page)
    first, second = workspace().jobs.active()
    assert len(first.request.seeds) == 5
    assert set(first.request.seeds).isdisjoint(second.request.seeds)
    assert "1 run goes first" in page.get("progress")[0].text
    assert "Another run:" not in texts(page)  # the progress bar shows its place in line


def test_strength_and_its_presets_agree(page):
    draw_from(upload(page.run()), "model")
    strength = page.slider(key="form_strength")
    assert (choice(page, "form_preset").value, strength.value) == ("Medium", 0.55)
    assert "7 of 12 steps are drawn" in choice(page, "form_preset").label
    choice(page, "form_preset").set_value("Subtle").run()
    assert page.slider(key="form_strength").value == 0.4
    page.slider(key="form_strength").set_value(0.65).run()
    assert choice(page, "form_preset").value == "Strong"
    page.slider(key="form_strength").set_value(0.62).run()
    assert choice(page, "form_preset").value is None
    assert "8 of 12 steps are drawn" in choice(page, "form_preset").label


def test_negative_prompt_needs_guidance(page):
    draw_from(page.run(), "model")
    assert page.text_area(key="form_negative_prompt").disabled
    assert "Not used at a guidance scale of 1" in texts(page)
    page.number_input(key="form_guidance_scale").set_value(4.0).run()
    assert not page.text_area(key="form_negative_prompt").disabled
    page.text_area(key="form_negative_prompt").set_value("people").run()
    assert page.expander[0].label == "Fine settings · 12 steps, guidance 4, negative prompt"


@pytest.mark.usefixtures("busy")
def test_unused_negative_prompt_is_not_recorded(page):
    draw_from(ready(page), "model")
    page.number_input(key="form_guidance_scale").set_value(4.0).run()
    page.text_area(key="form_negative_prompt").set_value("people").run()
    page.number_input(key="form_guidance_scale").set_value(1.0).run()
    generate(page)
    assert workspace().jobs.active()[0].request.negative_prompt == ""


def test_settings_survive_a_visit_to_another_page(page):
    draw_from(ready(page, "what I wrote"), "model")
    page.slider(key="form_strength").set_value(0.42).run()
    page.number_input(key="form_count").set_value(7).run()
    choice(page, "form_seed_mode").set_value("Locked").run()
    page.number_input(key="form_seed").set_value(77).run()
    page.switch_page("../../pages/gallery.py").run()
    assert not page.exception
    page.switch_page("../../pages/generate.py").run()
    assert page.text_area(key="form_prompt").value == "what I wrote"
    assert choice(page, "form_drawing").value == "model"
    assert page.slider(key="form_strength").value == 0.42
    assert page.number_input(key="form_count").value == 7
    assert page.number_input(key="form_seed").value == 77
    assert "96 × 128 knots · PNG" in texts(page)


def test_another_model_applies_its_defaults_and_can_be_undone(page):
    draw_from(ready(page), "model")
    page.number_input(key="form_steps").set_value(15).run()
    workspace().settings.save(StudioSettings(model="stabilityai/stable-diffusion-3.5-large"))
    page.run()
    assert (page.number_input(key="form_steps").value, page.number_input(key="form_guidance_scale").value) == (28, 4.5)
    assert "Stable Diffusion 3.5 Large" in texts(page)
    page.button(key="form_undo").click().run()
    assert (page.number_input(key="form_steps").value, page.number_input(key="form_guidance_scale").value) == (15, 1.0)


@pytest.mark.slow
def test_missing_model_is_named_and_starts_no_run(page):
    draw_from(ready(page), "model")
    workspace().settings.save(StudioSettings(model="/no/such/model"))
    page.run()
    assert not page.exception
    assert "/no/such/model" in errors(page)
    generate(page)
    assert not workspace().jobs.active()


@pytest.mark.usefixtures("busy")
def test_adapter_of_the_settings_has_a_weight(page):
    draw_from(page.run(), "model")
    assert "form_adapter_weight" not in {slider.key for slider in page.slider}
    workspace().settings.save(StudioSettings(adapter_folder="/adapters/kilim-lora"))
    ready(page)
    assert page.slider(key="form_adapter_weight").label == "Adapter: kilim-lora"
    page.slider(key="form_adapter_weight").set_value(0.7).run()
    generate(page)
    adapter = workspace().jobs.active()[0].request.adapter
    assert (adapter.folder, adapter.weight) == ("/adapters/kilim-lora", 0.7)
