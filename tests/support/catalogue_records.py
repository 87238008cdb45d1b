"""Records and pictures for tests of the catalogue, and the contents of a catalogue."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from PIL import Image

from studio.catalogue import Catalogue, GalleryQuery, Source, Variation, new_id, utc_now
from studio.schema import WITHOUT_MODEL, RunFacts, VariationRecord
from tests.support.pictures import draw_picture, encode_picture

SOURCE = "5a" * 32
UNKNOWN = "20200101-000000-000-000000"
FACTS = RunFacts(
    model="builtin",
    model_title="Built-in",
    model_fingerprint="0123456789abcdef",
    adapter_name=None,
    adapter_sha256=None,
    adapter_weight=None,
    profile="auto",
    device="cpu",
    precision="float32",
    effective_steps=17,
    width_px=64,
    height_px=80,
    working_width_px=64,
    working_height_px=80,
    versions={"torch": "2.13.0"},
)
MOTIFS = {
    "drawing": "motifs",
    "prompt": "",
    "model": WITHOUT_MODEL,
    "model_title": "the design’s motifs",
    "model_fingerprint": "recompose-2",
    "profile": "none",
    "precision": "integers",
    "effective_steps": 0,
    "versions": {"numpy": "2.4.6"},
}
"""What the record of a picture has that was drawn from motifs, without a prompt."""
KILIM = {"adapter_name": "kilim", "adapter_sha256": "c0ffee" + "0" * 58, "adapter_weight": 0.8}


def make_record(**changes: object) -> VariationRecord:
    """Return a record with some values changed. Names of fields of `RunFacts` change its facts."""
    facts = {name: changes.pop(name) for name in [f.name for f in dataclasses.fields(RunFacts)] if name in changes}
    defaults = {
        "id": new_id(),
        "run": "run-1",
        "slot": 0,
        "created_at": utc_now(),
        "source": SOURCE,
        "parent": None,
        "prompt": "kilim, red and ivory diamonds",
        "negative_prompt": "",
        "strength": 0.6,
        "steps": 28,
        "guidance_scale": 4.5,
        "seed": 0,
        "seconds": 1.25,
    }
    return VariationRecord(**defaults | changes | {"facts": dataclasses.replace(FACTS, **facts)})


def make_picture(seed: int = 0) -> Image.Image:
    """Draw a picture of the size in `FACTS`."""
    return draw_picture(64, 80, seed).convert("RGB")


def picture_bytes(mode: str = "RGB", form: str = "PNG", **options: object) -> bytes:
    """Return a drawn design of a mode as the bytes of a file."""
    return encode_picture(draw_picture(64, 48).convert("RGB").convert(mode), form, **options)


def save(catalogue: Catalogue, **changes: object) -> Variation:
    """Save a new variation."""
    record = make_record(**changes)
    return catalogue.save_variation(make_picture(record.seed), record)


def fill(catalogue: Catalogue) -> list[str]:
    """Save sources and variations. Returns ids: two without marks, a favourite, a deleted one, a deleted favourite."""
    source = catalogue.add_source(encode_picture(draw_picture(64, 48)), label="Diamonds")
    catalogue.add_source(encode_picture(draw_picture(64, 48).convert("CMYK"), "TIFF"), label="Inks")
    made = [save(catalogue, source=source.sha256, slot=slot, seed=slot, **KILIM).id for slot in range(5)]
    for one in (made[2], made[4]):
        catalogue.set_favourite(one, True)
    catalogue.delete([made[3], made[4]])
    catalogue.add_source(catalogue.variation_path(made[0]).read_bytes(), label="Again", parent=made[0])
    return made


def everything(catalogue: Catalogue) -> tuple[tuple[Variation, ...], tuple[Variation, ...], tuple[Source, ...]]:
    """Return everything in a catalogue: the gallery, the bin, the sources."""
    kept, binned = (catalogue.find(GalleryQuery(page_size=200, deleted=deleted)) for deleted in (False, True))
    return kept.variations, binned.variations, catalogue.sources()


def ids(variations: tuple[Variation, ...]) -> list[str]:
    """Return the ids of variations in their order."""
    return [variation.id for variation in variations]


def shown(catalogue: Catalogue, **query: object) -> list[str]:
    """Return the ids that a query finds, all on one page."""
    return ids(catalogue.find(GalleryQuery(page_size=200, **query)).variations)


def files(folder: Path) -> set[str]:
    """Return the names of the files below a folder, without those of the index."""
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return {name for name in found if not name.startswith("catalogue.sqlite")}


def leftovers(outputs: Path) -> list[Path]:
    """Return the hidden files below a folder, which are temporary ones."""
    return [path for path in outputs.rglob(".*") if path.is_file()]
