"""The metadata in a variation's PNG: the studio's full record, and the `parameters` text that other tools read.

The text has the format of AUTOMATIC1111's web UI (`modules/infotext_utils.py`), which most galleries parse: the prompt,
`Negative prompt: …` if there is one, and `Name: value` pairs, one line each. A value with a comma or a colon is quoted
as JSON. There is no key `workflow` or `prompt`, which readers attribute to another program, and no EXIF, which some
readers prefer to the text.
"""

from __future__ import annotations

import errno
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image, PngImagePlugin

from studio import __version__
from studio.catalogue.files.paths import short_name, storage_error
from studio.catalogue.files.record_checks import parse_record
from studio.catalogue.files.text_normalisation import one_line
from studio.errors import StorageError
from studio.schema import RunFacts, VariationRecord, parse_json

PARAMETERS_KEY = "parameters"
RECORD_KEY = "Carpet Diffusion Studio"
RECORD_FORMAT = 1

_OF_THE_CONTENT = (None, errno.EINVAL)
"""Numbers of the errors that Pillow raises for damaged files, and that a file shorter than its end mark raises."""
_PNG_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"
_NOT_IN_LORA_NAME = re.compile(r"[^\w .\-]")


def encode_png(image: Image.Image, record: VariationRecord) -> bytes:
    """Return a lossless PNG of an RGB or indexed (P) image with its record inside.

    Raises `ValueError` on another mode, or if the image does not have the record's size.
    """
    if image.mode not in ("RGB", "P"):
        raise ValueError(f"A variation is RGB or P, not {image.mode}.")
    if image.size != (record.facts.width_px, record.facts.height_px):
        raise ValueError(f"The image is {image.size}, its record says {record.facts.width_px, record.facts.height_px}.")
    text = PngImagePlugin.PngInfo()
    # Pillow writes tEXt for Latin-1 and iTXt for other text. The record's JSON is ASCII, so it is always tEXt.
    text.add_text(PARAMETERS_KEY, format_parameters(record))
    text.add_text(RECORD_KEY, json.dumps({"format": RECORD_FORMAT, "record": record.to_json()}))
    buffer = io.BytesIO()
    _strip_info(image).save(buffer, "PNG", pnginfo=text)
    return buffer.getvalue()


def read_record(path: Path, note: Callable[[str], None] = lambda _: None) -> VariationRecord:
    """Return the record inside a PNG. Raises `StorageError` that says what is wrong with the file.

    `note` is called with a sentence about text that cannot be shown as it is; earlier versions wrote such prompts.

    Reads no pixels. A PNG counts as complete if it ends with the IEND chunk, which is written last.
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
        if isinstance(error, OSError) and error.errno not in _OF_THE_CONTENT:
            raise storage_error(path, error) from error
        raise StorageError(f"{short_name(path)} is not a whole PNG.") from error
    if not isinstance(text, str):
        raise StorageError(f"{short_name(path)} holds no record of this studio.")
    try:
        values = parse_json(text)
        written: Any = values.get("record") if isinstance(values, dict) else None
        record = parse_record(written)
    except ValueError as error:
        raise StorageError(f"{short_name(path)} holds a record that cannot be read ({error}).") from error
    if any(written[name] != getattr(record, name) for name in ("prompt", "negative_prompt")):
        note(f"{short_name(path)} holds characters in another encoding; they are shown as “?”.")
    if size != (record.facts.width_px, record.facts.height_px):
        raise StorageError(f"{short_name(path)} does not have the size in its record.")
    return record


def format_parameters(record: VariationRecord) -> str:
    """Return the `parameters` text of a record."""
    facts = record.facts
    lines = [one_line(record.prompt) + _lora_tag(facts)]
    if negative := one_line(record.negative_prompt):
        lines.append(f"Negative prompt: {negative}")
    seed_and_size = {"Seed": record.seed, "Size": f"{facts.width_px}x{facts.height_px}"}
    pairs: dict[str, object]
    if record.drawing == "motifs":
        method = {"Drawn from": facts.model_title, "Method version": facts.model_fingerprint}
        pairs = {"Sampler": "Recompose", **seed_and_size, **method, "How far": _percent(record.change)}
    else:
        sampling = {"Steps": record.steps, "Sampler": "Euler", "CFG scale": record.guidance_scale}
        model = {"Model hash": facts.model_fingerprint[:10], "Model": facts.model_title}
        pairs = {**sampling, **seed_and_size, **model, "Denoising strength": record.strength}
    if record.drawing == "both":
        pairs |= {"How far": _percent(record.change), "Pull": _percent(record.pull)}
    if record.cross is not None:
        what = "Layout of" if record.cross.way == "layout" else "Crossed with"
        pairs |= {what: record.cross.source[:12], "Share": _percent(record.cross.share)}
    if facts.enlarged:
        pairs["Working size"] = f"{facts.working_width_px}x{facts.working_height_px}"
    if facts.adapter_name is not None and facts.adapter_sha256 is not None:
        pairs["Lora hashes"] = f"{_lora_name(facts.adapter_name)}: {facts.adapter_sha256[:12]}"
    pairs["Version"] = f"Carpet Diffusion Studio {__version__}"
    # Some readers fail on an empty value, so such a pair is left out.
    lines.append(", ".join(f"{name}: {_quote(str(value))}" for name, value in pairs.items() if one_line(str(value))))
    return "\n".join(lines)


def _strip_info(image: Image.Image) -> Image.Image:
    """Return a copy with only the metadata of its colours, and with a palette entry for every index in use."""
    clean = image.copy()
    kept = {"icc_profile", "transparency"} if image.mode == "P" else {"icc_profile"}
    clean.info = {key: value for key, value in image.info.items() if key in kept}
    if clean.mode == "P" and clean.palette is not None:
        mode = clean.palette.mode
        palette = clean.getpalette(mode) or []
        largest = max(index for index, count in enumerate(clean.histogram()) if count)
        lacking = (largest + 1) * len(mode) - len(palette)
        if lacking > 0:  # Pillow would write too few bits per pixel and lose the larger indices
            clean.putpalette([*palette, *[0] * lacking], mode)
    return clean


def _percent(share: float) -> str:
    return f"{share * 100:g} %"


def _lora_tag(facts: RunFacts) -> str:
    if facts.adapter_name is None or facts.adapter_weight is None:
        return ""
    return f" <lora:{_lora_name(facts.adapter_name)}:{facts.adapter_weight:g}>"


def _lora_name(name: str) -> str:
    return _NOT_IN_LORA_NAME.sub("_", one_line(name)) or "adapter"


def _quote(value: str) -> str:
    value = one_line(value)
    # The web UI does not quote a leading quote, but its readers would read it as an opening one.
    if "," in value or ":" in value or value.startswith('"'):
        return json.dumps(value, ensure_ascii=False)
    return value
