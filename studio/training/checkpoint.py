"""Build the parts of the built-in model, export them as a diffusers folder and load them; save training states."""

from __future__ import annotations

import copy
import json
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.models.loading import find_pipeline_class
from studio.training import architecture

if TYPE_CHECKING:
    import torch
    from diffusers.models import AutoencoderKL, SD3Transformer2DModel
    from diffusers.pipelines.stable_diffusion_3.pipeline_stable_diffusion_3_img2img import (
        StableDiffusion3Img2ImgPipeline,
    )
    from transformers import CLIPTextModelWithProjection, CLIPTokenizer, T5EncoderModel, T5Tokenizer

SHARD_SIZE = "13MB"
"""In decimal megabytes: no weight file of the repository may exceed 14 MB."""


@dataclass
class BuiltinParts:
    """The parts of the built-in model. Training changes the modules in place."""

    vae: AutoencoderKL
    transformer: SD3Transformer2DModel
    text_encoder: CLIPTextModelWithProjection
    text_encoder_2: CLIPTextModelWithProjection
    text_encoder_3: T5EncoderModel
    tokenizer: CLIPTokenizer
    tokenizer_3: T5Tokenizer

    @property
    def flow_modules(self) -> dict[str, torch.nn.Module]:
        """The modules that the flow training optimises, by their names in the pipeline."""
        return {
            "transformer": self.transformer,
            "text_encoder": self.text_encoder,
            "text_encoder_2": self.text_encoder_2,
            "text_encoder_3": self.text_encoder_3,
        }


def build_parts(captions: Iterable[str], seed: int = 0) -> BuiltinParts:
    """Return the model with tokenizers trained on these captions and untrained weights, which depend on the seed."""
    import torch

    corpus = architecture.build_corpus(captions)
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
    """Return the img2img pipeline of these parts."""
    return find_pipeline_class()(
        transformer=parts.transformer,
        scheduler=architecture.build_scheduler(),  # type: ignore[arg-type]  # diffusers, wrongly typed
        vae=parts.vae,
        text_encoder=parts.text_encoder,
        tokenizer=parts.tokenizer,
        text_encoder_2=parts.text_encoder_2,
        tokenizer_2=parts.tokenizer,
        text_encoder_3=parts.text_encoder_3,
        tokenizer_3=parts.tokenizer_3,
    )


def load_parts(folder: Path) -> BuiltinParts:
    """Return a model written by `export_parts`, in fp32."""
    import torch

    pipe = find_pipeline_class().from_pretrained(folder, dtype=torch.float32, local_files_only=True)
    return BuiltinParts(
        vae=pipe.vae.to(memory_format=torch.channels_last),  # as at inference
        transformer=pipe.transformer,
        text_encoder=pipe.text_encoder,
        text_encoder_2=pipe.text_encoder_2,
        text_encoder_3=pipe.text_encoder_3,
        tokenizer=pipe.tokenizer,
        tokenizer_3=pipe.tokenizer_3,
    )


def export_parts(parts: BuiltinParts, folder: Path) -> None:
    """Write the model as a diffusers folder in fp16. Each file replaces its predecessor atomically."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".export-") as name:
        fresh = Path(name)
        assemble_pipeline(_halve(parts)).save_pretrained(fresh, safe_serialization=True, max_shard_size=SHARD_SIZE)
        _drop_local_paths(fresh)
        written = {path.relative_to(fresh) for path in fresh.rglob("*") if path.is_file()}
        # model_index.json comes last, so that an incomplete first export does not load. A later export mixes old and
        # new files while they are renamed.
        for path in sorted(written, key=lambda p: (p.suffix != ".safetensors", p.name == "model_index.json", p)):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (fresh / path).chmod(0o644)
            (fresh / path).replace(folder / path)
    for part in (path for path in folder.iterdir() if path.is_dir()):
        for path in part.iterdir():
            if path.is_file() and path.relative_to(folder) not in written:
                path.unlink()


def _halve(parts: BuiltinParts) -> BuiltinParts:
    """Return the parts with fp16 copies of the modules: half the size, with no visible effect on pictures."""
    import torch

    modules: dict[str, torch.nn.Module] = {"vae": parts.vae, **parts.flow_modules}
    halved: dict[str, Any] = {name: copy.deepcopy(module).half() for name, module in modules.items()}
    halved["vae"].to(memory_format=torch.contiguous_format)  # safetensors files have one memory layout
    return replace(parts, **halved)


def _drop_local_paths(folder: Path) -> None:
    """Remove `_name_or_path`, a path on the training machine, from the configs."""
    for path in folder.rglob("*.json"):
        values = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(values, dict) and values.pop("_name_or_path", None) is not None:
            path.write_text(json.dumps(values, indent=2, sort_keys=True) + "\n", encoding="utf-8")
