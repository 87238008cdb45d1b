"""Fixtures that many tests share: a temporary folder, a catalogue, and the built-in model loaded once."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:  # before torch is imported, here and in what the tests start
    # Threads that wait for work spin. Two processes of two threads on two cores take longer than of one each.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

from studio.catalogue import Catalogue


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests that are neither slow nor in a browser as quick, for `pytest -m quick`."""
    for item in items:
        if not any(item.get_closest_marker(name) for name in ("slow", "browser")):
            item.add_marker("quick")


@pytest.fixture(scope="session", autouse=True)
def own_temporary_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Use a folder for temporary and cached files that only the tests and their processes use.

    The lock file of the graphics card is in it. Otherwise the tests would wait for a studio that the user runs.
    """
    folder = str(tmp_path_factory.mktemp("temporary"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", folder)
        patch.setenv("XDG_CACHE_HOME", folder)
        patch.setattr(tempfile, "tempdir", folder)
        yield


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    """The outputs folder of this test, which does not exist yet."""
    return tmp_path / "outputs"


@pytest.fixture
def catalogue(outputs: Path) -> Iterator[Catalogue]:
    """The catalogue in the outputs folder of this test."""
    with Catalogue(outputs) as catalogue:
        yield catalogue


@pytest.fixture(scope="session")
def slot() -> Iterator[object]:
    """The slot with the built-in pipeline, shared by all tests that draw."""
    from studio.models.pipeline_slot import PipelineSlot

    shared = PipelineSlot()
    yield shared
    shared.release()
