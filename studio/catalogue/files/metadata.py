"""What a PNG of the studio says of itself: our own record, whole, and the `parameters` text that other tools read.

The text follows the form that AUTOMATIC1111's web UI writes (`modules/infotext_utils.py`) and most galleries parse:
the prompt; `Negative prompt: …` where there is one; then `Name: value` pairs, a value with a comma or a colon quoted as
JSON. Each is one line, as readers want it. There is no key named `workflow` or `prompt`, which readers take for another
program's, and no EXIF, which some let override the text.
"""

from __future__ import annotations

import functools
import io
import json
import re
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from PIL import Image, PngImagePlugin

from studio import __version__
from studio.catalogue.files.folders import short_name
from studio.catalogue.files.text import one_line
from studio.errors import RequestError, StorageError
from studio.schema import RunFacts, VariationRecord, Weaving

PARAMETERS_KEY = "parameters"
RECORD_KEY = "Carpet Diffusion Studio"
RECORD_FORMAT = 1

_PNG_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"
_PAIR = re.compile(r'\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')
_NEGATIVE = "Negative prompt:"
_LORA = re.compile(r"\s*<lora:[^<>]*>\s*$")
_NOT_IN_LORA_NAME = re.compile(r"[^\w .\-]")


@dataclass(frozen=True, slots=True)
class Parameters:
    """A `parameters` text taken apart; `values` holds the pairs of its last line as text."""

    prompt: str
    negative_prompt: str
    values: Mapping[str, str]


def encode_png(image: Image.Image, record: VariationRecord) -> bytes:
    """Return a PNG of an RGB or indexed (P) image, every pixel and palette entry as it is, with its record inside.

    Raises `ValueError` on another mode, or when the image has not the size that the record says.
    """
    if image.mode not in ("RGB", "P"):
        raise ValueError(f"A variation is RGB or P, not {image.mode}.")
    if image.size != (record.facts.width_px, record.facts.height_px):
        raise ValueError(f"The image is {image.size}, its record says {record.facts.width_px, record.facts.height_px}.")
    text = PngImagePlugin.PngInfo()
    # Pillow writes tEXt where Latin-1 can say it, else iTXt; our JSON is pure ASCII and so always tEXt.
    text.add_text(PARAMETERS_KEY, format_parameters(record))
    text.add_text(RECORD_KEY, json.dumps({"format": RECORD_FORMAT, "record": record.to_json()}))
    buffer = io.BytesIO()
    _without_baggage(image).save(buffer, "PNG", pnginfo=text)
    return buffer.getvalue()


def read_record(path: Path) -> VariationRecord:
    """Return the record inside a PNG; raises `StorageError` saying what is wrong with the file.

    Reads no pixels: whether a picture is whole is seen from the closing chunk, which is written last.
    """
    try:
        with path.open("rb") as file:
            file.seek(-len(_PNG_END), io.SEEK_END)
            if file.read() != _PNG_END:
                raise StorageError(f"{short_name(path)} is not a whole PNG.")
            file.seek(0)
            with Image.open(file, formats=["PNG"]) as image:
                text, size = image.info.get(RECORD_KEY), image.size
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise StorageError(f"{short_name(path)} is not a whole PNG.") from error
    if not isinstance(text, str):
        raise StorageError(f"{short_name(path)} holds no record of this studio.")
    try:
        record = record_from(json.loads(text)["record"])
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise StorageError(f"{short_name(path)} holds a record that cannot be read ({error}).") from error
    if size != (record.facts.width_px, record.facts.height_px):
        raise StorageError(f"{short_name(path)} has not the size that its record says.")
    return record


def record_from(values: Mapping[str, Any]) -> VariationRecord:
    """Return the record that JSON values describe; raises `KeyError` or `TypeError` where they cannot be one."""
    try:
        record = VariationRecord.from_json(values)
    except RequestError as error:
        raise TypeError(str(error)) from error
    _check_kinds(record)
    _check_kinds(record.facts)
    if record.weaving is not None:
        _check_kinds(record.weaving)
    return record


def format_parameters(record: VariationRecord) -> str:
    """Return the `parameters` text of a record."""
    facts = record.facts
    lines = [one_line(record.prompt) + _lora_tag(facts)]
    if negative := one_line(record.negative_prompt):
        lines.append(f"{_NEGATIVE} {negative}")
    pairs: dict[str, object] = {
        "Steps": record.steps,
        "Sampler": "Euler",
        "CFG scale": record.guidance_scale,
        "Seed": record.seed,
        "Size": f"{facts.width_px}x{facts.height_px}",
        "Model hash": facts.model_fingerprint[:10],
        "Model": facts.model_title,
        "Denoising strength": record.strength,
    }
    if facts.enlarged:
        pairs["Working size"] = f"{facts.working_width_px}x{facts.working_height_px}"
    if facts.adapter_name is not None and facts.adapter_sha256 is not None:
        pairs["Lora hashes"] = f"{_lora_name(facts.adapter_name)}: {facts.adapter_sha256[:12]}"
    pairs["Version"] = f"Carpet Diffusion Studio {__version__}"
    # An empty value makes some readers fail, so such a pair is left out.
    lines.append(", ".join(f"{name}: {_quote(str(value))}" for name, value in pairs.items() if one_line(str(value))))
    return "\n".join(lines)


def parse_parameters(text: str) -> Parameters:
    """Take a `parameters` text apart, also one written by another program; never fails, at worst all is prompt."""
    *lines, last = text.strip().split("\n")
    pairs = _PAIR.findall(last)
    if len(pairs) < 3:  # then it is no line of pairs but the prompt's end, as the web UI decides it
        lines, pairs = [*lines, last], []
    prompt: list[str] = []
    negative: list[str] = []
    into = prompt
    for line in map(str.strip, lines):
        if line.startswith(_NEGATIVE):
            into = negative
            into.append(line.removeprefix(_NEGATIVE).strip())
        else:
            into.append(line)
    values = {name: _unquote(value.strip()) for name, value in pairs}
    return Parameters(_LORA.sub("", "\n".join(prompt)).strip(), "\n".join(negative).strip(), values)


def _without_baggage(image: Image.Image) -> Image.Image:
    """Return a copy that carries only what belongs to its colours, and as many palette entries as its pixels use."""
    clean = image.copy()
    belongs = {"icc_profile", "transparency"} if image.mode == "P" else {"icc_profile"}
    clean.info = {key: value for key, value in image.info.items() if key in belongs}
    if clean.mode == "P" and clean.palette is not None:
        mode = clean.palette.mode
        palette = clean.getpalette(mode) or []
        lacking = (clean.getextrema()[1] + 1) * len(mode) - len(palette)
        if lacking > 0:  # Pillow would write too few bits a pixel and lose these indices
            clean.putpalette([*palette, *[0] * lacking], mode)
    return clean


def _lora_tag(facts: RunFacts) -> str:
    if facts.adapter_name is None or facts.adapter_weight is None:
        return ""
    return f" <lora:{_lora_name(facts.adapter_name)}:{facts.adapter_weight:g}>"


def _lora_name(name: str) -> str:
    return _NOT_IN_LORA_NAME.sub("_", one_line(name)) or "adapter"


def _quote(value: str) -> str:
    value = one_line(value)
    # A leading quote is not in the web UI's rule, but its readers would take it for one of theirs.
    if "," in value or ":" in value or value.startswith('"'):
        return json.dumps(value, ensure_ascii=False)
    return value


def _unquote(value: str) -> str:
    if len(value) < 2 or value[0] != '"' or value[-1] != '"':
        return value
    try:
        return str(json.loads(value))
    except ValueError:
        return value


def _check_kinds(value: VariationRecord | RunFacts | Weaving) -> None:
    """Raise `TypeError` where a field holds another type than it declares; dataclasses do not check."""
    for name, kind in _kinds(type(value)).items():
        got = getattr(value, name)
        allowed = isinstance(got, kind) or (isinstance(got, int) and isinstance(1.0, kind))
        if not allowed or isinstance(got, bool):
            raise TypeError(f"{name} is {got!r}")


@functools.cache
def _kinds(cls: type) -> dict[str, Any]:
    """Return what `isinstance` takes for each field of a dataclass."""
    hints = typing.get_type_hints(cls)
    origins = {name: typing.get_origin(hint) for name, hint in hints.items()}
    return {
        f.name: hints[f.name] if origins[f.name] in (None, types.UnionType) else origins[f.name] for f in fields(cls)
    }
