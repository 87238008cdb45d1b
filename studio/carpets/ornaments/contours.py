"""Outlines of medallions: closed lines that are drawn nested, at several sizes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from studio.carpets.drafts import Draft
from studio.carpets.drawing import Points, mirror_outline
from studio.carpets.ornaments.geometry import hexagon, octagon, star_shape, stepped_diamond


@dataclass(frozen=True, slots=True, eq=False)
class Contour:
    """A closed outline, from -1 to 1 in x and y, and its name in a caption."""

    points: Points
    words: str

    def at(self, x: float, y: float, rx: float, ry: float) -> Points:
        """Return the outline centred on x, y, with the half sizes rx and ry."""
        return self.points * (rx, ry) + (x, y)

    def reach(self, angle: float) -> float:
        """Return the distance of the outline from its centre, at most about 1, at an angle (0 is right, clockwise)."""
        turn = np.arctan2(self.points[:, 1], self.points[:, 0])
        near = int(np.argmin(np.abs(np.angle(np.exp(1j * (turn - angle))))))
        return float(np.hypot(*self.points[near]))


def draw_contour(draft: Draft, *, straight: bool = False) -> Contour:
    """Return a random outline: lobed, pointed, oval or star; with `straight` a rectilinear one for tribal designs."""
    if straight:
        shapes = (
            (octagon(draft.real(0.3, 0.6)), "an octagon medallion"),
            (hexagon(draft.real(0.4, 0.8)), "a hexagon medallion"),
            (stepped_diamond(draft.whole(4, 9)), "a stepped medallion"),
            (star_shape(8, draft.real(0.65, 0.8)), "a star medallion"),
            (serrated_diamond(draft.whole(5, 11)), "a serrated medallion"),
        )
        points, words = draft.pick(shapes)
        return Contour(points, words)
    power = draft.pick((0.95, 1.2, 1.5, 2.0, 2.0, 2.6))
    lobes = draft.pick((0, 8, 12, 16, 16, 24))
    depth = draft.real(0.05, 0.14) if lobes else 0.0
    inward = draft.chance(0.7)
    teeth = draft.pick((0, 0, 0, 64, 96)) if draft.side_px > 300 else 0
    words = "a pointed medallion" if power < 1.3 else "an oval medallion" if not lobes else "a lobed medallion"
    if lobes and draft.chance(0.25):
        power, depth, inward, words = 2.0, 0.25, False, "a star medallion"
    return Contour(lobed_line(power, lobes, depth, inward, teeth), words)


def lobed_line(power: float, lobes: int, depth: float, inward: bool, teeth: int = 0) -> Points:
    """Return a superellipse of this power with a scalloped edge; its cusps point inwards or outwards.

    `lobes` must be a multiple of 4 for quarter symmetry; `teeth` adds fine serration.
    """
    theta = np.linspace(0, 2 * math.pi, 240 if teeth or lobes > 12 else 168, endpoint=False)
    cos, sin = np.abs(np.cos(theta)), np.abs(np.sin(theta))
    r = (cos**power + sin**power) ** (-1 / power)
    wave = np.abs(np.cos(lobes / 2 * theta)) if lobes else np.ones_like(theta)
    r = r * (1 - depth * (1 - wave if not inward else wave))
    if teeth:
        r = r * (1 + 0.025 * np.abs(((theta * teeth / (2 * math.pi)) % 1) - 0.5))
    r = r / np.abs(r * np.sin(theta)).max()
    return np.stack([r * np.cos(theta), r * np.sin(theta)], axis=1)


def serrated_diamond(teeth: int) -> Points:
    """Return a diamond with this many teeth on each side."""
    t = np.linspace(0, 1, 2 * teeth + 1)
    out = np.where(np.arange(2 * teeth + 1) % 2, 0.55 / teeth, 0.0)
    right = np.stack([t * (1 - 0.5 / teeth) + out, -(1 - t) - out * 0.4], axis=1)
    low = (right * (1, -1))[::-1]
    return mirror_outline(np.concatenate([right, low]))
