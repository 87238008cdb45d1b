"""The built-in model at a tiny size, and its trainings."""

from __future__ import annotations

import pytest
import torch

from studio.training import architecture, autoencoder, flow
from studio.training.autoencoder import AutoencoderRecipe, AutoencoderTraining, CropRecipe
from studio.training.checkpoint import BuiltinParts
from studio.training.examples import PairShares
from studio.training.flow import FlowRecipe, FlowTraining
from studio.training.latents import Bucket, LatentStream

CPU = torch.device("cpu")


CAPTIONS = ["kilim carpet, red and ivory diamonds, three borders", "blue medallion rug"]


TINY_VAE = AutoencoderRecipe(batch=2, side_px=48, warm_up_steps=2, crops_each=4, designs=4)


TINY_FLOW = FlowRecipe(batch=2, warm_up_steps=2)


@pytest.fixture(scope="module", autouse=True)
def two_threads():
    """The last digits of a training depend on the number of threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def few_held_out_designs(monkeypatch: pytest.MonkeyPatch):
    """Use fewer held-out designs to keep validations short."""
    monkeypatch.setattr(autoencoder, "VALIDATION_DESIGNS", range(2))
    monkeypatch.setattr(flow, "VALIDATION_DESIGNS", range(100, 102))
    for module in (autoencoder, flow):
        monkeypatch.setattr(module, "SAMPLE_DESIGNS", range(200, 202))
    monkeypatch.setattr(autoencoder, "LATENT_STATISTICS_DESIGNS", range(24, 28))


@pytest.fixture(scope="module")
def tokenizers():
    corpus = architecture.build_corpus(CAPTIONS)
    return architecture.train_clip_tokenizer(corpus), architecture.train_t5_tokenizer(corpus)


def build_tiny(tokenizers, seed: int = 0) -> BuiltinParts:
    """Return the real text encoders and VAE, and a transformer of two narrow layers."""
    tokenizer, tokenizer_3 = tokenizers
    torch.manual_seed(seed)
    return BuiltinParts(
        vae=architecture.build_autoencoder(),
        transformer=architecture.build_transformer(architecture.TransformerSize(layers=2, heads=2, head_dim=16)),
        text_encoder=architecture.build_clip_encoder(tokenizer),
        text_encoder_2=architecture.build_clip_encoder(tokenizer),
        text_encoder_3=architecture.build_t5_encoder(tokenizer_3),
        tokenizer=tokenizer,
        tokenizer_3=tokenizer_3,
    )


def build_flow(tokenizers, recoloured_share: float = 0.0) -> FlowTraining:
    parts = build_tiny(tokenizers)
    buckets = (Bucket(128, 128, 2, 0.5), Bucket(128, 144, 2, 0.5))
    return FlowTraining(
        parts, CPU, TINY_FLOW, LatentStream(parts.vae, CPU, buckets, PairShares(recoloured_share), uses=2, window=16)
    )


def build_recolouring(tokenizers) -> FlowTraining:
    return build_flow(tokenizers, recoloured_share=0.5)


def build_vae(tokenizers) -> AutoencoderTraining:
    return AutoencoderTraining(build_tiny(tokenizers).vae, CPU, TINY_VAE)


def draw_batch(number: int, recipe: CropRecipe) -> torch.Tensor:
    """Return the crops of one batch of a training with this recipe."""
    return recipe.open_crops().draw(number)


def read_weights(training) -> dict[str, torch.Tensor]:
    modules = training.average.modules.items()
    return {f"{name}.{key}": value.clone() for name, module in modules for key, value in module.state_dict().items()}
