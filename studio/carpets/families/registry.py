"""The registry of carpet families: drawing function, names in captions and weight of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from studio.carpets.captions import Subject
from studio.carpets.drafts import Draft, Drawing
from studio.carpets.families.flatweave import draw_checks, draw_kilim, draw_stripes
from studio.carpets.families.floral import draw_boteh, draw_floral, draw_lattice, draw_millefleurs
from studio.carpets.families.garden import draw_garden
from studio.carpets.families.medallion import draw_medallion_carpet
from studio.carpets.families.modern import draw_arcs, draw_blocks, draw_circles
from studio.carpets.families.organic import draw_clouds, draw_leaves, draw_lines, draw_pebbles, draw_waves
from studio.carpets.families.pictorial import draw_prayer, draw_tree_of_life
from studio.carpets.families.plain import draw_patchwork, draw_shaggy, draw_vintage
from studio.carpets.families.repeat import draw_fans, draw_hexagons, draw_trellis
from studio.carpets.families.tribal import draw_berber, draw_caucasian, draw_guls


@dataclass(frozen=True, slots=True)
class Family:
    """A family: its drawing function, its names in captions, and its weight in the random choice of a family."""

    draw: Callable[[Draft], Drawing]
    subject: Subject
    weight: float = 1.0


FAMILIES: dict[str, Family] = {
    # Classic
    "medallion": Family(
        draw_medallion_carpet, Subject(("medallion", "classic medallion"), ("a medallion", "a central medallion")), 2.2
    ),
    "floral": Family(draw_floral, Subject(("floral", "floral vine"), ("floral vines", "a floral field")), 1.8),
    "lattice": Family(draw_lattice, Subject(("lattice",), ("a lattice of flowers", "a flower lattice")), 1.2),
    "boteh": Family(draw_boteh, Subject(("boteh", "boteh paisley"), ("boteh", "rows of boteh"))),
    "millefleurs": Family(
        draw_millefleurs, Subject(("flowered",), ("a flowered field", "a field flowered all over")), 0.8
    ),
    # Pictorial
    "prayer": Family(draw_prayer, Subject(("prayer", "prayer niche"), ("a prayer niche",)), 1.1),
    "tree": Family(draw_tree_of_life, Subject(("tree of life",), ("a tree of life",)), 0.9),
    # Garden
    "garden": Family(draw_garden, Subject(("garden", "garden panel"), ("garden panels",)), 1.1),
    # Tribal
    "gul": Family(draw_guls, Subject(("gul", "turkmen gul"), ("rows of guls", "guls")), 1.2),
    "caucasian": Family(draw_caucasian, Subject(("caucasian", "tribal caucasian"), ("caucasian medallions",)), 1.3),
    "berber": Family(draw_berber, Subject(("berber", "shaggy berber"), ("berber lines", "a berber pattern")), 0.9),
    # Flatweave
    "kilim": Family(draw_kilim, Subject(("kilim", "flat kilim"), ("a kilim pattern", "kilim motifs")), 2.4),
    "stripes": Family(draw_stripes, Subject(("striped",), ("stripes",)), 1.1),
    "checks": Family(draw_checks, Subject(("checked",), ("checks",)), 0.5),
    # Modern
    "blocks": Family(
        draw_blocks, Subject(("modern block", "abstract block"), ("modern blocks", "abstract blocks")), 1.1
    ),
    "arcs": Family(draw_arcs, Subject(("geometric arc", "modern arc"), ("arcs and circles",)), 0.8),
    "circles": Family(draw_circles, Subject(("circle", "modern circle"), ("circles",)), 0.6),
    # Modern, allover repeats
    "fans": Family(draw_fans, Subject(("art deco fan",), ("art deco fans",)), 0.6),
    "trellis": Family(draw_trellis, Subject(("trellis",), ("a trellis",)), 0.7),
    "hexagons": Family(draw_hexagons, Subject(("geometric",), ("geometric shapes",)), 0.7),
    # Modern, free-form
    "clouds": Family(
        draw_clouds, Subject(("abstract", "abstract cloud"), ("abstract clouds", "abstract colours")), 1.0
    ),
    "waves": Family(draw_waves, Subject(("wave", "modern wave"), ("waves",)), 0.6),
    "pebbles": Family(draw_pebbles, Subject(("pebble",), ("pebbles",)), 0.5),
    "leaves": Family(draw_leaves, Subject(("leaf", "botanical leaf"), ("leaves", "cut leaf shapes")), 0.8),
    "lines": Family(draw_lines, Subject(("organic line",), ("organic lines", "organic curves")), 0.7),
    # Plain, worn and patched
    "shaggy": Family(draw_shaggy, Subject(("shaggy", "plain shaggy"), ("a plain shaggy field",)), 0.9),
    "vintage": Family(draw_vintage, Subject(("vintage", "worn vintage"), ("a worn vintage pattern",)), 1.1),
    "patchwork": Family(draw_patchwork, Subject(("patchwork",), ("patchwork", "sewn patchwork")), 0.9),
}
"""The order and the weights decide which family a seed draws when none is named."""
