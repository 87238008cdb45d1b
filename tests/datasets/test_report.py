"""Pairs, and the report: what is in a dataset and what is wrong with it."""

from __future__ import annotations

import json

import pytest
from PIL import Image

from studio.datasets import open_dataset, split
from studio.datasets.pairs import find_pairs
from tests.support.dataset_folders import draw_carpet_picture, encode_carpet, write_files
from tests.support.pictures import encode_picture


def encode_variation(seed: int, part: int) -> bytes:
    """Return a carpet in which a part is taken from another one."""
    picture = draw_carpet_picture(seed, 96, 128).convert("RGB")
    picture.paste(draw_carpet_picture(seed + 60, 96, 128).convert("RGB").crop((0, 0, 40, 30)), (10 * part, 20 * part))
    return encode_picture(picture)


def test_numbered_pictures_of_a_folder_are_variations_of_number_0(tmp_path):
    files = {f"design_{d}/{i}.png": encode_variation(d, i) for d in (1, 2) for i in range(3)}
    files |= {"design_2/sketch.png": encode_carpet(30), "loose.png": encode_carpet(31), "0.png": encode_carpet(32)}
    with open_dataset(write_files(tmp_path / "pairs", files | {"1.png": encode_carpet(33)})) as dataset:
        names = {example.id: example.name for example in dataset.examples}
        pairs = {example.name: names[example.source] for example in dataset.examples if example.source}
        assert pairs == {f"design_{d}/{i}.png": f"design_{d}/0.png" for d in (1, 2) for i in (1, 2)}
        report = dataset.report
        assert (report.pairs, report.sources, report.pictures, report.designs) == (4, 2, 10, 6)
        assert report.remarks == ()
        assert "4 variations of 2 sources can be trained as pairs." in report.lines()
        for seed in range(8):
            trained, held_out = split(dataset.examples, 0.3, seed)
            assert not {one.design for one in trained} & {one.design for one in held_out}


SIZE = (90, 120)


@pytest.mark.parametrize(
    ("sizes", "unreadable", "sources", "said"),
    [
        ({"design_3/1.png": SIZE, "design_3/2.png": SIZE}, (), {}, "design_3: It has no picture 0"),
        ({"d/1.png": SIZE, "d/2.png": SIZE}, (), {}, ""),
        ({"design 1/1.png": SIZE}, ("design 1/0.png",), {}, "design 1: Its picture 0, the source, cannot be read"),
        ({"design1/0.png": SIZE, "design1/1.png": (120, 90)}, (), {}, "design1/1.png: Its shape is not that of"),
        ({"Design-1/00.png": SIZE, "Design-1/01.tif": (181, 240)}, (), {"Design-1/01.tif": "Design-1/00.png"}, ""),
        ({f"d/{i}.png": SIZE for i in range(20)}, (), {}, "d: Its 20 numbered pictures are taken as designs"),
        ({f"designs/{i:04}.png": SIZE for i in range(9)}, (), {}, "designs: Its 9 numbered pictures"),
        ({"0.png": SIZE, "1.png": SIZE}, (), {}, ""),
        ({"design_1/0.png": SIZE}, (), {}, ""),
        ({"design_1/0.png": SIZE, "design_1/١.png": SIZE, "design_1/9999999.png": SIZE}, (), {}, ""),
    ],
)
def test_doubtful_pairs_are_left_out_and_named(sizes, unreadable, sources, said):
    pairs = find_pairs(sizes, unreadable)
    assert pairs.sources == sources
    assert [str(remark).startswith(said) for remark in pairs.remarks] == ([True] if said else [])


def test_folders_of_any_name_hold_pairs_where_several_do():
    sizes = {f"{folder}/{i}.png": SIZE for folder in ("kashan", "kilim") for i in range(3)}
    assert len(find_pairs(sizes).sources) == 4
    many = {f"series/{i}.png": SIZE for i in range(31)}
    pairs = find_pairs(sizes | many)
    assert len(pairs.sources) == 4
    assert [remark.name for remark in pairs.remarks] == ["series"]


def test_a_folder_named_design_may_hold_many_variations():
    sizes = {f"design 7/{i}.png": SIZE for i in range(40)}
    assert len(find_pairs(sizes).sources) == 39


def test_alike_pictures_are_one_design_and_named(tmp_path):
    base = draw_carpet_picture(11, 96, 128).convert("RGB")
    base.paste(draw_carpet_picture(70, 40, 50).convert("RGB"), (4, 20))
    files = {
        "a.png": encode_picture(base),
        "b copy.png": encode_picture(base),
        "c mirrored.png": encode_picture(base.transpose(Image.Transpose.FLIP_LEFT_RIGHT)),
        "d larger.png": encode_picture(base.resize((192, 256), Image.Resampling.NEAREST)),
        "e.png": encode_carpet(12),
        "f recoloured.png": encode_picture(draw_carpet_picture(12, 96, 128, colours=500)),
    } | {f"g{i}.png": encode_carpet(20 + i) for i in range(3)}
    with open_dataset(write_files(tmp_path / "alike", files)) as dataset:
        report = dataset.report
        assert (report.pictures, report.designs) == (9, 5)
        said = "\n".join(report.lines())
        assert "b copy.png is the same picture as a.png." in said
        assert "c mirrored.png is the mirror image of a.png." in said
        assert "d larger.png is nearly the same picture as a.png." in said
        assert "f recoloured.png is a recolouring of e.png." in said
        design = {example.name: example.design for example in dataset.examples}
        assert len({design[name] for name in list(files)[:4]}) == 1


def test_the_report_counts_sizes_and_names_what_is_small_or_enlarged(tmp_path):
    files = {f"{i}.png": encode_carpet(i, 600, 800) for i in range(2)} | {"small.png": encode_carpet(5, 128, 176)}
    with open_dataset(write_files(tmp_path / "sizes", files)) as dataset:
        report = dataset.check(1024, 16, 512)
        assert [(one.width_px, one.height_px, one.pictures) for one in report.sizes] == [(600, 800, 2), (128, 176, 1)]
        assert sum(one.pictures for one in report.buckets) == 3
        assert report.too_small == ("small.png",)
        assert [one.name for one in report.enlarged] == ["small.png"]
        assert report.enlarged[0].factor == pytest.approx(4, abs=0.2)
        assert not report.can_hold_out
        said = "\n".join(report.lines())
        assert "Smaller than the 512 pixels a side" in said
        assert "at least 4 designs" in said
        assert "3 pictures without a caption" in said
        assert dataset.check(256, 16, 64).too_small == ()


def test_the_report_is_plain_json_and_has_no_end_of_names(tmp_path):
    files = {f"{i}.png": b"" for i in range(50)} | {"a.png": encode_carpet(1)}
    with open_dataset(write_files(tmp_path / "many", files)) as dataset:
        report = dataset.report
        values = json.loads(json.dumps(report.to_json()))
        assert len(values["unreadable"]) == 50
        assert values["sizes"] == [{"width_px": 96, "height_px": 128, "pictures": 1}]
        assert "38 more files are not used." in report.lines()
        assert len(report.lines()) < 30
