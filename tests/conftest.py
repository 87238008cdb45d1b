"""What many tests share: drawn designs, a catalogue of their own, and the built-in model loaded once."""

from __future__ import annotations

import hashlib
import io
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from studio.catalogue import Catalogue
from studio.designs import Design, open_design


def draw_picture(width_px: int, height_px: int, seed: int = 0) -> Image.Image:
    """Draw an indexed picture of a bordered field with diamonds: small, crisp, different for each seed."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height_px, 0:width_px]
    period = int(rng.integers(12, 24))
    indices = ((np.abs(x % period - period // 2) + np.abs(y % period - period // 2)) > period // 2).astype(np.uint8)
    border = np.minimum.reduce([x, y, width_px - 1 - x, height_px - 1 - y])
    indices[border < 10] = 2
    indices[border < 4] = 3
    picture = Image.fromarray(indices, "P")
    picture.putpalette(rng.integers(0, 256, 12, dtype=np.uint8).tobytes())
    return picture


def encode_picture(picture: Image.Image, form: str = "PNG", **options: object) -> bytes:
    """Return a picture as the bytes of a file, saved with Pillow's options."""
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def draw_design(width_px: int, height_px: int, seed: int = 0) -> Design:
    """Draw a picture and open it as the studio does."""
    return open_design(encode_picture(draw_picture(width_px, height_px, seed)))


def digest(picture: Image.Image) -> str:
    """Return a hash of the pixels."""
    return hashlib.sha256(picture.tobytes()).hexdigest()


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
