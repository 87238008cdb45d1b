"""The second design of the form: chosen, uploaded or from the address, removed, and in the request."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from studio.catalogue.files.source_files import hash_bytes
from studio.designs.samples import SAMPLES
from studio.schema import Cross
from studio.settings_store import StudioSettings
from studio.ui.session import workspace
from tests.support.catalogue_records import MOTIFS
from tests.support.generate_page import choice, draw_from, generate, keep_variation, page, texts, upload
from tests.support.pages import busy
from tests.support.pictures import draw_picture, encode_picture

__all__ = ["busy", "page"]


def labels(page: AppTest) -> list[str]:
    return [expander.label for expander in page.expander]


def asked_cross() -> Cross | None:
    return workspace().jobs.active()[-1].request.cross


def choose_second(page: AppTest, value: str) -> AppTest:
    page.selectbox(key="cross_choice").set_value(value).run()
    assert not page.exception
    return page


@pytest.mark.usefixtures("busy")
def test_a_sample_is_chosen_as_second_design_and_removed(page: AppTest) -> None:
    upload(page.run())
    sample = SAMPLES[1]
    choose_second(page, f"sample:{sample.id}")
    assert f"Crossed with {sample.title}" in labels(page)
    second = workspace().catalogue.sources()[0]
    assert f"/pictures/source-thumbnail/{second.sha256}" in texts(page)
    generate(page)
    assert asked_cross() == Cross(second.sha256, "motifs", 0.5, None)
    page.button(key="cross_remove").click().run()
    assert not page.exception
    assert "Cross with a second design" in labels(page)
    generate(page)
    assert asked_cross() is None


@pytest.mark.usefixtures("busy")
def test_way_and_share_reach_the_run(page: AppTest) -> None:
    choose_second(upload(page.run()), f"sample:{SAMPLES[0].id}")
    assert page.slider(key="form_cross_share").label == "Share of the second design"
    choice(page, "form_cross_way").set_value("layout").run()
    assert page.slider(key="form_cross_share").label == "Pull of its layout"
    page.slider(key="form_cross_share").set_value(0.8).run()
    generate(page)
    cross = asked_cross()
    assert cross is not None
    assert (cross.way, cross.share) == ("layout", 0.8)


def test_an_earlier_design_is_offered_but_not_the_design_itself(page: AppTest) -> None:
    earlier = keep_variation().record.source
    upload(page.run())
    options = page.selectbox(key="cross_choice").options
    assert options == ["Kept", *(f"{sample.title} (sample)" for sample in SAMPLES)]
    choose_second(page, earlier)
    assert "Crossed with Kept" in labels(page)


@pytest.mark.usefixtures("busy")
def test_an_upload_becomes_the_second_design(page: AppTest) -> None:
    upload(page.run())
    (first,) = workspace().catalogue.sources()
    page.file_uploader(key="cross_upload_0").upload("Border.png", encode_picture(draw_picture(64, 80, 5)))
    page.run()
    assert not page.exception
    assert "Crossed with Border" in labels(page)
    generate(page)
    cross = asked_cross()
    assert cross is not None
    assert cross.source in {one.sha256 for one in workspace().catalogue.sources()} - {first.sha256}
    page.button(key="cross_remove").click().run()
    assert not page.exception
    assert "Cross with a second design" in labels(page)  # the upload is not taken again


@pytest.mark.slow
@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize("known", [True, False], ids=["its file is gone", "nothing is left of it"])
def test_settings_of_a_cross_whose_second_design_is_gone_say_so(page: AppTest, known: bool) -> None:
    upload(page.run())
    data = encode_picture(draw_picture(64, 80, 5))
    second = hash_bytes(data)
    if known:
        workspace().catalogue.add_source(data, label="*Border*")
        workspace().catalogue.source_path(second).unlink()
    made = keep_variation(**MOTIFS, cross=Cross(second, share=0.3))
    page.query_params["like"] = made.id
    page.run()
    assert not page.exception
    (warning,) = [one.value for one in page.warning if "second design" in one.value]
    assert "is no longer stored. Without it the same seed gives another picture." in warning
    assert ("\\*Border\\*" in warning) is known
    generate(page)
    assert asked_cross() is None
    assert any("second design" in one.value for one in page.warning)  # until it is read
    page.button(key="cross_gone").click().run()
    assert not any("second design" in one.value for one in page.warning)


def test_the_warning_ends_when_the_second_design_is_uploaded_again(page: AppTest) -> None:
    upload(page.run())
    data = encode_picture(draw_picture(64, 80, 5))
    page.query_params["like"] = keep_variation(**MOTIFS, cross=Cross(hash_bytes(data))).id
    page.run()
    assert any("second design" in one.value for one in page.warning)
    page.file_uploader(key="cross_upload_0").upload("Border.png", data)
    page.run()
    assert not page.exception
    assert not any("second design" in one.value for one in page.warning)
    assert "Crossed with Border" in labels(page)


def test_an_upload_that_is_no_picture_is_refused(page: AppTest) -> None:
    upload(page.run())
    page.file_uploader(key="cross_upload_0").upload("Border.png", b"no picture at all")
    page.run()
    assert not page.exception
    assert len(page.error) == 1
    assert page.error[0].value.startswith("“Border.png” cannot be used, so there is no second design.")
    assert "Cross with a second design" in labels(page)


@pytest.mark.slow
@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize("uploaded", [False, True], ids=["new", "as a design before"])
def test_cross_in_the_address_makes_a_variation_the_second_design(page: AppTest, uploaded: bool) -> None:
    variation = keep_variation(seed=12)
    draw_from(upload(page.run()), "model")
    mine = page.query_params["source"]
    if uploaded:
        data = workspace().catalogue.variation_path(variation.id).read_bytes()
        workspace().catalogue.add_source(data, label="Downloaded and dropped in")
    page.query_params["cross"] = variation.id
    page.run()
    assert not page.exception
    assert "cross" not in page.query_params
    assert page.query_params["source"] == mine  # the design stays
    assert choice(page, "form_drawing").value == "motifs"  # motifs are what is crossed
    assert any(label.startswith("Crossed with ") for label in labels(page))
    generate(page)
    cross = asked_cross()
    assert cross is not None
    assert cross.parent == variation.id
    assert workspace().catalogue.source_path(cross.source).read_bytes() == (
        workspace().catalogue.variation_path(variation.id).read_bytes()
    )


def test_cross_in_the_address_is_kept_until_there_is_a_first_design(page: AppTest) -> None:
    variation = keep_variation(seed=12)
    page.query_params["cross"] = variation.id
    page.run()
    assert not page.exception
    assert "Crossed with Variation 12" in labels(page)
    upload(page)
    assert page.query_params["source"] == workspace().catalogue.sources()[0].sha256
    assert "Crossed with Variation 12" in labels(page)


@pytest.mark.slow
@pytest.mark.usefixtures("busy")
def test_a_model_draws_without_the_second_design_which_comes_back_with_motifs(page: AppTest) -> None:
    choose_second(upload(page.run()), f"sample:{SAMPLES[0].id}")
    page.text_area(key="form_prompt").set_value("kilim").run()
    assert "The motifs of both designs are drawn into one field, in this design’s yarns" in texts(page)
    draw_from(page, "model")
    assert not any(label.startswith("Cross") for label in labels(page))
    assert f"The cross with “{SAMPLES[0].title}” is set aside" in texts(page)
    generate(page)
    assert asked_cross() is None
    draw_from(page, "motifs")
    assert f"Crossed with {SAMPLES[0].title}" in labels(page)
    assert "is set aside" not in texts(page)
    generate(page)
    assert asked_cross() is not None


def test_a_change_of_model_keeps_a_cross(page: AppTest) -> None:
    choose_second(upload(page.run()), f"sample:{SAMPLES[0].id}")
    workspace().settings.save(StudioSettings(model="stabilityai/stable-diffusion-3.5-large"))
    page.run()
    assert choice(page, "form_drawing").value == "motifs"
    assert f"Crossed with {SAMPLES[0].title}" in labels(page)
