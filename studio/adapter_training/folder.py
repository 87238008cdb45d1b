"""The folder of a training: its settings, its log, its checkpoints and samples. Read by pages, so without torch.

training.json                                  what is trained on what; written once, when the training begins
log.jsonl                                      one `Entry` a line, appended
cache/                                         latents and prompts, encoded once
checkpoints/step-000500/                       written whole or not at all
samples/step-000500/<example>/<name>.webp      name: source, or the adapter's weight
logs/                                          TensorBoard
adapter/                                       the result: a folder for Settings and Generate
evaluation.json                                what `evaluate adapter` measured
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from studio.catalogue.files.paths import write_atomically
from studio.errors import RequestError, StorageError, first_line
from studio.schema import ForeignJSONError, LoraRecipe, parse_json, read_json_object

FORM = 1
EntryKind = Literal["stage", "step", "validation", "samples", "checkpoint", "end"]
EndState = Literal["finished", "stopped", "failed"]
_STEP_FOLDER = re.compile(r"step-(\d{6,})")


@dataclass(frozen=True, slots=True)
class TrainingFacts:
    """What a training is: its recipe, dataset, model, and where it runs; the content of training.json.

    `dataset` has at least path, name, examples, trained and held_out (counts); `model` id, title, licence, fingerprint.
    """

    id: str
    created_at: str
    recipe: LoraRecipe
    dataset: Mapping[str, Any]
    model: Mapping[str, Any]
    versions: Mapping[str, str]
    device: str


class TrainingFolder:
    """The files of one training. Reading never raises for lines or pictures that are not there yet."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def adapter(self) -> Path:
        """The folder of the result."""
        return self.root / "adapter"

    @property
    def cache(self) -> Path:
        """The folder of encoded pictures and prompts."""
        return self.root / "cache"

    @property
    def checkpoints(self) -> Path:
        """The folder of the checkpoints."""
        return self.root / "checkpoints"

    @property
    def logs(self) -> Path:
        """The folder that TensorBoard reads."""
        return self.root / "logs"

    @property
    def begun(self) -> bool:
        """Whether a training was begun here."""
        return (self.root / "training.json").is_file()

    def samples(self, step: int) -> Path:
        """Return the folder of a step's samples."""
        return self.root / "samples" / name_step(step)

    def write_facts(self, facts: TrainingFacts) -> None:
        """Write training.json. Raises `StorageError` if that fails."""
        values = {
            "version": FORM,
            "id": facts.id,
            "created_at": facts.created_at,
            "recipe": facts.recipe.to_json(),
            "dataset": dict(facts.dataset),
            "model": dict(facts.model),
            "versions": dict(facts.versions),
            "device": facts.device,
        }
        write_atomically(self.root / "training.json", json.dumps(values, indent=2, ensure_ascii=False).encode())

    def read_facts(self) -> TrainingFacts:
        """Return the content of training.json.

        Raises `StorageError` if it cannot be read, `RequestError` if it is not what `write_facts` wrote.
        """
        file = self.root / "training.json"
        try:
            values = read_json_object(file)
            return TrainingFacts(
                id=str(values["id"]),
                created_at=str(values["created_at"]),
                recipe=LoraRecipe.from_json(values["recipe"]),
                dataset=dict(values["dataset"]),
                model=dict(values["model"]),
                versions={str(key): str(value) for key, value in dict(values["versions"]).items()},
                device=str(values["device"]),
            )
        except FileNotFoundError as error:
            raise StorageError(f"{self.root} holds no training: there is no training.json in it.") from error
        except OSError as error:
            raise StorageError(f"{file} cannot be read: {first_line(error)}") from error
        except (ForeignJSONError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise RequestError(
                f"{file} is damaged: {first_line(error)} Begin the training again in another folder."
            ) from error

    def note(self, kind: EntryKind, **values: object) -> None:
        """Append an entry to the log. Raises `StorageError` if the disk does not take it."""
        line = json.dumps({"kind": kind, **values}, ensure_ascii=False, allow_nan=False)
        file = self.root / "log.jsonl"
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with file.open("a+b") as stream:
                # A line that a kill or a full disk cut is ended first, so that only it is lost.
                if stream.tell() and not _ends_a_line(file):
                    line = f"\n{line}"
                stream.write(f"{line}\n".encode())
        except OSError as error:
            raise StorageError(
                f"The log {file} cannot be written: {first_line(error)} Make room and resume."
            ) from error

    def entries(self) -> Iterator[dict[str, Any]]:
        """Yield the entries of the log in order; lines that were cut or are of another kind are left out."""
        try:
            text = (self.root / "log.jsonl").read_text("utf-8", "replace")
        except OSError:
            return
        for line in text.splitlines():
            try:
                entry = parse_json(line)
            except ForeignJSONError:
                continue
            if isinstance(entry, dict) and isinstance(entry.get("kind"), str):
                yield entry

    def list_checkpoints(self) -> list[tuple[int, Path]]:
        """Return (step, folder) of each checkpoint, in order of the steps."""
        return _list_steps(self.checkpoints)

    def list_samples(self) -> list[tuple[int, Path]]:
        """Return (step, folder) of the samples that were drawn, in order of the steps."""
        return _list_steps(self.root / "samples")


def name_step(step: int) -> str:
    """Return the name of a step's folder."""
    return f"step-{step:06d}"


def _list_steps(folder: Path) -> list[tuple[int, Path]]:
    try:
        found = [(_STEP_FOLDER.fullmatch(one.name), one) for one in folder.iterdir() if one.is_dir()]
    except OSError:
        return []
    return sorted((int(match[1]), one) for match, one in found if match)


def _ends_a_line(file: Path) -> bool:
    with file.open("rb") as stream:
        stream.seek(-1, 2)
        return stream.read(1) == b"\n"
