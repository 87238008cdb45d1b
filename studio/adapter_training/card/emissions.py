"""Emissions of the electricity that a training used."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Grid:
    """How much a kilowatt-hour of electricity emits, in kg CO2e, where, and who says so."""

    kg_per_kwh: float
    place: str
    source: str


WORLD = Grid(0.481, "the world's mean, 2023", "Ember, electricity data of July 2024")
"""For a training whose place nobody named. Countries lie between about 0.03 and 0.8."""


def find_emissions_kg(kwh: float, grid: Grid) -> float:
    """Return the emissions of an amount of energy, in kg CO2e."""
    return kwh * grid.kg_per_kwh
