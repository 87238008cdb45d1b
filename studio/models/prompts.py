"""Prompts encoded for the transformer and cached: a second run with the same prompt needs no text encoder."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from studio.models.pipeline import SD3Pipeline, execution_device

_REMEMBERED = 64


@dataclass(frozen=True, slots=True)
class TextEmbeds:
    """Text embeddings for the transformer: `words` (rows, tokens, width) and `pooled` (rows, pooled width)."""

    words: Tensor
    pooled: Tensor

    def to(self, device: torch.device | str) -> TextEmbeds:
        """Return the embeddings on a device."""
        return TextEmbeds(self.words.to(device), self.pooled.to(device))

    def repeated(self, count: int) -> TextEmbeds:
        """Return each row `count` times, for a batch that shares one text."""
        return TextEmbeds(self.words.repeat_interleave(count, dim=0), self.pooled.repeat_interleave(count, dim=0))

    def followed_by(self, other: TextEmbeds) -> TextEmbeds:
        """Return these rows and those of another text below them."""
        return TextEmbeds(torch.cat([self.words, other.words]), torch.cat([self.pooled, other.pooled]))


@dataclass(frozen=True, slots=True)
class PromptEmbeds:
    """The embeddings of one prompt and of its negative prompt, one row each, in main memory.

    `negative` is None where the guidance scale needs no second pass. `cut`: the prompt was longer than the model reads.
    """

    text: TextEmbeds
    negative: TextEmbeds | None
    cut: bool


class PromptEncoder(Protocol):
    """Returns the embeddings of prompts."""

    def encode(self, prompt: str, negative_prompt: str, guided: bool) -> PromptEmbeds:
        """Return the embeddings of a prompt, and of the negative one only when `guided`."""


class PromptCache:
    """Encodes prompts with one pipeline and caches the last 64."""

    def __init__(self, pipe: SD3Pipeline, tokens: int) -> None:
        """`tokens` is the number of tokens that the T5 encoder reads."""
        self._pipe = pipe
        self._tokens = tokens
        self._remembered: OrderedDict[tuple[str, str | None], PromptEmbeds] = OrderedDict()

    @torch.no_grad()
    def encode(self, prompt: str, negative_prompt: str, guided: bool) -> PromptEmbeds:
        """Return the embeddings of a prompt, and of the negative one only when `guided` (guidance scale above 1)."""
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
            device=execution_device(self._pipe),
            max_sequence_length=self._tokens,
        )
        embeds = PromptEmbeds(
            TextEmbeds(words, pooled).to("cpu"),
            TextEmbeds(negative_words, negative_pooled).to("cpu") if guided else None,
            cut=len(self._pipe.tokenizer_3(prompt).input_ids) > self._tokens,
        )
        self._remembered[key] = embeds
        if len(self._remembered) > _REMEMBERED:
            self._remembered.popitem(last=False)
        return embeds

    def forget(self) -> None:
        """Empty the cache."""
        self._remembered.clear()
