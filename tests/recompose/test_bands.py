"""Bands of rows: complete, in order, the same on any number of threads, and stopped for good."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from studio.recompose import steps
from studio.recompose.recomposer import STRONG, Recomposer
from studio.recompose.steps import BAND_ROWS, in_bands
from tests.recompose.small_designs import draw_ornament, make_carpet


class Stopped(Exception):
    """What a designer's stop raises."""


def use_threads(monkeypatch, count) -> ThreadPoolExecutor:
    pool = ThreadPoolExecutor(max_workers=count)
    monkeypatch.setattr(steps, "_pool", pool)
    return pool


@pytest.mark.parametrize("height", [1, BAND_ROWS - 1, BAND_ROWS, BAND_ROWS + 1, 5 * BAND_ROWS + 3])
def test_bands_cover_all_rows_once_and_answer_in_order(height):
    checks = []
    rows = in_bands(height, lambda top, bottom: list(range(top, bottom)), lambda: checks.append(1))
    assert [row for band in rows for row in band] == list(range(height))
    assert len(checks) == len(rows) == -(-height // BAND_ROWS)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_stop_leaves_out_the_other_bands_and_nothing_is_written_afterwards(monkeypatch, threads):
    pool = use_threads(monkeypatch, threads)
    begun, ended, go_on = [], [], threading.Event()

    def work(top, bottom):
        begun.append(top)
        if top > 0:
            go_on.wait(10)
        ended.append(top)

    def check():
        threading.Timer(0.1, go_on.set).start()  # bands that have begun end while the caller waits
        raise Stopped

    with pytest.raises(Stopped):
        in_bands(50 * BAND_ROWS, work, check)
    written = list(ended)
    pool.submit(lambda: None).result()
    assert sorted(begun) == sorted(written) == sorted(ended)
    assert 1 <= len(begun) <= 1 + threads


def test_an_error_in_a_band_reaches_the_caller_and_no_band_goes_on(monkeypatch):
    use_threads(monkeypatch, 2)
    begun, ended = [], []

    def work(top, bottom):
        begun.append(top)
        if top == BAND_ROWS:
            raise ValueError("a band failed")
        ended.append(top)

    with pytest.raises(ValueError, match="a band failed"):
        in_bands(9 * BAND_ROWS, work, lambda: None)
    assert len(ended) == len(begun) - 1


@pytest.mark.slow
def test_the_number_of_threads_does_not_change_a_drawing(monkeypatch):
    knots = draw_ornament(110, 60, yarns=5)
    drawn = []
    for threads in (1, 2, 5):
        use_threads(monkeypatch, threads)
        drawn.append(Recomposer(make_carpet(knots)).draw(STRONG, 3))
    assert not np.array_equal(drawn[0], knots)
    assert np.array_equal(drawn[0], drawn[1])
    assert np.array_equal(drawn[0], drawn[2])


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 40, 400])
def test_a_stopped_drawing_does_not_spoil_the_next_one(count):
    carpet, called = make_carpet(draw_ornament(80, 60)), []

    def check():
        called.append(1)
        if len(called) == last:
            raise Stopped

    last = None
    recomposer = Recomposer(carpet, check=check)
    last = len(called) + count
    with pytest.raises(Stopped):
        recomposer.draw(STRONG, 1)
    assert np.array_equal(recomposer.draw(STRONG, 1), Recomposer(carpet).draw(STRONG, 1))
