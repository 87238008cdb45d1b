"""PNG metadata: the studio reads its full record back, other programs read the `parameters` text."""

from __future__ import annotations

import io
import json
import re
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from studio.catalogue import Catalogue, read_record
from studio.catalogue.files.metadata import encode_png, format_parameters
from studio.errors import StorageError
from studio.schema import Cross, VariationRecord
from tests.support.catalogue_records import KILIM, MOTIFS, make_picture, make_record

PROMPTS = [
    "kilim",
    "red, ivory, 1:2 border: double",
    'a "quoted" rug, 5" fringe',
    "back\\slash \\n",
    "Steps: 99, Sampler: none, CFG scale: 1",
    "波斯地毯，红色，象牙白",
    "tapis «Aubusson» à médaillon",
    "🧿 nazar 👩‍👩‍👧 border",
    "ornament }{ %s {0} <b> & ;",
    "Kilim: (red:1.3), [ivory]",
]


TITLES = st.text(st.characters(exclude_categories=["C", "Z"]))


def read_as_others(text: str) -> tuple[str, str, dict[str, str]]:
    """Parse a `parameters` text by the rules of other galleries: prompt, negative prompt, pairs."""
    lines = text.split("\n")
    pairs: dict[str, str] = {}
    rest = lines[-1]
    while rest:
        name, rest = rest.split(": ", 1)
        if rest.startswith('"'):
            value, length = json.JSONDecoder().raw_decode(rest)
            rest = rest[length:]
        else:
            value, comma, after = rest.partition(",")
            rest = comma + after
        assert rest == "" or rest.startswith(", "), rest
        pairs[name], rest = value, rest[2:]
    negative = [line for line in lines[1:-1] if line.startswith("Negative prompt: ")]
    assert len(lines) == 2 + len(negative)
    return lines[0], "".join(negative).removeprefix("Negative prompt: "), pairs


def chunks_of(data: bytes) -> list[tuple[str, bytes]]:
    """Return the chunks of a PNG."""
    found, at = [], 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        found.append((data[at + 4 : at + 8].decode(), data[at + 8 : at + 8 + length]))
        at += 12 + length
    return found


def write(folder: Path, image: Image.Image, record: VariationRecord) -> Path:
    path = folder / f"{record.id}.png"
    path.write_bytes(encode_png(image, record))
    return path


@pytest.mark.parametrize("prompt", PROMPTS)
def test_other_programs_read_the_settings(prompt: str) -> None:
    record = make_record(
        prompt=prompt, negative_prompt=prompt, seed=2**32 - 1, model_title='SD 3.5: "Large", turbo', **KILIM
    )
    first, negative, pairs = read_as_others(format_parameters(record))
    assert first == f"{prompt} <lora:kilim:0.8>"
    assert negative == prompt
    assert pairs == {
        "Steps": "28",
        "Sampler": "Euler",
        "CFG scale": "4.5",
        "Seed": "4294967295",
        "Size": "64x80",
        "Model hash": "0123456789",
        "Model": 'SD 3.5: "Large", turbo',
        "Denoising strength": "0.6",
        "Lora hashes": "kilim: c0ffee000000",
        "Version": pairs["Version"],
    }
    assert pairs["Version"].startswith("Carpet Diffusion Studio ")


def test_other_programs_read_that_no_model_drew() -> None:
    first, negative, pairs = read_as_others(format_parameters(make_record(**MOTIFS, change=0.45, seed=7)))
    assert (first, negative) == ("", "")
    assert pairs == {
        "Sampler": "Recompose",
        "Seed": "7",
        "Size": "64x80",
        "Drawn from": "the design’s motifs",
        "Method version": "recompose-2",
        "How far": "45 %",
        "Version": pairs["Version"],
    }


@pytest.mark.parametrize(("way", "name"), [("motifs", "Crossed with"), ("layout", "Layout of")])
def test_other_programs_read_the_second_design_of_a_cross(way: str, name: str) -> None:
    record = make_record(**MOTIFS, change=0.333, cross=Cross("cd" * 32, way, 0.3))
    _, _, pairs = read_as_others(format_parameters(record))
    assert (pairs[name], pairs["Share"], pairs["How far"]) == ("cdcdcdcdcdcd", "30 %", "33.3 %")


def test_other_programs_read_how_far_and_pull_where_both_drew() -> None:
    model, both = (read_as_others(format_parameters(make_record(drawing=one, pull=0.35))) for one in ("model", "both"))
    assert both[2] == model[2] | {"How far": "25 %", "Pull": "35 %"}
    assert both[:2] == model[:2]
    assert (both[2]["Steps"], both[2]["Denoising strength"]) == ("28", "0.6")


@pytest.mark.parametrize("way", ["motifs", "layout"])
def test_a_cross_is_read_back_from_the_file(tmp_path: Path, way: str) -> None:
    record = make_record(**MOTIFS, cross=Cross("cd" * 32, way, 0.3, parent="20260101-000000-000-abcdef"))
    assert read_record(write(tmp_path, make_picture(), record)) == record


@pytest.mark.parametrize(
    ("title", "written"),
    [
        ("SD 3.5 (large)", "SD 3.5 (large)"),
        ("a, b", '"a, b"'),
        ("a: b", '"a: b"'),
        ('"Large"', '"\\"Large\\""'),
        ('the "Large"', 'the "Large"'),
        ("a\nb", "a b"),
    ],
)
def test_a_value_is_quoted_only_if_readers_need_it(title: str, written: str) -> None:
    text = format_parameters(make_record(model_title=title))
    assert f", Model: {written}, " in text
    assert read_as_others(text)[2]["Model"] == " ".join(title.split())


def test_a_prompt_of_several_lines_becomes_one_line() -> None:
    record = make_record(prompt="red\nNegative prompt: x\r\n\tivory\x00", negative_prompt="blurry,\n\nlow quality\n")
    first, negative, _ = read_as_others(format_parameters(record))
    assert (first, negative) == ("red Negative prompt: x ivory", "blurry, low quality")


def test_an_empty_negative_prompt_and_empty_values_are_left_out() -> None:
    text = format_parameters(make_record(model_fingerprint="", model_title=" "))
    assert "Negative prompt" not in text
    assert {"Model", "Model hash"}.isdisjoint(read_as_others(text)[2])


def test_special_characters_in_an_adapters_name_are_replaced_in_its_tag() -> None:
    text = format_parameters(make_record(**KILIM | {"adapter_name": "a>b:c,\n<d>"}))
    assert re.findall(r"<lora:([\w .-]+):([\d.]+)>", text.split("\n")[0]) == [("a_b_c_ _d_", "0.8")]


def test_the_working_size_is_written_only_if_it_differs() -> None:
    assert "Working size" not in format_parameters(make_record())
    text = format_parameters(make_record(working_width_px=32, working_height_px=40))
    assert read_as_others(text)[2]["Working size"] == "32x40"


@settings(max_examples=60, deadline=None)
@given(prompt=st.text(min_size=1), title=TITLES, weight=st.floats(0, 2))
def test_any_text_is_read_back_from_the_file(
    tmp_path_factory: pytest.TempPathFactory, prompt: str, title: str, weight: float
):
    record = make_record(prompt=prompt, negative_prompt=title, model_title=title, **KILIM | {"adapter_weight": weight})
    path = write(tmp_path_factory.mktemp("any"), make_picture(), record)
    assert read_record(path) == record
    _, _, pairs = read_as_others(Image.open(path).info["parameters"])
    assert pairs.get("Model", "") == title


def test_lone_surrogates_in_a_prompt_are_read_back(tmp_path: Path) -> None:
    prompt = b"kilim \xff".decode("utf-8", "surrogateescape")
    with Catalogue(tmp_path) as catalogue:
        record = make_record(prompt=prompt)
        catalogue.save_variation(make_picture(), record)
        assert catalogue.variation(record.id).record == record
        assert read_record(catalogue.variation_path(record.id)) == record


@pytest.mark.parametrize(("prompt", "kind"), [("médaillon", "tEXt"), ("地毯", "iTXt")])
def test_text_is_written_as_text_chunks_before_the_pixels(prompt: str, kind: str) -> None:
    chunks = chunks_of(encode_png(make_picture(), make_record(prompt=prompt)))
    keys = {data.split(b"\0")[0].decode(): name for name, data in chunks if name in ("tEXt", "iTXt", "zTXt")}
    assert keys == {"parameters": kind, "Carpet Diffusion Studio": "tEXt"}
    assert [name for name, _ in chunks].index("IDAT") > 2  # readers stop at the pixels


def test_metadata_of_the_picture_is_not_written(tmp_path: Path) -> None:
    picture = make_picture()
    exif = Image.Exif()
    exif[0x010E] = "secret"
    picture.info["transparency"] = b"\xff\x00"  # left over from a conversion, invalid for RGB
    picture.info |= {"exif": exif.tobytes(), "workflow": "{}", "prompt": "{}", "comment": "secret", "dpi": (72, 72)}
    picture.getexif()[0x010E] = "secret"
    path = write(tmp_path, picture, make_record())
    assert b"secret" not in path.read_bytes()
    assert {name for name, _ in chunks_of(path.read_bytes())} == {"IHDR", "tEXt", "IDAT", "IEND"}
    assert picture.info["comment"] == "secret"  # the caller's picture is left alone


def test_rgb_pixels_are_lossless() -> None:
    rng = np.random.default_rng(1)
    picture = Image.fromarray(rng.integers(0, 256, (80, 64, 3), dtype=np.uint8))
    again = Image.open(io.BytesIO(encode_png(picture, make_record())))
    assert again.mode == "RGB"
    assert np.array_equal(np.asarray(again), np.asarray(picture))


@pytest.mark.parametrize("colours", [1, 2, 3, 16, 17, 256])
def test_indices_and_palette_are_lossless(colours: int) -> None:
    rng = np.random.default_rng(colours)
    indices = rng.integers(0, colours, (80, 64), dtype=np.uint8)
    indices[0, 0] = colours - 1
    picture = Image.fromarray(indices, "P")
    palette = rng.integers(0, 256, colours * 3, dtype=np.uint8).tolist()
    picture.putpalette(palette)
    again = Image.open(io.BytesIO(encode_png(picture, make_record())))
    assert again.mode == "P"
    assert np.array_equal(np.asarray(again), indices)
    assert again.getpalette()[: len(palette)] == palette


def test_indices_beyond_a_short_palette_are_lossless() -> None:
    indices = np.full((80, 64), 200, np.uint8)
    picture = Image.fromarray(indices, "P")
    picture.putpalette([255, 0, 0, 0, 255, 0])
    again = Image.open(io.BytesIO(encode_png(picture, make_record())))
    assert np.array_equal(np.asarray(again), indices)
    assert again.getpalette()[:6] == [255, 0, 0, 0, 255, 0]


def test_a_transparent_index_is_kept() -> None:
    picture = Image.fromarray(np.tile(np.arange(64, dtype=np.uint8) % 4, (80, 1)), "P")
    picture.putpalette(list(range(12)))
    picture.info["transparency"] = 2
    again = Image.open(io.BytesIO(encode_png(picture, make_record())))
    assert again.info["transparency"] == 2


@pytest.mark.parametrize("image", [make_picture().convert("L"), make_picture().resize((64, 79))])
def test_a_picture_of_another_mode_or_size_than_its_record_is_refused(image: Image.Image) -> None:
    with pytest.raises(ValueError, match=r"RGB or P|its record says"):
        encode_png(image, make_record())


def change_record(record: VariationRecord, **changes: object) -> str:
    """Return the JSON of a record with other values."""
    values = record.to_json()
    for name, value in changes.items():
        into = values["facts"] if name in values["facts"] else values
        into.update({name: value})
    return json.dumps({"format": 1, "record": values})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"record": null}',
        '{"record": {"facts": {}}}',
        "[" * 100_000,
        change_record(make_record(), prompt=None),
        change_record(make_record(), steps="28"),
        change_record(make_record(), seed=True),
        change_record(make_record(), versions=3),
        change_record(make_record(), width_px=65),
        change_record(make_record(), drawing=3),
        change_record(make_record(), change="0.25"),
        change_record(make_record(), pull=None),
        change_record(make_record(), cross=["cd"]),
        change_record(make_record(), cross={"way": "layout"}),
        change_record(make_record(), cross={"source": "cd", "way": "weft"}),
    ],
)
def test_a_damaged_record_raises_a_storage_error(tmp_path: Path, text: str) -> None:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Carpet Diffusion Studio", text)
    make_picture().save(tmp_path / "x.png", pnginfo=info)
    with pytest.raises(StorageError, match=r"x\.png"):
        read_record(tmp_path / "x.png")


def test_keys_of_a_later_version_are_ignored(tmp_path: Path) -> None:
    from PIL.PngImagePlugin import PngInfo

    record = make_record()
    info = PngInfo()
    values = json.loads(change_record(record))
    values["record"]["rating"] = values["record"]["facts"]["mood"] = 5
    info.add_text("Carpet Diffusion Studio", json.dumps(values))
    make_picture().save(tmp_path / "x.png", pnginfo=info)
    assert read_record(tmp_path / "x.png") == record
