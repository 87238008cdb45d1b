"""Hostile records: a file whose record cannot be used is skipped and named, and all others are shown."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from studio.catalogue import Catalogue, GalleryQuery
from studio.catalogue.files.record_checks import parse_record
from studio.errors import RequestError
from studio.schema import VariationRequest
from studio.schema.request import AdapterUse
from tests.support.catalogue_records import make_record, save, shown
from tests.support.hostile_records import full_record, mutations, write_mutation
from tests.support.pictures import draw_picture, encode_picture


def change(**changes: str) -> str:
    """Return the JSON text of a full record in which fields, also of its facts or weaving, have other JSON values."""
    values = full_record().to_json()
    text = json.dumps({"format": 1, "record": values})
    for name, value in changes.items():
        owner = next(one for one in (values, values["facts"], values["weaving"]) if name in one)
        text = text.replace(f'"{name}": {json.dumps(owner[name])}', f'"{name}": {value}')
    return text


REFUSED = {
    "slot": "9223372036854775808",
    "seconds": "NaN",
    "seed": "-1",
    "guidance_scale": "1" + "0" * 400,
    "strength": "1e400",
    "created_at": '"0001-01-01T00:00:00+14:00"',
    "source": '"../../etc/passwd"',
    "run": '"\\udce9"',
    "yarns": '["red", "#f0e2c4"]',
    "shares": "[0.6]",
    "seam_vertical": "Infinity",
    "changed_share": "1.5",
    "effective_steps": "2.5",
    "working_width_px": "0",
    "versions": '{"torch": 2}',
    "notes": "[[]]",
}


@pytest.mark.parametrize("field", REFUSED)
def test_a_record_that_cannot_be_used_is_skipped_and_named(outputs: Path, field: str) -> None:
    one = write_mutation(outputs, change(**{field: REFUSED[field]}))
    with Catalogue(outputs) as catalogue:
        good = save(catalogue).id
        for report in (catalogue.opening, catalogue.rebuild()):
            assert len(report.skipped) == 1
            assert f"{one}.png" in report.skipped[0]
        assert shown(catalogue) == [good]


def test_a_full_record_is_read_back() -> None:
    record = full_record()
    assert parse_record(json.loads(json.dumps(record.to_json()))) == record


@pytest.mark.slow
def test_no_hostile_value_in_any_field_hides_other_pictures(outputs: Path) -> None:
    with Catalogue(outputs) as catalogue:
        good = {save(catalogue).id for _ in range(2)}
    written = {write_mutation(outputs, text) for _, text in mutations()}
    with Catalogue(outputs) as catalogue:
        catalogue.wait_until_read()
        found = set(catalogue.ids(GalleryQuery()))
        assert good <= found
        for report in (catalogue.opening, catalogue.rebuild()):
            named = " ".join(report.skipped)
            assert [one for one in written - found if one not in named] == []
        for page in range(1, 1 + len(found) // 100):
            catalogue.find(GalleryQuery(page=page, page_size=100))


def test_a_prompt_in_another_encoding_is_shown_with_question_marks_and_named(outputs: Path) -> None:
    """Earlier versions took such bytes from the command line, so there are finished pictures with them."""
    one = write_mutation(outputs, change(negative_prompt='"caf\\udce9"'))
    with Catalogue(outputs) as catalogue:
        assert catalogue.variation(one).record.negative_prompt == "caf?"
        assert [f"{one}.png" in sentence for sentence in catalogue.opening.skipped] == [True]
        assert catalogue.find(GalleryQuery(text="kilim")).total == 1


def test_an_adapter_whose_name_is_in_another_encoding_is_recorded_with_question_marks(catalogue: Catalogue) -> None:
    record = make_record(adapter_name="caf\udce9", adapter_weight=1.0, notes=("\udce9",))
    assert (record.facts.adapter_name, record.facts.notes) == ("caf?", ("?",))


@pytest.mark.parametrize("field", ["prompt", "negative_prompt", "model"])
def test_a_request_with_text_in_another_encoding_is_refused(field: str) -> None:
    with pytest.raises(RequestError, match="UTF-8"):
        VariationRequest(**{"source": "5a" * 32, "prompt": "kilim", "seeds": (1,)} | {field: "caf\udce9"})
    with pytest.raises(RequestError, match="UTF-8"):
        AdapterUse("caf\udce9")


SIDECARS = ['{"favourite": true, "deleted_at": "\\udce9"}', '{"favourite": 1e999}', "[" * 100_000, "1" * 5000, "\x00"]


@pytest.mark.parametrize("text", SIDECARS, ids=range(len(SIDECARS)))
@pytest.mark.parametrize("place", ["variations", "bin"])
def test_a_hostile_sidecar_hides_no_picture(outputs: Path, text: str, place: str) -> None:
    with Catalogue(outputs) as catalogue:
        one = save(catalogue).id
        catalogue.set_favourite(one, True)
        if place == "bin":
            catalogue.delete([one])
        catalogue.variation_path(one).with_suffix(".json").write_text(text)
        catalogue.rebuild()
        assert catalogue.variation(one).favourite == ("true" in text)
        assert (catalogue.variation(one).deleted_at is not None) == (place == "bin")
        assert (catalogue.variation(one).deleted_at or "2026-01-01T00:00:00+00:00").isascii()


def test_a_pipe_in_place_of_a_sidecar_does_not_stop_the_studio(outputs: Path) -> None:
    with Catalogue(outputs) as catalogue:
        one = save(catalogue).id
        os.mkfifo(catalogue.variation_path(one).with_suffix(".json"))
    (outputs / "catalogue.sqlite").unlink()
    with Catalogue(outputs) as catalogue:
        assert f"{one}.json" in catalogue.opening.skipped[0]
        assert shown(catalogue) == [one]


HOSTILE_FACTS = {
    "format": '"/../../../etc"',
    "width_px": "1e999",
    "height_px": "9" * 30,
    "notes": "[3]",
    "mode": "[" * 9999,
}


@pytest.mark.parametrize("field", HOSTILE_FACTS)
def test_a_hostile_sidecar_of_a_design_costs_only_its_name(catalogue: Catalogue, field: str) -> None:
    added = catalogue.add_source(encode_picture(draw_picture(64, 48)), label="Diamonds")
    sidecar = catalogue.source_path(added.sha256).with_suffix(".json")
    values = json.loads(sidecar.read_text()) | {field: "@"}
    sidecar.write_text(json.dumps(values).replace('"@"', HOSTILE_FACTS[field]))
    report = catalogue.rebuild()
    again = catalogue.source(added.sha256)
    assert (again.label, again.width_px, again.format) == ("", 64, "PNG")
    assert [sidecar.name in sentence for sentence in report.skipped] == [True]
