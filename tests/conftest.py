"""What many tests share: a temporary folder and a catalogue of their own, and the built-in model loaded once."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.catalogue import Catalogue


@pytest.fixture(scope="session", autouse=True)
def own_temporary_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Give the tests, and the programs that they start, the lock of a machine of their own.

    All studios of a user wait for one lock in the folder for temporary files: one that is open beside the tests would
    hold them up.
    """
    folder = str(tmp_path_factory.mktemp("temporary"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", folder)
        patch.setattr(tempfile, "tempdir", folder)
        yield


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    """The outputs folder of this test, not made yet."""
    return tmp_path / "outputs"


@pytest.fixture
def catalogue(outputs: Path) -> Iterator[Catalogue]:
    """The catalogue in the outputs folder of this test."""
    with Catalogue(outputs) as catalogue:
        yield catalogue


@pytest.fixture(scope="session")
def slot() -> Iterator[object]:
    """The slot that holds the real built-in pipeline for all tests that draw."""
    from studio.models.slot import PipelineSlot

    shared = PipelineSlot()
    yield shared
    shared.release()
