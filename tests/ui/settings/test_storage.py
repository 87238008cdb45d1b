"""Storage on the Settings page: everything is counted, the model's own pictures can be removed, reading shows."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from PIL import Image

from studio.catalogue import Catalogue, opening
from studio.catalogue.index import survey
from studio.schema import Weaving
from studio.workspace import PROJECT, Workspace
from tests.support.catalogue_records import make_picture, make_record, save
from tests.support.pages import cards, drawn_html, open_page, run, said, studio

__all__ = ["studio"]
pytestmark = pytest.mark.slow

WOVEN = Weaving(yarns=("#aa0000",), shares=(1.0,))


def test_the_models_pictures_are_counted_and_removed_on_request(studio: Workspace) -> None:
    def save_woven() -> str:
        return studio.catalogue.save_variation(make_picture(1), make_record(weaving=WOVEN), make_picture(2)).id

    ids = [save_woven() for _ in range(2)]
    (studio.outputs / "notes.txt").write_bytes(b"x" * 321)
    app = open_page("settings")
    assert "The model’s own pictures" in said(app)
    assert "321 B" in said(app)
    assert "Remove 2 pictures of the model for good?" in said(app)
    later = save_woven()
    app.button(key="remove_untouched_sure").click()
    run(app)
    assert "2 pictures of the model removed for good." in said(app)
    assert studio.catalogue.untouched_ids() == (later,)
    for one, linked in ((ids[0], False), (later, True)):
        page = open_page("gallery", open=one)
        assert ("See what the model drew" in drawn_html(page)) == linked
    assert len(cards(open_page("gallery"))) == 3


def test_the_models_pictures_of_earlier_versions_are_made_smaller_on_request(studio: Workspace) -> None:
    one = studio.catalogue.save_variation(make_picture(1), make_record(weaving=WOVEN), make_picture(2)).id
    assert "shrink_untouched" not in {button.key for button in open_page("settings").button}
    path = studio.catalogue.untouched_path(one)
    with Image.open(path) as picture:
        picture.save(path.with_suffix(".png"), compress_level=0)
    path.unlink()
    app = open_page("settings")
    app.button(key="shrink_untouched").click()
    run(app)
    assert "freed. The pictures are the same to the pixel." in said(app)
    assert studio.catalogue.untouched_path(one).suffix == ".webp"
    assert "shrink_untouched" not in {button.key for button in app.button}


def test_pages_show_what_was_read_so_far_and_how_far_that_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    outputs = tmp_path / "outputs"
    with Catalogue(outputs) as catalogue:
        ids = [save(catalogue).id for _ in range(6)]
    (outputs / "catalogue.sqlite").unlink()
    opened, read = threading.Event(), survey.read_record
    monkeypatch.setattr(opening, "BATCH", 2)
    monkeypatch.setattr(survey, "BATCH", 2)
    monkeypatch.setattr(survey, "read_record", lambda *one: (ids[5] in str(one[0]) or opened.wait(30)) and read(*one))
    opened_studio: Workspace = request.getfixturevalue("studio")
    for name in ("gallery", "settings", "generate", "compare"):
        assert "0 of 6 read" in open_page(name).get("progress")[0].proto.text
    opened.set()
    opened_studio.catalogue.wait_until_read()
    app = open_page("gallery")
    assert len(cards(app)) == 6
    assert not app.get("progress")


def test_the_settings_page_does_not_load_pandas(tmp_path: Path) -> None:
    program = (
        "import sys; from tests.support.pages import open_page\n"
        "open_page('settings'); assert 'pandas' not in sys.modules, 'pandas'"
    )
    environment = {"STUDIO_OUTPUTS": str(tmp_path), "PATH": "", "PYTHONPATH": str(PROJECT)}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=environment, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
