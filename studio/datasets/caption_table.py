"""The captions of a dataset as a table that can be edited, and written back beside the pictures."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from studio.catalogue.files.paths import write_atomically
from studio.datasets.captions import (
    BESIDE,
    Caption,
    Origin,
    Remark,
    captions_beside,
    clean_caption,
    name_text_file,
    read_beside,
    read_metadata,
    read_text_file,
)
from studio.datasets.dataset import Dataset, Progress
from studio.datasets.descriptions import describe_design
from studio.datasets.example import Example
from studio.errors import DesignError, RequestError, quote


@dataclass(frozen=True, slots=True)
class CaptionRow:
    """A picture's caption: `id` and `name` of the example, and where the caption comes from."""

    id: str
    name: str
    caption: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class WrittenCaptions:
    """What came of writing captions.

    `dataset` has the new captions and the same files open. `written` are the names of the pictures whose captions were
    written; `kept` names those whose caption on the disk was left as it is, with the reason.
    """

    dataset: Dataset
    written: tuple[str, ...]
    kept: tuple[Remark, ...]


def list_captions(dataset: Dataset, *, progress: Progress | None = None) -> tuple[CaptionRow, ...]:
    """Return the caption of each example in order; where there is none, one made from the design itself.

    A description takes a tenth of a second a megapixel, and some 0.4 s of a photo. `progress` may raise to stop. A
    picture that cannot be read any more has no caption.
    """
    missing = [example for example in dataset.examples if not example.caption]
    described: dict[str, str] = {}
    for done, example in enumerate(missing):
        if progress is not None:
            progress(done, len(missing))
        try:
            described[example.id] = describe_design(dataset.open_design(example))
        except DesignError:
            described[example.id] = ""
    return tuple(
        CaptionRow(example.id, example.name, described[example.id], "design" if described[example.id] else "none")
        if example.id in described
        else CaptionRow(example.id, example.name, example.caption, example.origin)
        for example in dataset.examples
    )


def write_captions(dataset: Dataset, captions: Mapping[str, str]) -> WrittenCaptions:
    """Write captions by the examples' ids: `name.txt` beside each picture, or one file beside an archive.

    Captions that are as they were read are not written. Each file is written whole or not at all. What somebody wrote
    there meanwhile, and a text file that could not be read as a caption, is kept and named. Captions of an archive are
    written to carpets.captions.jsonl beside carpets.zip, in the imagefolder form; it is read with the archive and
    counts before its own captions. Raises `RequestError` for an unknown id or a caption that cannot be used, before
    anything is written, and `StorageError` where the disk refuses.
    """
    known = {example.id: example for example in dataset.examples}
    wanted: dict[Example, str] = {}
    for name, text in captions.items():
        if name not in known:
            raise RequestError(f"The dataset has no picture “{quote(name)}”. Read the dataset again.")
        try:
            line = clean_caption(text)
        except ValueError as error:
            raise RequestError(f"{quote(known[name].name)}: {error}") from error
        if line != known[name].caption:
            wanted[known[name]] = line
    if dataset.path.is_dir():
        written, kept = _write_text_files(dataset, wanted)
    else:
        written, kept = _write_beside(dataset, wanted)
    origin: Origin = "text file" if dataset.path.is_dir() else "metadata"
    changed = {one.id: Caption(wanted[one], origin if wanted[one] else "none") for one in written}
    return WrittenCaptions(dataset.with_captions(changed), tuple(one.name for one in written), tuple(kept))


def _write_text_files(dataset: Dataset, wanted: Mapping[Example, str]) -> tuple[list[Example], list[Remark]]:
    sharing: dict[str, list[Example]] = defaultdict(list)
    for example in dataset.examples:
        sharing[name_text_file(dataset.place(example))].append(example)
    written, kept = [], []
    for example, line in wanted.items():
        name = name_text_file(dataset.place(example))
        if any(wanted.get(other, other.caption) != line for other in sharing[name]):
            others = " and ".join(other.name for other in sharing[name])
            kept.append(Remark(example.name, f"{others} share one text file. Give one of them another name."))
            continue
        if (reason := _find_objection(dataset, example, name, line)) is not None:
            kept.append(Remark(example.name, reason))
            continue
        write_atomically(dataset.path / name, f"{line}\n".encode())
        written.append(example)
    return written, kept


def _find_objection(dataset: Dataset, example: Example, name: str, line: str) -> str | None:
    """Return why a text file must not be written over, None where it may."""
    if not (dataset.path / name).exists():
        return None
    remarks: list[Remark] = []
    now = read_text_file(dataset.files, name, remarks)
    if not now.text and remarks:
        return f"There is a text file that is no caption. {remarks[0].reason}"
    expected = example.caption if example.origin == "text file" else ""
    if now.text not in (expected, line):
        return "Its caption was changed meanwhile. Read the dataset again."
    return None


def _write_beside(dataset: Dataset, wanted: Mapping[Example, str]) -> tuple[list[Example], list[Remark]]:
    beside = captions_beside(dataset.path)
    remarks: list[Remark] = []
    found = read_metadata(read_beside(dataset.path), "", BESIDE, remarks)
    if remarks:
        raise RequestError(f"“{quote(beside)}” holds what is no caption. {remarks[0].reason} Move it away.")
    written, kept = [], []
    for example, line in wanted.items():
        place = dataset.place(example)
        if found.get(place, example.caption) not in (example.caption, line):
            kept.append(Remark(example.name, "Its caption was changed meanwhile. Read the dataset again."))
            continue
        found[place] = line
        written.append(example)
    lines = [json.dumps({"file_name": place, "text": text}) for place, text in sorted(found.items())]
    if written:
        write_atomically(beside, "".join(f"{one}\n" for one in lines).encode())
    return written, kept
