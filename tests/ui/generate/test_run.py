"""A run on the Generate page: queued, drawn, cancelled, shown after a restart, and described in words."""

from __future__ import annotations

import time

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from studio.catalogue.lineage import Lineage
from studio.catalogue.records import Source
from studio.errors import StorageError
from studio.schema import Cross, JobState
from studio.ui.generate import run_words
from studio.ui.generate.run_panel import SCORE_HELP
from studio.ui.generate.run_score import describe_score, find_score
from studio.ui.session import workspace
from studio.workspace import Workspace
from tests.support.catalogue_records import KILIM, MOTIFS, make_picture, make_record
from tests.support.generate_page import draw_from, errors, generate, keep_variation, page, ready, texts
from tests.support.loom_pages import open_with_design, submit
from tests.support.pages import APP, busy, studio
from tests.support.pictures import encode_picture

__all__ = ["busy", "page", "studio"]


@pytest.mark.usefixtures("busy")
def test_run_started_while_choosing_another_design_is_shown(page):
    ready(page)
    page.button(key="design_change").click().run()
    generate(page)
    assert "run_cancel" in {button.key for button in page.button}
    assert "96 × 128 knots · PNG" in texts(page)


@pytest.mark.usefixtures("busy")
def test_another_session_sees_a_run_in_progress_and_can_show_it(page):
    ready(page)
    generate(page)
    (snapshot,) = workspace().jobs.active()
    other = AppTest.from_file(APP, default_timeout=60).run()
    assert "Another run:" in texts(other)
    other.button(key="run_show_other").click().run()
    assert not other.exception
    assert other.query_params["run"] == snapshot.id
    assert "run_cancel" in {button.key for button in other.button}
    assert "96 × 128 knots · PNG" in texts(other)
    assert other.text_area(key="form_prompt").value == ""  # the form is not filled


@pytest.mark.slow
@pytest.mark.usefixtures("busy")
def test_cancelling_a_queued_run_ends_it(page):
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


@pytest.mark.usefixtures("busy")
def test_a_new_design_hides_the_last_run_and_a_button_brings_it_back(studio: Workspace) -> None:
    page, source = open_with_design(studio)
    submit(page)
    assert page.session_state["generate_run"]
    other = studio.catalogue.add_source(encode_picture(make_picture()), label="Another")
    page.session_state["design_source"] = other.sha256
    page.run()
    assert not page.exception
    page.button(key="run_back").click().run()
    assert page.session_state["design_source"] == source.sha256
    assert "run_back" not in {button.key for button in page.button}


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
    assert "Compare with the design" in [link.value for link in page.get("page_link")]


def test_a_run_with_undefined_figures_shows_none(page):
    plain = Image.new("RGB", (64, 80), (180, 30, 40))
    source = workspace().catalogue.add_source(encode_picture(plain), label="Plain")
    workspace().catalogue.save_variation(plain, make_record(source=source.sha256, run="run-7"))
    page.query_params["run"] = "run-7"
    page.run()
    assert not page.exception
    variations = workspace().catalogue.run("run-7")
    scored = find_score(workspace().catalogue, variations)
    words = describe_score(scored, [variation.record for variation in variations])
    assert (scored.score.each[0]["fidelity"], scored.apart, words) == (None, None, "")
    assert [caption.value for caption in page.caption if not caption.value.strip()] == []
    assert SCORE_HELP not in {caption.help for caption in page.caption}


@pytest.mark.slow
def test_a_run_too_large_for_compare_offers_its_first_six(page):
    for slot in range(8):
        keep_variation(run="run-8", slot=slot, seed=slot)
    page.query_params["run"] = "run-8"
    page.run()
    assert not page.exception
    assert "Compare the first 6 with the design" in [link.value for link in page.get("page_link")]


def test_a_run_without_pictures_left_is_reported_unknown(page):
    kept = [keep_variation(run="run-7", slot=slot, seed=slot) for slot in range(2)]
    page.query_params["run"] = "run-7"
    page.run()
    workspace().catalogue.delete([kept[0].id, kept[1].id])
    page.run()
    assert not page.exception
    assert "no longer known" in texts(page)


def test_vary_this_changes_the_design_and_keeps_the_run_shown(page):
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


def draw(page: AppTest) -> str:
    """Press Generate, wait until the run is over, and return its id."""
    generate(page)
    job = page.query_params["run"]
    deadline = time.monotonic() + 300
    while not workspace().jobs.snapshot(job).state.over:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    page.run()
    return job


@pytest.mark.slow
@pytest.mark.parametrize("drawing", ["motifs", "model", "both"])
def test_run_draws_with_the_real_engine_and_its_pictures_are_shown(page, drawing):
    draw_from(ready(page), drawing)
    page.number_input(key="form_count").set_value(1).run()
    if drawing != "motifs":
        page.number_input(key="form_steps").set_value(2).run()
    job = draw(page)
    assert not page.exception
    snapshot = workspace().jobs.snapshot(job)
    assert snapshot.error is None
    assert "**1 variation in" in texts(page)
    assert ("Drawn from the design’s motifs · 96 × 128 knots" in texts(page)) == (drawing == "motifs")
    assert ("See what the model drew" in texts(page)) == (drawing != "motifs")
    assert f"/pictures/thumbnail/{snapshot.variations[0]}" in texts(page)
    workspace().catalogue.delete([snapshot.variations[0]])
    assert "In the bin" in texts(page.run())
    page.button(key=f"run_restore_{snapshot.variations[0]}").click().run()
    assert f"/pictures/thumbnail/{snapshot.variations[0]}" in texts(page)


@pytest.mark.slow
def test_unsaved_pictures_can_be_saved_again(page, monkeypatch):
    draw_from(ready(page), "model")
    page.number_input(key="form_count").set_value(1).run()
    page.number_input(key="form_steps").set_value(2).run()
    catalogue = workspace().catalogue
    folder = workspace().outputs / "variations"
    assert not folder.exists() or not any(folder.rglob("*.png"))
    real = type(catalogue).save_variation

    def full(*_: object) -> None:
        raise StorageError("The disk is full.")

    monkeypatch.setattr(type(catalogue), "save_variation", full)
    job = draw(page)
    assert "The disk is full." in errors(page)
    page.button(key=f"run_save_{job}").click().run()
    assert workspace().jobs.snapshot(job).unsaved == 1
    monkeypatch.setattr(type(catalogue), "save_variation", real)
    page.button(key=f"run_save_{job}").click().run()
    assert not page.exception
    assert len(catalogue.run(job)) == 1
    assert f"run_save_{job}" not in {button.key for button in page.button}


def snapshot_of(state: JobState, **changes: object):
    from studio.schema import JobSnapshot, VariationRequest

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
        (JobState.RUNNING, {"step": 3, "steps": 8, "seconds_left": 6.2}, "Drawing 2 variations · about 6 s left"),
        (JobState.RUNNING, {"step": 3, "steps": 8, "seconds_left": 260.0}, "Drawing 2 variations · about 4 min left"),
        (JobState.RUNNING, {"step": 7, "steps": 8, "variations": ("a", None)}, "1 of 2 variations finished"),
        (JobState.RUNNING, {"step": 3, "steps": 8, "variations": (None,)}, "Drawing the variation"),
        (JobState.RUNNING, {"step": 8, "steps": 8}, "Finishing the pictures"),
        (JobState.RUNNING, {"step": 3, "steps": 8, "stage": "Stopping"}, "Stopping after this step"),
    ],
)
def test_progress_in_words(state, changes, said):
    assert run_words.describe_progress(snapshot_of(state, **changes)) == said


@pytest.mark.parametrize(("step", "number"), [(0, 1), (5, 1), (6, 2), (29, 5)])
def test_variations_from_motifs_are_counted_as_they_are_drawn_one_after_another(step, number):
    from studio.schema import VariationRequest

    request = VariationRequest(source="a" * 64, prompt="", seeds=(1, 2, 3, 4, 5), drawing="motifs")
    drawn = snapshot_of(JobState.RUNNING, request=request, step=step, steps=30, variations=(None,) * 5)
    assert run_words.describe_progress(drawn) == f"Variation {number} of 5"


DESIGNS = "Garden", "*Kilim*"


def described(**changes: object) -> str:
    made = make_record(**changes)
    lineage = Lineage(*(Source("a" * 64, name, 64, 80, "P", "PNG", "2026-01-01T00:00:00.000Z") for name in DESIGNS))
    return run_words.describe_facts(made.facts, made, lineage)


def test_facts_name_model_adapter_and_the_size_it_was_drawn_at():
    assert described(**KILIM, working_width_px=48, working_height_px=60) == (
        "Drawn by Built-in with the adapter kilim at 0.8 · strength 0.6 · drawn at 48 × 60 px, enlarged to "
        "64 × 80 knots · 17 steps"
    )
    assert described() == "Drawn by Built-in · strength 0.6 · 64 × 80 knots · 17 steps"
    assert described(**MOTIFS) == "Drawn from the design’s motifs · 64 × 80 knots · how far: about 25 %"


def test_facts_of_a_cross_name_what_the_second_design_gives():
    assert described(**MOTIFS, cross=Cross("a" * 64, "motifs", 0.4)).startswith(
        r"Drawn from the motifs of Garden and \*Kilim\*, 40 % of the second · "
    )
    assert described(**MOTIFS, cross=Cross("a" * 64, "layout", 0.5)) == (
        r"Drawn from the motifs of Garden in the layout of \*Kilim\*, pull 50 % · 64 × 80 knots · "
        "how far: at least 25 %"
    )


def test_facts_of_both_name_change_pull_and_the_two_sizes():
    both = {"drawing": "both", "change": 0.45, "pull": 0.7}
    assert described(**both, working_width_px=48, working_height_px=60) == (
        "Drawn from the design’s motifs, led by Built-in · how far: at least 45 % · layout 70 % the model’s · strength "
        "0.6 · its picture drawn at 48 × 60 px, the motifs at 64 × 80 knots · 17 steps"
    )
    assert "layout the design’s own · strength 0.6 · 64 × 80 knots" in described(**both | {"pull": 0.0})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "way"),
    [
        (MOTIFS, "Motifs"),
        ({}, "Model"),
        ({"drawing": "both"}, "Both"),
        (MOTIFS | {"cross": Cross("a" * 64)}, "Crossed"),
    ],
)
def test_each_card_says_which_way_it_was_drawn(page, changes, way):
    keep_variation(run="run-7", seed=12, **changes)
    page.query_params["run"] = "run-7"
    page.run()
    assert f">{way} · seed 12 · " in texts(page)


def test_a_run_on_a_narrow_screen_is_brought_into_view_once(page, busy):
    ready(page)
    assert "scrollIntoView" not in texts(page)
    generate(page)
    assert "scrollIntoView" in texts(page)
    assert "scrollIntoView" not in texts(page.run())
