"""Captions as a table, and written back: only what was edited, whole files, nobody else's work lost."""

from __future__ import annotations

import json

import pytest

from studio.datasets import list_captions, open_dataset, write_captions
from studio.errors import RequestError, RunCancelledError
from tests.support.dataset_folders import encode_carpet, write_files, write_zip

FILES = {
    "a.png": encode_carpet(1),
    "a.txt": "by hand\n",
    "b.png": encode_carpet(2),
    "deep/c.png": encode_carpet(3),
    "metadata.jsonl": '{"file_name": "b.png", "text": "from metadata"}',
}


@pytest.fixture
def folder(tmp_path):
    return write_files(tmp_path / "carpets", FILES)


def by_name(dataset) -> dict[str, str]:
    return {example.name: example.id for example in dataset.examples}


def read(path) -> dict[str, str]:
    with open_dataset(path) as dataset:
        return {example.name: example.caption for example in dataset.examples}


def test_the_table_says_where_each_caption_comes_from(folder):
    with open_dataset(folder) as dataset:
        rows = list_captions(dataset)
        assert [(row.name, row.origin) for row in rows] == [
            ("a.png", "text file"),
            ("b.png", "metadata"),
            ("deep/c.png", "design"),
        ]
        assert rows[0].caption == "by hand"
        assert "carpet in" in rows[2].caption
        (folder / "deep/c.png").unlink()
        assert list_captions(dataset)[2].origin == "none"


def test_making_descriptions_can_be_stopped(folder):
    def stop(done: int, total: int) -> None:
        assert (done, total) == (0, 1)
        raise RunCancelledError("Stopped.")

    with open_dataset(folder) as dataset, pytest.raises(RunCancelledError):
        list_captions(dataset, progress=stop)


def test_edited_captions_are_written_beside_the_pictures(folder):
    before = (folder / "a.txt").stat().st_mtime_ns
    with open_dataset(folder) as dataset:
        table = {row.id: row.caption for row in list_captions(dataset)}
        table[by_name(dataset)["b.png"]] = "  edited\nnavy  carpet "
        done = write_captions(dataset, table)
        assert done.kept == ()
        assert done.written == ("b.png", "deep/c.png")
        assert [example.origin for example in done.dataset.examples] == ["text file"] * 3
        assert write_captions(done.dataset, table).written == ()
    assert (folder / "a.txt").stat().st_mtime_ns == before
    assert (folder / "b.txt").read_text() == "edited navy carpet\n"
    assert (folder / "metadata.jsonl").read_text() == FILES["metadata.jsonl"]
    assert read(folder)["b.png"] == "edited navy carpet"
    assert not [path for path in folder.rglob(".*") if path.is_file()]


def test_captions_of_an_archive_are_written_beside_it(tmp_path):
    archive = write_zip(tmp_path / "carpets.zip", FILES)
    whole = archive.read_bytes()
    with open_dataset(archive) as dataset:
        ids = by_name(dataset)
        done = write_captions(dataset, {ids["a.png"]: "edited “red” carpet"})
        assert done.written == ("a.png",)
        assert write_captions(done.dataset, {ids["deep/c.png"]: "blue carpet"}).written == ("deep/c.png",)
    assert archive.read_bytes() == whole
    lines = (tmp_path / "carpets.captions.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["file_name"] for line in lines] == ["a.png", "deep/c.png"]
    assert read(archive) == {"a.png": "edited “red” carpet", "b.png": "from metadata", "deep/c.png": "blue carpet"}


def test_what_was_written_meanwhile_is_kept_and_named(folder):
    with open_dataset(folder) as dataset:
        (folder / "a.txt").write_text("by another hand")
        (folder / "b.txt").write_text("new")
        done = write_captions(dataset, dict.fromkeys(by_name(dataset).values(), "mine"))
        assert done.written == ("deep/c.png",)
        assert [remark.name for remark in done.kept] == ["a.png", "b.png"]
        assert all("meanwhile" in remark.reason for remark in done.kept)
    assert read(folder) == {"a.png": "by another hand", "b.png": "new", "deep/c.png": "mine"}


def test_a_long_text_that_was_not_read_is_not_written_over(tmp_path):
    folder = write_files(tmp_path / "x", {"a.png": encode_carpet(1), "a.txt": "notes " * 20_000})
    with open_dataset(folder) as dataset:
        done = write_captions(dataset, {dataset.examples[0].id: "red carpet"})
        assert done.written == ()
        assert "no caption" in done.kept[0].reason
    assert len((folder / "a.txt").read_text()) == 120_000


def test_pictures_that_share_a_text_file_get_no_two_captions(tmp_path):
    folder = write_files(tmp_path / "x", {"a.png": encode_carpet(1), "a.bmp": encode_carpet(2)})
    with open_dataset(folder) as dataset:
        first, second = (example.id for example in dataset.examples)
        done = write_captions(dataset, {first: "one", second: "two"})
        assert done.written == ()
        assert "share one text file" in done.kept[0].reason
        assert len(write_captions(dataset, {first: "both", second: "both"}).written) == 2
    assert (folder / "a.txt").read_text() == "both\n"


def test_a_caption_can_be_taken_away(folder):
    with open_dataset(folder) as dataset:
        done = write_captions(dataset, {by_name(dataset)["a.png"]: ""})
        assert done.dataset.examples[0].origin == "none"
    assert read(folder)["a.png"] == ""


@pytest.mark.parametrize("caption", ["x" * 2001, "red\x00carpet"])
def test_captions_that_cannot_be_used_are_refused_before_anything_is_written(folder, caption):
    with open_dataset(folder) as dataset:
        ids = by_name(dataset)
        with pytest.raises(RequestError, match=r"b\.png"):
            write_captions(dataset, {ids["deep/c.png"]: "fine", ids["b.png"]: caption})
        with pytest.raises(RequestError, match="no picture"):
            write_captions(dataset, {"0123": "fine"})
    assert not (folder / "deep/c.txt").exists()
