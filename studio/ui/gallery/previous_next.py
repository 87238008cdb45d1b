"""The position of a picture in the filtered gallery, and its newer and older neighbour."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from studio.catalogue.catalogue import Catalogue
from studio.catalogue.records import GalleryPage, GalleryQuery


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The position of a picture among `total`, counted from 1, and its neighbours' ids (None at an end)."""

    position: int
    total: int
    newer: str | None
    older: str | None


def find_neighbours(catalogue: Catalogue, query: GalleryQuery, variation_id: str) -> Neighbours | None:
    """Return a picture's position and neighbours in the result of a query, None when the query does not find it.

    Reads the page of the query first. If that does not hold the picture, a binary search over the pages follows: ids
    decrease from page to page.
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
    index = ids.index(variation_id)
    return Neighbours(
        position=(page.page - 1) * page.page_size + index + 1,
        total=page.total,
        newer=ids[index - 1] if index > 0 else _last_id(catalogue, query, page.page - 1),
        older=ids[index + 1] if index + 1 < len(ids) else _first_id(catalogue, query, page.page + 1, page.pages),
    )


def _holds(page: GalleryPage, variation_id: str) -> bool:
    return any(variation.id == variation_id for variation in page.variations)


def _last_id(catalogue: Catalogue, query: GalleryQuery, number: int) -> str | None:
    if number < 1:
        return None
    found = catalogue.find(dataclasses.replace(query, page=number)).variations
    return found[-1].id if found else None


def _first_id(catalogue: Catalogue, query: GalleryQuery, number: int, pages: int) -> str | None:
    if number > pages:
        return None
    found = catalogue.find(dataclasses.replace(query, page=number)).variations
    return found[0].id if found else None
