"""A VAE that begins as the best linear code of carpets, instead of as noise.

The principal components of patches of 2x2 px keep more of a design than an hour of training on two processor cores
found from noise. So the weights are laid out to compute just that: residual blocks begin at rest, and norms and
activations are led past. From there the training has only to find what a linear code cannot do.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional as F

if TYPE_CHECKING:
    from diffusers import AutoencoderKL

CELL_PX = 2
"""A latent cell's side: the layout below is for a VAE that shrinks once."""
ANCHOR = 3.0
"""Size of the constant channels that keep a norm from taking out how strong a picture's contrasts are."""
SOFTENED = 0.3
"""Part of their usual size at which the weights begin that the linear code leaves free."""
WHITENING = 0.75
"""From 0 to 1: how far the latents' deviations are made equal. In full, rare detail would be as loud as the ground."""
LOG_VARIANCE = -5.0
RIDGE = 1e-5
COLOURS = 3


@torch.no_grad()
def begin_linear(vae: AutoencoderKL, pictures: Tensor) -> None:
    """Lay out the weights of an untrained VAE so that it codes pictures (b, 3, h, w), -1..1, linearly.

    An activation is led past by pairs: SiLU(x) - SiLU(-x) = x. A norm over all channels divides by one number a
    picture, nearly the same for all thanks to constant channels. The encoder takes the principal components of the
    pixels of each cell; the decoder's one kernel after the enlargement, which is the same for all four pixels of a
    cell, is solved for by least squares.

    Raises `ValueError` for a VAE with other than two blocks, more than one group in its norms, or too few channels.
    """
    encoder, decoder = vae.encoder, vae.decoder
    numbers = COLOURS * CELL_PX**2
    thin, wide = vae.config.block_out_channels[0], vae.config.block_out_channels[-1]
    if len(vae.config.block_out_channels) != 2 or vae.config.norm_num_groups != 1:
        raise ValueError("a linear start needs a VAE of two blocks whose norms have one group")
    if thin < numbers or wide < 2 * numbers + 2:
        raise ValueError(f"a linear start needs widths of {numbers} and {2 * numbers + 2} or more")
    _rest(encoder, encoder.down_blocks)
    _rest(decoder, decoder.up_blocks)
    # 1. The principal components of the cells; (numbers) in the order of `pixel_unshuffle`.
    cells = F.pixel_unshuffle(pictures, CELL_PX).permute(0, 2, 3, 1).reshape(-1, numbers)
    mean = cells.mean(dim=0)
    variances, components = torch.linalg.eigh(torch.cov((cells - mean).T))
    kept = vae.config.latent_channels
    gain = variances.flip(0)[:kept].clamp(min=1e-6) ** (-WHITENING / 2)
    components = components.flip(1)[:, :kept]
    # 2. The encoder: colours as they are, the pixels of a cell side by side, each beside its negative, components.
    _soften(encoder.conv_in)
    _pass_on(encoder.conv_in, range(COLOURS), range(COLOURS), place=(1, 1))
    shrinking = encoder.down_blocks[0].downsamplers[0].conv
    _soften(shrinking)
    for number in range(numbers):
        colour, row, column = number // CELL_PX**2, number // CELL_PX % CELL_PX, number % CELL_PX
        _pass_on(shrinking, [number], [colour], place=(row, column))
    _pair(encoder.down_blocks[1].resnets[0].conv_shortcut, numbers)
    scale = _measure_norm(encoder, encoder.conv_norm_out, pictures)
    rows = (components * gain).T * scale
    nn.init.zeros_(encoder.conv_out.weight)
    encoder.conv_out.weight[:kept, :numbers, 1, 1] = rows
    encoder.conv_out.weight[:kept, numbers : 2 * numbers, 1, 1] = -rows
    encoder.conv_out.bias[:kept] = -(components * gain).T @ mean
    encoder.conv_out.bias[kept:] = LOG_VARIANCE
    # 3. The decoder: the pixels of a cell side by side again, enlarged, one kernel, each colour beside its negative.
    _soften(decoder.conv_in)
    decoder.conv_in.weight[:numbers] = 0
    decoder.conv_in.weight[:numbers, :, 1, 1] = components / gain
    decoder.conv_in.bias[:numbers] = mean
    latents = vae.encode(pictures).latent_dist.mean
    rebuilt = F.conv2d(latents, decoder.conv_in.weight[:numbers], decoder.conv_in.bias[:numbers], padding=1)
    enlarging = decoder.up_blocks[0].upsamplers[0].conv
    _soften(enlarging)
    kernel, bias = _solve_kernel(F.interpolate(rebuilt, scale_factor=CELL_PX, mode="nearest"), pictures)
    enlarging.weight[:COLOURS] = 0
    enlarging.weight[:COLOURS, :numbers] = kernel
    enlarging.bias[:COLOURS] = bias
    _pair(decoder.up_blocks[1].resnets[0].conv_shortcut, COLOURS)
    scale = _measure_norm(decoder, decoder.conv_norm_out, latents)
    _soften(decoder.conv_out)
    decoder.conv_out.bias.zero_()
    for colour in range(COLOURS):
        decoder.conv_out.weight[colour, : 2 * COLOURS + 2] = 0  # the constants must tint nothing
        decoder.conv_out.weight[colour, colour, 1, 1] = scale
        decoder.conv_out.weight[colour, COLOURS + colour, 1, 1] = -scale


def _rest(half: nn.Module, blocks: Iterable[nn.Module]) -> None:
    """Let the residual blocks of one half of the VAE add nothing."""
    for block in (half.mid_block, *blocks):
        for residual in block.resnets:
            residual.conv2.weight.zero_()
            residual.conv2.bias.zero_()


def _soften(layer: nn.Conv2d) -> None:
    layer.weight.mul_(SOFTENED)
    layer.bias.mul_(SOFTENED)


def _pass_on(
    layer: nn.Conv2d, outputs: Iterable[int], inputs: Iterable[int], place: tuple[int, int], sign: float = 1.0
) -> None:
    """Let outputs be inputs as they are, seen at one place of the kernel."""
    for wanted, given in zip(outputs, inputs, strict=True):
        layer.weight[wanted] = 0
        layer.weight[wanted, given, place[0], place[1]] = sign
        layer.bias[wanted] = 0


def _pair(shortcut: nn.Conv2d, count: int) -> None:
    """Let a 1x1 layer give the first `count` channels, their negatives, and two constants."""
    _soften(shortcut)
    _pass_on(shortcut, range(count), range(count), place=(0, 0))
    _pass_on(shortcut, range(count, 2 * count), range(count), place=(0, 0), sign=-1.0)
    shortcut.weight[2 * count : 2 * count + 2] = 0
    shortcut.bias[2 * count], shortcut.bias[2 * count + 1] = ANCHOR, -ANCHOR


def _measure_norm(half: nn.Module, norm: nn.GroupNorm, given: Tensor) -> float:
    """Return what a norm of one half of the VAE divides by, on average."""
    seen: list[Tensor] = []
    watch = norm.register_forward_pre_hook(lambda module, arguments: seen.append(arguments[0]))
    half(given)
    watch.remove()
    return float(seen[0].std(dim=(1, 2, 3)).mean())


def _solve_kernel(given: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Return the 3x3 kernel (o, i, 3, 3) and bias (o) that lead from given to wanted pictures (b, c, h, w)."""
    channels, outputs = given.shape[1], wanted.shape[1]
    seen = F.unfold(given, 3, padding=1).permute(0, 2, 1).reshape(-1, 9 * channels)
    seen = torch.cat([seen, torch.ones(len(seen), 1)], dim=1).double()
    right = wanted.permute(0, 2, 3, 1).reshape(-1, outputs).double()
    ridge = RIDGE * len(seen) * torch.eye(seen.shape[1], dtype=torch.double)
    solved = torch.linalg.solve(seen.T @ seen + ridge, seen.T @ right).float()
    return solved[:-1].T.reshape(outputs, channels, 3, 3), solved[-1]
