"""The preview of a repeat: nine tiles side by side, as on the cloth."""

from __future__ import annotations

import re

import numpy as np
import pytest

from studio.designs.structure.repeat import REPEATS, tile
from studio.ui.picture_routes import thumbnail_url, untouched_url
from studio.ui.shared.repeat_preview import ACROSS, place_tiles
from studio.workspace import Workspace
from tests.support.loom_pages import draw_indexed, keep_woven
from tests.support.pages import drawn_html, open_page, studio

__all__ = ["studio"]


def read_tiles(html: str) -> list[list[tuple[float, float, int, int]]]:
    """Return, for each preview on a page, its tiles as `place_tiles` returns them."""
    frames = html.split('<div role="img" aria-label="Nine repeats')[1:]
    pattern = r"left:([-\d.]+)%;top:([-\d.]+)%(?:;transform:scale\((-?1),(-?1)\))?"
    return [
        [
            (float(x) * ACROSS / 100, float(y) * ACROSS / 100, int(flip_x or 1), int(flip_y or 1))
            for x, y, flip_x, flip_y in re.findall(pattern, frame)
        ]
        for frame in frames
    ]


@pytest.mark.parametrize("size", [(2, 2), (4, 6), (3, 5), (7, 4)])
@pytest.mark.parametrize("repeat", REPEATS)
def test_tiles_equal_the_tiled_cloth(repeat: str, size: tuple[int, int]) -> None:
    """The tiles that the browser draws equal `tile`, knot for knot, odd sides included."""
    width, height = size
    picture = np.arange(1, width * height + 1).reshape(height, width)
    cloth = tile(picture, repeat, ACROSS, ACROSS)
    seen = np.zeros_like(cloth)
    for x, y, flip_x, flip_y in place_tiles(repeat, size):
        left, top = x * width, y * height
        assert (left, top) == pytest.approx((round(left), round(top)), abs=1e-9)
        rows, columns = round(top) + np.arange(height), round(left) + np.arange(width)
        framed = np.ix_((rows >= 0) & (rows < 3 * height), (columns >= 0) & (columns < 3 * width))
        turned = picture[::flip_y, ::flip_x][framed]
        top, left = max(round(top), 0), max(round(left), 0)
        seen[top : top + turned.shape[0], left : left + turned.shape[1]] = turned
    assert np.array_equal(seen, cloth)


@pytest.mark.slow
@pytest.mark.parametrize("repeat", REPEATS)
def test_preview_is_on_every_card_and_in_the_viewer(studio: Workspace, repeat: str) -> None:
    design = studio.catalogue.add_source(draw_indexed(), label="Four yarns")
    made = [keep_woven(studio, source=design.sha256, slot=slot, seed=slot, repeat=repeat) for slot in range(2)]
    plain = keep_woven(studio, source=design.sha256, slot=2, seed=2)
    html = drawn_html(open_page("generate", run="run-1"))
    laid = read_tiles(html)
    assert len(laid) == 2
    for tiles in laid:
        assert np.allclose(tiles, place_tiles(repeat, (64, 80)), atol=1e-5)
    tiles = len(place_tiles(repeat, (64, 80)))
    for one, count in ((made[0], tiles + 1), (made[1], tiles + 1), (plain, 1)):
        # All tiles have one address, so the browser fetches one picture.
        assert html.count(f'src="{thumbnail_url(one.id)}"') == count
        assert f'href="{untouched_url(one.id)}"' in html
    assert read_tiles(drawn_html(open_page("gallery", open=made[0].id))) == laid[:1]
