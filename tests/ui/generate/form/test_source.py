"""The design on the Generate page: samples, uploads, recent designs, and files that are refused."""

from __future__ import annotations

import pytest

from studio.designs.samples import SAMPLES
from studio.ui.session import workspace
from tests.support.generate_page import choice, errors, page, texts, upload
from tests.support.pictures import draw_picture, encode_picture

__all__ = ["page"]


def test_first_visit_offers_upload_and_samples_and_explains_the_steps(page):
    page.run()
    assert not page.exception
    assert [one.value for one in page.subheader] == ["Choose a design", "Or take a sample", "What happens next"]
    assert {f"design_sample_{sample.id}" for sample in SAMPLES} <= {button.key for button in page.button}
    assert "built-in sketch model" in texts(page)
    assert choice(page, "form_drawing").value == "motifs"
    assert "about 25 % of the knots are drawn anew" in choice(page, "form_change_preset").label


def test_upload_is_kept_at_once_and_shown(page):
    upload(page.run(), 96, 128)
    assert not page.exception
    (source,) = workspace().catalogue.sources()
    assert (source.label, source.width_px, source.height_px) == ("My design", 96, 128)
    assert f"/pictures/source-thumbnail/{source.sha256}" in texts(page)
    assert "96 × 128 knots · PNG" in texts(page)
    assert page.query_params["source"] == source.sha256
    assert "Variation 5" in texts(page)  # the empty places


def test_upload_shows_notes_on_what_was_done_to_the_design(page):
    page.run()
    clear = draw_picture(64, 64).convert("RGBA")
    clear.putalpha(90)
    page.file_uploader[0].upload("clear.png", encode_picture(clear))
    page.run()
    (source,) = workspace().catalogue.sources()
    assert source.notes
    assert source.notes[0] in texts(page)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("data", "said"), [(b"no picture at all", "picture"), (b"", "empty"), (b"\x89PNG\r\n\x1a\n" + b"\0" * 40, "")]
)
def test_invalid_upload_is_refused_with_an_error(page, data, said):
    page.run()
    page.file_uploader[0].upload("design.png", data)
    page.run()
    assert not page.exception
    assert said in errors(page)
    assert len(page.error) == 1
    assert not workspace().catalogue.sources()
    upload(page)  # and the page goes on
    assert len(workspace().catalogue.sources()) == 1


@pytest.mark.slow
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.id)
def test_sample_becomes_the_design_and_sets_its_prompt(page, sample):
    page.run().button(key=f"design_sample_{sample.id}").click().run()
    assert not page.exception
    assert workspace().catalogue.sources()[0].label == sample.title
    assert page.text_area(key="form_prompt").value == sample.prompt


def test_sample_keeps_an_existing_prompt(page):
    page.run().text_area(key="form_prompt").set_value("my own words").run()
    page.button(key=f"design_sample_{SAMPLES[0].id}").click().run()
    assert page.text_area(key="form_prompt").value == "my own words"


def test_recent_design_can_be_chosen_again(page):
    upload(page.run())
    source = workspace().catalogue.sources()[0]
    page.button(key="design_change").click().run()
    page.button(key=f"design_recent_{source.sha256}").click().run()
    assert not page.exception
    assert "96 × 128 knots · PNG" in texts(page)
    page.button(key="design_change").click().run()
    page.button(key="design_keep").click().run()
    assert "96 × 128 knots · PNG" in texts(page)


def test_another_upload_replaces_the_design(page):
    upload(page.run(), 96, 128)
    page.button(key="design_change").click().run()
    upload(page, 64, 80)
    assert "64 × 80 knots · PNG" in texts(page)
    assert page.query_params["source"] == workspace().catalogue.sources()[0].sha256
    page.run()
    assert "64 × 80 knots · PNG" in texts(page)


def test_unusable_outputs_folder_gives_an_error(page, monkeypatch, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    monkeypatch.setenv("STUDIO_OUTPUTS", str(blocked))
    page.run()
    assert not page.exception
    assert len(page.error) == 1
