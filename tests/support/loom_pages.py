"""A design of four yarns and its woven variations on the pages."""

from __future__ import annotations

import io

import numpy as np
from streamlit.testing.v1 import AppTest

from studio.catalogue import Source, Variation
from studio.designs import IndexMap
from studio.schema import Constraints, Weaving
from studio.workspace import Workspace
from tests.support.catalogue_records import MOTIFS, make_picture, make_record
from tests.support.knots import YARNS
from tests.support.pages import open_page


def draw_indexed(dpi: tuple[float, float] | None = None) -> bytes:
    """Draw a symmetric design of four yarns, 96 x 128 knots, as an indexed PNG."""
    half = np.random.default_rng(0).integers(0, 4, (64, 48), dtype=np.uint8).repeat(2, axis=0)
    file = io.BytesIO()
    IndexMap(np.concatenate([half, half[:, ::-1]], axis=1), YARNS).image().save(
        file, "PNG", **({} if dpi is None else {"dpi": dpi})
    )
    return file.getvalue()


def open_with_design(workspace: Workspace) -> tuple[AppTest, Source]:
    """Save the design of four yarns, and open the Generate page with it."""
    source = workspace.catalogue.add_source(draw_indexed(), label="Four yarns")
    return open_page("generate", source=source.sha256), source


def submit(page: AppTest) -> AppTest:
    """Fill in a prompt and press Generate."""
    page.text_area(key="form_prompt").set_value("kilim").run()
    page.button(key="generate").click().run()
    assert not page.exception
    return page


def keep_woven(
    workspace: Workspace, repeat: str = "none", size: tuple[int, int] = (64, 80), **changes: object
) -> Variation:
    """Save a variation that uses two of the design's four yarns, with its picture before weaving."""
    indices = np.random.default_rng(1).integers(0, 2, size[::-1], dtype=np.uint8)
    weaving = Weaving(yarns=tuple(f"#{r:02x}{g:02x}{b:02x}" for r, g, b in YARNS.tolist()), colour_shift=3.0)
    width, height = size
    record = make_record(
        weaving=weaving,
        constraints=Constraints(palette="source", repeat=repeat),
        width_px=width,
        height_px=height,
        **changes,
    )
    return workspace.catalogue.save_variation(IndexMap(indices, YARNS).image(), record, make_picture(3))


def keep_from_motifs(workspace: Workspace, **changes: object) -> Variation:
    """Save a variation that was drawn from motifs: no model's picture is beside it."""
    indices = np.random.default_rng(2).integers(0, 4, (80, 64), dtype=np.uint8)
    yarns = tuple(f"#{r:02x}{g:02x}{b:02x}" for r, g, b in YARNS.tolist())
    weaving = Weaving(yarns=yarns, changed_share=0.224, known_small=0.98, known_large=0.91)
    return workspace.catalogue.save_variation(
        IndexMap(indices, YARNS).image(), make_record(**MOTIFS, weaving=weaving, **changes)
    )
