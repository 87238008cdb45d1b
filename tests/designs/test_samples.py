"""Samples: each opens as an indexed design of the stated size, and each file is listed."""

import pytest

from studio.designs import SAMPLES, browser_ready, open_design


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.id)
def test_a_sample_is_an_indexed_design_of_900_by_1200_pixels(sample):
    design = open_design(sample.path.read_bytes())
    assert (design.format, design.mode, design.notes) == ("PNG", "P", ())
    assert (design.width_px, design.height_px) == (900, 1200)
    assert browser_ready(design)
    assert 4 <= len(design.image.getcolors(256)) <= 16
    assert sample.title and 0 < len(sample.prompt) < 200


def test_every_sample_file_is_listed_once():
    assert 2 <= len(SAMPLES) <= 6
    assert {sample.path for sample in SAMPLES} == set(SAMPLES[0].path.parent.iterdir())
    assert len({sample.id for sample in SAMPLES}) == len({sample.title for sample in SAMPLES}) == len(SAMPLES)
