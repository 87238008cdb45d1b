"""The Generate page: what it asks for, what it refuses, and what it remembers."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from filelock import FileLock
from PIL import Image
from streamlit.testing.v1 import AppTest

import studio.workspace
from studio.designs.samples import SAMPLES
from studio.errors import StorageError
from studio.requests import JobState
from studio.session import workspace
from studio.settings import StudioSettings
from studio.widgets import run_words
from studio.widgets.run import SCORE_HELP
from studio.widgets.set_score import describe_score, find_score
from tests.catalogue_records import FACTS, KILIM, make_record, save
from tests.conftest import draw_picture, encode_picture

ROOT = Path(__file__).parents[1]
APP = str(ROOT / "studio" / "app.py")


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    """The page on an outputs folder of its own; its worker does not wait for other studios on this machine."""
    monkeypatch.setenv("STUDIO_OUTPUTS", str(tmp_path / "outputs"))
    monkeypatch.setattr(studio.workspace, "device_lock_file", lambda: tmp_path / "device.lock")
    st.cache_resource.clear()
    yield AppTest.from_file(APP, default_timeout=60)
    studio.workspace.close_workspaces()
    st.cache_resource.clear()


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[None]:
    """Another studio draws all the while, so that runs stay in line."""
    with FileLock(tmp_path / "device.lock"):
        yield
        studio.workspace.close_workspaces()


def upload(page: AppTest, width_px: int = 96, height_px: int = 128, form: str = "PNG") -> AppTest:
    data = encode_picture(draw_picture(width_px, height_px), form)
    page.file_uploader[0].upload(f"My design.{form.lower()}", data)
    return page.run()


def ready(page: AppTest, prompt: str = "kilim, red diamonds") -> AppTest:
    """Return the page with a design and a prompt, only Generate to be pressed."""
    upload(page.run())
    return page.text_area(key="form_prompt").set_value(prompt).run()


def generate(page: AppTest) -> AppTest:
    page.button(key="generate").click().run()
    assert not page.exception
    return page


def errors(page: AppTest) -> str:
    return " ".join(error.value for error in page.error)


def texts(page: AppTest) -> str:
    """Everything that is written on the page, HTML included."""
    found = [*page.markdown, *page.caption, *page.html, *page.subheader, *page.info, *page.warning]
    return " ".join(str(element.value) for element in found)


def test_first_visit_offers_upload_samples_and_says_what_follows(page):
    page.run()
    assert not page.exception
    assert [one.value for one in page.subheader] == ["Choose a design", "Or take a sample", "What happens then"]
    assert {f"design_sample_{sample.id}" for sample in SAMPLES} <= {button.key for button in page.button}
    assert "Built-in sketch model" in texts(page)
    assert "7 of 12 steps are drawn" in page.get("segmented_control")[0].label


def test_upload_is_kept_at_once_and_shown(page):
    upload(page.run(), 96, 128)
    assert not page.exception
    (source,) = workspace().catalogue.sources()
    assert (source.label, source.width_px, source.height_px) == ("My design", 96, 128)
    assert f"/pictures/source-thumbnail/{source.sha256}" in texts(page)
    assert "96 × 128 px · PNG" in texts(page)
    assert page.query_params["source"] == source.sha256
    assert "Variation 5" in texts(page)  # the places of the pictures to come


def test_upload_says_what_is_done_to_the_design(page):
    page.run()
    clear = draw_picture(64, 64).convert("RGBA")
    clear.putalpha(90)
    page.file_uploader[0].upload("clear.png", encode_picture(clear))
    page.run()
    (source,) = workspace().catalogue.sources()
    assert source.notes
    assert source.notes[0] in texts(page)


@pytest.mark.parametrize(
    ("data", "said"), [(b"no picture at all", "picture"), (b"", "empty"), (b"\x89PNG\r\n\x1a\n" + b"\0" * 40, "")]
)
def test_upload_that_is_no_design_is_refused_with_a_sentence(page, data, said):
    page.run()
    page.file_uploader[0].upload("design.png", data)
    page.run()
    assert not page.exception
    assert said in errors(page)
    assert len(page.error) == 1
    assert not workspace().catalogue.sources()
    upload(page)  # and the page goes on
    assert len(workspace().catalogue.sources()) == 1


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.id)
def test_sample_becomes_the_design_and_brings_its_prompt(page, sample):
    page.run().button(key=f"design_sample_{sample.id}").click().run()
    assert not page.exception
    assert workspace().catalogue.sources()[0].label == sample.title
    assert page.text_area(key="form_prompt").value == sample.prompt


def test_sample_leaves_a_prompt_that_is_there(page):
    page.run().text_area(key="form_prompt").set_value("my own words").run()
    page.button(key=f"design_sample_{SAMPLES[0].id}").click().run()
    assert page.text_area(key="form_prompt").value == "my own words"


def test_earlier_design_can_be_taken_again(page):
    upload(page.run())
    source = workspace().catalogue.sources()[0]
    page.button(key="design_change").click().run()
    page.button(key=f"design_recent_{source.sha256}").click().run()
    assert not page.exception
    assert "96 × 128 px · PNG" in texts(page)
    page.button(key="design_change").click().run()
    page.button(key="design_keep").click().run()
    assert "96 × 128 px · PNG" in texts(page)


def test_another_upload_takes_the_place_of_the_design(page):
    upload(page.run(), 96, 128)
    page.button(key="design_change").click().run()
    upload(page, 64, 80)
    assert "64 × 80 px · PNG" in texts(page)
    assert page.query_params["source"] == workspace().catalogue.sources()[0].sha256
    page.run()
    assert "64 × 80 px · PNG" in texts(page)


def test_generate_says_what_is_missing(page):
    page.run()
    assert "no design yet" in errors(generate(page))
    upload(page)
    assert "The prompt is empty" in errors(generate(page))
    assert not workspace().jobs.active()


def test_prompt_that_is_too_long_is_refused(page):
    ready(page, "x" * 10_000)
    assert "10000 characters" in errors(generate(page))
    assert not workspace().jobs.active()


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("form_strength", float("nan"), "Strength"),
        ("form_strength", 7.0, "Strength"),
        ("form_steps", 100_000, "Steps"),
        ("form_guidance_scale", -1.0, "Guidance"),
        ("form_count", 10**9, "Choose 1 to 10"),
        ("form_count", -3, "Choose 1 to 10"),
        ("form_seed", -1, ""),
    ],
)
def test_limits_hold_on_the_server(page, key, value, said):
    """Widgets keep a browser's user inside the limits, but what a browser sends is checked again."""
    from studio.errors import RequestError
    from studio.models.registry import MODELS
    from studio.widgets import form_values

    ready(page)
    page.session_state["form_seed_mode"] = form_values.LOCKED
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
def test_generate_asks_for_what_the_form_says(page):
    ready(page, "  kilim,\n red diamonds ")
    page.get("segmented_control")[0].set_value("Strong").run()
    page.number_input(key="form_steps").set_value(20).run()
    page.number_input(key="form_guidance_scale").set_value(3.0).run()
    page.text_area(key="form_negative_prompt").set_value("people").run()
    page.number_input(key="form_count").set_value(3).run()
    page.get("segmented_control")[1].set_value("Locked").run()
    page.number_input(key="form_seed").set_value(4294967295).run()
    generate(page)
    (snapshot,) = workspace().jobs.active()
    request = snapshot.request
    assert request.source == workspace().catalogue.sources()[0].sha256
    assert request.prompt == "kilim, red diamonds"
    assert (request.strength, request.steps, request.guidance_scale) == (0.65, 20, 3.0)
    assert request.negative_prompt == "people"
    assert request.seeds == (4294967295, 0, 1)
    assert (request.model, request.adapter) == ("builtin", None)
    assert page.query_params["run"] == snapshot.id
    assert {"run_cancel"} <= {button.key for button in page.button}


@pytest.mark.usefixtures("busy")
def test_run_started_while_choosing_another_design_is_shown(page):
    ready(page)
    page.button(key="design_change").click().run()
    generate(page)
    assert "run_cancel" in {button.key for button in page.button}
    assert "96 × 128 px · PNG" in texts(page)


@pytest.mark.usefixtures("busy")
def test_fresh_seeds_differ_from_run_to_run(page):
    ready(page)
    generate(page)
    generate(page)
    first, second = workspace().jobs.active()
    assert len(first.request.seeds) == 5
    assert set(first.request.seeds).isdisjoint(second.request.seeds)
    assert "1 run goes first" in page.get("progress")[0].text
    assert "Another run:" not in texts(page)  # its place in line says it


@pytest.mark.usefixtures("busy")
def test_another_session_sees_that_a_run_goes_on_and_can_look_at_it(page):
    ready(page)
    generate(page)
    (snapshot,) = workspace().jobs.active()
    other = AppTest.from_file(APP, default_timeout=60).run()
    assert "Another run:" in texts(other)
    other.button(key="run_show_other").click().run()
    assert not other.exception
    assert other.query_params["run"] == snapshot.id
    assert "run_cancel" in {button.key for button in other.button}
    assert "96 × 128 px · PNG" in texts(other)
    assert other.text_area(key="form_prompt").value == ""  # looking takes nothing over


@pytest.mark.usefixtures("busy")
def test_cancel_in_line_ends_the_run(page):
    ready(page)
    generate(page)
    (snapshot,) = workspace().jobs.active()
    page.button(key="run_cancel").click().run()
    deadline = time.monotonic() + 30
    while not workspace().jobs.snapshot(snapshot.id).state.over:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    page.run()
    assert not page.exception
    assert workspace().jobs.snapshot(snapshot.id).state is JobState.CANCELLED
    assert "**Stopped**" in texts(page)
    assert "Not finished" in texts(page)


def test_strength_and_its_names_stay_in_step(page):
    upload(page.run())
    strength = page.slider(key="form_strength")
    assert (page.get("segmented_control")[0].value, strength.value) == ("Medium", 0.55)
    page.get("segmented_control")[0].set_value("Subtle").run()
    assert page.slider(key="form_strength").value == 0.4
    page.slider(key="form_strength").set_value(0.65).run()
    assert page.get("segmented_control")[0].value == "Strong"
    page.slider(key="form_strength").set_value(0.62).run()
    assert page.get("segmented_control")[0].value is None
    assert "8 of 12 steps are drawn" in page.get("segmented_control")[0].label


def test_negative_prompt_is_read_only_with_guidance(page):
    page.run()
    assert page.text_area(key="form_negative_prompt").disabled
    assert "Not read at a guidance scale of 1" in texts(page)
    page.number_input(key="form_guidance_scale").set_value(4.0).run()
    assert not page.text_area(key="form_negative_prompt").disabled
    page.text_area(key="form_negative_prompt").set_value("people").run()
    assert page.expander[0].label == "Fine settings · 12 steps, guidance 4, negative prompt"


@pytest.mark.usefixtures("busy")
def test_negative_prompt_that_is_not_read_is_not_recorded(page):
    ready(page)
    page.number_input(key="form_guidance_scale").set_value(4.0).run()
    page.text_area(key="form_negative_prompt").set_value("people").run()
    page.number_input(key="form_guidance_scale").set_value(1.0).run()
    generate(page)
    assert workspace().jobs.active()[0].request.negative_prompt == ""


def test_settings_survive_a_visit_to_another_page(page):
    ready(page, "what I wrote")
    page.slider(key="form_strength").set_value(0.42).run()
    page.number_input(key="form_count").set_value(7).run()
    page.get("segmented_control")[1].set_value("Locked").run()
    page.number_input(key="form_seed").set_value(77).run()
    page.switch_page("../pages/gallery.py").run()
    assert not page.exception
    page.switch_page("../pages/generate.py").run()
    assert page.text_area(key="form_prompt").value == "what I wrote"
    assert page.slider(key="form_strength").value == 0.42
    assert page.number_input(key="form_count").value == 7
    assert page.number_input(key="form_seed").value == 77
    assert "96 × 128 px · PNG" in texts(page)


def test_another_model_brings_its_own_settings_and_can_be_undone(page):
    ready(page)
    page.number_input(key="form_steps").set_value(15).run()
    workspace().settings.save(StudioSettings(model="stabilityai/stable-diffusion-3.5-large"))
    page.run()
    assert (page.number_input(key="form_steps").value, page.number_input(key="form_guidance_scale").value) == (28, 4.5)
    assert "Stable Diffusion 3.5 Large" in texts(page)
    page.button(key="form_undo").click().run()
    assert (page.number_input(key="form_steps").value, page.number_input(key="form_guidance_scale").value) == (15, 1.0)


def test_model_that_is_gone_is_named_and_not_drawn_with(page):
    ready(page)
    workspace().settings.save(StudioSettings(model="/no/such/model"))
    page.run()
    assert not page.exception
    assert "/no/such/model" in errors(page)
    generate(page)
    assert not workspace().jobs.active()


@pytest.mark.usefixtures("busy")
def test_adapter_of_the_settings_has_a_weight(page):
    page.run()
    assert "form_adapter_weight" not in {slider.key for slider in page.slider}
    workspace().settings.save(StudioSettings(adapter_folder="/adapters/kilim-lora"))
    ready(page)
    assert page.slider(key="form_adapter_weight").label == "Adapter: kilim-lora"
    page.slider(key="form_adapter_weight").set_value(0.7).run()
    generate(page)
    adapter = workspace().jobs.active()[0].request.adapter
    assert (adapter.folder, adapter.weight) == ("/adapters/kilim-lora", 0.7)


def keep_variation(**changes: object):
    catalogue = workspace().catalogue
    source = catalogue.add_source(encode_picture(draw_picture(64, 80)), label="Kept")
    return save(catalogue, source=source.sha256, **changes)


def test_vary_this_takes_the_picture_as_design_and_its_prompt_if_there_is_none(page):
    variation = keep_variation(prompt="kilim of old", seed=12)
    page.query_params["parent"] = variation.id
    page.run()
    assert not page.exception
    newest = workspace().catalogue.sources()[0]
    assert (newest.parent, newest.width_px, newest.height_px) == (variation.id, 64, 80)
    assert page.text_area(key="form_prompt").value == "kilim of old"
    assert page.query_params == {"source": [newest.sha256]} or page.query_params["source"] == newest.sha256
    assert "parent" not in page.query_params


@pytest.mark.usefixtures("busy")
def test_vary_this_is_written_into_the_next_run(page):
    variation = keep_variation(prompt="kilim of old")
    page.query_params["parent"] = variation.id
    generate(page.run())
    assert workspace().jobs.active()[0].request.parent == variation.id


def test_use_these_settings_keeps_what_was_there_before(page):
    ready(page, "my own words")
    variation = keep_variation(
        prompt="theirs", negative_prompt="text", strength=0.3, steps=40, guidance_scale=6.0, seed=99, **KILIM
    )
    mine = page.query_params["source"]
    page.query_params["like"] = variation.id
    page.run()
    assert not page.exception
    assert page.text_area(key="form_prompt").value == "theirs"
    assert page.text_area(key="form_negative_prompt").value == "text"
    assert page.slider(key="form_strength").value == 0.3
    assert page.number_input(key="form_steps").value == 40
    assert page.number_input(key="form_guidance_scale").value == 6.0
    assert page.number_input(key="form_seed").value == 99
    assert page.query_params["source"] == mine  # the design stays
    assert f"{FACTS.model_title} and the adapter kilim" in texts(page)  # which the settings do not name
    page.button(key="form_undo").click().run()
    assert page.text_area(key="form_prompt").value == "my own words"
    assert page.number_input(key="form_steps").value == 12
    assert "form_seed" not in {number.key for number in page.number_input}
    assert "form_undo" not in {button.key for button in page.button}


def test_use_these_settings_brings_the_design_when_there_is_none(page):
    variation = keep_variation()
    page.query_params["like"] = variation.id
    page.run()
    assert page.query_params["source"] == variation.record.source
    assert f"/pictures/thumbnail/{variation.id}" in texts(page)  # with the run that it came from


def test_run_from_before_a_restart_is_shown_with_its_settings(page):
    variations = [keep_variation(run="run-7", slot=slot, seed=slot, prompt="kilim of old") for slot in range(3)]
    page.query_params["run"] = "run-7"
    page.run()
    assert not page.exception
    assert "**3 variations**" in texts(page)
    for variation in variations:
        assert f"/pictures/thumbnail/{variation.id}" in texts(page)
    assert "Drawn by Built-in" in texts(page)
    assert page.text_area(key="form_prompt").value == "kilim of old"
    assert "Compare the design and its three" in [link.value for link in page.get("page_link")]


def test_a_run_of_which_there_is_nothing_to_say_shows_no_figures(page):
    plain = Image.new("RGB", (64, 80), (180, 30, 40))
    source = workspace().catalogue.add_source(encode_picture(plain), label="Plain")
    workspace().catalogue.save_variation(plain, make_record(source=source.sha256, run="run-7"))
    page.query_params["run"] = "run-7"
    page.run()
    assert not page.exception
    scored = find_score(workspace().catalogue, workspace().catalogue.run("run-7"))
    assert (scored.score.each[0]["fidelity"], describe_score(scored.score)) == (None, "")
    assert [caption.value for caption in page.caption if not caption.value.strip()] == []
    assert SCORE_HELP not in {caption.help for caption in page.caption}


def test_run_of_more_than_compare_shows_offers_the_first(page):
    for slot in range(8):
        keep_variation(run="run-8", slot=slot, seed=slot)
    page.query_params["run"] = "run-8"
    page.run()
    assert not page.exception
    assert "Compare the design and its first six" in [link.value for link in page.get("page_link")]


def test_run_whose_pictures_all_went_says_so(page):
    kept = [keep_variation(run="run-7", slot=slot, seed=slot) for slot in range(2)]
    page.query_params["run"] = "run-7"
    page.run()
    workspace().catalogue.delete([kept[0].id, kept[1].id])
    page.run()
    assert not page.exception
    assert "not known any more" in texts(page)


def test_card_varies_its_picture_and_keeps_the_run_in_view(page):
    variation = keep_variation(run="run-7", prompt="kilim of old")
    page.query_params["run"] = "run-7"
    page.run()
    page.text_area(key="form_prompt").set_value("").run()
    page.button(key=f"run_vary_{variation.id}").click().run()
    assert not page.exception
    newest = workspace().catalogue.sources()[0]
    assert newest.parent == variation.id
    assert page.query_params["source"] == newest.sha256
    assert page.query_params["run"] == "run-7"
    assert page.text_area(key="form_prompt").value == "kilim of old"


@pytest.mark.parametrize("name", ["source", "parent", "like", "run"])
@pytest.mark.parametrize("value", ["nothing", "../../etc/passwd", "20261122-203605-123-ab12cd", "f" * 64])
def test_address_that_leads_nowhere_is_said_and_left(page, name, value):
    page.query_params[name] = value
    page.run()
    assert not page.exception
    assert len(page.warning) == 1
    assert not page.query_params
    page.run()
    assert not page.warning


def test_outputs_that_cannot_be_used_are_said(page, monkeypatch, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    monkeypatch.setenv("STUDIO_OUTPUTS", str(blocked))
    page.run()
    assert not page.exception
    assert len(page.error) == 1


def test_run_draws_with_the_real_pipeline_and_its_pictures_are_shown(page):
    ready(page)
    page.number_input(key="form_count").set_value(1).run()
    page.number_input(key="form_steps").set_value(2).run()
    generate(page)
    job = page.query_params["run"]
    deadline = time.monotonic() + 300
    while not workspace().jobs.snapshot(job).state.over:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    page.run()
    assert not page.exception
    snapshot = workspace().jobs.snapshot(job)
    assert snapshot.error is None
    assert "**1 variation in" in texts(page)
    assert f"/pictures/thumbnail/{snapshot.variations[0]}" in texts(page)
    workspace().catalogue.delete([snapshot.variations[0]])
    assert "In the bin" in texts(page.run())
    page.button(key=f"run_restore_{snapshot.variations[0]}").click().run()
    assert f"/pictures/thumbnail/{snapshot.variations[0]}" in texts(page)


def test_pictures_that_could_not_be_saved_are_offered_again(page, monkeypatch):
    ready(page)
    page.number_input(key="form_count").set_value(1).run()
    page.number_input(key="form_steps").set_value(2).run()
    catalogue = workspace().catalogue
    folder = workspace().outputs / "variations"
    assert not folder.exists() or not any(folder.rglob("*.png"))
    real = type(catalogue).save_variation

    def full(*_: object) -> None:
        raise StorageError("The disk is full.")

    monkeypatch.setattr(type(catalogue), "save_variation", full)
    generate(page)
    job = page.query_params["run"]
    deadline = time.monotonic() + 300
    while not workspace().jobs.snapshot(job).state.over:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    page.run()
    assert "The disk is full." in errors(page)
    page.button(key=f"run_save_{job}").click().run()
    assert workspace().jobs.snapshot(job).unsaved == 1
    monkeypatch.setattr(type(catalogue), "save_variation", real)
    page.button(key=f"run_save_{job}").click().run()
    assert not page.exception
    assert len(catalogue.run(job)) == 1
    assert f"run_save_{job}" not in {button.key for button in page.button}


def snapshot_of(state: JobState, **changes: object):
    from studio.requests import JobSnapshot, VariationRequest

    request = VariationRequest(source="a" * 64, prompt="kilim", seeds=(1, 2))
    usual = {
        "id": "1",
        "request": request,
        "state": state,
        "ahead": 0,
        "stage": "",
        "step": 0,
        "steps": 0,
        "seconds_elapsed": 0.0,
        "seconds_left": None,
        "previews": (None, None),
        "variations": (None, None),
    }
    return JobSnapshot(**usual | changes)


@pytest.mark.parametrize(
    ("state", "changes", "said"),
    [
        (JobState.QUEUED, {"ahead": 2}, "Waiting in line · 2 runs go first"),
        (JobState.QUEUED, {"ahead": 1}, "Waiting in line · 1 run goes first"),
        (JobState.PREPARING, {"stage": "Loading the model"}, "Loading the model"),
        (
            JobState.PREPARING,
            {"stage": "Loading the model", "seconds_left": 12.4},
            "Loading the model · about 12 s left",
        ),
        (JobState.RUNNING, {"step": 3, "steps": 8, "seconds_left": 6.2}, "Step 3 of 8 · about 6 s left"),
        (JobState.RUNNING, {"step": 3, "steps": 8, "seconds_left": 260.0}, "Step 3 of 8 · about 4 min left"),
        (JobState.RUNNING, {"step": 8, "steps": 8}, "Finishing the pictures"),
        (JobState.RUNNING, {"step": 3, "steps": 8, "stage": "Stopping"}, "Stopping after this step"),
    ],
)
def test_progress_is_said_in_words(state, changes, said):
    assert run_words.describe_progress(snapshot_of(state, **changes)) == said


def test_facts_name_model_adapter_and_the_size_it_was_drawn_at():
    facts = make_record(**KILIM, working_width_px=48, working_height_px=60).facts
    assert run_words.describe_facts(facts) == (
        "Drawn by Built-in with the adapter kilim at 0.8 · drawn at 48 × 60 px, enlarged to 64 × 80 · 17 steps"
    )
    assert run_words.describe_facts(FACTS) == "Drawn by Built-in · 64 × 80 px · 17 steps"


def test_page_draws_without_torch(tmp_path):
    program = (
        "import sys; from streamlit.testing.v1 import AppTest\n"
        f"page = AppTest.from_file({APP!r}, default_timeout=60).run()\n"
        "assert not page.exception, page.exception\n"
        "assert page.text_area(key='form_prompt').value == ''\n"
        "heavy = {'torch', 'diffusers', 'transformers', 'peft', 'mmgp'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    environment = {"STUDIO_OUTPUTS": str(tmp_path), "PATH": "", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
