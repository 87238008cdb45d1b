"""What an adapter's own files say of its use: the words that call for it, and the model that it was trained on."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path

from studio.adapter_training.folder import TrainingFolder
from studio.errors import StudioError
from studio.schema.training import TRIGGER_LIMIT

_CARD = "README.md"
_HEAD_LIMIT_BYTES = 2**16
_INSTANCE_PROMPT = re.compile(r"^instance_prompt:[ \t]*([^\n]*)$", re.MULTILINE)
"""The field by which cards of LoRAs name their trigger words, as one line of YAML."""


@dataclass(frozen=True, slots=True)
class AdapterNotes:
    """The words that call for an adapter (empty: none are known), and the id of its model (None: not known)."""

    trigger: str = ""
    model: str | None = None


def read_notes(adapter: Path) -> AdapterNotes:
    """Return what is known of an adapter's folder: from its training or, where that is elsewhere, from its card."""
    folder = adapter.parent if adapter.suffix == ".safetensors" else adapter
    return _read(folder, stamp(folder.parent / "training.json"), stamp(folder / _CARD))


@functools.lru_cache(maxsize=32)
def _read(folder: Path, _training_stamp: int, _card_stamp: int) -> AdapterNotes:
    try:
        facts = TrainingFolder(folder.parent).read_facts()
    except StudioError:
        return _read_card(folder / _CARD)
    return AdapterNotes(facts.recipe.trigger, facts.recipe.model)


def _read_card(file: Path) -> AdapterNotes:
    """Return what the head of a card in Hugging Face form says; it may be anyone's."""
    try:
        with file.open("rb") as stream:
            text = stream.read(_HEAD_LIMIT_BYTES).decode("utf-8", "replace")
    except OSError:
        return AdapterNotes()
    head, _, _ = text.removeprefix("---\n").partition("\n---")
    found = _INSTANCE_PROMPT.search(head) if text.startswith("---\n") else None
    words = "" if found is None else found[1].strip().strip("'\"")
    return AdapterNotes(" ".join(words.split())[:TRIGGER_LIMIT])


def stamp(file: Path) -> int:
    """Return the time of a file, 0 where there is none: what was read is read again when it changes."""
    try:
        return file.stat().st_mtime_ns
    except (OSError, ValueError):
        return 0
