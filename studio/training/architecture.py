"""The built-in model: the classes of Stable Diffusion 3.5, each made small enough for two CPU cores.

The very pipeline, adapters and settings that drive SD3.5-Large drive it too; only the numbers below differ.
Sizes are chosen for five variations at 384x288 px within seconds on a laptop: a VAE that shrinks twice and a
transformer that reads patches of eight latents, so that one token stands for 16x16 px. A VAE that shrinks less leaves
more to the patches, which tell the places within them apart; what it enlarges by doubling pixels, its convolutions
must tell apart by their neighbours alone.
"""

from __future__ import annotations

import json
import math
import random
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, FlowMatchEulerDiscreteScheduler, SD3Transformer2DModel
    from transformers import CLIPTextModelWithProjection, CLIPTokenizer, T5EncoderModel, T5Tokenizer

LATENT_CHANNELS = 4
"""Never 3: the pipeline would take an RGB picture for latents. A patch of 8x8 latents must hold far fewer
numbers than the transformer is wide: what it cannot carry of the noise stays in the picture (see the model card)."""
VAE_WIDTHS = (32, 48)
VAE_LAYERS = 7
"""Residual blocks of each size in the encoder; the decoder has one more."""
VAE_FACTOR = 2
PATCH_LATENTS = 8
MULTIPLE_PX = VAE_FACTOR * PATCH_LATENTS
"""Width and height of a picture must be multiples of this."""
LARGEST_SIDE_PX = 1024
TEXT_TOKENS = 32
"""Tokens of a prompt in each tower: `tokenizer.model_max_length`, and `max_sequence_length` for the T5 tower."""
CLIP_WIDTH = 96
TEXT_WIDTH = 2 * CLIP_WIDTH
"""T5's width: the pipeline pads the joined CLIP states to it, so it is at least their sum."""

START_TOKEN, END_TOKEN = "<|startoftext|>", "<|endoftext|>"
CLIP_VOCABULARY = 1536
T5_VOCABULARY = 1536


@dataclass(frozen=True)
class TransformerSize:
    """How large the transformer is: `heads` x `head_dim` wide, `layers` joint blocks deep."""

    layers: int = 4
    heads: int = 6
    head_dim: int = 64


TRANSFORMER = TransformerSize()


def build_autoencoder(
    widths: tuple[int, ...] = VAE_WIDTHS, latent_channels: int = LATENT_CHANNELS, layers: int = VAE_LAYERS
) -> AutoencoderKL:
    """Return an untrained VAE. Shift and scale are those of unit latents until the training measures them.

    Its norms have one group: with several, each takes the mean colour of a picture out of its channels.
    """
    from diffusers import AutoencoderKL

    blocks = len(widths)
    return AutoencoderKL(
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


def build_transformer(
    size: TransformerSize = TRANSFORMER, latent_channels: int = LATENT_CHANNELS
) -> SD3Transformer2DModel:
    """Return an untrained transformer over patches of 8x8 latents.

    Its first layer keeps a patch whole and its last one gives it back, so that it begins by saying what it sees.
    Most of what it has to say is the noise that it was shown.
    """
    import torch
    from diffusers import SD3Transformer2DModel

    width = size.heads * size.head_dim
    transformer = SD3Transformer2DModel(
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
        first, last = transformer.pos_embed.proj, transformer.proj_out
        torch.nn.init.orthogonal_(first.weight.view(width, -1))
        first.bias.zero_()
        last.weight.copy_(first.weight.permute(2, 3, 1, 0).reshape(last.weight.shape))  # places before channels
        last.bias.zero_()
    return transformer


def build_clip_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModelWithProjection:
    """Return an untrained CLIP text tower with projection, for this tokenizer's vocabulary."""
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
    """Return an untrained T5 encoder for this tokenizer's vocabulary."""
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
    """Return the scheduler. Its shift is set run by run (see `studio.generation.noise_shift`); left alone it is 1."""
    from diffusers import FlowMatchEulerDiscreteScheduler

    return FlowMatchEulerDiscreteScheduler(
        num_train_timesteps=1000, use_dynamic_shifting=True, base_shift=0.0, max_shift=0.0
    )


def train_clip_tokenizer(captions: Iterable[str], vocabulary: int = CLIP_VOCABULARY) -> CLIPTokenizer:
    """Return a byte-level BPE tokenizer that knows every byte and the words of these captions."""
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
    # The suffixed bytes must be known too, or a letter at the end of an unknown word would be lost.
    letters = sorted(ByteLevel.alphabet())
    empty.backend_tokenizer.train_from_iterator([*captions, *letters], trainer)
    model = _tokenizer_state(empty.backend_tokenizer)
    vocab: dict[str, int] = model["vocab"]
    for letter in letters:
        for piece in (letter, f"{letter}</w>"):
            vocab.setdefault(piece, len(vocab))
    # Last of all, as in the original: an older reader finds the end of a text as its largest id.
    ordered = [piece for piece in sorted(vocab, key=vocab.__getitem__) if piece not in (START_TOKEN, END_TOKEN)]
    numbered = {piece: number for number, piece in enumerate([*ordered, START_TOKEN, END_TOKEN])}
    merges = [tuple(pair) for pair in model["merges"]]
    return CLIPTokenizer(vocab=numbered, merges=merges, model_max_length=TEXT_TOKENS)


def train_t5_tokenizer(captions: Iterable[str], vocabulary: int = T5_VOCABULARY) -> T5Tokenizer:
    """Return a Unigram tokenizer that knows the commonest words of these captions whole, all others by letter.

    The scores are log-probabilities. Trained pieces would be parts of words: with a few hundred words in all, a
    word is the better piece.
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


def write_corpus(captions: Iterable[str]) -> list[str]:
    """Return captions for the tokenizers: those given, and the words that designers use besides."""
    rng = random.Random(0)
    words = DESIGNER_WORDS.split()
    return [*captions, *(" ".join(rng.sample(words, 12)) for _ in range(2000))]


def _tokenizer_state(backend: object) -> dict:
    return json.loads(backend.to_str())["model"]  # type: ignore[attr-defined]


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
