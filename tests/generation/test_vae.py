"""The receptive field of a VAE: a repeat is padded by as much of its neighbours."""

from __future__ import annotations

import pytest
import torch
from diffusers import AutoencoderKL
from torch import nn

from studio.generation.vae import receptive_field_cells

CELL = 60


def build_vae(widths: tuple[int, ...], layers: int) -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=widths,
        down_block_types=("DownEncoderBlock2D",) * len(widths),
        up_block_types=("UpDecoderBlock2D",) * len(widths),
        layers_per_block=layers,
        norm_num_groups=1,
        mid_block_add_attention=False,
    )


def drop_norms(module: nn.Module) -> None:
    """Remove the group norms, which depend on the whole picture: only the convolutions' reach is measured."""
    for name, child in module.named_children():
        if isinstance(child, nn.GroupNorm):
            setattr(module, name, nn.Identity())
        drop_norms(child)


@torch.no_grad()
def measure_reach(vae: AutoencoderKL) -> float:
    """Return how many cells away from a changed latent the picture changes."""
    still = torch.zeros(1, 4, 3, 2 * CELL, dtype=torch.double)
    moved = still.clone()
    moved[..., CELL] = 1e3
    change = (vae.decode(still).sample - vae.decode(moved).sample).abs().amax(dim=(0, 1, 2))
    columns = torch.nonzero(change).ravel()
    cell_px = 2 ** (len(vae.config.block_out_channels) - 1)
    return max(CELL - columns.min().item() / cell_px, (columns.max().item() + 1) / cell_px - CELL - 1)


@pytest.mark.parametrize(("widths", "layers"), [((4, 8), 1), ((4, 8), 3), ((4, 4, 8, 8), 2)])
def test_the_reach_of_a_decoder_is_that_of_its_convolutions(widths, layers):
    torch.manual_seed(0)
    vae = build_vae(widths, layers).double()
    drop_norms(vae)
    measured = measure_reach(vae)
    assert measured <= receptive_field_cells(vae) <= measured + 1
