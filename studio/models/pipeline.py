"""The type of a Stable Diffusion 3 pipeline.

diffusers sets the parts of a pipeline at run time, where a type checker cannot see them. `SD3Pipeline` declares those
that the studio uses; `studio.models.loading` returns a `StableDiffusion3Img2ImgPipeline` under this type.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, cast

import torch
from PIL import Image

if TYPE_CHECKING:
    from diffusers.image_processor import VaeImageProcessor
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
    from diffusers.models.transformers.transformer_sd3 import SD3Transformer2DModel
    from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler
    from transformers import PreTrainedTokenizerBase

TRAINED_TIMESTEPS = 1000
"""The transformer takes sigma as a timestep from 0 to 1000."""


class SD3Pipeline(Protocol):
    """The parts of diffusers' `StableDiffusion3Img2ImgPipeline` that the studio uses."""

    vae: AutoencoderKL
    transformer: SD3Transformer2DModel
    scheduler: FlowMatchEulerDiscreteScheduler
    tokenizer_3: PreTrainedTokenizerBase
    image_processor: VaeImageProcessor
    vae_scale_factor: int
    components: dict[str, Any]
    config: Mapping[str, Any]

    @property
    def _execution_device(self) -> torch.device:
        """The device that the parts compute on; a memory manager may store them elsewhere."""

    def __call__(self, **settings: object) -> object:
        """Draw as a whole; the studio's own sampler does without."""

    def encode_prompt(
        self,
        prompt: str,
        prompt_2: str | None,
        prompt_3: str | None,
        *,
        negative_prompt: str,
        do_classifier_free_guidance: bool,
        device: torch.device,
        max_sequence_length: int,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return the embeddings of prompt and negative prompt, then the pooled embeddings of both."""

    def to(self, device: str) -> SD3Pipeline:
        """Move every part to a device."""


def to_picture(pipe: SD3Pipeline, pixels: torch.Tensor) -> Image.Image:
    """Return decoded pixels (1, 3, h, w), about -1..1, as an RGB picture."""
    pictures = cast(list[Image.Image], pipe.image_processor.postprocess(pixels.float(), output_type="pil"))
    return pictures[0]


def execution_device(pipe: SD3Pipeline) -> torch.device:
    """Return the device that a pipeline computes on."""
    return torch.device(pipe._execution_device)
