"""The lock file of the graphics card: in a folder of the user's own, whatever others have put in its way."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from studio.errors import StorageError
from studio.jobs.device_lock import device_lock_file

posix_only = pytest.mark.skipif(os.name != "posix", reason="owners and permissions are those of POSIX")


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """An empty cache folder and an empty folder for temporary files."""
    found = tmp_path / "cache", tmp_path / "temporary"
    for folder in found:
        folder.mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(found[0]))
    monkeypatch.setattr(tempfile, "tempdir", str(found[1]))
    return found


def put_file(place: Path) -> None:
    """Put a file where the folder should be."""
    place.write_bytes(b"")


def put_link(place: Path) -> None:
    """Put a link to a folder of the user's own."""
    (place.parent / "elsewhere").mkdir(mode=0o700)
    place.symlink_to(place.parent / "elsewhere")


def put_open_folder(place: Path) -> None:
    """Put a folder in which everybody can write."""
    place.mkdir()
    place.chmod(0o777)


def put_foreign_folder(place: Path) -> None:
    """Put a folder of another user."""
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder to another user")
    place.mkdir(mode=0o755)
    os.chown(place, 12345, 12345)


OBSTACLES = [put_file, put_link, put_open_folder, put_foreign_folder]


@posix_only
def test_folder_is_made_for_the_user_alone(folders: tuple[Path, Path]) -> None:
    lock = device_lock_file()
    assert lock.parent.parent == folders[0]
    assert stat.S_IMODE(lock.parent.stat().st_mode) == 0o700
    assert device_lock_file() == lock


@posix_only
def test_files_of_others_in_the_temporary_folder_stop_nothing(folders: tuple[Path, Path]) -> None:
    for name in (f"carpet-diffusion-studio-{os.getuid()}", f"carpet-diffusion-studio-{os.getuid()}.lock"):
        (folders[1] / name).write_bytes(b"")
    assert device_lock_file().is_relative_to(folders[0])


@posix_only
@pytest.mark.parametrize("obstruct", OBSTACLES)
def test_folder_that_is_not_the_users_own_is_left_aside(
    folders: tuple[Path, Path], obstruct: Callable[[Path], None]
) -> None:
    obstruct(folders[0] / "carpet-diffusion-studio")
    lock = device_lock_file()
    assert lock.is_relative_to(folders[1])
    assert stat.S_IMODE(lock.parent.stat().st_mode) == 0o700
    lock.parent.rmdir()
    obstruct(lock.parent)
    with pytest.raises(StorageError, match="XDG_CACHE_HOME"):
        device_lock_file()


def test_relative_cache_folder_is_left_aside(folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    monkeypatch.setenv("HOME", str(folders[0]))
    monkeypatch.setenv("USERPROFILE", str(folders[0]))
    assert device_lock_file().parent == folders[0] / ".cache" / "carpet-diffusion-studio"
