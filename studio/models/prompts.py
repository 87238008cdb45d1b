"""Prompts as the transformer reads them, remembered: a second run with the same words needs no text encoder."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from diffusers import StableDiffusion3Img2ImgPipeline

_REMEMBERED = 64


@dataclass(frozen=True, slots=True)
class PromptEmbeds:
    """One prompt encoded, in main memory. Shapes: `words` (1, tokens, width), `pooled` (1, pooled width).

    The negative pair is None when the guidance scale asks for no second pass. `cut` says that the prompt was longer
    than the model reads.
    """

    words: torch.Tensor
    pooled: torch.Tensor
    negative_words: torch.Tensor | None
    negative_pooled: torch.Tensor | None
    cut: bool

    def repeated(self, count: int, device: torch.device | str) -> dict[str, torch.Tensor | None]:
        """Return the pipeline's arguments for a batch of `count` (it cannot repeat cached embeds itself)."""

        def rows(tensor: torch.Tensor | None) -> torch.Tensor | None:
            return None if tensor is None else tensor.to(device).repeat_interleave(count, dim=0)

        return {
            "prompt_embeds": rows(self.words),
            "pooled_prompt_embeds": rows(self.pooled),
            "negative_prompt_embeds": rows(self.negative_words),
            "negative_pooled_prompt_embeds": rows(self.negative_pooled),
        }


class PromptCache:
    """Encodes prompts with one pipeline and remembers the last 64."""

    def __init__(self, pipe: StableDiffusion3Img2ImgPipeline, tokens: int) -> None:
        self._pipe = pipe
        self._tokens = tokens
        self._remembered: OrderedDict[tuple[str, str | None], PromptEmbeds] = OrderedDict()

    @torch.no_grad()
    def encode(self, prompt: str, negative_prompt: str, guided: bool) -> PromptEmbeds:
        """Return the embeds of a prompt; the negative one is read only when `guided` (guidance scale above 1)."""
        key = (prompt, negative_prompt if guided else None)
        if key in self._remembered:
            self._remembered.move_to_end(key)
            return self._remembered[key]
        words, negative_words, pooled, negative_pooled = self._pipe.encode_prompt(
            prompt=prompt,
            prompt_2=None,
            prompt_3=None,
            negative_prompt=negative_prompt,
            do_classifier_free_guidance=guided,
            device=self._pipe._execution_device,
            max_sequence_length=self._tokens,
        )
        embeds = PromptEmbeds(
            words.cpu(),
            pooled.cpu(),
            negative_words.cpu() if guided else None,
            negative_pooled.cpu() if guided else None,
            cut=len(self._pipe.tokenizer_3(prompt).input_ids) > self._tokens,
        )
        self._remembered[key] = embeds
        if len(self._remembered) > _REMEMBERED:
            self._remembered.popitem(last=False)
        return embeds

    def forget(self) -> None:
        """Drop what was remembered."""
        self._remembered.clear()
