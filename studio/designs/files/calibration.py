"""Colour profiles of files that state a gamma and primaries as numbers (PNG gAMA and cHRM, BMP V4)."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

SRGB_PRIMARIES = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
"""x and y of white, red, green and blue, in the order of PNG's cHRM."""
_D50 = np.array([0.96422, 1.0, 0.82521])
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def write_gamma_profile(
    exponents: Sequence[float], primaries: Sequence[float] = SRGB_PRIMARIES, *, grey: bool = False
) -> bytes:
    """Return an ICC profile (ICC.1:2010) whose light is the value raised to an exponent, one for each channel.

    `primaries` are x and y of white, red, green and blue. Grey uses the first exponent only. Raises `ValueError` or
    numpy's `LinAlgError` for primaries of no colour space.
    """
    name = f"gamma {1 / exponents[0]:.3g}"
    tags = {b"desc": _write_text(name), b"wtpt": _write_xyz(_D50)}
    curves = [b"para" + struct.pack(">IHHi", 0, 0, 0, round(exponent * 65536)) for exponent in exponents]
    if grey:
        tags[b"kTRC"] = curves[0]
    else:
        columns = _adapt(primaries).T
        for letter, column, curve in zip((b"r", b"g", b"b"), columns, curves, strict=True):
            tags[letter + b"XYZ"], tags[letter + b"TRC"] = _write_xyz(column), curve
    start = 128 + 4 + 12 * len(tags)
    table, bodies = struct.pack(">I", len(tags)), b""
    for tag, body in tags.items():
        table += tag + struct.pack(">II", start + len(bodies), len(body))
        bodies += body + bytes(-len(body) % 4)
    space = b"GRAY" if grey else b"RGB "
    header = struct.pack(">I4xI4s4s4s12x4s", start + len(bodies), 0x04200000, b"mntr", space, b"XYZ ", b"acsp")
    header += bytes(68 - len(header)) + _write_xyz(_D50)[8:]
    return header + bytes(128 - len(header)) + table + bodies


def near_srgb(primaries: Sequence[float]) -> bool:
    """Return whether primaries are sRGB's, as precisely as files write them."""
    return bool(np.abs(np.subtract(primaries, SRGB_PRIMARIES)).max() < 0.002)


def _adapt(primaries: Sequence[float]) -> NDArray[np.float64]:
    """Return the matrix from linear red, green and blue to XYZ of a white of D50 (Bradford)."""
    x, y = np.reshape(np.asarray(primaries, dtype=float), (4, 2)).T
    if not (np.isfinite(x).all() and np.isfinite(y).all() and (y > 0).all()):
        raise ValueError(f"primaries {primaries}; give x and y above 0")
    xyz = np.stack([x / y, np.ones(4), (1 - x - y) / y])
    white, colours = xyz[:, 0], xyz[:, 1:]
    colours = colours * np.linalg.solve(colours, white)
    gains = (_BRADFORD @ _D50) / (_BRADFORD @ white)
    adapted: NDArray[np.float64] = np.linalg.inv(_BRADFORD) @ np.diag(gains) @ _BRADFORD @ colours
    return adapted


def _write_xyz(xyz: NDArray[np.float64]) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(float(value) * 65536) for value in xyz))


def _write_text(text: str) -> bytes:
    encoded = text.encode("utf-16-be")
    return b"mluc" + struct.pack(">IIIHHII", 0, 1, 12, 0x656E, 0x5553, len(encoded), 28) + encoded
