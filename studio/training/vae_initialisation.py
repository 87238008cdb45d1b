"""Initialise a VAE as the best linear code of carpets, instead of at random.

The principal components of cells of 2x2 px keep more of a design than an hour of training from random weights on two
processor cores does. So the weights are set to compute them: residual blocks start as identity, and norms and
activations are bypassed. The training only has to learn what a linear code cannot do.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

if TYPE_CHECKING:
    from diffusers.models import AutoencoderKL

CELL_PX = 2
"""Side of a latent's cell; the weights are set for a VAE that downsamples once."""
ANCHOR = 3.0
"""Value of the constant channels, which keep a norm from removing the contrast of a picture."""
INITIAL_SCALE = 0.3
"""Factor on the random initial values of the weights that the linear code does not use."""
WHITENING = 0.75
"""How far the variances of the latents are equalised, 0 to 1. At 1, rare detail would be as large as the ground."""
LOG_VARIANCE = -5.0
RIDGE = 1e-5
COLOURS = 3


class Convolution(NamedTuple):
    """The parameters of a convolution: weight (out, in, rows, columns) and bias (out)."""

    weight: Tensor
    bias: Tensor


class LinearCode(NamedTuple):
    """A whitened PCA of cells: mean (values), components (values, latent channels) and their gain (latent channels).

    The values of a cell are in the order of `pixel_unshuffle`.
    """

    mean: Tensor
    components: Tensor
    gain: Tensor


@torch.no_grad()
def initialise_linear(vae: AutoencoderKL, pictures: Tensor) -> None:
    """Set the weights of an untrained VAE so that it is the best linear code of pictures (b, 3, h, w), -1..1.

    Activations are bypassed by pairs of channels: SiLU(x) - SiLU(-x) = x. A norm of one group divides a picture by one
    number, which constant channels make nearly the same for all pictures. The encoder computes the principal components
    of the pixels of a cell. The decoder upsamples by doubling pixels, so that one kernel serves all four pixels of a
    cell; it is fitted by least squares.

    Raises `ValueError` if the VAE has other than two blocks, norms of several groups, or too few channels.
    """
    values = COLOURS * CELL_PX**2
    widths = vae.config["block_out_channels"]
    if len(widths) != 2 or vae.config["norm_num_groups"] != 1:
        raise ValueError("a linear start needs a VAE of two blocks whose norms have one group")
    if widths[0] < values or widths[1] < 2 * values + 2:
        raise ValueError(f"a linear start needs widths of {values} and {2 * values + 2} or more")
    code = _find_components(pictures, vae.config["latent_channels"])
    _initialise_encoder(vae.encoder, code, pictures)
    _initialise_decoder(vae.decoder, code, vae.encode(pictures).latent_dist.mean, pictures)


def _find_components(pictures: Tensor, count: int) -> LinearCode:
    """Return the first principal components of the cells of pictures (b, 3, h, w)."""
    cells = F.pixel_unshuffle(pictures, CELL_PX).permute(0, 2, 3, 1).reshape(-1, COLOURS * CELL_PX**2)
    mean = cells.mean(dim=0)
    variances, components = torch.linalg.eigh(torch.cov((cells - mean).T))
    gain = variances.flip(0)[:count].clamp(min=1e-6) ** (-WHITENING / 2)
    return LinearCode(mean, components.flip(1)[:, :count], gain)


def _initialise_encoder(encoder: nn.Module, code: LinearCode, pictures: Tensor) -> None:
    """Copy the colours, gather the pixels of a cell, pair each with its negative, and project."""
    values, channels = code.components.shape
    _zero_residuals(encoder)
    first = _find_convolution(encoder, "conv_in")
    _scale_down(first)
    _copy_channels(first, range(COLOURS), range(COLOURS), position=(1, 1))
    downsampling = _find_convolution(encoder, "down_blocks.0.downsamplers.0.conv")
    _scale_down(downsampling)
    for value in range(values):
        colour, row, column = value // CELL_PX**2, value // CELL_PX % CELL_PX, value % CELL_PX
        _copy_channels(downsampling, [value], [colour], position=(row, column))
    _pair_channels(_find_convolution(encoder, "down_blocks.1.resnets.0.conv_shortcut"), values)
    scale = _measure_norm(encoder, pictures)
    rows = (code.components * code.gain).T * scale
    last = _find_convolution(encoder, "conv_out")
    last.weight.zero_()
    last.weight[:channels, :values, 1, 1] = rows
    last.weight[:channels, values : 2 * values, 1, 1] = -rows
    last.bias[:channels] = -(code.components * code.gain).T @ code.mean
    last.bias[channels:] = LOG_VARIANCE


def _initialise_decoder(decoder: nn.Module, code: LinearCode, latents: Tensor, pictures: Tensor) -> None:
    """Recover the pixels of a cell from latents (b, c, h, w), upsample, apply the kernel, pair the colours."""
    values = len(code.mean)
    _zero_residuals(decoder)
    first = _find_convolution(decoder, "conv_in")
    _scale_down(first)
    first.weight[:values] = 0
    first.weight[:values, :, 1, 1] = code.components / code.gain
    first.bias[:values] = code.mean
    recovered = F.conv2d(latents, first.weight[:values], first.bias[:values], padding=1)
    upsampling = _find_convolution(decoder, "up_blocks.0.upsamplers.0.conv")
    _scale_down(upsampling)
    kernel, bias = _fit_kernel(F.interpolate(recovered, scale_factor=CELL_PX, mode="nearest"), pictures)
    upsampling.weight[:COLOURS] = 0
    upsampling.weight[:COLOURS, :values] = kernel
    upsampling.bias[:COLOURS] = bias
    _pair_channels(_find_convolution(decoder, "up_blocks.1.resnets.0.conv_shortcut"), COLOURS)
    scale = _measure_norm(decoder, latents)
    last = _find_convolution(decoder, "conv_out")
    _scale_down(last)
    last.bias.zero_()
    for colour in range(COLOURS):
        last.weight[colour, : 2 * COLOURS + 2] = 0  # includes the constant channels, which would tint the picture
        last.weight[colour, colour, 1, 1] = scale
        last.weight[colour, COLOURS + colour, 1, 1] = -scale


def _find_convolution(half: nn.Module, path: str) -> Convolution:
    return Convolution(half.get_parameter(f"{path}.weight"), half.get_parameter(f"{path}.bias"))


def _zero_residuals(half: nn.Module) -> None:
    """Make the residual blocks of an encoder or decoder add nothing."""
    for name, parameter in half.named_parameters():
        if ".conv2." in name:
            parameter.zero_()


def _scale_down(layer: Convolution) -> None:
    layer.weight.mul_(INITIAL_SCALE)
    layer.bias.mul_(INITIAL_SCALE)


def _copy_channels(
    layer: Convolution, outputs: Iterable[int], inputs: Iterable[int], position: tuple[int, int], sign: float = 1.0
) -> None:
    """Make each output channel `sign` times an input channel, read at one position of the kernel."""
    for output, given in zip(outputs, inputs, strict=True):
        layer.weight[output] = 0
        layer.weight[output, given, position[0], position[1]] = sign
        layer.bias[output] = 0


def _pair_channels(shortcut: Convolution, count: int) -> None:
    """Make a 1x1 convolution return the first `count` channels, their negatives and two constants."""
    _scale_down(shortcut)
    _copy_channels(shortcut, range(count), range(count), position=(0, 0))
    _copy_channels(shortcut, range(count, 2 * count), range(count), position=(0, 0), sign=-1.0)
    shortcut.weight[2 * count : 2 * count + 2] = 0
    shortcut.bias[2 * count], shortcut.bias[2 * count + 1] = ANCHOR, -ANCHOR


def _measure_norm(half: nn.Module, inputs: Tensor) -> float:
    """Return the standard deviation that the last norm divides by for inputs (b, c, h, w), averaged over the batch."""
    seen: list[Tensor] = []
    hook = half.get_submodule("conv_norm_out").register_forward_pre_hook(
        lambda module, arguments: seen.append(arguments[0])
    )
    half(inputs)
    hook.remove()
    return float(seen[0].std(dim=(1, 2, 3)).mean())


def _fit_kernel(inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return the kernel (o, i, 3, 3) and bias (o) that best map inputs (b, i, h, w) to targets (b, o, h, w).

    Ridge regression over 3x3 neighbourhoods.
    """
    channels, outputs = inputs.shape[1], targets.shape[1]
    features = F.unfold(inputs, 3, padding=1).permute(0, 2, 1).reshape(-1, 9 * channels)
    features = torch.cat([features, torch.ones(len(features), 1)], dim=1).double()
    wanted = targets.permute(0, 2, 3, 1).reshape(-1, outputs).double()
    ridge = RIDGE * len(features) * torch.eye(features.shape[1], dtype=torch.double)
    solved = torch.linalg.solve(features.T @ features + ridge, features.T @ wanted).float()
    return solved[:-1].T.reshape(outputs, channels, 3, 3), solved[-1]
