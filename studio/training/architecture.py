"""The architecture of the built-in model: the classes of Stable Diffusion 3.5, small enough for two CPU cores.

The pipeline, adapters and settings of SD3.5-Large work with it too; only the numbers below differ. They are chosen for
five variations at 384x288 px within seconds on a laptop: the VAE downsamples by 2 and the transformer reads patches of
8x8 latents, so that one token covers 16x16 px. Patches are better at detail than a VAE that downsamples more: a patch
has separate weights for each position in it, while a VAE upsamples by doubling pixels, and its convolutions can
distinguish the copies only by their neighbours.
"""

from __future__ import annotations

import json
import math
import random
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from diffusers.models import AutoencoderKL, SD3Transformer2DModel
    from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler
    from tokenizers import Tokenizer
    from transformers import CLIPTextModelWithProjection, CLIPTokenizer, T5EncoderModel, T5Tokenizer

LATENT_CHANNELS = 4
"""Must not be 3: the pipeline takes an image of as many channels for latents. A patch of 8x8 latents must have far
fewer values than the transformer's width, or noise stays in the picture (see the model card)."""
VAE_WIDTHS = (32, 48)
VAE_LAYERS = 7
"""Residual blocks per resolution in the encoder; the decoder has one more."""
VAE_FACTOR = 2
PATCH_LATENTS = 8
MULTIPLE_PX = VAE_FACTOR * PATCH_LATENTS
"""Width and height of a picture are multiples of this."""
LARGEST_SIDE_PX = 1024
TEXT_TOKENS = 32
"""Prompt length of each text encoder: `tokenizer.model_max_length`, and `max_sequence_length` for T5."""
CLIP_WIDTH = 96
TEXT_WIDTH = 2 * CLIP_WIDTH
"""Width of T5. The pipeline pads the concatenated CLIP states to it, so it is at least their width."""

START_TOKEN, END_TOKEN = "<|startoftext|>", "<|endoftext|>"
CLIP_VOCABULARY = 1536
T5_VOCABULARY = 1536


@dataclass(frozen=True)
class TransformerSize:
    """The size of the transformer: width `heads` x `head_dim`, `layers` joint attention blocks."""

    layers: int = 4
    heads: int = 6
    head_dim: int = 64


TRANSFORMER = TransformerSize()


def build_autoencoder(
    widths: tuple[int, ...] = VAE_WIDTHS, latent_channels: int = LATENT_CHANNELS, layers: int = VAE_LAYERS
) -> AutoencoderKL:
    """Return an untrained VAE. Shift 0 and scale 1 hold until the training measures its latents.

    Group norms have one group: several groups would each remove the mean colour of a picture from their channels.
    """
    from diffusers.models import AutoencoderKL

    blocks = len(widths)
    vae: AutoencoderKL = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * blocks,
        up_block_types=("UpDecoderBlock2D",) * blocks,
        block_out_channels=widths,
        layers_per_block=layers,
        latent_channels=latent_channels,
        norm_num_groups=1,
        sample_size=256,
        scaling_factor=1.0,
        shift_factor=0.0,
        use_quant_conv=False,
        use_post_quant_conv=False,
        mid_block_add_attention=False,
    )
    return vae


def build_transformer(
    size: TransformerSize = TRANSFORMER, latent_channels: int = LATENT_CHANNELS
) -> SD3Transformer2DModel:
    """Return an untrained transformer over patches of 8x8 latents.

    The patch embedding starts as an orthogonal matrix and the output projection as its transpose, so that the model
    starts by predicting its own input. That is close: most of the velocity is the noise in the input.
    """
    import torch
    from diffusers.models import SD3Transformer2DModel

    width = size.heads * size.head_dim
    transformer: SD3Transformer2DModel = SD3Transformer2DModel(
        sample_size=LARGEST_SIDE_PX // VAE_FACTOR,
        patch_size=PATCH_LATENTS,
        in_channels=latent_channels,
        out_channels=latent_channels,
        num_layers=size.layers,
        num_attention_heads=size.heads,
        attention_head_dim=size.head_dim,
        caption_projection_dim=width,
        joint_attention_dim=TEXT_WIDTH,
        pooled_projection_dim=2 * CLIP_WIDTH,
        pos_embed_max_size=LARGEST_SIDE_PX // MULTIPLE_PX,
        qk_norm="rms_norm",
    )
    with torch.no_grad():
        embedding = transformer.get_parameter("pos_embed.proj.weight")  # (width, channels, rows, columns)
        projection = transformer.get_parameter("proj_out.weight")  # (rows * columns * channels, width)
        torch.nn.init.orthogonal_(embedding.view(width, -1))
        projection.copy_(embedding.permute(2, 3, 1, 0).reshape(projection.shape))
        transformer.get_parameter("pos_embed.proj.bias").zero_()
        transformer.get_parameter("proj_out.bias").zero_()
    return transformer


def build_clip_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModelWithProjection:
    """Return an untrained CLIP text encoder with projection for the vocabulary of this tokenizer."""
    from transformers import CLIPTextConfig, CLIPTextModelWithProjection

    return CLIPTextModelWithProjection(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=CLIP_WIDTH,
            intermediate_size=4 * CLIP_WIDTH,
            projection_dim=CLIP_WIDTH,
            num_hidden_layers=3,
            num_attention_heads=3,
            max_position_embeddings=TEXT_TOKENS,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def build_t5_encoder(tokenizer: T5Tokenizer) -> T5EncoderModel:
    """Return an untrained T5 encoder for the vocabulary of this tokenizer."""
    from transformers import T5Config, T5EncoderModel

    return T5EncoderModel(
        T5Config(
            vocab_size=len(tokenizer),
            d_model=TEXT_WIDTH,
            d_kv=32,
            d_ff=2 * TEXT_WIDTH,
            num_layers=3,
            num_heads=6,
            dropout_rate=0.0,
            feed_forward_proj="gated-gelu",
            use_cache=False,
            is_encoder_decoder=False,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )
    )


def build_scheduler() -> FlowMatchEulerDiscreteScheduler:
    """Return the scheduler. Its default shift is 1; each run sets its own (see `studio.generation.noise_shift`)."""
    from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler

    scheduler: FlowMatchEulerDiscreteScheduler = FlowMatchEulerDiscreteScheduler(
        num_train_timesteps=1000, use_dynamic_shifting=True, base_shift=0.0, max_shift=0.0
    )
    return scheduler


def train_clip_tokenizer(captions: Iterable[str], vocabulary: int = CLIP_VOCABULARY) -> CLIPTokenizer:
    """Return a byte-level BPE tokenizer trained on these captions, with all bytes in its vocabulary."""
    from tokenizers import trainers
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import CLIPTokenizer

    empty = CLIPTokenizer(vocab={END_TOKEN: 0, START_TOKEN: 1}, merges=[])
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[START_TOKEN, END_TOKEN],
        initial_alphabet=ByteLevel.alphabet(),
        end_of_word_suffix="</w>",
        show_progress=False,
    )
    letters = sorted(ByteLevel.alphabet())
    empty.backend_tokenizer.train_from_iterator([*captions, *letters], trainer)
    model = _read_model(empty.backend_tokenizer)
    vocab: dict[str, int] = model["vocab"]
    # Without suffixed bytes the last letter of an unknown word would be lost.
    for letter in letters:
        for piece in (letter, f"{letter}</w>"):
            vocab.setdefault(piece, len(vocab))
    # The end token has the largest id, as in the original CLIP: older code uses this to find the end of a text.
    ordered = [piece for piece in sorted(vocab, key=vocab.__getitem__) if piece not in (START_TOKEN, END_TOKEN)]
    numbered = {piece: number for number, piece in enumerate([*ordered, START_TOKEN, END_TOKEN])}
    merges = [tuple(pair) for pair in model["merges"]]
    return CLIPTokenizer(
        vocab=numbered,
        merges=merges,  # type: ignore[arg-type]  # transformers, pairs work
        model_max_length=TEXT_TOKENS,
    )


def train_t5_tokenizer(captions: Iterable[str], vocabulary: int = T5_VOCABULARY) -> T5Tokenizer:
    """Return a Unigram tokenizer of the most frequent words in these captions; other words are split into letters.

    Scores are log-probabilities. The vocabulary is set, not trained: training gives parts of words, but for a few
    hundred words whole ones are better.
    """
    from transformers import T5Tokenizer

    counts = Counter(word for caption in captions for word in re.findall(r"[a-z]+|[0-9]+", caption.lower()))
    signs = [chr(code) for code in range(33, 127)]
    words = [(word, count) for word, count in counts.most_common() if len(word) > 1][: vocabulary - len(signs) - 4]
    total = max(1, sum(count for _, count in words))
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -12.0)]
    pieces += [(f"▁{word}", math.log(count / total)) for word, count in words]
    pieces += [(sign, -15.0) for sign in signs]
    return T5Tokenizer(vocab=pieces, extra_ids=0, model_max_length=TEXT_TOKENS)


def build_corpus(captions: Iterable[str]) -> list[str]:
    """Return the training corpus of the tokenizers: the captions and random sequences of `DESIGNER_WORDS`."""
    rng = random.Random(0)
    words = DESIGNER_WORDS.split()
    return [*captions, *(" ".join(rng.sample(words, 12)) for _ in range(2000))]


def _read_model(tokenizer: Tokenizer) -> dict[str, Any]:
    model: dict[str, Any] = json.loads(tokenizer.to_str())["model"]
    return model


DESIGNER_WORDS = """
a an the with and of in on no one two three four five six seven eight nine ten many few carpet rug kilim runner design
pattern field ground border borders guard stripe stripes corner corners spandrel spandrels medallion medallions central
centre center lattice trellis palmette palmettes gul guls row rows boteh paisley leaf leaves vine vines floral flower
flowers rosette rosettes star stars diamond diamonds hexagon octagon cross crosses step steps stepped zigzag chevron
herringbone check checks square squares block blocks circle circles dot dots arch arches abstract modern contemporary
traditional classic oriental persian turkish caucasian moroccan berber scandinavian geometric tribal plain shaggy pile
wool silk symmetric symmetry half quarter mirrored repeat repeats tile small large fine bold thin wide narrow dense
sparse simple ornate light dark bright pale deep muted warm cool vivid faded soft red crimson ruby madder rust brick
terracotta orange coral salmon pink rose magenta purple plum aubergine violet lavender blue navy indigo sky turquoise
teal aqua petrol green emerald sage olive moss forest lime yellow gold golden mustard ochre saffron amber honey brown
chocolate walnut tan camel beige sand cream ivory white off grey gray silver charcoal black slate colours colors
colour color palette outline outlined filled hooked serrated curved straight vertical horizontal diagonal
"""
"""Words that designers use in prompts besides those of the generated captions."""
