"""Datasets in folders and archives: what is read, what is named as unreadable, and what is refused."""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from studio.datasets import files as dataset_files
from studio.datasets import open_dataset
from studio.errors import DesignError, InputError, RunCancelledError
from tests.support.dataset_folders import draw_carpet_picture, draw_photo, encode_carpet, write_files, write_zip
from tests.support.pictures import encode_picture

FILES = {
    "a.png": encode_carpet(1),
    "a.txt": "red kilim carpet\n",
    "deep/er/b.png": encode_carpet(2),
    "deep/er/b.txt": "\ufeffnavy carpet,\r\n  ivory border ",
    "deep/c.jpg": draw_photo(),
    "notes.md": "not a picture",
}


@pytest.fixture(params=["folder", "zip"])
def write(request, tmp_path):
    """A function that writes files into a folder, or into a ZIP."""
    if request.param == "folder":
        return lambda files: write_files(tmp_path / "carpets", files)
    return lambda files: write_zip(tmp_path / "carpets.zip", files)


JSON = st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8)
OBJECT = st.dictionaries(st.sampled_from(["file_name", "text", "caption", "x"]), st.just("good.png") | JSON)


def to_line(value: object) -> bytes:
    return json.dumps(value).encode()


def refuse(path: object) -> str:
    """Return the sentence with which a dataset is refused."""
    with pytest.raises(InputError) as caught:
        open_dataset(path)
    said = str(caught.value)
    assert said.endswith(".")
    assert said.isprintable()
    return said


def names(dataset) -> list[str]:
    return [example.name for example in dataset.examples]


def test_pictures_and_captions_are_read_in_sub_folders_too(write):
    with open_dataset(write(FILES)) as dataset:
        assert dataset.name == "carpets"
        captions = {example.name: (example.caption, example.origin) for example in dataset.examples}
        assert captions == {
            "a.png": ("red kilim carpet", "text file"),
            "deep/er/b.png": ("navy carpet, ivory border", "text file"),
            "deep/c.jpg": ("", "none"),
        }
        first = dataset.examples[0]
        assert np.array_equal(dataset.open(first), np.asarray(draw_carpet_picture(1).convert("RGB")))
        assert (first.width_px, first.height_px) == (96, 128)
        assert dataset.report.without_caption == ("deep/c.jpg",)


def test_ids_depend_on_name_and_content_alone(tmp_path):
    with (
        open_dataset(write_files(tmp_path / "one", FILES)) as one,
        open_dataset(write_zip(tmp_path / "z", FILES)) as two,
    ):
        assert [example.id for example in one.examples] == [example.id for example in two.examples]
    renamed = {name.replace("a.", "x."): content for name, content in FILES.items()}
    with open_dataset(write_files(tmp_path / "three", renamed)) as three:
        assert len({example.id for example in three.examples} & {example.id for example in one.examples}) == 2
    assert len({example.id for example in one.examples}) == 3


def test_the_path_may_be_pasted_in_quotes_or_as_an_address(tmp_path):
    folder = write_files(tmp_path / "my carpets", FILES)
    for text in (f"'{folder}'", f' "{folder}"\n', folder.as_uri()):
        with open_dataset(text) as dataset:
            assert len(dataset.examples) == 3


def test_metadata_in_the_imagefolder_form_gives_captions(write):
    lines = [
        '{"file_name": "a.png", "text": "first"}',
        '{"file_name": "deep/b.png", "caption": "second"}',
        "",
        '{"file_name": "deep\\\\c.png", "prompt": "third", "score": NaN}',
        '{"file_name": "d.png", "prompt": "fourth", "additional": [1, 2]}',
        "{broken",
        '["no object"]',
        '{"file_name": "e.png"}',
    ]
    inner = '{"file_name": "b.png", "text": "nearer"}'
    pictures = {
        name: encode_carpet(i) for i, name in enumerate(("a.png", "deep/b.png", "deep/c.png", "d.png", "e.png"))
    }
    files = {**pictures, "metadata.jsonl": "\n".join(lines), "deep/metadata.jsonl": inner, "d.txt": "by hand"}
    with open_dataset(write(files)) as dataset:
        captions = {example.name: (example.caption, example.origin) for example in dataset.examples}
        assert captions == {
            "a.png": ("first", "metadata"),
            "deep/b.png": ("nearer", "metadata"),
            "deep/c.png": ("", "none"),
            "d.png": ("by hand", "text file"),
            "e.png": ("", "none"),
        }
        wrong = [remark.reason for remark in dataset.report.remarks]
        assert [reason.split(" is ")[0] for reason in wrong] == ["Line 4", "Line 6", "Line 7", "Line 8"]
        assert "NaN" in wrong[0]


def test_metadata_that_names_no_picture_is_told(write):
    lines = '{"file_name": "A.png", "text": "a"}\n{"file_name": "../a.png", "text": "b"}'
    with open_dataset(write({"a.png": encode_carpet(1), "metadata.jsonl": lines})) as dataset:
        assert dataset.examples[0].caption == ""
        said = "2 of its lines name pictures that are not there: ../a.png."
        assert [remark.reason for remark in dataset.report.remarks] == [said]


@pytest.mark.parametrize(
    ("content", "caption", "remark"),
    [
        ("königsblauer teppich".encode("latin-1"), "königsblauer teppich", "not UTF-8"),
        ("roter “kelim”".encode("cp1252"), "roter “kelim”", "not UTF-8"),
        ("blue kilim".encode("utf-16"), "blue kilim", ""),
        (b"x" * 2**20, "", "more than 64 KB"),
        (b"word " * 900, "", "4,499 characters"),
        (b"\x00\x01\x02red\x00", "", "no text"),
        (b" \n ", "", ""),
    ],
)
def test_captions_in_other_encodings_and_of_any_length(tmp_path, content, caption, remark):
    folder = write_files(tmp_path / "odd", {"a.png": encode_carpet(1), "a.txt": content})
    with open_dataset(folder) as dataset:
        assert dataset.examples[0].caption == caption
        assert len(dataset.report.remarks) == bool(remark)
        assert all(remark in str(one) for one in dataset.report.remarks)


def test_unreadable_pictures_are_named_with_the_reason(write):
    whole = encode_carpet(3)
    files = {
        "cut.png": whole[: len(whole) // 2],
        "drawing.psd": b"8BPS" + bytes(60),
        "empty.png": b"",
        "good.png": whole,
        "long.png": encode_picture(Image.new("RGB", (20, 400))),
        "text.jpg": b"no picture at all",
        "tiny.png": encode_picture(Image.new("RGB", (3, 3))),
    }
    with open_dataset(write(files)) as dataset:
        assert names(dataset) == ["good.png"]
        said = {remark.name: remark.reason for remark in dataset.report.unreadable}
        assert set(said) == set(files) - {"good.png"}
        assert "damaged" in said["cut.png"]
        assert "Photoshop" in said["drawing.psd"]
        assert "at least 12" in said["tiny.png"]
        assert "too long and narrow" in said["long.png"]


def test_what_holds_no_picture_is_refused_with_a_sentence(tmp_path, write):
    assert "holds no pictures" in refuse(write({"notes.txt": "nothing"}))
    assert "does not exist" in refuse(tmp_path / "nowhere")
    assert "one picture" in refuse(write_files(tmp_path / "x", {"a.png": encode_carpet(1)}) / "a.png")
    assert "None of its 2 pictures can be read" in refuse(write_files(tmp_path / "y", {"a.png": b"", "b.png": b""}))
    (tmp_path / "empty").mkdir()
    assert "holds no pictures" in refuse(tmp_path / "empty")
    assert "does not exist" in refuse("\0")
    assert "cannot be read" in refuse("x" * 5000)


def test_one_picture_is_a_dataset_of_one_design(write):
    with open_dataset(write({"a.png": encode_carpet(1)})) as dataset:
        report = dataset.report
        assert (report.pictures, report.designs, report.can_hold_out) == (1, 1, False)


def test_links_in_a_circle_and_hidden_files_are_read_once(tmp_path):
    folder = write_files(tmp_path / "loop", {"a.png": encode_carpet(1), "sub/b.png": encode_carpet(2), ".c.png": b"x"})
    (folder / "sub" / "again").symlink_to(folder, target_is_directory=True)
    (folder / "nowhere.png").symlink_to(tmp_path / "gone.png")
    (folder / "self.png").symlink_to(folder / "self.png")
    outside = write_files(tmp_path / "elsewhere", {"d.png": encode_carpet(3)})
    (folder / "linked").symlink_to(outside, target_is_directory=True)
    with open_dataset(folder) as dataset:
        assert names(dataset) == ["a.png", "linked/d.png", "sub/b.png"]
        assert [remark.name for remark in dataset.report.unreadable] == ["nowhere.png", "self.png"]


@pytest.mark.skipif(os.name != "posix", reason="names of bytes and pipes are those of POSIX")
def test_names_that_are_no_text_and_pipes(tmp_path):
    folder = write_files(tmp_path / "odd", {"a.png": encode_carpet(1)})
    for name in (b"\xff\xfe.png", b"\xfe\xff.png"):
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(encode_carpet(2))
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe.txt")).write_text("a caption")
    os.mkfifo(folder / "pipe.png")
    with open_dataset(folder) as dataset:
        assert len({example.id for example in dataset.examples}) == 3
        assert sorted(example.caption for example in dataset.examples) == ["", "", "a caption"]
        for example in dataset.examples:
            assert dataset.open(example).shape == (128, 96, 3)
        "".join(dataset.report.lines()).encode()
        assert [remark.name for remark in dataset.report.unreadable] == ["pipe.png"]


def test_what_opening_changes_is_told(tmp_path):
    half = draw_carpet_picture(1).convert("RGBA")
    half.putalpha(128)
    with open_dataset(write_files(tmp_path / "x", {"a.png": encode_picture(half)})) as dataset:
        assert [remark.name for remark in dataset.report.altered] == ["a.png"]
        assert any(line.startswith("Altered on opening: a.png: ") for line in dataset.report.lines())


@pytest.mark.slow
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1, max_size=12), max_size=4),
    caption=st.binary(max_size=60),
    metadata=st.one_of(st.binary(max_size=80), st.recursive(JSON, lambda inner: st.lists(inner) | OBJECT).map(to_line)),
)
def test_any_names_captions_and_metadata_are_read_or_named(tmp_path, names, caption, metadata):
    files = {f"{name}.png": encode_carpet(1) if i % 2 else b"x" for i, name in enumerate(names)}
    files |= {"good.png": encode_carpet(2), "good.txt": caption, "metadata.jsonl": metadata}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # names that are there twice
        archive = write_zip(tmp_path / "x.zip", files)
    with open_dataset(archive) as dataset:
        assert "good.png" in [example.name for example in dataset.examples]
        assert all(len(example.caption) <= 2000 for example in dataset.examples)
        assert all(line.isprintable() for line in dataset.report.lines())
        for example in dataset.examples:
            assert example.caption == " ".join(example.caption.split())
            dataset.open(example)


def test_pictures_that_vanish_or_change_are_named_when_they_are_opened(tmp_path):
    folder = write_files(tmp_path / "live", {f"{i}.png": encode_carpet(i) for i in range(3)})

    def take_away(done: int, total: int) -> None:
        assert total == 3
        if done == 1:
            (folder / "1.png").unlink()

    with open_dataset(folder, progress=take_away) as dataset:
        assert names(dataset) == ["0.png", "2.png"]
        assert "no longer there" in str(dataset.report.unreadable[0])
        (folder / "0.png").write_bytes(encode_carpet(7))
        with pytest.raises(DesignError, match=r"0\.png: It has changed"):
            dataset.open(dataset.examples[0])
        (folder / "2.png").unlink()
        with pytest.raises(DesignError, match=r"2\.png: It is no longer there"):
            dataset.open(dataset.examples[1])


def test_reading_can_be_stopped(tmp_path):
    folder = write_files(tmp_path / "many", {f"{i}.png": encode_carpet(i) for i in range(3)})

    def stop(done: int, total: int) -> None:
        if done == 1:
            raise RunCancelledError("Stopped.")

    with pytest.raises(RunCancelledError):
        open_dataset(folder, progress=stop)


@pytest.mark.slow
def test_five_thousand_names_are_listed(tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    for i in range(5000):
        (folder / f"note {i}.txt").touch()
    (folder / "a.png").write_bytes(encode_carpet(1))
    with open_dataset(folder) as dataset:
        assert names(dataset) == ["a.png"]
        assert len(dataset.files.names) == 5001


def test_no_more_of_a_file_is_read_than_asked_for(write):
    with open_dataset(write({"a.png": encode_carpet(1), "notes.txt": "x" * 1000})) as dataset:
        assert dataset.files.read("notes.txt", 10) == b"x" * 11
        assert dataset.files.read("notes.txt", 5000) == b"x" * 1000


def test_too_many_files_or_pictures_are_refused(tmp_path, monkeypatch):
    folder = write_files(tmp_path / "many", {f"{i}.png": b"" for i in range(12)})
    archive = write_zip(tmp_path / "many.zip", {f"{i}.png": b"" for i in range(12)})
    monkeypatch.setattr("studio.datasets.dataset.PICTURES_LIMIT", 10)
    assert "at most 10" in refuse(folder)
    monkeypatch.setattr(dataset_files, "ENTRIES_LIMIT", 11)
    assert "more than 11 files" in refuse(folder)
    assert "holds 12 entries" in refuse(archive)


def test_folders_that_lie_too_deep_are_named(tmp_path):
    deep = "/".join("d" * 34)
    folder = write_files(tmp_path / "x", {"a.png": encode_carpet(1), f"{deep}/b.png": encode_carpet(2)})
    with open_dataset(folder) as dataset:
        assert names(dataset) == ["a.png"]
        assert "too deep" in dataset.report.unreadable[0].reason
