"""The picture routes: they serve files by id and nothing else."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from studio.adapter_training.folder import TrainingFolder
from studio.catalogue import Catalogue
from studio.schema import Weaving
from studio.ui.picture_routes import (
    picture_routes,
    sample_url,
    source_thumbnail_url,
    source_url,
    thumbnail_url,
    untouched_url,
    variation_url,
)
from studio.workspace import Workspace, close_workspaces, open_workspace
from tests.support.catalogue_records import make_picture, make_record, save
from tests.support.pictures import digest, draw_picture, encode_picture


@pytest.fixture
def workspace(outputs: Path) -> Iterator[Workspace]:
    yield open_workspace(outputs, lambda: pytest.fail("nothing is drawn"))
    close_workspaces()


@pytest.fixture
def catalogue(workspace: Workspace) -> Catalogue:
    return workspace.catalogue


@pytest.fixture
def client(workspace: Workspace) -> TestClient:
    return TestClient(Starlette(routes=picture_routes(lambda: workspace)))


def test_variation_is_sent_unchanged_with_headers_for_caching(client: TestClient, catalogue: Catalogue) -> None:
    variation = save(catalogue)
    answer = client.get(variation_url(variation.id))
    assert answer.content == catalogue.variation_path(variation.id).read_bytes()
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "immutable" in answer.headers["cache-control"]
    assert client.get(thumbnail_url(variation.id)).headers["content-type"] == "image/webp"


def test_picture_before_weaving_is_sent(client: TestClient, catalogue: Catalogue) -> None:
    woven = catalogue.save_variation(make_picture(1), make_record(weaving=Weaving(yarns=("#aa0000",))), make_picture(2))
    answer = client.get(untouched_url(woven.id))
    assert answer.content == catalogue.untouched_path(woven.id).read_bytes()
    assert answer.headers["content-type"] == "image/webp"
    with Image.open(io.BytesIO(answer.content)) as image:
        assert digest(image) == digest(make_picture(2))
    assert client.get(untouched_url(save(catalogue).id)).status_code == 404  # not woven


def test_sources_and_their_thumbnails_are_sent(client: TestClient, catalogue: Catalogue) -> None:
    data = encode_picture(draw_picture(64, 80))
    source = catalogue.add_source(data)
    assert client.get(source_url(source.sha256)).content == data
    assert client.get(source_thumbnail_url(source.sha256)).status_code == 200


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "unknown",
        "..%2F..%2Fcatalogue.sqlite",
        "%00",
        "a" * 64,
        "20260101-000000-000-abcdef",
        "..",
        "C:%5Cx",
        "%2Fetc%2Fpasswd",
    ],
)
@pytest.mark.parametrize("url", [variation_url, untouched_url, thumbnail_url, source_url, source_thumbnail_url])
def test_invalid_or_unknown_ids_are_not_found(client: TestClient, url, name: str) -> None:
    assert client.get(url(name)).status_code == 404


def test_missing_file_is_not_found(client: TestClient, catalogue: Catalogue) -> None:
    variation = save(catalogue)
    catalogue.variation_path(variation.id).unlink()
    assert client.get(variation_url(variation.id)).status_code == 404


@pytest.fixture
def sample(workspace: Workspace) -> Path:
    """A sample of a training, as the training's command writes it."""
    root = workspace.outputs / "trainings" / "kilim"
    place = TrainingFolder(root).samples(20) / "0123abcd"
    place.mkdir(parents=True)
    (place / "0.5.webp").write_bytes(encode_picture(draw_picture(32, 40), "WEBP"))
    return place / "0.5.webp"


def test_sample_of_a_training_is_sent_unchanged(client: TestClient, sample: Path) -> None:
    answer = client.get(sample_url("kilim", 20, "0123abcd", "0.5", 1))
    assert (answer.content, answer.headers["content-type"]) == (sample.read_bytes(), "image/webp")


@pytest.mark.parametrize(
    "address",
    [("kilim", 21, "0123abcd", "0.5"), ("..", 20, "0123abcd", "0.5"), ("kilim", 20, "..", "0.5")]
    + [("kilim", 20, "0123abcd", name) for name in ("1", "../0123abcd/0.5", "/etc/passwd", "0.5.webp", "\0")],
)
def test_sample_is_found_by_checked_names_only(client: TestClient, sample: Path, address: tuple) -> None:
    assert client.get(sample_url(*address, 1)).status_code == 404
