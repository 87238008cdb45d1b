"""Finding one's place in the gallery: which picture comes before and after another under the same filters."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from studio.catalogue.catalogue import Catalogue
from studio.catalogue.records import GalleryPage, GalleryQuery


@dataclass(frozen=True, slots=True)
class Place:
    """Where a picture stands among `total`, counted from 1, with its neighbours' ids (None at an end)."""

    position: int
    total: int
    newer: str | None
    older: str | None


def find_place(catalogue: Catalogue, query: GalleryQuery, variation_id: str) -> Place | None:
    """Return a picture's place in what a query finds, None when the query does not find it.

    The page of the query is looked at first; elsewhere the pages are halved, as ids fall from page to page.
    """
    page = catalogue.find(query)
    low, high = 1, page.pages
    while not _holds(page, variation_id):
        if page.variations and variation_id < page.variations[-1].id:
            low = page.page + 1
        else:
            high = min(high, page.page - 1)
        if low > high:
            return None
        page = catalogue.find(dataclasses.replace(query, page=(low + high) // 2))
    ids = [variation.id for variation in page.variations]
    here = ids.index(variation_id)
    return Place(
        position=(page.page - 1) * page.page_size + here + 1,
        total=page.total,
        newer=ids[here - 1] if here > 0 else _at_end_of(catalogue, query, page.page - 1),
        older=ids[here + 1] if here + 1 < len(ids) else _at_start_of(catalogue, query, page.page + 1, page.pages),
    )


def _holds(page: GalleryPage, variation_id: str) -> bool:
    return any(variation.id == variation_id for variation in page.variations)


def _at_end_of(catalogue: Catalogue, query: GalleryQuery, number: int) -> str | None:
    if number < 1:
        return None
    found = catalogue.find(dataclasses.replace(query, page=number)).variations
    return found[-1].id if found else None


def _at_start_of(catalogue: Catalogue, query: GalleryQuery, number: int, pages: int) -> str | None:
    if number > pages:
        return None
    found = catalogue.find(dataclasses.replace(query, page=number)).variations
    return found[0].id if found else None
