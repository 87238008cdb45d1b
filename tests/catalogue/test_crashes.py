"""Crashes: if a program ends in the middle of a write, no picture and no mark is lost."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from PIL import Image

from studio.catalogue import Catalogue, GalleryQuery, RebuildReport, Variation
from studio.catalogue.index import comparing
from tests.support.catalogue_programs import start_python
from tests.support.catalogue_records import everything, fill, leftovers, save


def crash(code: str, outputs: Path) -> None:
    """Run a program that ends, as a power cut would, with `os._exit(9)`."""
    program = start_python(code, outputs)
    _, stderr = program.communicate(timeout=60)
    assert program.returncode == 9, stderr


def test_a_crash_between_file_and_row_loses_no_picture(outputs: Path) -> None:
    crash(
        """
        from studio.catalogue import catalogue
        kept = Catalogue(outputs)
        save(kept, prompt="first")
        catalogue.add_variation = lambda *_: os._exit(9)
        save(kept, prompt="second")
        """,
        outputs,
    )
    with Catalogue(outputs) as catalogue:
        assert catalogue.opening.adopted == 1
        page = catalogue.find(GalleryQuery())
        assert [variation.record.prompt for variation in page.variations] == ["second", "first"]
        for variation in page.variations:
            Image.open(catalogue.variation_path(variation.id)).load()
            Image.open(catalogue.thumbnail_path(variation.id)).load()


@pytest.mark.slow
@pytest.mark.parametrize("step", ["os.fsync", "Path.replace"])
def test_a_crash_while_writing_leaves_no_partial_picture(outputs: Path, step: str) -> None:
    crash(
        f"""
        kept = Catalogue(outputs)
        save(kept, prompt="first")
        {step} = lambda *_: os._exit(9)
        save(kept, prompt="second")
        """,
        outputs,
    )
    assert len(leftovers(outputs)) == 1
    with Catalogue(outputs) as catalogue:
        assert [variation.record.prompt for variation in catalogue.find(GalleryQuery()).variations] == ["first"]
        assert catalogue.opening == RebuildReport(variations=1)
        assert len(leftovers(outputs)) == 1  # it is recent, so another program may be writing it


def test_only_old_temporary_files_are_removed(catalogue: Catalogue, outputs: Path) -> None:
    one = save(catalogue).id
    folder = catalogue.variation_path(one).parent
    names = [".x.png.0123abcd.tmp", ".catalogue.sqlite.0123abcd.tmp-wal", ".DS_Store", ".mine.tmp"]
    for name in names:
        (folder / name).write_bytes(b"half")
        os.utime(folder / name, (time.time() - 7200,) * 2)
    (folder / ".y.png.0123abcd.tmp").write_bytes(b"half")
    Catalogue(outputs).close()
    assert {path.name for path in leftovers(outputs)} == {".DS_Store", ".mine.tmp", ".y.png.0123abcd.tmp"}
    assert catalogue.variation_path(one).is_file()


@pytest.mark.slow
@pytest.mark.parametrize("act", ["delete", "restore"])
@pytest.mark.parametrize("step", ["curation.move", "curation.remove", "favourites_and_bin.update_variation"])
def test_a_crash_while_moving_keeps_picture_and_mark(outputs: Path, act: str, step: str) -> None:
    module, name = step.split(".")
    crash(
        f"""
        from studio.catalogue import favourites_and_bin
        from studio.catalogue.files import curation
        kept = Catalogue(outputs)
        one = save(kept).id
        kept.set_favourite(one, True)
        if {act!r} == "restore":
            kept.delete([one])
        {module}.{name} = lambda *_: os._exit(9)
        kept.{act}([one])
        """,
        outputs,
    )
    with Catalogue(outputs) as catalogue:
        kept, binned, _ = everything(catalogue)
        assert len(kept) + len(binned) == 1
        (one,) = kept + binned
        assert one.favourite
        assert (one.deleted_at is not None) == bool(binned)
        Image.open(catalogue.variation_path(one.id)).load()
        catalogue.restore([one.id])
        assert everything(catalogue)[0] == (Variation(one.record, favourite=True),)
        before = everything(catalogue)
        catalogue.rebuild()
        assert everything(catalogue) == before


def test_a_crash_between_mark_and_row_keeps_the_mark(outputs: Path) -> None:
    crash(
        """
        from studio.catalogue import favourites_and_bin
        kept = Catalogue(outputs)
        one = save(kept).id
        favourites_and_bin.update_variation = lambda *_: os._exit(9)
        kept.set_favourite(one, True)
        """,
        outputs,
    )
    with Catalogue(outputs) as catalogue:
        assert catalogue.find(GalleryQuery(favourites_only=True)).total == 1


def test_after_a_crash_the_bin_can_be_emptied_again(outputs: Path) -> None:
    crash(
        """
        from studio.catalogue import favourites_and_bin
        kept = Catalogue(outputs)
        ids = [save(kept).id for _ in range(3)]
        kept.delete(ids[:2])
        favourites_and_bin.drop_variations = lambda *_: os._exit(9)
        kept.empty_bin()
        """,
        outputs,
    )
    with Catalogue(outputs) as catalogue:
        assert [len(some) for some in everything(catalogue)] == [1, 1, 0]
        assert catalogue.opening.missing == ()
        assert catalogue.empty_bin() == 1


def test_a_crash_between_a_sources_file_and_its_row_keeps_it_and_its_name(outputs: Path) -> None:
    crash(
        """
        from tests.support.pictures import draw_picture, encode_picture
        from studio.catalogue import sources
        sources.put_source = lambda *_: os._exit(9)
        Catalogue(outputs).add_source(encode_picture(draw_picture(64, 48)), label="Kilim")
        """,
        outputs,
    )
    with Catalogue(outputs) as catalogue:
        (source,) = catalogue.sources()
        assert (source.width_px, source.label) == (64, "Kilim")
        assert catalogue.source_display_path(source.sha256).is_file()


@pytest.mark.slow
@pytest.mark.parametrize("step", ["rebuild.replace_rows", "comparing.update_variation"])
def test_a_crash_while_rebuilding_leaves_the_old_index(outputs: Path, step: str) -> None:
    with Catalogue(outputs) as catalogue:
        fill(catalogue)
        before = everything(catalogue)
    module, name = step.split(".")
    crash(
        f"""
        from studio.catalogue.index import comparing, rebuild
        kept = Catalogue(outputs)
        {module}.{name} = lambda *_: os._exit(9)
        kept.rebuild()
        """,
        outputs,
    )
    with Catalogue(outputs) as catalogue:
        assert everything(catalogue) == before
        assert catalogue.opening.adopted == 0


def test_an_interrupted_rebuild_leaves_the_old_index(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(catalogue)
    before = everything(catalogue)

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(comparing, "update_variation", fail)  # called after the old rows are deleted
    with pytest.raises(KeyboardInterrupt):
        catalogue.rebuild()
    assert everything(catalogue) == before
    assert not leftovers(catalogue.outputs)
