"""JSON of other programs is read or refused with a reason, whatever is in it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from studio.schema import ForeignJSONError, encodable, parse_json, read_json, read_json_object

REFUSED = {
    "deep": "[" * 100_000,
    "deep and closed": '{"a":' * 50_000 + "1" + "}" * 50_000,
    "long": "1" * 10_000,
    "beyond 64 bits": str(2**63),
    "below 64 bits": str(-(2**63) - 1),
    "beyond floating point": "1e400",
    "not a number": "NaN",
    "infinite": "-Infinity",
    "half": '{"a": ',
    "empty": "",
    "two values": "1 2",
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_used_is_refused_with_a_short_reason(text: str) -> None:
    with pytest.raises(ForeignJSONError) as caught:
        parse_json(text)
    assert 0 < len(str(caught.value)) < 200


def test_ordinary_values_are_read() -> None:
    assert parse_json(b'{"a": [1, -9223372036854775807, 0.5, 1e-400, "\xc3\xa9", null, true]}') == {
        "a": [1, -(2**63) + 1, 0.5, 0.0, "é", None, True]
    }


@pytest.mark.parametrize("data", [b"\xff", b'"\xe9"', b"\x00", b"x" * (16 * 2**20 + 1)], ids=range(4))
def test_a_file_that_holds_no_json_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.json").write_bytes(data)
    with pytest.raises(ForeignJSONError):
        read_json(tmp_path / "x.json")


def test_a_pipe_or_a_folder_is_refused_and_a_missing_file_is_missing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path):
        with pytest.raises(ForeignJSONError, match="not a file"):
            read_json(path)
    with pytest.raises(FileNotFoundError):
        read_json(tmp_path / "missing")


def test_another_value_than_an_object_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("[1]")
    assert read_json(tmp_path / "x.json") == [1]
    with pytest.raises(ForeignJSONError, match="no JSON object"):
        read_json_object(tmp_path / "x.json")


@pytest.mark.parametrize(("text", "shown"), [("é 地 🧿", "é 地 🧿"), ("caf\udce9", "caf?"), ("\ud83e\uddff", "??")])
def test_lone_surrogates_become_question_marks(text: str, shown: str) -> None:
    assert encodable(text) == shown
