"""The designs that a variation was made from: its own and the second one of a cross, with their names."""

from __future__ import annotations

from dataclasses import dataclass

from studio.catalogue.catalogue import Catalogue
from studio.catalogue.identifiers import SHORT_HASH_LENGTH
from studio.catalogue.records import Source
from studio.designs.files.density import Density
from studio.designs.files.opening import open_design
from studio.errors import NotFoundError, StudioError
from studio.schema import Cross, VariationRecord, VariationRequest


@dataclass(frozen=True, slots=True)
class Lineage:
    """The design of a run and the second design of its cross. None: not in the catalogue, or no cross."""

    design: Source | None = None
    second: Source | None = None


def find_lineage(catalogue: Catalogue, made: VariationRecord | VariationRequest) -> Lineage:
    """Return the designs of a variation or a run, as far as the catalogue knows them."""
    second = None if made.cross is None else find_design(catalogue, made.cross.source)
    return Lineage(find_design(catalogue, made.source), second)


def find_design(catalogue: Catalogue, sha256: str) -> Source | None:
    """Return a design by its SHA-256 (hex), None where the catalogue does not know it."""
    try:
        return catalogue.source(sha256)
    except NotFoundError:
        return None


def find_first(catalogue: Catalogue, record: VariationRecord) -> str | None:
    """Return the SHA-256 (hex) of the design that a line of branches began with, None where a picture of it is gone."""
    seen = {record.id}
    while record.parent is not None:
        if record.parent in seen:  # written by hand
            return None
        seen.add(record.parent)
        try:
            record = catalogue.variation(record.parent).record
        except NotFoundError:
            return None
    return record.source


def find_density(catalogue: Catalogue, record: VariationRecord) -> Density | None:
    """Return the density that the design states with which a variation's line began.

    None where it states none that a cloth can have, where its file is gone, or where the variation has another size.
    """
    first = find_first(catalogue, record)
    if first is None:
        return None
    try:
        design = open_design(catalogue.source_bytes(first), to_vary=False)
    except StudioError:
        return None
    return choose_density(design.density, (design.width_px, design.height_px), record)


def choose_density(stated: Density | None, size: tuple[int, int], record: VariationRecord) -> Density | None:
    """Return the density that a design of `size` (width and height in knots) states, if it is that of a variation."""
    same_size = size == (record.facts.width_px, record.facts.height_px)
    return stated if same_size and stated is not None and stated.of_cloth else None


def has_file(catalogue: Catalogue, source: Source) -> bool:
    """Return whether a design's file is still there: the catalogue keeps the name of a design whose file is gone."""
    try:
        catalogue.source_path(source.sha256)
    except NotFoundError:
        return False
    return True


def name_design(source: Source | None, sha256: str, parent: str | None = None) -> str:
    """Return a design's name. Without one: the id of the variation that it is, or the beginning of its hash."""
    if source is not None and source.label:
        return source.label
    return f"Picture {parent}" if parent is not None else f"Design {sha256[:SHORT_HASH_LENGTH]}"


def name_second(cross: Cross, second: Source | None) -> str:
    """Return the name of the second design of a cross."""
    return name_design(second, cross.source, cross.parent)


def name_designs(made: VariationRecord | VariationRequest, lineage: Lineage) -> str:
    """Return the names of the designs that a run was made from: Garden and Kilim."""
    first = name_design(lineage.design, made.source, made.parent)
    return first if made.cross is None else f"{first} and {name_second(made.cross, lineage.second)}"


def describe_motifs(made: VariationRecord | VariationRequest, lineage: Lineage) -> str:
    """Return whose motifs a run was drawn from: the motifs of Garden and Kilim."""
    if made.cross is None or made.cross.way != "layout":
        return f"the motifs of {name_designs(made, lineage)}"
    first = name_design(lineage.design, made.source, made.parent)
    return f"the motifs of {first} in the layout of {name_second(made.cross, lineage.second)}"
