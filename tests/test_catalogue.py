"""What is kept and found again: sources, variations, favourites, the bin."""

from __future__ import annotations

import dataclasses
import io
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from studio.catalogue import NO_ADAPTER, Catalogue, Choice, GalleryQuery, Variation, new_id
from studio.catalogue.gallery import FILTERS
from studio.catalogue.identifiers import VARIATION_ID
from studio.designs import open_design
from studio.errors import DesignError, InputError, NotFoundError, StorageError
from tests.catalogue_records import KILIM, SOURCE, make_picture, make_record, save
from tests.conftest import draw_picture, encode_picture

UNKNOWN = "20200101-000000-000-000000"
HOSTILE = [
    "",
    "..",
    "../../etc/passwd",
    "20200101-000000-000-000000/../x",
    "20200101-000000-000-000000\n",
    "20200101-000000-000-00000G",
    "２０２００１０１-000000-000-000000",
    "%2e%2e%2f",
    "a" * 100_000,
    "x\0y",
    "' OR 1=1 --",
    "\udcff",
    None,
    7,
]


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    with Catalogue(tmp_path / "outputs") as catalogue:
        yield catalogue


def ids(variations: tuple[Variation, ...]) -> list[str]:
    return [variation.id for variation in variations]


def shown(catalogue: Catalogue, **query: object) -> list[str]:
    return ids(catalogue.find(GalleryQuery(page_size=200, **query)).variations)


def files(folder: Path) -> set[str]:
    """Return the names below a folder, those of the index left out."""
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return {name for name in found if not name.startswith("catalogue.sqlite")}


# Variations


def test_a_variation_is_found_again_with_every_parameter(catalogue: Catalogue, tmp_path: Path) -> None:
    record = make_record(
        negative_prompt="blurry", seed=2**32 - 1, parent=UNKNOWN, notes=("The prompt was cut.",), **KILIM
    )
    picture = make_picture(3)
    assert catalogue.save_variation(picture, record) == Variation(record)
    with Catalogue(tmp_path / "outputs") as later:
        assert later.variation(record.id) == Variation(record)
        kept = Image.open(later.variation_path(record.id))
        assert np.array_equal(np.asarray(kept), np.asarray(picture))
    day = f"{record.id[:4]}-{record.id[4:6]}-{record.id[6:8]}"
    assert files(catalogue.outputs) == {f"variations/{day}/{record.id}.png", f"thumbnails/{day}/{record.id}.webp"}


def test_a_thumbnail_is_small_and_made_again(catalogue: Catalogue) -> None:
    record = make_record(width_px=1200, height_px=900)
    catalogue.save_variation(draw_picture(1200, 900), record)  # indexed, as designs are
    path = catalogue.thumbnail_path(record.id)
    before = path.read_bytes()
    assert Image.open(path).size == (480, 360)
    path.unlink()
    assert catalogue.thumbnail_path(record.id).read_bytes() == before
    catalogue.variation_path(record.id).write_bytes(b"broken")
    path.unlink()
    with pytest.raises(StorageError, match="damaged"):
        catalogue.thumbnail_path(record.id)


def test_saving_again_is_fine_and_never_replaces_another(catalogue: Catalogue) -> None:
    record = make_record()
    catalogue.save_variation(make_picture(1), record)
    catalogue.set_favourite(record.id, True)
    catalogue.save_variation(make_picture(1), record)
    assert catalogue.variation(record.id).favourite
    with pytest.raises(StorageError, match="another picture"):
        catalogue.save_variation(make_picture(2), dataclasses.replace(record, seed=9))
    assert catalogue.variation(record.id).record == record


def test_a_run_comes_in_the_order_of_its_slots(catalogue: Catalogue) -> None:
    saved = {slot: save(catalogue, slot=slot, run="run-a") for slot in (3, 0, 4, 1, 2)}
    save(catalogue, run="run-b")
    catalogue.delete([saved[4].id])
    assert ids(catalogue.run("run-a")) == [saved[slot].id for slot in (0, 1, 2, 3)]
    assert catalogue.run("run-c") == ()


@pytest.mark.parametrize("name", ["id", "run", "source", "parent"])
def test_ids_that_could_be_paths_are_not_kept(catalogue: Catalogue, name: str) -> None:
    with pytest.raises(NotFoundError):
        catalogue.save_variation(make_picture(), make_record(**{name: "../../x"}))
    assert files(catalogue.outputs) == set()


# Ids from a client

BY_ID: dict[str, Callable[[Catalogue, str], object]] = {
    "variation": Catalogue.variation,
    "variation_path": Catalogue.variation_path,
    "thumbnail_path": Catalogue.thumbnail_path,
    "set_favourite": lambda catalogue, one: catalogue.set_favourite(one, True),
    "delete": lambda catalogue, one: catalogue.delete([one]),
    "restore": lambda catalogue, one: catalogue.restore([one]),
    "source": Catalogue.source,
    "source_path": Catalogue.source_path,
    "source_display_path": Catalogue.source_display_path,
    "source_thumbnail_path": Catalogue.source_thumbnail_path,
    "query by source": lambda _, one: GalleryQuery(source=one or ""),
    "query by parent": lambda _, one: GalleryQuery(parent=one or ""),
}


@pytest.mark.parametrize("name", BY_ID)
@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_what_is_no_id_is_not_found(catalogue: Catalogue, name: str, hostile: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        BY_ID[name](catalogue, hostile)
    assert len(str(caught.value)) < 200
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", [name for name in BY_ID if not name.startswith("query")])
def test_an_unknown_id_is_not_found(catalogue: Catalogue, name: str) -> None:
    # A file that would fit the id is there, but nobody made it: paths come from the index, not from the client.
    stray = catalogue.outputs / "variations" / "2020-01-01" / f"{UNKNOWN}.png"
    stray.parent.mkdir(parents=True)
    make_picture().save(stray)
    with pytest.raises(NotFoundError):
        BY_ID[name](catalogue, SOURCE if "source" in name else UNKNOWN)
    assert files(catalogue.outputs) == {f"variations/2020-01-01/{UNKNOWN}.png"}


def test_a_run_that_is_no_id_is_not_found(catalogue: Catalogue) -> None:
    for hostile in ("", "../x", "a b", "x\n", None):
        with pytest.raises(NotFoundError):
            catalogue.run(hostile)


def test_ids_sort_by_time_and_never_repeat() -> None:
    made: list[list[str]] = [[] for _ in range(4)]

    def make(into: list[str]) -> None:
        into.extend(new_id() for _ in range(500))

    threads = [threading.Thread(target=make, args=(into,)) for into in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one for into in made for one in into}) == 2000
    assert all(into == sorted(into) for into in made)
    assert all(VARIATION_ID.fullmatch(one) for one in made[0])


# The gallery


def test_the_newest_come_first_page_by_page(catalogue: Catalogue) -> None:
    saved = [save(catalogue, seed=seed).id for seed in range(7)]
    pages = [catalogue.find(GalleryQuery(page=page, page_size=3)) for page in (1, 2, 3, 4)]
    assert [ids(page.variations) for page in pages] == [saved[:3:-1], saved[3:0:-1], saved[:1], []]
    assert {(page.total, page.pages, page.page_size) for page in pages} == {(7, 3, 3)}
    assert [page.page for page in pages] == [1, 2, 3, 4]
    assert catalogue.find(GalleryQuery(deleted=True)).pages == 1


def test_every_field_of_a_query_filters() -> None:
    assert set(FILTERS) == {field.name for field in dataclasses.fields(GalleryQuery)} - {"page", "page_size"}


ASKED = {
    "favourites_only": True,
    "source": "ab" * 32,
    "run": "run-x",
    "parent": UNKNOWN,
    "model": "other/model",
    "adapter": KILIM["adapter_sha256"],
    "text": "turkoman",
    "deleted": True,
}


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_lets_through_what_it_says(catalogue: Catalogue, name: str) -> None:
    save(catalogue, **KILIM | {"adapter_sha256": "00" * 32})
    save(catalogue)
    traits = {"source": ASKED["source"], "run": "run-x", "parent": UNKNOWN, "model": "other/model", **KILIM}
    wanted = [save(catalogue, prompt="Turkoman rug", **traits).id for _ in range(2)]
    if name == "favourites_only":
        catalogue.set_favourite(wanted[0], True)
        wanted = wanted[:1]
    if name == "deleted":
        catalogue.delete(wanted)
    assert shown(catalogue, **{name: ASKED[name]}) == wanted[::-1]
    assert catalogue.find(GalleryQuery(page_size=1, **{name: ASKED[name]})).total == len(wanted)


def test_filters_work_together(catalogue: Catalogue) -> None:
    both = save(catalogue, prompt="blue kilim", model="m").id
    save(catalogue, prompt="blue kilim")
    save(catalogue, prompt="red kilim", model="m")
    assert shown(catalogue, model="m", text="blue") == [both]
    assert shown(catalogue, model="m", text="blue", favourites_only=True) == []


def test_pictures_without_an_adapter_can_be_asked_for(catalogue: Catalogue) -> None:
    save(catalogue, **KILIM)
    plain = save(catalogue).id
    assert shown(catalogue, adapter=NO_ADAPTER) == [plain]


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
def test_a_search_takes_every_sign_as_it_is(catalogue: Catalogue, text: str, found: list[str] | str) -> None:
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
def test_a_page_that_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError):
        GalleryQuery(**wrong)


def test_the_choices_are_what_the_gallery_holds(catalogue: Catalogue) -> None:
    save(catalogue, model="m", model_title="Old name")
    for _ in range(2):
        save(catalogue, model="m", model_title="Em", **KILIM)
    catalogue.delete([save(catalogue, model="gone").id])
    save(catalogue, model="n", model_title="En")
    choices = catalogue.choices()
    assert choices.models == (Choice("m", "Em", 3), Choice("n", "En", 1))
    assert choices.adapters == (Choice(KILIM["adapter_sha256"], "kilim", 2), Choice(NO_ADAPTER, "No adapter", 2))


# Favourites and the bin


def test_a_favourite_lasts_and_can_be_taken_back(catalogue: Catalogue, tmp_path: Path) -> None:
    one = save(catalogue).id
    catalogue.set_favourite(one, True)
    with Catalogue(tmp_path / "outputs") as later:
        assert later.variation(one).favourite
        later.set_favourite(one, False)
    assert not catalogue.variation(one).favourite
    assert not [name for name in files(catalogue.outputs) if name.endswith(".json")]


def test_the_picture_itself_is_never_written_again(catalogue: Catalogue) -> None:
    one = save(catalogue).id
    before = catalogue.variation_path(one).read_bytes()
    catalogue.set_favourite(one, True)
    catalogue.delete([one])
    assert catalogue.variation_path(one).read_bytes() == before
    catalogue.restore([one])
    assert catalogue.variation_path(one).read_bytes() == before


def test_delete_can_be_undone(catalogue: Catalogue) -> None:
    one, other = (save(catalogue, run="run-1") for _ in range(2))
    catalogue.set_favourite(one.id, True)
    before = files(catalogue.outputs)
    catalogue.delete([one.id])
    assert shown(catalogue) == [other.id]
    assert shown(catalogue, deleted=True) == [one.id]
    binned = catalogue.variation(one.id)
    assert binned.favourite
    assert binned.deleted_at is not None
    assert "bin" in catalogue.variation_path(one.id).parts
    assert catalogue.thumbnail_path(one.id).is_file()
    catalogue.restore([one.id])
    assert catalogue.variation(one.id) == Variation(one.record, favourite=True)
    assert shown(catalogue) == [other.id, one.id]
    assert files(catalogue.outputs) == before


def test_marking_in_the_bin_holds_after_the_undo(catalogue: Catalogue) -> None:
    one = save(catalogue).id
    catalogue.delete([one])
    catalogue.set_favourite(one, True)
    assert catalogue.variation(one).deleted_at is not None
    catalogue.restore([one])
    assert shown(catalogue, favourites_only=True) == [one]


def test_deleting_twice_or_restoring_twice_changes_nothing(catalogue: Catalogue) -> None:
    one = save(catalogue).id
    catalogue.restore([one])
    catalogue.delete([one, one])
    first = catalogue.variation(one)
    catalogue.delete([one])
    assert catalogue.variation(one) == first
    catalogue.restore(one)  # a single id is taken for a list of one
    assert shown(catalogue) == [one]


def test_nothing_is_deleted_when_one_id_is_wrong(catalogue: Catalogue) -> None:
    one = save(catalogue).id
    for wrong in (UNKNOWN, "../x"):
        with pytest.raises(NotFoundError):
            catalogue.delete([one, wrong])
    assert shown(catalogue) == [one]


def test_an_emptied_bin_leaves_nothing(catalogue: Catalogue) -> None:
    kept, gone, favourite = (save(catalogue).id for _ in range(3))
    catalogue.set_favourite(favourite, True)
    catalogue.delete([gone, favourite])
    assert catalogue.empty_bin() == 2
    assert catalogue.empty_bin() == 0
    assert shown(catalogue) == [kept]
    assert shown(catalogue, deleted=True) == []
    assert {Path(name).stem for name in files(catalogue.outputs)} == {kept}
    with pytest.raises(NotFoundError):
        catalogue.restore([gone])


# Sources


def picture_bytes(mode: str = "RGB", form: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    draw_picture(64, 48).convert("RGB").convert(mode).save(buffer, form, **options)
    return buffer.getvalue()


def turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return picture_bytes(form="JPEG", exif=exif)


def see_through() -> bytes:
    picture = draw_picture(64, 48).convert("RGB")
    picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    return encode_picture(picture)


def sixteen_bits() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.arange(64 * 48, dtype=np.uint16).reshape(48, 64) * 20).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_source_is_kept_once_with_the_designers_own_bytes(catalogue: Catalogue) -> None:
    data = encode_picture(draw_picture(64, 48))
    source = catalogue.add_source(data, label="first.png")
    assert catalogue.add_source(data, label="second.png") == source
    assert catalogue.sources() == (source,)
    assert (source.label, source.format, source.mode, source.width_px, source.height_px) == (
        "first.png",
        "PNG",
        "P",
        64,
        48,
    )
    path = catalogue.source_path(source.sha256)
    assert path.read_bytes() == data
    assert path.relative_to(catalogue.outputs).as_posix() == f"sources/{source.sha256[:2]}/{source.sha256}.png"
    assert catalogue.source_display_path(source.sha256) == path
    assert Image.open(catalogue.source_thumbnail_path(source.sha256)).size == (64, 48)


def test_a_lost_source_file_comes_back_with_the_next_upload(catalogue: Catalogue) -> None:
    data = encode_picture(draw_picture(64, 48))
    source = catalogue.add_source(data, label="first.png")
    catalogue.source_path(source.sha256).unlink()
    with pytest.raises(NotFoundError):
        catalogue.source_path(source.sha256)
    assert catalogue.add_source(data, label="second.png") == source
    assert catalogue.source_path(source.sha256).read_bytes() == data


@pytest.mark.parametrize(
    "make",
    [
        lambda: picture_bytes("CMYK", "TIFF"),
        lambda: picture_bytes("CMYK", "JPEG"),
        lambda: picture_bytes("RGB", "TIFF"),
        see_through,
        turned,
        sixteen_bits,
    ],
    ids=["CMYK TIFF", "CMYK JPEG", "TIFF", "see-through", "turned", "16 bit"],
)
def test_a_browser_is_shown_what_the_model_sees(catalogue: Catalogue, make: Callable[[], bytes]) -> None:
    data = make()
    source = catalogue.add_source(data)
    assert catalogue.source_path(source.sha256).read_bytes() == data
    expected = np.asarray(open_design(data).image)
    for _ in range(2):
        shown_path = catalogue.source_display_path(source.sha256)
        assert source.notes or source.format == "TIFF"
        assert shown_path != catalogue.source_path(source.sha256)
        display = Image.open(shown_path)
        assert display.format in ("PNG", "JPEG", "WEBP", "GIF", "BMP")
        assert np.array_equal(np.asarray(display.convert("RGB")), expected)
        shown_path.unlink()  # then it is made again
    assert Image.open(catalogue.source_thumbnail_path(source.sha256)).size == (source.width_px, source.height_px)


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"<svg/>", encode_picture(draw_picture(64, 48))[:-200]])
def test_what_is_no_design_is_not_kept(catalogue: Catalogue, data: bytes) -> None:
    with pytest.raises(DesignError):
        catalogue.add_source(data, label="x.png")
    assert files(catalogue.outputs) == set()
    assert catalogue.sources() == ()


def test_a_label_is_text_and_never_a_path(catalogue: Catalogue) -> None:
    label = "../../etc/\0pass\nwd \udcff" + "x" * 1000
    source = catalogue.add_source(encode_picture(draw_picture(64, 48)), label=label)
    assert source.label.startswith("../../etc/pass wd ?x")
    assert len(source.label) == 200
    assert all(name.startswith("sources/") for name in files(catalogue.outputs))
    assert catalogue.source(source.sha256) == source


def test_a_source_knows_the_picture_it_was_taken_from(catalogue: Catalogue) -> None:
    one = save(catalogue)
    data = catalogue.variation_path(one.id).read_bytes()
    with pytest.raises(NotFoundError):
        catalogue.add_source(data, parent=UNKNOWN)
    assert catalogue.add_source(data, parent=one.id).parent == one.id


def test_the_newest_sources_come_first(catalogue: Catalogue) -> None:
    added = [catalogue.add_source(encode_picture(draw_picture(64, 48, seed))) for seed in range(4)]
    newest = catalogue.sources(limit=3)
    assert sorted(newest, key=lambda source: source.added_at) == sorted(added[1:], key=lambda source: source.added_at)


def test_one_file_brought_by_many_at_once_is_one_source(catalogue: Catalogue) -> None:
    data = encode_picture(draw_picture(64, 48))
    brought: list[object] = []

    def bring(number: int) -> None:
        brought.append(catalogue.add_source(data, label=f"{number}.png"))

    threads = [threading.Thread(target=bring, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(brought) == 6
    assert set(brought) == {catalogue.sources()[0]}
    catalogue.rebuild()
    assert set(brought) == {catalogue.sources()[0]}  # the sidecar says the same as the index


# Upkeep


def test_storage_is_what_lies_there(catalogue: Catalogue) -> None:
    kept, binned = save(catalogue).id, save(catalogue).id
    catalogue.delete([binned])
    catalogue.add_source(picture_bytes("CMYK", "TIFF"))
    use = catalogue.storage()
    assert (use.variations, use.binned, use.sources) == (1, 1, 1)
    assert use.variations_bytes == catalogue.variation_path(kept).stat().st_size
    assert use.binned_bytes >= catalogue.variation_path(binned).stat().st_size
    on_disk = sum(path.stat().st_size for path in catalogue.outputs.rglob("*") if path.is_file())
    assert use.total_bytes == on_disk
    assert use.free_bytes > 0


def test_importing_the_catalogue_is_light() -> None:
    code = "import sys, studio.catalogue; print(*{'numpy', 'pandas', 'streamlit', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
