"""`python -m studio` in a shell: output, exit codes, one line for bad input."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from studio.carpets.generator import draw_carpet
from studio.catalogue import Catalogue
from studio.catalogue.files.metadata import read_record
from studio.commands import COMMANDS
from studio.commands.constraints import add_constraint_arguments, read_constraints
from studio.designs import IndexMap
from studio.designs.structure.borders import border_mask, find_border
from studio.designs.structure.repeat import SEAM_LIMIT, measure_seams
from studio.schema import Constraints, VariationRecord
from tests.support.command_line import check_refused, run_studio
from tests.support.knots import YARNS
from tests.support.pictures import draw_picture


@pytest.fixture
def design(tmp_path: Path) -> str:
    draw_picture(130, 150).save(tmp_path / "design.png")
    return str(tmp_path / "design.png")


@pytest.mark.slow
def test_vary_prints_one_line_for_each_variation(design: str, tmp_path: Path) -> None:
    outputs = tmp_path / "made here"
    answer = run_studio(
        "vary", design, "--prompt", "red kilim", "--count", "2", "--seed", "0", "--steps", "3", "--outputs",
        str(outputs), "--json",
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    lines = [json.loads(line) for line in answer.stdout.splitlines()]
    assert [line["seed"] for line in lines] == [0, 1]
    for line in lines:
        assert set(line) == {"id", "path", "seed", "seconds", "width", "height"}
        with Image.open(line["path"]) as picture:
            assert picture.size == (line["width"], line["height"]) == (130, 150)
    assert "steps" in answer.stderr

    catalogue = Catalogue(outputs)
    catalogue.set_favourite(lines[1]["id"], True)
    catalogue.close()
    (outputs / "catalogue.sqlite").unlink()
    rebuilt = run_studio("catalogue", "rebuild", "--outputs", str(outputs))
    assert rebuilt.returncode == 0, rebuilt.stderr
    assert rebuilt.stdout.startswith("2 variations")
    again = Catalogue(outputs)
    assert [again.variation(line["id"]).favourite for line in lines] == [False, True]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["vary", "DESIGN", "--drawing", "model"], "prompt is empty"),
        (["vary", "DESIGN", "--negative", "caf\udce9"], "The negative prompt, “caf?”, holds characters"),
        (["vary", "DESIGN", "--prompt", "caf\udce9"], "not UTF-8"),
        (["vary", "DESIGN", "--drawing", "painting"], "--drawing"),
        (["vary", "DESIGN", "--change", "2"], "Change 2"),
        (["vary", "DESIGN", "--cross", "nowhere.png"], "nowhere.png"),
        (["vary", "DESIGN", "--cross", "DESIGN", "--drawing", "model", "--prompt", "x"], "Use --drawing motifs"),
        (["vary", "nowhere.png", "--prompt", "x"], "nowhere.png"),
        (["vary", "README.md", "--prompt", "x"], "picture"),
        (["vary", "DESIGN", "--drawing", "both", "--prompt", " "], "prompt is empty"),
        (["vary", "DESIGN", "--prompt", "x", "--strength", "nan"], "Strength nan"),
        (["vary", "DESIGN", "--prompt", "x", "--strength", "zero"], "zero"),
        (["vary", "DESIGN", "--prompt", "x", "--seed", "-1"], "-1"),
        (["vary", "DESIGN", "--prompt", "x", "--seed", str(2**32)], str(2**32)),
        (["vary", "DESIGN", "--prompt", "x", "--count", "0"], "0"),
        (["vary", "DESIGN", "--prompt", "x", "--model", "no/such"], "no/such"),
        (["vary", "DESIGN", "--prompt", "x", "--adapter", "nowhere"], "nowhere"),
        (["vary", "DESIGN", "--prompt", "x", "--profile", "9"], "9"),
        (["vary", "DESIGN", "--prompt", "x", "--lock", "0"], "--lock 0"),
        (["vary", "DESIGN", "--prompt", "x", "--palette", "8", "--lock", "red"], "--lock red"),
        (["vary", "DESIGN", "--prompt", "x", "--palette", "2", "--lock", "0,3"], "2 yarns are locked"),
        (["vary", "DESIGN", "--prompt", "x", "--palette", "8", "--lock", "0,9"], "among 0 to 3"),
        (["vary", "DESIGN", "--prompt", "x", "--palette", "red"], "--palette red"),
        (["vary", "DESIGN", "--prompt", "x", "--palette", "0"], "Colours 0"),
        (["vary", "DESIGN", "--prompt", "x", "--palette", "65"], "Colours 65"),
        (["vary", "DESIGN", "--prompt", "x", "--symmetry", "diagonal"], "diagonal"),
        (["vary", "DESIGN", "--prompt", "x", "--repeat", "diamond"], "diamond"),
        (["vary", "DESIGN", "--prompt", "x", "--repeat", "straight"], "has a border"),
        (["vary", "DESIGN", "--prompt", "x", "--keep", "corner"], "--keep corner"),
        (["vary", "DESIGN", "--prompt", "x", "--keep", "1,2"], "left, top, right and bottom"),
        (["vary", "DESIGN", "--prompt", "x", "--keep", "9,9,9,x"], "--keep 9,9,9,x"),
        (["weave"], "weave"),
        ([], "COMMAND"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_two(
    design: str, tmp_path: Path, arguments: list[str], message: str
) -> None:
    given = [design if argument == "DESIGN" else argument for argument in arguments]
    if given[:1] == ["vary"]:
        given += ["--outputs", str(tmp_path / "outputs")]
    check_refused(run_studio(*given), message)


def draw_narrow(folder: Path) -> Path:
    """Draw a design of 20 x 40 knots with an upright axis: 10 columns of it are drawn."""
    half = np.random.default_rng(3).integers(0, 4, (40, 10), dtype=np.uint8)
    IndexMap(np.concatenate([half, half[:, ::-1]], axis=1), YARNS).image().save(folder / "narrow.png")
    return folder / "narrow.png"


@pytest.mark.slow
def test_vary_refuses_too_small_a_design_before_anything_is_stored(design: str, tmp_path: Path) -> None:
    outputs = tmp_path / "outputs"
    answer = run_studio("vary", str(draw_narrow(tmp_path)), "--cross", design, "--outputs", str(outputs))
    check_refused(answer, "narrow.png has 20 × 40 knots; the part of it to draw anew is 10 × 40")
    draw_picture(10, 40).save(tmp_path / "ribbon.png")
    answer = run_studio("vary", design, "--cross", str(tmp_path / "ribbon.png"), "--outputs", str(outputs))
    check_refused(answer, "ribbon.png: This picture has only 10 x 40 pixels")
    assert not outputs.exists()


@pytest.mark.slow
def test_vary_names_both_designs_of_a_cross(tmp_path: Path) -> None:
    for name, seed in (("tabriz", 0), ("garden", 1)):
        draw_picture(48, 64, seed).save(tmp_path / f"{name}.png")
    given = ["vary", str(tmp_path / "tabriz.png"), "--count", "1", "--seed", "1", "--outputs", str(tmp_path / "made")]
    answer = run_studio(*given, "--cross", str(tmp_path / "garden.png"))
    assert answer.returncode == 0, answer.stderr
    assert "Drawn from the motifs of tabriz and garden." in answer.stderr
    answer = run_studio(*given, "--cross", str(draw_narrow(tmp_path)), "--cross-way", "layout")
    assert answer.returncode == 0, answer.stderr  # a layout may be small
    assert "Drawn from the motifs of tabriz in the layout of narrow." in answer.stderr
    answer = run_studio(*given)
    assert "Drawn from the motifs of tabriz." in answer.stderr


@pytest.mark.slow
def test_vary_merges_yarns_that_look_alike_as_the_page_does(tmp_path: Path) -> None:
    palette = np.array([(20, 30, 90), (200, 30, 40), (198, 31, 41), (240, 235, 220)], np.uint8)
    own = IndexMap(np.indices((64, 48)).sum(0).astype(np.uint8) // 5 % 4, palette)
    own.image().save(tmp_path / "reds.png")
    given = ["vary", str(tmp_path / "reds.png"), "--count", "1", "--seed", "1", "--merge-alike", "--json"]
    answer = run_studio(*given, "--outputs", str(tmp_path / "made"))
    assert answer.returncode == 0, answer.stderr
    assert "1 yarn merged into one that looks alike." in answer.stderr
    with Image.open(json.loads(answer.stdout)["path"]) as picture:
        used = np.unique(np.asarray(picture))
    assert set(used) <= {0, 1, 3} or set(used) <= {0, 2, 3}
    with Catalogue(tmp_path / "made") as catalogue:
        (source,) = catalogue.sources()
    assert source.label == "reds, yarns merged"
    noise = np.random.default_rng(0).integers(0, 256, (64, 48, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "photo.png")
    answer = run_studio("vary", str(tmp_path / "photo.png"), "--merge-alike", "--outputs", str(tmp_path / "none"))
    check_refused(answer, "has no yarns of its own")


@pytest.mark.slow
def test_vary_locks_yarns_among_new_ones(design: str, tmp_path: Path) -> None:
    answer = run_studio(
        "vary", design, "--prompt", "red kilim", "--count", "1", "--seed", "0", "--steps", "3", "--outputs",
        str(tmp_path), "--json", "--palette", "8", "--lock", "3,0",
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    with Image.open(json.loads(answer.stdout)["path"]) as picture, Image.open(design) as own:
        palette, yarns = picture.getpalette(), own.getpalette()
    assert len(palette) <= 24
    assert palette[:6] == yarns[:3] + yarns[9:12]


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ([], Constraints("auto", symmetry="auto")),
        (["--palette", "source"], Constraints("source", symmetry="auto")),
        (["--palette", "free"], Constraints("free", symmetry="auto")),
        (["--palette", "12", "--lock", "3,0"], Constraints("new", 12, (0, 3), symmetry="auto")),
        *(
            (["--symmetry", name], Constraints("auto", symmetry=name))
            for name in ("auto", "none", "vertical", "horizontal", "quarter")
        ),
        *(
            (["--repeat", name], Constraints("auto", symmetry="auto", repeat=name))
            for name in ("none", "straight", "half-drop", "brick", "mirror")
        ),
        *((["--keep", name], Constraints("auto", symmetry="auto", keep=name)) for name in ("none", "border", "field")),
        (
            ["--keep", "1,2,30,40"],
            Constraints("auto", symmetry="auto", keep="rectangle", rectangle=(1, 2, 30, 40)),
        ),
    ],
)
def test_options_become_constraints(options: list[str], wanted: Constraints) -> None:
    parser = argparse.ArgumentParser()
    add_constraint_arguments(parser)
    assert read_constraints(parser.parse_args(options)) == wanted


def vary_once(design: IndexMap, folder: Path, *options: str) -> tuple[VariationRecord, Image.Image]:
    """Return the record and the picture in the file of one variation at strength 0.9."""
    design.image().save(folder / "design.png")
    answer = run_studio(
        "vary", str(folder / "design.png"), "--prompt", "red kilim", "--count", "1", "--seed", "0", "--steps", "2",
        "--strength", "0.9", "--outputs", str(folder / "made here"), "--json", *options,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    path = Path(json.loads(answer.stdout)["path"])
    with Image.open(path) as picture:
        picture.load()
    return read_record(path), picture


@pytest.mark.slow
def test_vary_keeps_yarns_symmetry_and_a_rectangle(tmp_path: Path) -> None:
    """The design has 80 yarns, more than are kept by default, in blocks without any symmetry."""
    rng = np.random.default_rng(0)
    blocks = rng.permutation(np.arange(12 * 14) % 80).astype(np.uint8).reshape(14, 12)
    design = IndexMap(blocks.repeat(8, axis=0).repeat(8, axis=1), rng.integers(0, 256, (80, 3), dtype=np.uint8))
    options = ("--palette", "source", "--symmetry", "vertical", "--keep", "0,16,40,112")
    record, picture = vary_once(design, tmp_path, *options)
    kept = {"keep": "rectangle", "rectangle": (0, 16, 40, 112)}
    assert record.constraints == Constraints("source", symmetry="vertical", **kept)
    assert picture.mode == "P"
    assert picture.getpalette() == design.palette.flatten().tolist()
    assert record.weaving.yarns == tuple("#{:02x}{:02x}{:02x}".format(*yarn) for yarn in design.palette.tolist())
    knots = np.asarray(picture)
    assert np.array_equal(knots, knots[:, ::-1])
    assert (record.weaving.vertical, record.weaving.horizontal) == (0, None)
    assert np.array_equal(knots[16:112, :40], design.indices[16:112, :40])
    assert (knots[:16] != design.indices[:16]).any()
    assert record.weaving.kept_share == pytest.approx(2 * 40 * 96 / knots.size)  # with its mirror image


@pytest.mark.slow
def test_vary_keeps_the_border_of_a_design_symmetric_about_both_axes(tmp_path: Path) -> None:
    drawn = draw_carpet(4, 144, 192, "medallion")
    design = IndexMap(drawn.indices, drawn.palette)
    record, picture = vary_once(design, tmp_path, "--palette", "source", "--symmetry", "quarter", "--keep", "border")
    assert record.constraints == Constraints("source", symmetry="quarter", keep="border")
    assert (record.weaving.vertical, record.weaving.horizontal, record.weaving.agreement) == (0, 0, 1.0)
    knots, kept = np.asarray(picture), border_mask((192, 144), find_border(design.indices))
    assert record.weaving.kept_share == pytest.approx(kept.mean())
    assert np.array_equal(knots[kept], design.indices[kept])
    assert (knots[~kept] != design.indices[~kept]).mean() > 0.1


@pytest.mark.slow
def test_vary_closes_a_repeat_in_free_colours(tmp_path: Path) -> None:
    """The design has four yarns, which are kept by default, in diagonal stripes, which have no mirror symmetry."""
    y, x = np.mgrid[0:128, 0:96] // 8
    design = IndexMap(((x + y) % 4).astype(np.uint8), np.random.default_rng(0).integers(0, 256, (4, 3), dtype=np.uint8))
    record, picture = vary_once(design, tmp_path, "--palette", "free", "--repeat", "half-drop", "--drawing", "model")
    assert record.constraints == Constraints("free", symmetry="auto", repeat="half-drop")
    assert picture.mode == "RGB"
    assert record.weaving.yarns == ()
    seams = measure_seams(np.asarray(picture), "half-drop")
    assert (record.weaving.seam_horizontal, record.weaving.seam_vertical) == (
        pytest.approx(seams.horizontal),
        pytest.approx(seams.vertical),
    )
    assert max(seams.horizontal, seams.vertical) <= SEAM_LIMIT


def test_an_outputs_folder_that_cannot_be_made_is_reported(design: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    answer = run_studio("vary", design, "--prompt", "x", "--outputs", str(tmp_path / "file" / "outputs"))
    assert answer.returncode == 1
    assert "Traceback" not in answer.stderr
    assert "outputs" in answer.stderr


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_help_text(command: str) -> None:
    answer = run_studio(command, "--help")
    assert answer.returncode == 0, answer.stderr
    assert COMMANDS[command].capitalize() in answer.stdout
