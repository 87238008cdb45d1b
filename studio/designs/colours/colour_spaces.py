"""Colour spaces (sRGB, linear light, OKLab, CIELab), colour differences, and the colours of a picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from studio.designs.index_map import pack_colours, unpack_colours

Floats = NDArray[np.floating]
Colour = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""

SRGB_TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
"""Linear sRGB to XYZ under D65 (IEC 61966-2-1, seven digits)."""
CHROMA_SPREAD = np.array([1, 2, 2], dtype=np.float32)
WHITE_XYZ = SRGB_TO_XYZ.sum(axis=1)
"""The white point D65 by this matrix, so that every grey has a* = b* = 0."""

SRGB_TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
CONES_TO_OKLAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
"""Both from Björn Ottosson, A perceptual color space for image processing (2020)."""
CONES_FROM_OKLAB = np.linalg.inv(CONES_TO_OKLAB)
SRGB_FROM_CONES = np.linalg.inv(SRGB_TO_CONES)

LAB_KNEE = (6 / 29) ** 3
LAB_SLOPE = (29 / 6) ** 2 / 3


def convert_to_linear(srgb: ArrayLike) -> Floats:
    """Return linear light, 0 to 1, of sRGB values of any shape.

    uint8 is read as 0 to 255 and gives float32, precise enough for pictures; floats are read as 0 to 1 and give
    float64. Raises `ValueError` for other integers, since their range is unknown.
    """
    values = np.asarray(srgb)
    if values.dtype == np.uint8:
        decoded: NDArray[np.float32] = _decode_gamma(np.arange(256) / 255).astype(np.float32)[values]
        return decoded
    if not np.issubdtype(values.dtype, np.floating):
        raise ValueError(f"sRGB as {values.dtype}; give uint8 from 0 to 255 or floats from 0 to 1")
    return _decode_gamma(values.astype(np.float64))


def convert_from_linear(linear: ArrayLike) -> Floats:
    """Return sRGB, 0 to 1, of linear light, float64; values outside 0 to 1 are clipped."""
    light = np.clip(np.asarray(linear, dtype=np.float64), 0, 1)
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * np.maximum(light, 1e-12) ** (1 / 2.4) - 0.055)


def convert_to_oklab(srgb: ArrayLike) -> Floats:
    """Return OKLab (L from 0 to 1, a, b) of sRGB values (..., 3); dtypes as in `convert_to_linear`."""
    cones = _multiply(convert_to_linear(srgb), SRGB_TO_CONES)
    return _multiply(np.cbrt(cones), CONES_TO_OKLAB)


def read_colour(text: str) -> Colour:
    """Return the colour that "#rrggbb" names."""
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def format_colour(colour: Colour) -> str:
    """Return a colour as "#rrggbb"."""
    red, green, blue = colour
    return f"#{red:02x}{green:02x}{blue:02x}"


def format_colours(palette: NDArray[np.uint8]) -> tuple[str, ...]:
    """Return the colours (k, 3) as "#rrggbb"."""
    return tuple(format_colour((red, green, blue)) for red, green, blue in palette.tolist())


def spread_in_oklab(srgb: ArrayLike) -> Floats:
    """Return OKLab with a and b doubled, in which the Euclidean distance is ΔEOK2, closer to perceived differences.

    OKLab's author found factors of 2.016 and 2.045 to fit two data sets of perceived differences best (B. Ottosson in
    the discussion of CSS Color 4). Shapes and dtypes as in `convert_to_oklab`.
    """
    return convert_to_oklab(srgb) * CHROMA_SPREAD


def convert_from_oklab(oklab: ArrayLike) -> Floats:
    """Return sRGB, 0 to 1, of OKLab values (..., 3), float64, each channel clipped to the gamut."""
    cones = _multiply(np.asarray(oklab, dtype=np.float64), CONES_FROM_OKLAB) ** 3
    return convert_from_linear(_multiply(cones, SRGB_FROM_CONES))


def convert_to_lab(srgb: ArrayLike) -> Floats:
    """Return CIELab under D65 (L* from 0 to 100) of sRGB values (..., 3); dtypes as in `convert_to_linear`."""
    return _convert_xyz(_multiply(convert_to_linear(srgb), SRGB_TO_XYZ / WHITE_XYZ[:, None]))


def convert_to_lightness(srgb: ArrayLike) -> Floats:
    """Return L* alone, 0 to 100, of sRGB values (..., 3), shape (...); three times as fast as `convert_to_lab`."""
    light = convert_to_linear(srgb)
    return 116 * _compress(light @ SRGB_TO_XYZ[1].astype(light.dtype)) - 16


def measure_difference(lab_a: ArrayLike, lab_b: ArrayLike) -> Floats:
    """Return CIEDE2000 between CIELab colours (..., 3), broadcast against one another, float64.

    About 1 is just visible side by side; 3 is a close match of yarns. Equations as numbered in G. Sharma, W. Wu, E. N.
    Dalal, The CIEDE2000 color-difference formula, Color Research and Application 30(1), 2005; kL = kC = kH = 1.
    """
    l1, a1, b1 = np.moveaxis(np.asarray(lab_a, dtype=np.float64), -1, 0)
    l2, a2, b2 = np.moveaxis(np.asarray(lab_b, dtype=np.float64), -1, 0)
    # 1. Chroma and hue, a* stretched near grey (equations 2 to 7).
    mean_c7 = ((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2) ** 7
    stretch = 1.5 - 0.5 * np.sqrt(mean_c7 / (mean_c7 + 25.0**7))
    c1, c2 = np.hypot(a1 * stretch, b1), np.hypot(a2 * stretch, b2)
    h1 = np.degrees(np.arctan2(b1, a1 * stretch)) % 360
    h2 = np.degrees(np.arctan2(b2, a2 * stretch)) % 360
    # 2. Differences (8 to 11). The hue of a grey is undefined, but its chroma of 0 makes the hue difference 0.
    turn = h2 - h1
    turn = turn - 360 * (turn > 180) + 360 * (turn < -180)
    d_l, d_c = l2 - l1, c2 - c1
    d_h = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn) / 2)
    # 3. Means (12 to 14). The mean hue lies on the shorter arc.
    lightness, c, total = (l1 + l2) / 2, (c1 + c2) / 2, h1 + h2
    far = np.abs(h1 - h2) > 180
    h = np.where(far, np.where(total < 360, total + 360, total - 360), total) / 2
    # 4. Weighting functions (15 to 21).
    t = (
        1
        - 0.17 * np.cos(np.radians(h - 30))
        + 0.24 * np.cos(np.radians(2 * h))
        + 0.32 * np.cos(np.radians(3 * h + 6))
        - 0.20 * np.cos(np.radians(4 * h - 63))
    )
    s_l = 1 + 0.015 * (lightness - 50) ** 2 / np.sqrt(20 + (lightness - 50) ** 2)
    s_c = 1 + 0.045 * c
    s_h = 1 + 0.015 * c * t
    blue = 30 * np.exp(-(((h - 275) / 25) ** 2))
    r_t = -2 * np.sqrt(c**7 / (c**7 + 25.0**7)) * np.sin(np.radians(2 * blue))
    # 5. The difference (22). Rounding can leave the sum just below zero.
    f_l, f_c, f_h = d_l / s_l, d_c / s_c, d_h / s_h
    difference: NDArray[np.float64] = np.sqrt(np.maximum(f_l**2 + f_c**2 + f_h**2 + r_t * f_c * f_h, 0))
    return difference


def _decode_gamma(values: Floats) -> Floats:
    return np.where(values <= 0.04045, values / 12.92, ((np.maximum(values, 0) + 0.055) / 1.055) ** 2.4)


def _convert_xyz(xyz: Floats) -> Floats:
    """Return CIELab of XYZ divided by the white point."""
    x, y, z = np.moveaxis(_compress(xyz), -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def _compress(share: Floats) -> Floats:
    """Return the function f of CIELab: a cube root with a linear part near black."""
    return np.where(share > LAB_KNEE, np.cbrt(share), share * share.dtype.type(LAB_SLOPE) + share.dtype.type(4 / 29))


def _multiply(values: Floats, matrix: NDArray[np.float64]) -> Floats:
    """Return matrix @ value for each value (..., 3), in the precision of the values."""
    return values @ matrix.T.astype(values.dtype)


def count_colours(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the different colours of pixels (..., 3) in ascending order, shape (n, 3), and the count of each, (n,)."""
    packed, counts = np.unique(pack_colours(pixels), return_counts=True)
    return unpack_colours(packed), counts
