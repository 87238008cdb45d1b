"""The parts of the built-in model together: build them, write them as a diffusers folder, read them back."""

from __future__ import annotations

import copy
import json
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.training import architecture

if TYPE_CHECKING:
    import torch
    from diffusers import AutoencoderKL, SD3Transformer2DModel, StableDiffusion3Img2ImgPipeline
    from transformers import CLIPTextModelWithProjection, CLIPTokenizer, T5EncoderModel, T5Tokenizer

SHARD_SIZE = "13MB"
"""Of decimal megabytes: no weight file of the repository may pass 14 MB."""


@dataclass
class BuiltinParts:
    """All parts of the built-in model. The modules are trained in place."""

    vae: AutoencoderKL
    transformer: SD3Transformer2DModel
    text_encoder: CLIPTextModelWithProjection
    text_encoder_2: CLIPTextModelWithProjection
    text_encoder_3: T5EncoderModel
    tokenizer: CLIPTokenizer
    tokenizer_3: T5Tokenizer

    @property
    def flow_modules(self) -> dict[str, torch.nn.Module]:
        """The modules that the flow training changes, by their name in the pipeline."""
        return {
            "transformer": self.transformer,
            "text_encoder": self.text_encoder,
            "text_encoder_2": self.text_encoder_2,
            "text_encoder_3": self.text_encoder_3,
        }


def build_parts(captions: Iterable[str], seed: int = 0) -> BuiltinParts:
    """Return the untrained model; its tokenizers are trained on the captions at once. Deterministic by seed."""
    import torch

    corpus = architecture.write_corpus(captions)
    tokenizer = architecture.train_clip_tokenizer(corpus)
    tokenizer_3 = architecture.train_t5_tokenizer(corpus)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return BuiltinParts(
            vae=architecture.build_autoencoder(),
            transformer=architecture.build_transformer(),
            text_encoder=architecture.build_clip_encoder(tokenizer),
            text_encoder_2=architecture.build_clip_encoder(tokenizer),
            text_encoder_3=architecture.build_t5_encoder(tokenizer_3),
            tokenizer=tokenizer,
            tokenizer_3=tokenizer_3,
        )


def assemble_pipeline(parts: BuiltinParts) -> StableDiffusion3Img2ImgPipeline:
    """Return the ordinary img2img pipeline over these parts."""
    from diffusers import StableDiffusion3Img2ImgPipeline

    return StableDiffusion3Img2ImgPipeline(
        transformer=parts.transformer,
        scheduler=architecture.build_scheduler(),
        vae=parts.vae,
        text_encoder=parts.text_encoder,
        tokenizer=parts.tokenizer,
        text_encoder_2=parts.text_encoder_2,
        tokenizer_2=parts.tokenizer,
        text_encoder_3=parts.text_encoder_3,
        tokenizer_3=parts.tokenizer_3,
    )


def load_parts(folder: Path) -> BuiltinParts:
    """Return the model that `export_parts` wrote, in fp32."""
    import torch
    from diffusers import StableDiffusion3Img2ImgPipeline

    pipe = StableDiffusion3Img2ImgPipeline.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
    return BuiltinParts(
        vae=pipe.vae.to(memory_format=torch.channels_last),  # as the studio draws with it
        transformer=pipe.transformer,
        text_encoder=pipe.text_encoder,
        text_encoder_2=pipe.text_encoder_2,
        text_encoder_3=pipe.text_encoder_3,
        tokenizer=pipe.tokenizer,
        tokenizer_3=pipe.tokenizer_3,
    )


def export_parts(parts: BuiltinParts, folder: Path) -> None:
    """Write the model in diffusers form, in fp16. Each file takes the place of the old one in a single step."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".export-") as name:
        fresh = Path(name)
        assemble_pipeline(_halve(parts)).save_pretrained(fresh, safe_serialization=True, max_shard_size=SHARD_SIZE)
        _drop_local_paths(fresh)
        written = {path.relative_to(fresh) for path in fresh.rglob("*") if path.is_file()}
        # Weights first, the index of the pipeline last: the first export is no model until it is whole. A later one is
        # a mixture for as long as it takes to rename its files.
        for path in sorted(written, key=lambda p: (p.suffix != ".safetensors", p.name == "model_index.json", p)):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (fresh / path).chmod(0o644)
            (fresh / path).replace(folder / path)
    for part in (path for path in folder.iterdir() if path.is_dir()):
        for path in part.iterdir():
            if path.is_file() and path.relative_to(folder) not in written:
                path.unlink()


def _halve(parts: BuiltinParts) -> BuiltinParts:
    """Return copies of the modules in fp16: half the size of a download, and nothing that a picture shows."""
    import torch

    modules = {"vae": parts.vae, **parts.flow_modules}
    halved = {name: copy.deepcopy(module).half() for name, module in modules.items()}
    halved["vae"].to(memory_format=torch.contiguous_format)  # files have one order
    return replace(parts, **halved)


def save_state(state: dict[str, Any], path: Path) -> None:
    """Write a training state so that a cut at any moment leaves either the old file or the new one."""
    import torch

    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.part")
    with beside.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def load_state(path: Path) -> dict[str, Any]:
    """Return a state written by `save_state`: tensors and plain values only."""
    import torch

    return torch.load(path, map_location="cpu", weights_only=True)


def _drop_local_paths(folder: Path) -> None:
    """Remove `_name_or_path` from the configs: a folder of the machine that trained helps nobody."""
    for path in folder.rglob("*.json"):
        values = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(values, dict) and values.pop("_name_or_path", None) is not None:
            path.write_text(json.dumps(values, indent=2, sort_keys=True) + "\n", encoding="utf-8")
