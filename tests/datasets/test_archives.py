"""Datasets in archives: nothing leads out of one, nothing unpacks without end, and damage is named."""

from __future__ import annotations

import struct
import zipfile

import numpy as np
import pytest

from studio.datasets import files as dataset_files
from studio.datasets import open_dataset
from studio.errors import DesignError, RequestError
from tests.datasets.test_dataset import names, refuse
from tests.support.dataset_folders import draw_carpet_picture, encode_carpet, write_zip


def test_no_name_in_an_archive_leads_out_of_it(tmp_path):
    (tmp_path / "evil.txt").write_text("secret")
    evil = ["../evil.png", "/etc/evil.png", "a/../../evil.png", "C:/evil.png", "..\\evil.png"]
    archive = write_zip(tmp_path / "x.zip", {"good.png": encode_carpet(1)} | dict.fromkeys(evil, encode_carpet(2)))
    with open_dataset(archive) as dataset:
        assert names(dataset) == ["good.png"]
        assert sorted(remark.name for remark in dataset.report.unreadable) == sorted(n.replace("\\", "/") for n in evil)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["evil.txt", "x.zip"]


def test_names_in_an_archive_may_begin_with_its_folder(tmp_path):
    archive = write_zip(
        tmp_path / "x.zip", {"./a.png": encode_carpet(1), "./a.txt": "red", "b\\c.png": encode_carpet(2)}
    )
    with open_dataset(archive) as dataset:
        assert {example.name: example.caption for example in dataset.examples} == {"a.png": "red", "b/c.png": ""}


def test_a_name_in_an_archive_twice_is_read_once(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("a.png", encode_carpet(1))
        archive.writestr("a.png", encode_carpet(2))
    with open_dataset(tmp_path / "x.zip") as dataset:
        assert np.array_equal(dataset.open(dataset.examples[0]), np.asarray(draw_carpet_picture(1).convert("RGB")))
        assert "twice" in dataset.report.unreadable[0].reason


@pytest.mark.slow
def test_archives_that_unpack_without_end_are_refused_or_cut(tmp_path, monkeypatch):
    bomb = write_zip(tmp_path / "bomb.zip", {"a.png": bytes(60 * 2**20), "b.png": encode_carpet(1)})
    assert bomb.stat().st_size < 2**17
    with open_dataset(bomb) as dataset:
        assert names(dataset) == ["b.png"]
        assert "at most 50 MB" in dataset.report.unreadable[0].reason
    monkeypatch.setattr(dataset_files, "UNPACKED_LIMIT_BYTES", 50 * 2**20)
    assert "unpacked" in refuse(bomb)


def test_entries_that_python_unpacks_without_a_bound_are_not_opened(tmp_path):
    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
            archive.writestr("good.png", encode_carpet(1))
            archive.writestr("bomb.png", bytes(2**20), method)
        with open_dataset(tmp_path / "x.zip") as dataset:
            assert names(dataset) == ["good.png"]
            assert "ordinary ZIP" in dataset.report.unreadable[0].reason


def test_an_archive_whose_list_of_contents_is_huge_is_refused_before_it_is_read(tmp_path, monkeypatch):
    archive = write_zip(tmp_path / "x.zip", {f"{i}.png": b"" for i in range(100)})
    monkeypatch.setattr(dataset_files, "DIRECTORY_LIMIT_BYTES", 1000)
    assert "damaged" in refuse(archive)


def test_an_encrypted_entry_is_named(tmp_path):
    data = bytearray(write_zip(tmp_path / "x.zip", {"a.png": encode_carpet(1)}).read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.index(signature) + offset
        data[at : at + 2] = struct.pack("<H", struct.unpack("<H", data[at : at + 2])[0] | 1)
    (tmp_path / "x.zip").write_bytes(data)
    assert "encrypted" in refuse(tmp_path / "x.zip")


@pytest.mark.slow
def test_damaged_archives_are_refused_or_their_good_part_is_read(tmp_path):
    archive = write_zip(tmp_path / "x.zip", {f"{i}.png": encode_carpet(i) for i in range(4)})
    whole = archive.read_bytes()
    archive.write_bytes(whole[: len(whole) - 30])
    assert "damaged" in refuse(archive)
    archive.write_bytes(b"PK no archive at all")
    assert "not a ZIP archive" in refuse(archive)
    rng = np.random.default_rng(0)
    for _ in range(60):
        hurt = bytearray(whole)
        for at in rng.integers(0, len(hurt), 12):
            hurt[at] = rng.integers(256)
        archive.write_bytes(hurt)
        try:
            with open_dataset(archive) as dataset:
                assert {remark.name for remark in dataset.report.unreadable} | set(names(dataset))
        except (DesignError, RequestError) as error:
            assert str(error).endswith(".")


def test_an_archive_that_goes_away_is_named_when_a_picture_is_opened(tmp_path):
    archive = write_zip(tmp_path / "x.zip", {f"{i}.png": encode_carpet(i, 480, 640) for i in range(2)})
    with open_dataset(archive) as dataset:
        archive.write_bytes(b"")
        with pytest.raises(DesignError, match=r"0\.png: It is damaged in the archive"):
            dataset.open(dataset.examples[0])
