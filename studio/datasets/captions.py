"""The captions of a dataset's pictures: `name.txt` beside a picture, or `metadata.jsonl` in the imagefolder form.

Source of the form: Hugging Face, Datasets, “Create an image dataset” (`file_name` and `text`, one object a line).
"""

from __future__ import annotations

import codecs
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from studio.datasets.files import Files, show_name
from studio.errors import DesignError, RequestError, first_line, quote
from studio.schema import ForeignJSONError, encodable, parse_json

CAPTION_LIMIT = 2000
"""The most characters of a caption; the longest that a text encoder of Stable Diffusion 3.5 reads has about 1000."""
TEXT_LIMIT_BYTES = 64 * 1024
METADATA_LIMIT_BYTES = 64 * 2**20
METADATA_FILE = "metadata.jsonl"
BESIDE = "the captions beside the archive"
KEYS = ("text", "caption", "prompt")
"""The names under which programs write captions, the imagefolder form's own first."""
REMARKS_LIMIT = 100
"""The most lines of one metadata file that are named as unreadable."""

Origin = Literal["text file", "metadata", "design", "none"]
"""Where a caption comes from: `name.txt`, a metadata.jsonl, the design itself, or nowhere."""


@dataclass(frozen=True, slots=True)
class Caption:
    """A caption as one line, and where it comes from."""

    text: str = ""
    origin: Origin = "none"


@dataclass(frozen=True, slots=True)
class Remark:
    """A file, by its name in the dataset, and what is wrong with it, as sentences."""

    name: str
    reason: str

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


def read_captions(
    files: Files, pictures: Collection[str], beside: bytes = b""
) -> tuple[dict[str, Caption], tuple[Remark, ...]]:
    """Return the caption of each picture by its name, and remarks on captions that cannot be used.

    A text file counts before a metadata.jsonl, one in the picture's folder before one above it. `beside` is a
    metadata.jsonl for the whole dataset that counts before all others.
    """
    names, known = set(files.names), set(pictures)
    remarks: list[Remark] = []
    found = read_metadata(beside, "", BESIDE, remarks)
    inner: dict[str, str] = {}
    metadata = (name for name in names if PurePosixPath(name).name == METADATA_FILE)
    for name in sorted(metadata, key=lambda one: (one.count("/"), one)):
        try:
            data = files.read(name, METADATA_LIMIT_BYTES)
        except DesignError as error:
            remarks.append(Remark(show_name(name), str(error)))
            continue
        named = read_metadata(data, name.removesuffix(METADATA_FILE), name, remarks)
        if absent := named.keys() - known:
            reason = f"{len(absent):,} of its lines name pictures that are not there: {show_name(min(absent))}."
            remarks.append(Remark(show_name(name), reason))
        inner |= named
    captions = {}
    for picture in pictures:
        caption = Caption(found[picture], "metadata") if picture in found else Caption()
        text_file = name_text_file(picture)
        if not caption.text and text_file in names:
            caption = read_text_file(files, text_file, remarks)
        if not caption.text and picture in inner:
            caption = Caption(inner[picture], "metadata")
        captions[picture] = caption
    return captions, tuple(remarks)


def name_text_file(picture: str) -> str:
    """Return the name of the text file beside a picture that holds its caption."""
    return str(PurePosixPath(picture).with_suffix(".txt"))


def captions_beside(archive: Path) -> Path:
    """Return the file beside an archive that holds captions for it: carpets.captions.jsonl for carpets.zip."""
    return archive.with_name(f"{archive.stem}.captions.jsonl")


def read_beside(dataset: Path) -> bytes:
    """Return the captions that were written beside an archive; none where there are none, or for a folder.

    Raises `RequestError` where the file is there and cannot be read.
    """
    beside = captions_beside(dataset)
    if dataset.is_dir() or not beside.is_file():
        return b""
    try:
        with beside.open("rb") as file:
            return file.read(METADATA_LIMIT_BYTES + 1)
    except OSError as error:
        raise RequestError(f"“{quote(beside)}” cannot be read: {first_line(error)} Remove it, or allow it.") from error


def clean_caption(text: str) -> str:
    """Return a caption as one line. Raises `ValueError` with a sentence for one that is too long or no text."""
    if len(text) > 50 * CAPTION_LIMIT:
        raise ValueError(_describe_length(len(text)))
    line = " ".join(encodable(text).split())
    if len(line) > CAPTION_LIMIT:
        raise ValueError(_describe_length(len(line)))
    if any(unicodedata.category(character) in ("Cc", "Cs", "Cn") for character in line):
        raise ValueError("Its caption is no text. Write it again as plain text (UTF-8).")
    return line


def _describe_length(characters: int) -> str:
    return f"Its caption has {characters:,} characters and is not used; at most {CAPTION_LIMIT:,} are. Shorten it."


def read_text_file(files: Files, name: str, remarks: list[Remark]) -> Caption:
    """Return the caption in a text file; of one that cannot be used a remark is made."""
    try:
        data = files.read(name, TEXT_LIMIT_BYTES)
        if len(data) > TEXT_LIMIT_BYTES:
            raise ValueError(
                f"This caption has more than {TEXT_LIMIT_BYTES // 1024} KB and is not used. Shorten it to one or two "
                "sentences."
            )
        text, known = _decode(data)
        line = clean_caption(text)
    except (DesignError, ValueError) as error:
        remarks.append(Remark(show_name(name), str(error)))
        return Caption()
    if not known:
        reason = "This caption is not UTF-8 and was read as Western European (Windows-1252). Check its accents."
        remarks.append(Remark(show_name(name), reason))
    return Caption(line, "text file") if line else Caption()


def _decode(data: bytes) -> tuple[str, bool]:
    """Return a text and whether its encoding is known: UTF-8, UTF-16 with a mark, else Windows-1252 by guess."""
    try:
        if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return data.decode("utf-16"), True
        return data.decode("utf-8-sig"), True
    except UnicodeDecodeError:
        pass
    try:
        return data.decode("cp1252"), False
    except UnicodeDecodeError:
        return data.decode("latin-1"), False


def read_metadata(data: bytes, folder: str, name: str, remarks: list[Remark]) -> dict[str, str]:
    """Return the captions in a metadata.jsonl by the names of their pictures, which are below its folder."""
    if len(data) > METADATA_LIMIT_BYTES:
        remarks.append(Remark(show_name(name), f"It has more than {METADATA_LIMIT_BYTES // 2**20} MB and is not read."))
        return {}
    found: dict[str, str] = {}
    wrong = 0
    for number, line in enumerate(data.removeprefix(codecs.BOM_UTF8).split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            picture, caption = _read_line(parse_json(line))
        except ValueError as error:  # ForeignJSONError is one
            wrong += 1
            if wrong <= REMARKS_LIMIT:
                reason = f": {error}." if isinstance(error, ForeignJSONError) else f". {error}"
                remarks.append(Remark(show_name(name), f"Line {number} is not read{reason}"))
            continue
        found.setdefault(folder + picture, caption)
    if wrong > REMARKS_LIMIT:
        remarks.append(Remark(show_name(name), f"{wrong - REMARKS_LIMIT:,} more lines are not read either."))
    return found


def _read_line(values: Any) -> tuple[str, str]:  # noqa: ANN401  # any JSON value
    """Return the picture's name and the caption in a line. Raises `ValueError` with a sentence."""
    if not isinstance(values, dict) or not isinstance(values.get("file_name"), str):
        raise ValueError("It has no “file_name”. Each line is an object with “file_name” and “text”.")
    text = next((values[key] for key in KEYS if isinstance(values.get(key), str)), None)
    if text is None:
        raise ValueError("It has no caption. Give it as “text”.")
    return values["file_name"].replace("\\", "/").removeprefix("./"), clean_caption(text)
