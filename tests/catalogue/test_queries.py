"""Gallery queries: pages, filters, search, and the options of filters."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from studio.catalogue import NO_ADAPTER, Catalogue, Choice, GalleryQuery
from studio.catalogue.index.queries import FILTERS
from studio.catalogue.records import Neighbours
from studio.errors import InputError
from tests.support.catalogue_records import KILIM, MOTIFS, UNKNOWN, ids, save, shown


def test_pages_are_ordered_newest_first(catalogue: Catalogue) -> None:
    saved = [save(catalogue, seed=seed).id for seed in range(7)]
    pages = [catalogue.find(GalleryQuery(page=page, page_size=3)) for page in (1, 2, 3, 4)]
    assert [ids(page.variations) for page in pages] == [saved[:3:-1], saved[3:0:-1], saved[:1], []]
    assert {(page.total, page.pages, page.page_size) for page in pages} == {(7, 3, 3)}
    assert [page.page for page in pages] == [1, 2, 3, 4]
    assert catalogue.find(GalleryQuery(deleted=True)).pages == 1


def test_every_field_of_a_query_has_a_filter() -> None:
    assert set(FILTERS) == {field.name for field in dataclasses.fields(GalleryQuery)} - {"page", "page_size"}


WANTED = {
    "favourites_only": True,
    "source": "ab" * 32,
    "run": "run-x",
    "parent": UNKNOWN,
    "model": "other/model",
    "drawing": "both",
    "adapter": KILIM["adapter_sha256"],
    "text": "turkoman",
    "deleted": True,
}


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_selects_matching_variations(catalogue: Catalogue, name: str) -> None:
    save(catalogue, **KILIM | {"adapter_sha256": "00" * 32})
    save(catalogue)
    traits = {"source": WANTED["source"], "run": "run-x", "parent": UNKNOWN, "model": "other/model"} | KILIM
    traits["drawing"] = "both"
    wanted = [save(catalogue, prompt="Turkoman rug", **traits).id for _ in range(2)]
    if name == "favourites_only":
        catalogue.set_favourite(wanted[0], True)
        wanted = wanted[:1]
    if name == "deleted":
        catalogue.delete(wanted)
    assert shown(catalogue, **{name: WANTED[name]}) == wanted[::-1]
    assert catalogue.find(GalleryQuery(page_size=1, **{name: WANTED[name]})).total == len(wanted)


def test_filters_are_combined(catalogue: Catalogue) -> None:
    both = save(catalogue, prompt="blue kilim", model="m").id
    save(catalogue, prompt="blue kilim")
    save(catalogue, prompt="red kilim", model="m")
    assert shown(catalogue, model="m", text="blue") == [both]
    assert shown(catalogue, model="m", text="blue", favourites_only=True) == []


def test_variations_without_an_adapter_can_be_selected(catalogue: Catalogue) -> None:
    save(catalogue, **KILIM)
    plain = save(catalogue).id
    assert shown(catalogue, adapter=NO_ADAPTER) == [plain]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("100%", ["100% wool"]),
        ("100% w", ["100% wool"]),
        ("a_b", ["a_b"]),
        ("\\", ["back\\slash"]),
        ("'", ["weaver's knot"]),
        ('"', ['"double"']),
        ("größe", ["GRÖSSE"]),
        ("КИЛИМ", ["килим"]),
        ("地", ["波斯地毯"]),
        ("🧿", ["🧿 nazar"]),
        ("wool 100", ["100 wool", "100% wool"]),
        ("knot weaver wool", []),
        ("  ", "all"),
        ("%", ["100% wool"]),
        ("_", ["a_b"]),
        ("*", []),
    ],
)
def test_a_search_takes_special_characters_literally(catalogue: Catalogue, text: str, found: list[str] | str) -> None:
    prompts = [
        *("100% wool", "100 wool", "a_b", "axb", "back\\slash", "weaver's knot", '"double"', "GRÖSSE", "килим"),
        *("波斯地毯", "🧿 nazar"),
    ]
    for prompt in prompts:
        save(catalogue, prompt=prompt)
    page = catalogue.find(GalleryQuery(page_size=50, text=text))
    expected = prompts if found == "all" else found
    assert sorted(variation.record.prompt for variation in page.variations) == sorted(expected)
    assert page.total == len(expected)


@pytest.mark.parametrize(
    "wrong",
    [
        {"page": 0},
        {"page": -1},
        {"page": "1"},
        {"page": True},
        {"page": 10**30},
        {"page_size": 0},
        {"page_size": 100_000},
        {"text": "x" * 1000},
        {"run": "../x"},
    ],
)
def test_an_invalid_query_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError):
        GalleryQuery(**wrong)


def test_filter_options_are_who_drew_the_gallery_and_the_adapters(catalogue: Catalogue) -> None:
    save(catalogue, model="m", model_title="Old name")
    for _ in range(2):
        save(catalogue, model="m", model_title="Em", **KILIM)
    catalogue.delete([save(catalogue, model="gone").id])
    save(catalogue, model="n", model_title="En")
    save(catalogue, model="n", model_title="En", drawing="both")
    for _ in range(2):
        save(catalogue, **MOTIFS)
    choices = catalogue.choices()
    assert choices.drawn_by == (
        Choice("m", "Em", 3, "model"),
        Choice("motifs", "the design’s motifs", 2, "motifs"),
        Choice("n", "En", 1, "both"),
        Choice("n", "En", 1, "model"),
    )
    assert choices.adapters == (Choice(NO_ADAPTER, "No adapter", 5), Choice(KILIM["adapter_sha256"], "kilim", 2))
    for choice in choices.drawn_by:
        assert len(shown(catalogue, model=choice.value, drawing=choice.drawing)) == choice.count


def test_choices_are_counted_again_after_any_program_changed_the_index(catalogue: Catalogue, outputs: Path) -> None:
    save(catalogue)
    first = catalogue.choices()
    assert catalogue.choices() is first
    with Catalogue(outputs) as other:
        one = save(other, **KILIM).id
    assert [choice.count for choice in catalogue.choices().adapters] == [1, 1]
    catalogue.delete([one])
    assert [choice.count for choice in catalogue.choices().adapters] == [1]


@pytest.mark.parametrize("text", ["", "kilim"])
def test_a_place_is_told_among_what_a_search_finds(catalogue: Catalogue, text: str) -> None:
    made = [save(catalogue, prompt="kilim" if number % 3 else "garden").id for number in range(9)]
    found = [one for number, one in enumerate(made) if number % 3 or not text][::-1]
    ends = [None, *found, None]
    for page in (1, 7):
        query = GalleryQuery(text=text, page=page)
        for position, one in enumerate(found, 1):
            wanted = Neighbours(position, len(found), ends[position - 1], ends[position + 1])
            assert catalogue.neighbours(query, one) == wanted
    assert catalogue.neighbours(GalleryQuery(text="kilim"), made[0]) is None
