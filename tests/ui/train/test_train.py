"""The Train page: from a folder to a training, watching, stopping, the list, the result, deletion.

A stand-in for the command writes the files of a training (`tests.support.training_program`).
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from studio.jobs.trainings import Training, TrainingState
from studio.schema import LoraRecipe, VariationRequest
from studio.settings_store import StudioSettings
from studio.workspace import Workspace
from tests.support.catalogue_records import save
from tests.support.dataset_folders import encode_carpet, write_zip
from tests.support.evaluations import make_evaluation
from tests.support.generate_page import choice
from tests.support.pages import drawn_html, links, open_page, run, said, studio
from tests.support.pictures import draw_picture, encode_picture
from tests.support.train_page import read_folder, stand_in, train, wait, wait_until_read, write_carpets

__all__ = ["stand_in", "studio"]

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("stand_in", "studio")]


@pytest.fixture
def studio_with_stand_in(stand_in: None, studio: Workspace) -> Workspace:
    """The workspace, whose trainings start the stand-in."""
    return studio


def words_of(app: object) -> str:
    return " ".join(said(app).split())


def test_empty_page_says_what_to_do(studio: Workspace) -> None:
    app = open_page("train")
    words = words_of(app)
    assert "No training yet" in words
    assert "Choose the pictures first" in words
    assert app.button(key="train_start").disabled


def test_folder_is_read_reported_and_trained_on(studio_with_stand_in: Workspace, tmp_path: Path) -> None:
    folder = write_carpets(tmp_path / "my kashans")
    (folder / "broken.png").write_bytes(b"no picture")
    app = read_folder(folder)
    words = words_of(app)
    assert "3 pictures of 3 designs; 1 cannot be read" in words
    assert "1 of 3 missing" in words
    assert "each of the 3 pictures and their mirror images is seen about" in words
    app.number_input(key="train_steps").set_value(4)
    app.text_input(key="train_trigger").set_value("kashan rug")
    app.button(key="train_start").click()
    app.run()
    (one,) = studio_with_stand_in.trainings.list_all()
    assert app.query_params["training"] in (one.id, [one.id])
    assert (one.id, one.order.dataset) == ("my-kashans", folder)
    assert (one.order.recipe.trigger, one.order.recipe.steps) == ("kashan rug", 4)
    assert one.order.recipe.resolution_px == 593  # what suits the built-in model
    assert wait(one.id, lambda training: not training.state.active).state is TrainingState.FINISHED


def test_folder_without_pictures_is_refused_with_the_reason(studio: Workspace, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    app = read_folder(tmp_path / "empty")
    assert "holds no pictures" in app.error[0].value
    assert app.button(key="train_start").disabled
    app.button(key="train_other").click()
    assert run(app).button(key="train_read")


def test_invalid_setting_is_named(studio: Workspace, tmp_path: Path) -> None:
    app = read_folder(write_carpets(tmp_path / "carpets"))
    app.text_input(key="train_trigger").set_value("k" * 101)
    assert "The trigger words have 101 characters" in run(app).error[0].value
    assert not [button for button in app.button if button.key == "train_start"]


def test_alpha_follows_the_rank_until_it_is_set(studio: Workspace) -> None:
    app = open_page("train")
    app.number_input(key="train_rank").set_value(16)
    assert run(app).number_input(key="train_alpha").value == 16
    app.number_input(key="train_alpha").set_value(32)
    run(app)
    app.number_input(key="train_rank").set_value(8)
    assert run(app).number_input(key="train_alpha").value == 32


def test_missing_captions_are_made_from_the_designs(studio: Workspace, tmp_path: Path) -> None:
    folder = write_carpets(tmp_path / "carpets")
    app = read_folder(folder)
    app.session_state["train_captions"] = True
    run(app)
    app.button(key="train_captions_make").click()
    assert "all there" in words_of(run(app))
    assert (folder / "carpet-0.txt").read_text("utf-8").count("carpet in ") == 1
    assert (folder / "carpet-1.txt").read_text("utf-8") == "kilim number 1"


def test_running_training_is_watched_and_stopped_and_resumed(studio_with_stand_in: Workspace) -> None:
    trainings = studio_with_stand_in.trainings
    one = trainings.start("Kashan", Path("slow"), LoraRecipe(steps=40))
    wait(one, lambda training: training.snapshot.step >= 2)
    assert "Step" in words_of(open_page("train"))  # in the list
    app = open_page("train", training=one)
    assert "Loss 0." in words_of(app)
    app.button(key="training_stop").click()
    app.run()
    wait(one, lambda training: training.state is TrainingState.STOPPED)
    app = open_page("train", training=one)
    assert "Resume goes on from the checkpoint of step" in words_of(app)
    app.button(key="training_resume").click()
    app.run()
    assert wait(one, lambda training: not training.state.active).state is TrainingState.FINISHED


def test_failure_is_shown_with_its_reason(studio_with_stand_in: Workspace) -> None:
    one = train(studio_with_stand_in, "bad")
    app = open_page("train", training=one.id)
    assert app.error[0].value == "The dataset holds no picture. Choose another folder."
    assert app.button(key="training_resume")
    assert "Did not finish" in words_of(open_page("train"))


def test_samples_curves_and_card_of_a_finished_training_are_shown(studio_with_stand_in: Workspace) -> None:
    one = train(studio_with_stand_in)
    app = open_page("train", training=one.id)
    words = words_of(app)
    assert "Finished: 4 of 4 steps." in words
    assert "held out 0.412 (0.475 at step 2)" in words
    for name in ("source", "0", "0.5", "1"):
        assert f"/pictures/sample/Kashan/4/0123abcd/{name}?version=" in drawn_html(app)
    assert "Held-out design 1, weight 0.5, after step 4" in drawn_html(app)
    assert "![leak]" in app.get("code")[0].value  # as it is written, not drawn
    app.select_slider[0].set_value(2)
    assert "/pictures/sample/Kashan/2/0123abcd/1?version=" in drawn_html(run(app))


def test_one_click_draws_with_the_adapter(studio_with_stand_in: Workspace) -> None:
    one = train(studio_with_stand_in)
    link = links(open_page("train", training=one.id))["Use it on the Generate page"]
    assert "training=Kashan" in link.proto.query_string
    app = open_page("generate", training=one.id)
    settings = studio_with_stand_in.settings.load()
    assert (settings.model, settings.adapter_folder) == ("builtin", str(one.adapter))
    assert app.text_area(key="form_prompt").value == "kashan rug"
    assert app.slider(key="form_adapter_weight").label == "Adapter: Kashan"
    assert "training" not in app.query_params
    assert "Its trigger words: **kashan rug**" in said(app)


def test_trigger_words_are_put_before_the_prompt(studio_with_stand_in: Workspace) -> None:
    one = train(studio_with_stand_in)
    studio_with_stand_in.settings.save(StudioSettings(adapter_folder=str(one.adapter)))
    app = open_page("generate")
    app.session_state["form_drawing"] = "model"
    app.text_area(key="form_prompt").set_value("navy field")
    run(app)
    app.button(key="form_add_trigger").click()
    assert run(app).text_area(key="form_prompt").value == "kashan rug, navy field"
    assert not [button for button in app.button if button.key == "form_add_trigger"]


def test_unfinished_training_cannot_be_drawn_with(studio_with_stand_in: Workspace) -> None:
    one = train(studio_with_stand_in, "bad")
    app = open_page("generate", training=one.id)
    assert "has no adapter yet" in app.warning[0].value
    assert studio_with_stand_in.settings.load().adapter_folder is None


def test_adapter_is_listed_in_settings(studio_with_stand_in: Workspace) -> None:
    train(studio_with_stand_in)
    assert "Kashan" in open_page("settings").selectbox(key="settings_adapter").options


def test_deletion_takes_the_adapter_out_of_the_settings(studio_with_stand_in: Workspace) -> None:
    one = train(studio_with_stand_in)
    studio_with_stand_in.settings.save(StudioSettings(adapter_folder=str(one.adapter)))
    app = open_page("train", training=one.id)
    assert "Its adapter is the one in Settings." in words_of(app)
    app.button(key="training_delete_sure").click()
    assert "No training yet" in words_of(run(app))
    assert not one.folder.root.exists()
    assert studio_with_stand_in.settings.load().adapter_folder is None


def test_unknown_training_leads_back_to_the_list(studio: Workspace) -> None:
    app = open_page("train", training="../../etc")
    assert "There is no training" in app.warning[0].value
    app.button[0].click()
    assert "No training yet" in words_of(run(app))


def test_generate_page_says_that_a_training_goes_first(studio_with_stand_in: Workspace) -> None:
    one = studio_with_stand_in.trainings.start("Kashan", Path("slow"), LoraRecipe(steps=400))
    wait(one, lambda training: training.snapshot.seconds_left is not None)
    app = open_page("generate")
    assert "A training is running: " in said(app)
    assert "Stop it on the Train page; it can be resumed." in said(app)
    assert "training=Kashan" in links(app)["Show the training"].proto.query_string
    source = studio_with_stand_in.catalogue.add_source(encode_picture(draw_picture(64, 80)))
    waiting = VariationRequest(source=source.sha256, prompt="kilim", seeds=(1,), drawing="motifs")
    job = studio_with_stand_in.jobs.submit(waiting)
    app = open_page("generate", source=source.sha256, run=job)
    assert "A training is running: " in said(app)
    studio_with_stand_in.jobs.cancel(job)
    studio_with_stand_in.trainings.stop(one)
    wait(one, lambda training: not training.state.active)


def write_evaluation(training: Training) -> None:
    values = make_evaluation().to_json()
    (training.folder.root / "evaluation.json").write_text(json.dumps(values), "utf-8")


def test_best_weight_of_the_evaluation_is_drawn_with(studio_with_stand_in: Workspace) -> None:
    one = train(studio_with_stand_in)
    assert "It was not evaluated yet" in words_of(open_page("train", training=one.id))
    write_evaluation(one)
    app = open_page("train", training=one.id)
    words = words_of(app)
    assert "weight **0.5**" in words
    assert "At 0.5 the distance to the archive changes by" in words
    assert "distance to the archive 0.800 0.700 to 0.900 0.500 0.400 to 0.600" in words
    assert "kept/one.png, seed 3: as in secret-customer.png, mirrored" in words
    assert open_page("generate", training=one.id).slider(key="form_adapter_weight").value == 0.5


def test_damaged_evaluation_is_named(studio_with_stand_in: Workspace) -> None:
    one = train(studio_with_stand_in)
    (one.folder.root / "evaluation.json").write_text("{}", "utf-8")
    app = open_page("train", training=one.id)
    assert "This is no evaluation of an adapter" in app.error[0].value
    assert "weight **1**" in words_of(app)


def test_favourites_of_the_gallery_become_a_dataset(studio: Workspace) -> None:
    app = open_page("train")
    choice(app, "train_way").set_value("From the gallery")
    assert "Nothing is marked yet" in words_of(run(app))
    source = studio.catalogue.add_source(encode_picture(draw_picture(64, 80)), label="Kept")
    made = [save(studio.catalogue, source=source.sha256, prompt=f"navy field {seed}", seed=seed) for seed in (1, 2)]
    studio.catalogue.set_favourite(made[0].id, True)
    run(app)
    app.text_input(key="train_collection").set_value("favourites")
    app.button(key="train_collect").click()
    app.run()
    wait_until_read(app)
    assert "2 pictures of 1 design" in words_of(run(app))  # the favourite, and the design that it was made from
    assert (studio.outputs / "datasets" / "favourites" / "design_1" / "1.txt").read_text("utf-8") == "navy field 1\n"


def test_uploaded_zip_is_kept_and_read(studio: Workspace, tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "x.zip", {"a.png": encode_carpet(1), "b.png": encode_carpet(2)})
    app = open_page("train")
    choice(app, "train_way").set_value("Upload a ZIP")
    run(app)
    app.file_uploader[0].upload("../my kashans.zip", archive.read_bytes())
    app.run()
    wait_until_read(app)
    assert "2 pictures of 2 designs" in words_of(run(app))
    assert (studio.outputs / "datasets" / "my-kashans.zip").read_bytes() == archive.read_bytes()
    other = write_zip(tmp_path / "y.zip", {"a.png": encode_carpet(3)})
    app.button(key="train_other").click()
    run(app)
    app.file_uploader[0].upload("my kashans.zip", other.read_bytes())
    app.run()
    wait_until_read(app)
    assert (studio.outputs / "datasets" / "my-kashans-2.zip").read_bytes() == other.read_bytes()
