"""Datasets from the gallery: pictures, captions and pair sources, written whole or not at all."""

from __future__ import annotations

import json

import pytest

from studio.catalogue import Catalogue
from studio.datasets import collect, open_dataset
from studio.errors import InputError, NotFoundError, RequestError, RunCancelledError, StorageError
from tests.support.catalogue_records import UNKNOWN, make_record, save
from tests.support.dataset_folders import draw_carpet_picture, encode_carpet


@pytest.fixture
def gallery(outputs):
    with Catalogue(outputs) as catalogue:
        yield catalogue


def fill(catalogue: Catalogue) -> list[str]:
    """Save two variations of one design, one of a design that is a variation itself, and one of a lost design."""
    design = catalogue.add_source(encode_carpet(1), label="Kilim").sha256
    made = [save(catalogue, source=design, slot=i, seed=40 + i, prompt="  red\nkilim ").id for i in range(2)]
    branch = catalogue.add_source(catalogue.variation_path(made[0]).read_bytes(), parent=made[0]).sha256
    made.append(save(catalogue, source=branch, parent=made[0], seed=50, prompt="").id)
    made.append(save(catalogue, seed=60, prompt="navy garden").id)
    return made


@pytest.mark.slow
def test_variations_come_with_captions_and_their_designs(gallery, tmp_path):
    made = fill(gallery)
    target = collect(gallery, [*made, made[0]], tmp_path / "datasets", "kilims")
    assert target == tmp_path / "datasets" / "kilims"
    with open_dataset(target) as dataset:
        captions = {example.name: example.caption for example in dataset.examples}
        assert list(captions) == [
            "design_1/0.png",
            "design_1/1.png",
            "design_1/2.png",
            "design_2/0.png",
            "design_2/1.png",
            "design_3/1.png",
        ]
        assert captions["design_1/1.png"] == captions["design_1/2.png"] == "red kilim"
        assert captions["design_3/1.png"] == "navy garden"
        assert all("carpet in" in captions[name] for name in ("design_1/0.png", "design_2/0.png", "design_2/1.png"))
        names = {example.id: example.name for example in dataset.examples}
        sources = {example.name: names.get(example.source) for example in dataset.examples}
        assert sources["design_2/1.png"] == "design_2/0.png"
    sidecar = json.loads((target / "collected.json").read_text())
    assert [one["id"] for one in sidecar["pictures"] if one["id"]] == made
    assert (target / "design_1/0.png").read_bytes() == encode_carpet(1)


def test_a_dataset_is_written_whole_or_not_at_all(gallery, tmp_path):
    made = fill(gallery)

    def stop(done: int, total: int) -> None:
        assert total == 6
        if done == 3:
            raise RunCancelledError("Stopped.")

    with pytest.raises(RunCancelledError):
        collect(gallery, made, tmp_path / "datasets", "kilims", progress=stop)
    assert list((tmp_path / "datasets").iterdir()) == []
    gallery.variation_path(made[1]).unlink()
    with pytest.raises(NotFoundError):
        collect(gallery, made, tmp_path / "other", "kilims")
    assert not (tmp_path / "other").exists()


def test_a_name_that_is_taken_keeps_what_it_has(gallery, tmp_path):
    made = fill(gallery)
    collect(gallery, made[:1], tmp_path, "kilims")
    with pytest.raises(RequestError, match="exists already"):
        collect(gallery, made, tmp_path, "kilims")
    assert len(list((tmp_path / "kilims").glob("*/*.png"))) == 2
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        collect(gallery, made, tmp_path / "file", "kilims")


@pytest.mark.parametrize("name", ["", " ", "..", ".x", "a/b", "a\\b", "x.", "con", "NUL.txt", "a\nb", "x" * 90, "a:b"])
def test_names_that_are_no_folders_are_refused(gallery, tmp_path, name):
    made = fill(gallery)
    with pytest.raises(RequestError, match="cannot be the name"):
        collect(gallery, made, tmp_path / "datasets", name)
    assert not (tmp_path / "datasets").exists()


def test_unknown_or_no_pictures_are_refused(gallery, tmp_path):
    with pytest.raises(NotFoundError):
        collect(gallery, [UNKNOWN], tmp_path / "datasets", "kilims")
    with pytest.raises(InputError, match="no pictures"):
        collect(gallery, [], tmp_path / "datasets", "kilims")


def test_a_sidecar_of_another_program_is_passed_over(gallery, tmp_path):
    target = collect(gallery, fill(gallery)[:1], tmp_path, "kilims")
    for content in (b"{", b"[1]", b'{"pictures": 3}', b'{"pictures": [3, {"file": 1}, {"file": "x", "first": null}]}'):
        (target / "collected.json").write_bytes(content)
        with open_dataset(target) as dataset:
            assert len(dataset.examples) == 2


def test_a_branch_is_of_the_design_that_its_line_began_with(gallery, tmp_path):
    made = fill(gallery)  # made[2] is a variation of made[0], which is not collected
    with open_dataset(collect(gallery, made[1:], tmp_path, "kilims")) as dataset:
        design = {example.name: example.design for example in dataset.examples}
        assert len({design[f"design_{number}/{i}.png"] for number in (1, 2) for i in (0, 1)}) == 1
        assert design["design_3/1.png"] != design["design_1/0.png"]
        assert dataset.contents.alike == ()


@pytest.mark.slow
def test_a_design_of_many_variations_keeps_its_pairs(gallery, tmp_path):
    design = gallery.add_source(encode_carpet(1)).sha256
    made = []
    for seed in range(34):
        record = make_record(source=design, seed=seed, prompt="kilim", width_px=96, height_px=128)
        made.append(gallery.save_variation(draw_carpet_picture(100 + seed).convert("RGB"), record).id)
    with open_dataset(collect(gallery, made, tmp_path, "many")) as dataset:
        assert sum(example.source is not None for example in dataset.examples) == 34
