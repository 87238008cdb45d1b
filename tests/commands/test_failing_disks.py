"""Full disks, folders that may not be read, files in the place of folders: one sentence with what to do next."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.catalogue import Catalogue
from tests.support.catalogue_records import make_picture, make_record, save
from tests.support.command_line import bound_by_permissions, run_studio
from tests.support.pictures import draw_picture

pytestmark = pytest.mark.slow
resource = pytest.importorskip("resource", reason="limits and permissions are those of POSIX")

WHAT_NEXT = re.compile(r"(Allow|Change|Check|Choose|Copy|Free|Give|Make) [^.]*")
COMMANDS = {
    "rebuild": ["catalogue", "rebuild", "--outputs", "outputs"],
    "vary": ["vary", "design.png", "--count", "1", "--outputs", "outputs"],
    "export": ["export", "design.png", "--format", "png-indexed", "--output", "loom.png"],
    "export a variation": ["export", "{id}", "--format", "png-indexed", "--output", "loom.png", "--outputs", "outputs"],
    "evaluate": ["evaluate", "set", "design.png", "design.png", "--json", "figures.json"],
    "forms": ["benchmark", "files", "--output", "files.md"],
    "train": ["train", "builtin", "--output", "training", "--minutes", "0.01"],
}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A folder with a design and an outputs folder with two pictures; its permissions are mended at the end."""
    draw_picture(64, 80).save(tmp_path / "design.png")
    with Catalogue(tmp_path / "outputs") as catalogue:
        save(catalogue)
        catalogue.save_variation(make_picture(1), make_record(), make_picture(2))
    yield tmp_path
    for path in (tmp_path, *tmp_path.rglob("*")):
        if path.is_dir():
            path.chmod(0o755)


def arguments(place: Path, command: str) -> list[str]:
    """Return the arguments of a command, with the id of a picture."""
    (first, *_) = sorted(place.glob("outputs/variations/*/*.png")) or [Path("none")]
    return [one.replace("{id}", first.stem) for one in COMMANDS[command]]


def check(answer: subprocess.CompletedProcess[str]) -> None:
    """Check that a command ended with a sentence that says what to do next, and with an exit code for it."""
    assert answer.returncode in (1, 2), answer.stderr
    assert "Traceback" not in answer.stderr
    assert "Errno" not in answer.stderr
    said = answer.stderr.rsplit("python -m studio: ", 1)
    assert len(said) == 2, answer.stderr
    assert len(said[1].strip().splitlines()) == 1
    assert WHAT_NEXT.search(said[1]), said[1]


@pytest.mark.parametrize("command", COMMANDS)
def test_full_disk(place: Path, command: str) -> None:
    def fill() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))

    check(run_studio(*arguments(place, command), cwd=place, preexec_fn=fill))
    with Catalogue(place / "outputs") as catalogue:  # nothing is lost
        assert catalogue.rebuild().variations == 2


@pytest.mark.parametrize("command", ["rebuild", "vary", "export a variation"])
@pytest.mark.parametrize("folder", [".", "variations", "catalogue.sqlite"])
def test_what_may_not_be_read(place: Path, command: str, folder: str) -> None:
    given = arguments(place, command)
    (place / "outputs" / folder).chmod(0)
    answer = run_studio(*given, cwd=place, before=bound_by_permissions())
    check(answer)
    assert "outputs" in answer.stderr


def test_picture_that_may_not_be_read_is_named_and_the_others_are_listed(place: Path) -> None:
    first, *_ = sorted(place.glob("outputs/variations/*/*.png"))
    first.chmod(0)
    answer = run_studio(*COMMANDS["rebuild"], cwd=place, before=bound_by_permissions())
    assert answer.returncode == 0
    assert answer.stdout.startswith("1 variations")
    assert "may not read or write" in answer.stderr


@pytest.mark.parametrize("command", ["rebuild", "vary"])
@pytest.mark.parametrize("folder", [".", "variations", "sources"])
def test_file_where_a_folder_is_expected(place: Path, command: str, folder: str) -> None:
    wanted = place / "outputs" / folder
    shutil.rmtree(wanted, ignore_errors=True)
    wanted.write_bytes(b"x")
    answer = run_studio(*COMMANDS[command], cwd=place)
    check(answer)
    assert "a file is in its place" in answer.stderr


def test_training_below_a_file(place: Path) -> None:
    (place / "training").write_bytes(b"x")
    check(run_studio(*COMMANDS["train"], cwd=place))


@pytest.mark.parametrize("command", ["rebuild", "vary"])
def test_command_started_in_a_folder_that_is_gone(place: Path, command: str) -> None:
    gone = place / "gone"
    gone.mkdir()
    check(run_studio(*COMMANDS[command], cwd=gone, preexec_fn=gone.rmdir))
