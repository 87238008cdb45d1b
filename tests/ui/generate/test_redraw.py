"""Redraw of one slot of a run: the other slots stay, no picture is lost, and a second click starts no second job."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from safetensors.numpy import save_file
from streamlit.testing.v1 import AppTest

from studio.catalogue import GalleryQuery, Source, Variation
from studio.designs import Design
from studio.errors import RequestError, StorageError
from studio.generation.events import Drawn, RunListener, Started, Stepped
from studio.models.adapter_files import CONFIG_FILE, WEIGHTS_FILE, inspect_adapter
from studio.schema import AdapterUse, Constraints, Cross, JobSnapshot, VariationRequest
from studio.settings_store import StudioSettings
from studio.ui.generate.redraw import make_redraw_request
from studio.ui.generate.run_score import find_score
from studio.ui.generate.run_view import find_run
from studio.ui.picture_routes import thumbnail_url, variation_url
from studio.workspace import Workspace, close_workspaces
from tests.support.catalogue_records import MOTIFS, make_record
from tests.support.pages import busy, drawn_html, open_page, run, said, studio
from tests.support.pictures import encode_picture
from tests.ui.generate.test_run_score import HEIGHT_PX, WIDTH_PX, draw_knots

__all__ = ["busy", "studio"]

PATIENCE_SECONDS = 60
SIZE = {"width_px": WIDTH_PX, "height_px": HEIGHT_PX}


@pytest.fixture(autouse=True)
def own_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test a device lock of its own, so that it does not wait for another studio on this computer."""
    monkeypatch.setattr("studio.workspace.device_lock_file", lambda: tmp_path / "device.lock")


class FakeEngine:
    """Draws prepared index maps instead of running a model, and waits before the last step for `may_finish`."""

    def __init__(self) -> None:
        self.draws: list[int] = []
        self.may_finish = threading.Event()
        self.may_finish.set()

    def generate(
        self, request: VariationRequest, design: Design, listener: RunListener, other: Design | None = None
    ) -> None:
        size = {"width_px": design.width_px, "height_px": design.height_px}
        listener(Started(make_record(**size).facts, 2))
        listener(Stepped(1, 2, dict.fromkeys(range(len(request.seeds)), design.image)))
        assert self.may_finish.wait(PATIENCE_SECONDS)
        for slot, seed in enumerate(request.seeds):
            listener(Drawn(slot, seed, draw_knots(self.draws.pop(0)).image(), 0.1))

    @property
    def holds_model(self) -> bool:
        return True

    def release(self) -> None:
        pass


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    """Replace the engine: these tests check where pictures go, not how they are drawn."""
    fake = FakeEngine()
    monkeypatch.setattr("studio.ui.session.make_engine", lambda: fake)
    return fake


def keep_design(workspace: Workspace) -> Source:
    return workspace.catalogue.add_source(encode_picture(draw_knots(0).image()), label="Four yarns")


def keep_twins(workspace: Workspace) -> list[str]:
    """Keep a run of three pictures, the last equal to the first, known by the catalogue alone; return their ids."""
    records = [make_record(source=keep_design(workspace).sha256, slot=slot, seed=slot, **SIZE) for slot in range(3)]
    for record, seed in zip(records, (1, 2, 1), strict=True):
        workspace.catalogue.save_variation(draw_knots(seed).image(), record)
    return [record.id for record in records]


def run_of(page: AppTest) -> str:
    """Return the run in the page's address, which AppTest stores as a string or in a list."""
    run_id = page.query_params["run"]
    return run_id if isinstance(run_id, str) else run_id[0]


def buttons(page: AppTest) -> set[str]:
    return {button.key for button in page.button}


def click_again(page: AppTest, variation_id: str) -> AppTest:
    page.button(key=f"run_again_{variation_id}").click()
    return run(page)


def shown(page: AppTest, ids: list[str]) -> list[bool]:
    return [thumbnail_url(one) in drawn_html(page) for one in ids]


def wait_for(workspace: Workspace, run_id: str, slot: int) -> JobSnapshot:
    wait_until(lambda: workspace.jobs.drawn_again(run_id)[slot].state.over)
    return workspace.jobs.drawn_again(run_id)[slot]


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.usefixtures("busy")
def test_only_a_near_duplicate_can_be_redrawn_also_after_a_restart(studio: Workspace) -> None:
    ids = keep_twins(studio)
    made = studio.catalogue.variation(ids[2]).record
    page = open_page("generate", run="run-1")
    assert {key for key in buttons(page) if key.startswith("run_again_")} == {f"run_again_{ids[2]}"}
    click_again(page, ids[2])
    (job,) = studio.jobs.active()
    assert job.request == VariationRequest(
        source=made.source,
        prompt=made.prompt,
        seeds=job.request.seeds,
        strength=made.strength,
        steps=made.steps,
        guidance_scale=made.guidance_scale,
    )
    assert run_of(page) == "run-1"
    assert shown(page, ids) == [True, True, False]
    assert f"Seed {job.request.seeds[0]}" in said(page)
    assert page.get("progress")[0].text
    assert "**3 variations**" in said(page)  # the run itself is over
    assert "Another run:" not in said(page)
    assert f"run_again_cancel_{job.id}" in buttons(page)


@pytest.mark.slow
@pytest.mark.usefixtures("busy")
def test_two_clicks_start_one_job(studio: Workspace) -> None:
    ids = keep_twins(studio)
    pages = [open_page("generate", run="run-1") for _ in range(2)]
    for page in pages:  # two tabs, both with the button
        page.button(key=f"run_again_{ids[2]}").click()
        run(page)
    assert len(studio.jobs.active()) == 1
    assert f"run_again_{ids[2]}" not in buttons(pages[1])


def test_two_simultaneous_requests_start_one_job(studio: Workspace, tmp_path: Path) -> None:
    """Both sessions drew the button before either submitted its job; the queue takes one."""
    keep_twins(studio)
    view = find_run(studio, "run-1")
    with FileLock(tmp_path / "device.lock"):
        jobs = {
            studio.jobs.draw_again("run-1", 2, make_redraw_request(view.request, seed, StudioSettings()))
            for seed in (7, 8)
        }
        assert len(jobs) == 1
        close_workspaces()


@pytest.mark.slow
@pytest.mark.usefixtures("busy")
def test_cancelling_a_redraw_brings_the_picture_back(studio: Workspace) -> None:
    ids = keep_twins(studio)
    page = click_again(open_page("generate", run="run-1"), ids[2])
    (job,) = studio.jobs.active()
    page.button(key=f"run_again_cancel_{job.id}").click()
    run(page)
    wait_for(studio, "run-1", 2)
    run(page)
    assert shown(page, ids) == [True, True, True]
    assert f"run_again_{ids[2]}" in buttons(page)


@pytest.mark.usefixtures("busy")
def test_a_redraw_uses_a_seed_new_to_the_run(studio: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = keep_twins(studio)
    replaced = make_record(source=studio.catalogue.variation(ids[0]).record.source, slot=2, seed=40, **SIZE)
    studio.catalogue.save_variation(draw_knots(1).image(), replaced)
    monkeypatch.setattr("studio.ui.generate.redraw.fresh_seed", itertools.chain([0, 1, 2, 40, 77], [78]).__next__)
    click_again(open_page("generate", run="run-1"), replaced.id)
    (job,) = studio.jobs.active()
    assert job.request.seeds == (77,)
    assert find_run(studio, "run-1").seeds == {0, 1, 2, 40, 77}


@pytest.mark.slow
def test_the_newest_picture_of_a_slot_is_shown_scored_and_compared(studio: Workspace) -> None:
    ids = keep_twins(studio)
    old = studio.catalogue.variation(ids[2]).record
    new = make_record(source=old.source, slot=2, seed=40, **SIZE)
    studio.catalogue.save_variation(draw_knots(3).image(), new)
    page = open_page("generate", run="run-1")
    assert shown(page, [*ids, new.id]) == [True, True, False, True]
    assert "Nearly the same" not in said(page)
    newest = studio.catalogue.run("run-1")
    assert [variation.id for variation in newest] == [*ids[:2], new.id]
    assert find_score(studio.catalogue, newest).twins == {}
    compared = drawn_html(open_page("compare", run="run-1"))
    assert [variation_url(one) in compared for one in (*ids, new.id)] == [True, True, False, True]
    opened = drawn_html(open_page("gallery", open=new.id))
    assert thumbnail_url(ids[2]) in opened  # the replaced picture belongs to the same run
    assert thumbnail_url(ids[2]) in drawn_html(open_page("gallery"))
    studio.catalogue.delete([new.id])
    assert shown(open_page("generate", run="run-1"), ids) == [True, True, True]


@pytest.mark.slow
def test_a_redraw_replaces_its_slot_and_leaves_the_others(studio: Workspace, engine: FakeEngine) -> None:
    page = open_page("generate", source=keep_design(studio).sha256)
    page.number_input(key="form_count").set_value(3)
    page.text_area(key="form_prompt").set_value("kilim")
    run(page)
    engine.draws = [1, 2, 1]
    page.button(key="generate").click()
    run_id = run_of(run(page))
    wait_until(lambda: studio.jobs.snapshot(run_id).state.over)
    first = list(studio.jobs.snapshot(run_id).variations)
    # While it is drawn, only its slot shows a preview and progress.
    engine.draws = [3]
    engine.may_finish.clear()
    click_again(run(page), first[2])
    wait_until(lambda: any(studio.jobs.drawn_again(run_id)[2].previews))
    run(page)
    assert shown(page, first) == [True, True, False]
    assert drawn_html(page).count("data:image/webp") == 1
    assert page.get("progress")[0].text.startswith("Drawing the variation")
    assert "**3 variations in" in said(page)
    # When it is finished, its slot shows the new picture.
    engine.may_finish.set()
    job = wait_for(studio, run_id, 2)
    run(page)
    (new_id,) = job.variations
    assert run_of(page) == run_id
    assert shown(page, [*first, new_id]) == [True, True, False, True]
    assert not page.get("progress")
    assert "Nearly the same" not in said(page)
    new, old = (studio.catalogue.variation(one).record for one in (new_id, first[2]))
    assert (new.run, new.slot, new.prompt, new.constraints) == (run_id, 2, old.prompt, old.constraints)
    assert new.seed not in {studio.catalogue.variation(one).record.seed for one in first}
    assert studio.catalogue.find(GalleryQuery(run=run_id)).total == 4  # nothing is lost


def test_an_unsaved_redraw_can_be_saved_again_in_its_slot(
    studio: Workspace, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = keep_twins(studio)
    page = open_page("generate", run="run-1")
    whole = type(studio.catalogue).save_variation

    def full(*_: object) -> Variation:
        raise StorageError("The disk is full.")

    monkeypatch.setattr(type(studio.catalogue), "save_variation", full)
    engine.draws = [3]
    click_again(page, ids[2])
    job = wait_for(studio, "run-1", 2)
    assert [error.value for error in run(page).error] == ["The disk is full."]
    assert shown(page, ids) == [True, True, True]
    monkeypatch.setattr(type(studio.catalogue), "save_variation", whole)
    page.button(key=f"run_save_{job.id}").click()
    run(page)
    assert [variation.record.seed for variation in studio.catalogue.run("run-1")] == [0, 1, job.request.seeds[0]]
    assert shown(page, ids) == [True, True, False]
    assert not page.error


def write_adapter(folder: Path, value: float) -> Path:
    """Write a LoRA of one layer in peft's format."""
    folder.mkdir()
    name = "base_model.model.transformer_blocks.0.attn.to_q.lora_{}.weight"
    shapes = {"A": (1, 8), "B": (8, 1)}
    save_file({name.format(k): np.full(s, value, np.float32) for k, s in shapes.items()}, folder / WEIGHTS_FILE)
    config = {"peft_type": "LORA", "r": 1, "lora_alpha": 1, "target_modules": ["to_q"]}
    (folder / CONFIG_FILE).write_text(json.dumps(config))
    return folder


def test_redraw_request_from_a_record_names_the_same_model_and_adapter(tmp_path: Path) -> None:
    kilim, other = (write_adapter(tmp_path / name, value) for value, name in enumerate(("kilim", "other")))
    named = {"adapter_name": "kilim", "adapter_sha256": inspect_adapter(kilim).sha256, "adapter_weight": 0.7}
    made = make_record(constraints=Constraints(palette="source"), negative_prompt="people", **named)
    asked = make_redraw_request(made, 5, StudioSettings(adapter_folder=str(kilim), profile="4"))
    assert asked == VariationRequest(
        source=made.source,
        prompt=made.prompt,
        negative_prompt="people",
        seeds=(5,),
        strength=made.strength,
        steps=made.steps,
        guidance_scale=made.guidance_scale,
        adapter=AdapterUse(str(kilim), 0.7),
        profile="4",
        constraints=made.constraints,
    )
    for settings in (StudioSettings(), StudioSettings(adapter_folder=str(other))):
        with pytest.raises(RequestError, match="adapter kilim"):
            make_redraw_request(made, 5, settings)
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "model_index.json").write_text("{}")
    own = make_record(model="folder:mine", model_title="mine")
    assert make_redraw_request(own, 5, StudioSettings(model=str(folder))).model == str(folder)
    with pytest.raises(RequestError, match="drawn by mine"):
        make_redraw_request(own, 5, StudioSettings())


def test_redraw_request_of_a_picture_from_motifs_needs_no_model() -> None:
    cross = Cross("cd" * 32, "layout", 0.4, parent="20260101-000000-000-abcdef")
    made = make_record(**MOTIFS, change=0.45, pull=0.2, cross=cross, constraints=Constraints(keep="border"))
    assert make_redraw_request(made, 5, StudioSettings(model="/no/such/model")) == VariationRequest(
        source=made.source,
        prompt="",
        seeds=(5,),
        strength=made.strength,
        steps=made.steps,
        guidance_scale=made.guidance_scale,
        model="/no/such/model",
        constraints=made.constraints,
        drawing="motifs",
        change=0.45,
        pull=0.2,
        cross=cross,
    )


@pytest.mark.usefixtures("busy")
def test_a_redraw_with_a_missing_model_gives_an_error(studio: Workspace) -> None:
    made = {"source": keep_design(studio).sha256, "model": "folder:gone", "model_title": "gone", **SIZE}
    records = [make_record(slot=slot, seed=slot, **made) for slot in range(2)]
    for record in records:
        studio.catalogue.save_variation(draw_knots(1).image(), record)
    page = click_again(open_page("generate", run="run-1"), records[1].id)
    assert "drawn by gone" in page.error[0].value
    assert not studio.jobs.active()
