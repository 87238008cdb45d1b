"""A woven variation on the Gallery page: its yarns, its files for the loom, and the picture before weaving."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
import streamlit
from PIL import Image

from studio.designs.colours.colour_spaces import read_colour
from studio.designs.files.export import EXPORTERS
from studio.schema import Weaving
from studio.ui.gallery.loom_export import _export, _name_file
from studio.ui.shared.facts.design_facts import swatches_html
from studio.ui.shared.facts.weaving_facts import describe_yarns
from studio.workspace import Workspace
from tests.support.catalogue_records import make_record
from tests.support.knots import YARNS
from tests.support.loom_pages import draw_indexed, keep_woven
from tests.support.pages import drawn_html, open_page, run, said, studio

__all__ = ["studio"]


@pytest.mark.slow
@pytest.mark.parametrize("exporter", EXPORTERS.values(), ids=lambda exporter: exporter.id)
def test_loom_file_holds_all_yarns_of_the_palette(studio: Workspace, exporter) -> None:
    variation = keep_woven(studio)
    page = open_page("gallery", open=variation.id)
    assert "4 yarns of the design" in said(page)
    assert f"/pictures/untouched/{variation.id}" in drawn_html(page)
    page.checkbox(key="loom_dense").check().run()
    page.number_input(key="loom_reeds").set_value(320)
    run(page)
    assert "20 × 16 cm" in said(page)  # 64 knots at 320 and 80 at 500 a metre
    with Image.open(io.BytesIO(_export(variation, exporter, None, None))) as image:
        assert image.mode == "P"
        assert image.getpalette()[:12] == YARNS.flatten().tolist()  # also the two that do not occur
    assert studio.catalogue.untouched_path(variation.id).is_file()


@pytest.mark.slow
@pytest.mark.parametrize("exporter", EXPORTERS.values(), ids=lambda exporter: exporter.id)
def test_reeds_set_the_width_and_picks_the_length(studio: Workspace, monkeypatch: pytest.MonkeyPatch, exporter) -> None:
    """Download each file as the browser does: by the function that the page gives to the button."""
    downloads: dict[str, Callable[[], bytes]] = {}

    def record_download(_label: str, *, data: Callable[[], bytes], key: str, **_: object) -> bool:
        downloads[key] = data
        return False

    monkeypatch.setattr(streamlit, "download_button", record_download)
    page = open_page("gallery", open=keep_woven(studio).id)
    page.checkbox(key="loom_dense").check().run()
    page.number_input(key="loom_reeds").set_value(700)
    page.number_input(key="loom_picks").set_value(1240)
    run(page)
    assert "9 × 6 cm" in said(page)  # 64 knots at 700 a metre, 80 at 1240
    with Image.open(io.BytesIO(downloads[f"loom_{exporter.id}"]())) as image:
        assert image.info["dpi"] == pytest.approx((17.78, 31.496), abs=0.01)


@pytest.mark.slow
def test_density_of_the_design_is_filled_in(studio: Workspace) -> None:
    design = studio.catalogue.add_source(draw_indexed(dpi=(17.78, 20.32)), label="Dense")
    first, second = (keep_woven(studio, source=design.sha256, seed=seed, size=(96, 128)) for seed in (7, 8))
    page = open_page("gallery", open=first.id)
    assert page.checkbox(key="loom_dense").value
    assert (page.number_input(key="loom_reeds").value, page.number_input(key="loom_picks").value) == (700, 800)
    assert "The design’s own density. At this density the carpet measures 14 × 16 cm." in said(page)
    page.number_input(key="loom_reeds").set_value(600).run()
    assert "The design’s own" not in said(page)
    page.query_params["open"] = second.id
    assert run(page).number_input(key="loom_reeds").value == 600


@pytest.mark.slow
@pytest.mark.parametrize(("dpi", "size"), [((72, 72), (96, 128)), ((17.78, 20.32), (64, 80)), (None, (96, 128))])
def test_a_screens_density_and_that_of_another_size_are_not_the_carpets(studio: Workspace, dpi, size) -> None:
    design = studio.catalogue.add_source(draw_indexed(dpi=dpi), label="Other")
    page = open_page("gallery", open=keep_woven(studio, source=design.sha256, size=size).id)
    assert not page.checkbox(key="loom_dense").value


def test_loom_file_is_named_after_its_design(studio: Workspace) -> None:
    design = studio.catalogue.add_source(draw_indexed(), label="Four yarns")
    named = keep_woven(studio, source=design.sha256, seed=7)
    without_design = keep_woven(studio, seed=8)
    assert _name_file(named.record) == "Four yarns 7"
    assert _name_file(without_design.record) == without_design.id


def test_picture_before_weaving_is_removed_with_its_variation(studio: Workspace) -> None:
    variation = keep_woven(studio)
    untouched = studio.catalogue.untouched_path(variation.id)
    studio.catalogue.delete([variation.id])
    assert untouched.is_file()
    studio.catalogue.empty_bin()
    assert not untouched.exists()


def test_unused_yarns_are_counted_but_have_no_swatch() -> None:
    weaving = Weaving(yarns=("#aa0000", "#00aa00", "#0000aa"), shares=(0.9, 0.1, 0.0))
    assert describe_yarns(make_record(weaving=weaving)) == "2 of 3 yarns"
    assert describe_yarns(make_record(weaving=Weaving(yarns=("#aa0000",)))) == "1 yarn"
    html = swatches_html([read_colour(yarn) for yarn in weaving.yarns], weaving.shares)
    assert html.count("<span") == 2
    assert "90 %" in html
