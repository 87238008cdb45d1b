"""Figures of the built-in model on held-out designs."""

from __future__ import annotations

import argparse

import numpy as np
import pytest

from studio.commands import evaluate
from studio.errors import InputError, RequestError
from studio.training.checkpoint import assemble_pipeline
from studio.training.held_out_evaluation import FIGURES, Workbench, measure_obedience, measure_snapping
from tests.support.tiny_models import build_tiny, tokenizers, two_threads

__all__ = ["tokenizers", "two_threads"]


@pytest.fixture(scope="module")
def bench(tokenizers):
    return Workbench(assemble_pipeline(build_tiny(tokenizers)), designs=1, pairs=1)


@pytest.mark.slow
@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.id)
def test_every_figure_can_be_measured(figure, bench):
    assert np.isfinite(figure.measure(bench))


def test_snapping_is_100_percent_for_a_perfect_vae(bench, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bench, "rebuild", lambda pixels: pixels)
    assert measure_snapping(bench) == 100
    monkeypatch.setattr(bench, "rebuild", lambda pixels: 255 - pixels)
    assert measure_snapping(bench) < 50


def test_obedience_is_the_share_of_bluer_pictures_for_the_blue_prompt(bench, monkeypatch: pytest.MonkeyPatch):
    colours = {"blue carpet": (40, 60, 160), "red carpet": (170, 50, 40)}

    def paint(pixels, prompt, strength, seeds):
        return np.full((1, 8, 8, 3), colours[prompt], np.uint8)

    monkeypatch.setattr(bench, "draw", paint)
    assert measure_obedience(bench) == 100
    colours["blue carpet"], colours["red carpet"] = colours["red carpet"], colours["blue carpet"]
    assert measure_obedience(bench) == 0


def test_the_command_refuses_an_unknown_figure():
    parser = argparse.ArgumentParser()
    evaluate.add_arguments(parser)
    with pytest.raises(InputError, match="beauty"):
        evaluate.run(parser.parse_args(["builtin", "--only", "beauty"]))


def test_the_command_refuses_a_folder_that_is_not_a_model(tmp_path):
    parser = argparse.ArgumentParser()
    evaluate.add_arguments(parser)
    with pytest.raises(RequestError, match=r"model_index\.json"):
        evaluate.run(parser.parse_args(["builtin", "--folder", str(tmp_path)]))
