"""Pictures and captions encoded once, kept on disk by what they are of; damaged files are encoded again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from studio.adapter_training.batches import Sample, name_latents
from studio.catalogue.files.paths import write_atomically
from studio.datasets import Bucket, Dataset, Example, fit
from studio.errors import DesignError
from studio.generation.vae import Codec
from studio.models.pipeline import SD3Pipeline
from studio.models.prompts import PromptCache, PromptEmbeds, TextEmbeds

Report = Callable[[int, int], None]
"""Is told how many are done of how many, and may raise to stop."""


class _Store:
    """Tensors on disk by what one model has encoded them of. To see whether a file is whole it is read once."""

    def __init__(self, folder: Path, fingerprint: str, names: tuple[str, ...]) -> None:
        """`names` are the tensors of each file."""
        self._folder, self._fingerprint, self._names = folder, fingerprint, names
        self._whole: set[str] = set()

    def read(self, of: str) -> dict[str, Tensor]:
        """Return the tensors. Raises `KeyError` where there are none, or a damaged file."""
        try:
            stored = load_file(self._file(of))
        except (OSError, SafetensorError, ValueError) as error:
            raise KeyError(of) from error
        if set(self._names) - stored.keys():
            raise KeyError(of)
        self._whole.add(of)
        return stored

    def holds(self, of: str) -> bool:
        """Return whether whole tensors are stored."""
        if of not in self._whole:
            try:
                self.read(of)
            except KeyError:
                return False
        return True

    def write(self, of: str, *values: Tensor) -> None:
        """Store tensors in the order of their names. Raises `StorageError` if the disk does not take them."""
        file = self._file(of)
        file.parent.mkdir(parents=True, exist_ok=True)
        named = zip(self._names, values, strict=True)
        write_atomically(file, save({name: value.cpu().contiguous() for name, value in named}))
        self._whole.add(of)

    def _file(self, of: str) -> Path:
        name = hashlib.sha256(f"{self._fingerprint}\n{of}".encode()).hexdigest()
        return self._folder / f"{name}.safetensors"


class EncodedPrompts:
    """The embeddings of captions, encoded with one pipeline's text encoders."""

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self._store = _Store(folder / "prompts", fingerprint, ("words", "pooled"))

    def encode(self, prompt: str, negative_prompt: str = "", guided: bool = False) -> PromptEmbeds:
        """Return stored embeddings, as `PromptCache.encode` does. Raises `KeyError` for a text that is not stored."""
        return PromptEmbeds(self.read(prompt), self.read(negative_prompt) if guided else None, cut=False)

    def read(self, text: str) -> TextEmbeds:
        """Return one row of embeddings. Raises `KeyError` for a text that is not stored."""
        stored = self._store.read(text)
        return TextEmbeds(stored["words"], stored["pooled"])

    def missing(self, texts: Iterable[str]) -> list[str]:
        """Return the texts that are not stored, each once, in order."""
        return [text for text in dict.fromkeys(texts) if not self._store.holds(text)]

    def add(self, pipe: SD3Pipeline, tokens: int, texts: Iterable[str], report: Report) -> None:
        """Encode the texts that are not stored; `tokens` is how many T5 reads."""
        missing, cache = self.missing(texts), PromptCache(pipe, tokens)
        for number, text in enumerate(missing):
            report(number, len(missing))
            embeds = cache.encode(text, "", guided=False).text
            cache.forget()
            self._store.write(text, embeds.words, embeds.pooled)


class EncodedPictures:
    """The scaled latents (c, h, w) of pictures at the sizes of their buckets, encoded with one pipeline's VAE."""

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self._store = _Store(folder / "latents", fingerprint, ("latents",))

    def read(self, key: str) -> Tensor:
        """Return the latents of a `Sample.key`. Raises `KeyError` where there are none."""
        return self._store.read(key)["latents"]

    def holds(self, key: str) -> bool:
        """Return whether whole latents are stored under a key."""
        return self._store.holds(key)

    def add(
        self,
        pipe: SD3Pipeline,
        dataset: Dataset,
        samples: Iterable[Sample],
        report: Report,
        leave_out: Callable[[Example, str], None],
    ) -> None:
        """Encode the pictures of samples, and of their sources, that are not stored.

        A picture is read once for all that is made of it. One that cannot be read is left out, with the reason.
        """
        by_id = {example.id: example for example in dataset.examples}
        wanted: dict[str, dict[Bucket, set[bool]]] = {}
        for sample in samples:
            for example_id in {sample.example.id, sample.example.source or sample.example.id}:
                wanted.setdefault(example_id, {}).setdefault(sample.bucket, set()).add(sample.mirrored)
        codec = Codec(pipe)
        for number, (example_id, sizes) in enumerate(wanted.items()):
            report(number, len(wanted))
            missing = [
                (bucket, mirrored)
                for bucket, ways in sizes.items()
                for mirrored in sorted(ways)
                if not self.holds(name_latents(example_id, bucket, mirrored))
            ]
            if not missing:
                continue
            try:
                pixels = dataset.open(by_id[example_id])
            except (DesignError, OSError) as error:
                leave_out(by_id[example_id], str(error))
                continue
            for bucket, mirrored in missing:
                fitted = fit(pixels, bucket)
                picture = Image.fromarray(fitted[:, ::-1].copy() if mirrored else fitted)
                with torch.no_grad():
                    latents = codec.encode(pipe.image_processor.preprocess(picture))[0]
                self._store.write(name_latents(example_id, bucket, mirrored), latents.float())
