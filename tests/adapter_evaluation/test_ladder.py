"""The ladder of weights: differences to the base, the best weight, and held-out sets by design."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from studio.adapter_evaluation.archive_view import ArchiveView, DesignFigures, read_archive_view
from studio.adapter_evaluation.held_out import group_families, read_pixels
from studio.adapter_evaluation.ladder import Ladder, choose_weight, summarise_losses
from studio.datasets import open_dataset
from studio.evaluation.line_widths import measure_width_gap
from tests.support.held_out import draw_stripes
from tests.support.pictures import draw_picture, encode_picture


def write_stripes(root: Path, count: int) -> Path:
    for seed in range(count):
        (root / f"{seed}-stripes").mkdir(parents=True)
        picture = Image.fromarray(draw_stripes(seed, 3 + seed % 2))
        (root / f"{seed}-stripes" / "a.png").write_bytes(encode_picture(picture))
    return root


def read_view(root: Path, count: int) -> tuple[ArchiveView, list]:
    with open_dataset(write_stripes(root, count)) as held_out:
        families = group_families(held_out.examples)
        return read_archive_view(held_out, families, read_pixels, lambda _done: None), families


def measure(view: ArchiveView, families: list, width: int) -> list[DesignFigures]:
    """Return the figures of two variations of each design: stripes of this width, other ones for each design."""
    found = []
    for family in families:
        pictures = [draw_stripes(100 + 10 * family.number + one, width) for one in range(2)]
        knots = [(picture != picture[0, 0]).any(axis=-1).astype(np.uint8) for picture in pictures]
        found.append(view.measure(family, draw_stripes(family.number), pictures, knots))
    return found


@pytest.fixture(scope="module")
def six(tmp_path_factory: pytest.TempPathFactory) -> tuple[ArchiveView, list]:
    """An archive of six designs with stripes 3 or 4 knots wide."""
    return read_view(tmp_path_factory.mktemp("six"), 6)


@pytest.mark.slow
def test_the_weight_nearest_to_the_archive_is_found(six: tuple[ArchiveView, list]) -> None:
    view, families = six
    drawn = {0.0: measure(view, families, 12), 0.5: measure(view, families, 7), 1.0: measure(view, families, 3)}
    ladder = Ladder(view, families, drawn)
    steps = ladder.list_steps(12)
    assert [step.weight for step in steps] == [0.0, 0.5, 1.0]
    assert steps[0].differences == {}
    far, middle, near = (step.figures["drawing"].value for step in steps)
    assert far > middle > near
    assert steps[2].differences["drawing"].value == pytest.approx(near - far)
    assert steps[2].differences["drawing"].below_zero
    best = choose_weight(ladder, steps)
    assert best.weight == 1.0
    assert best.difference.below_zero
    assert steps[2].figures["width_gap"].value < steps[0].figures["width_gap"].value


@pytest.mark.slow
def test_no_weight_is_better_than_an_equal_base(six: tuple[ArchiveView, list]) -> None:
    view, families = six
    same = measure(view, families, 6)
    ladder = Ladder(view, families, {0.0: same, 1.0: same})
    steps = ladder.list_steps(12)
    assert {name: one.value for name, one in steps[1].differences.items()} == dict.fromkeys(steps[1].differences, 0)
    best = choose_weight(ladder, steps)
    assert best.weight is None
    assert "No weight is better" in best.reason


@pytest.mark.slow
def test_of_weights_that_cannot_be_told_apart_the_lowest_is_named(six: tuple[ArchiveView, list]) -> None:
    view, families = six
    base, near = measure(view, families, 12), measure(view, families, 3)
    ladder = Ladder(view, families, {0.0: base, 0.5: near, 1.0: near, 1.5: base})
    assert choose_weight(ladder, ladder.list_steps(12)).weight == 0.5


@pytest.mark.slow
def test_a_few_designs_name_no_weight(tmp_path: Path) -> None:
    view, families = read_view(tmp_path, 4)
    ladder = Ladder(view, families, {0.0: measure(view, families, 12), 1.0: measure(view, families, 3)})
    steps = ladder.list_steps(8)
    assert steps[1].differences["drawing"].low is None
    best = choose_weight(ladder, steps)
    assert (best.weight, best.difference) == (None, None)
    assert "4 designs are too few" in best.reason
    assert choose_weight(None, ()).weight is None


@pytest.mark.slow
def test_a_designs_knots_are_measured_against_the_other_designs_alone(six: tuple[ArchiveView, list]) -> None:
    view, families = six
    others = [one for number, one in enumerate(view.widths) if number != 2]
    assert view.own[2]["width_gap"] == pytest.approx(measure_width_gap(view.widths[2], others))
    assert view.own[2]["width_gap"] != pytest.approx(measure_width_gap(view.widths[2], list(view.widths)))
    assert view.own[2]["known_large"] < 1  # the design itself has all of its patterns
    assert view.find_own(families[2]) == 2
    assert view.find_own(replace(families[2], number=6)) is None


def test_losses_are_summed_up_by_level_and_against_the_base() -> None:
    rng = np.random.default_rng(0)
    base = rng.random((6, 2)) + 1
    steps = summarise_losses({1.0: (base - 0.2).tolist(), 0.0: base.tolist()}, ["0.1", "0.9"])
    assert [step.weight for step in steps] == [0.0, 1.0]
    assert steps[0].difference is None
    assert steps[1].difference.value == pytest.approx(-0.2)
    assert steps[1].difference.below_zero
    assert steps[0].by_level["0.9"].value == pytest.approx(base[:, 1].mean())
    assert summarise_losses({0.0: [], 1.0: []}, ["0.1"]) == ()


def test_pairs_and_near_duplicates_are_one_design_with_its_source_first(tmp_path: Path) -> None:
    for name, seed in (("design_1/0", 1), ("design_1/1", 2), ("design_1/2", 3), ("other", 4)):
        file = tmp_path / f"{name}.png"
        file.parent.mkdir(exist_ok=True)
        buffer = io.BytesIO()
        draw_picture(64, 80, seed).save(buffer, "PNG")
        file.write_bytes(buffer.getvalue())
    with open_dataset(tmp_path) as dataset:
        families = group_families(reversed(dataset.examples))
    assert [family.design.name for family in families] == ["other.png", "design_1/0.png"]
    assert [len(family.members) for family in families] == [1, 3]
    assert (families[0].pairs, families[1].pairs) == ((), (1, 2))
    assert [family.number for family in families] == [0, 1]
