"""Colour profiles: conversion of colours to sRGB by the profile that a file has, with a sentence about it."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageCms

from studio.designs.files.stated import PROFILE_IGNORED

INKS = "Its printing inks (CMYK) were converted to screen colours."
LAB_CONVERTED = "Its Lab colours were converted to screen colours."


def apply_profile(colour: Image.Image, profile: bytes | None, notes: list[str]) -> Image.Image:
    """Return the colours (L, RGB, CMYK or LAB) in sRGB, by the embedded profile where it changes them."""
    image = None
    if colour.mode == "LAB":
        lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        notes.append(LAB_CONVERTED)
        return _transform(colour, lab)
    if profile:
        try:
            image = _apply_embedded(colour, profile, notes)
        except Exception:  # noqa: BLE001 - a broken profile must not reject the picture
            notes.append(PROFILE_IGNORED)
    if image is None:
        image = colour.convert("RGB")
        if colour.mode == "CMYK":
            notes.append(INKS)
    return image


def _apply_embedded(colour: Image.Image, profile: bytes, notes: list[str]) -> Image.Image:
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    if colour.mode == "RGB" and source.profile.xcolor_space.strip() == "GRAY":
        # Grey with transparency of 16 bits is decoded as three equal channels.
        bands = [np.asarray(band) for band in colour.split()]
        if all(np.array_equal(bands[0], band) for band in bands[1:]):
            colour = colour.getchannel("R")
    if colour.mode in ("L", "RGB") and _is_neutral(colour.mode, source):
        return colour.convert("RGB")
    image = _transform(colour, source)
    name = " ".join("".join(c if c.isprintable() else " " for c in ImageCms.getProfileDescription(source)).split())
    named = f" “{name[:60]}”" if name else ""
    screen = "Its colours were converted to screen colours (sRGB),"
    what = INKS.removesuffix(".") + "," if colour.mode == "CMYK" else screen
    notes.append(f"{what} by its own colour profile{named}.")
    return image


def _is_neutral(mode: str, source: ImageCms.ImageCmsProfile) -> bool:
    """Return whether a profile equals sRGB: it changes no channel of a grid of test colours by more than 1."""
    levels = np.linspace(0, 255, 9).astype(np.uint8)
    if mode == "L":
        grid = Image.fromarray(levels[None, :])
    else:
        grid = Image.fromarray(np.stack(np.meshgrid(levels, levels, levels), -1).reshape(27, 27, 3))
    transformed = np.asarray(_transform(grid, source)).astype(int)
    return int(np.abs(transformed - np.asarray(grid.convert("RGB")).astype(int)).max()) <= 1


def _transform(colour: Image.Image, source: ImageCms.ImageCmsProfile) -> Image.Image:
    image = ImageCms.profileToProfile(
        colour,
        source,
        ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        outputMode="RGB",
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    assert image is not None  # None is returned for inPlace=True only
    return image
