"""The disk under the catalogue: what lies there is told."""

from __future__ import annotations

from studio.catalogue import Catalogue
from tests.catalogue_records import picture_bytes, save


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
