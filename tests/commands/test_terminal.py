"""The command line at the edges: a reader that leaves, a full disk, Ctrl+C, names in another encoding. No traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from studio.workspace import PROJECT
from tests.support.pictures import draw_picture

pytestmark = pytest.mark.slow
posix_only = pytest.mark.skipif(os.name != "posix", reason="pipes, /dev/full and names as bytes are those of POSIX")

INTERRUPTING = """
import signal, sys

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            signal.raise_signal(signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs inherit that it is ignored
sys.meta_path.insert(0, Interrupting())
"""
"""A start-up file that presses Ctrl+C while a module is imported."""


def run(
    *arguments: str | bytes, stdout: int = subprocess.PIPE, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """Run a command and return its exit code and what it printed, as bytes."""
    command = [sys.executable, "-m", "studio", *arguments]
    return subprocess.run(
        command, cwd=PROJECT, stdout=stdout, stderr=subprocess.PIPE, check=False, env=os.environ | environment
    )


@pytest.fixture
def design(tmp_path: Path) -> str:
    """A small design."""
    file = tmp_path / "design.png"
    draw_picture(64, 48).save(file)
    return str(file)


@posix_only
@pytest.mark.parametrize("options", [[], ["--json"]], ids=["table", "json"])
def test_reader_that_leaves_ends_a_command_in_silence(design: str, options: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    answer = run("inspect", design, *options, stdout=writing)
    os.close(writing)
    assert answer.stderr == b""
    assert answer.returncode == 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("options", [[], ["--json"]], ids=["table", "json"])
def test_full_disk_is_said_in_one_line(design: str, options: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        answer = run("inspect", design, *options, stdout=full.fileno())
    said = answer.stderr.decode()
    assert said.startswith("python -m studio: the output could not be written: No space left on device. Free some")
    assert len(said.splitlines()) == 1
    assert answer.returncode == 1


@pytest.mark.parametrize("module", ["studio.commands", "studio.commands.inspect", "numpy"])
def test_ctrl_c_during_the_imports_ends_in_silence(design: str, tmp_path: Path, module: str) -> None:
    (tmp_path / "sitecustomize.py").write_text(INTERRUPTING.format(module=module), "utf-8")
    answer = run("inspect", design, PYTHONPATH=str(tmp_path))
    assert (answer.returncode, answer.stdout, answer.stderr) == (130, b"", b"")


@posix_only
@pytest.mark.parametrize("encoding", ["utf-8:strict", "ascii:strict", "latin-1:strict"])
def test_name_in_another_encoding_is_printed_as_it_was_given(tmp_path: Path, encoding: str) -> None:
    name = os.fsencode(tmp_path) + b"/caf\xe9 \xe2\x80\x93.png"
    try:
        with open(name, "wb") as file:  # noqa: PTH123  # a name as bytes
            draw_picture(64, 48).save(file, "PNG")
    except OSError:
        pytest.skip("this file system takes no such names")
    answer = run("inspect", name, PYTHONIOENCODING=encoding)
    assert answer.stderr == b""
    assert answer.returncode == 0
    shown = answer.stdout.splitlines()[0]
    assert b"caf\xe9" in shown
    assert (b"\xe2\x80\x93" if encoding.startswith("utf-8") else rb"\u2013") in shown
    missing = run("inspect", name + b".none", PYTHONIOENCODING=encoding)
    assert missing.returncode == 2
    assert len(missing.stderr.splitlines()) == 1
    refused = run("inspect", b"--caf\xe9", PYTHONIOENCODING=encoding)
    assert refused.returncode == 2
    assert len(refused.stderr.splitlines()) == 1


def test_folder_that_cannot_be_made_is_named_in_one_line(design: str) -> None:
    answer = run("train", "builtin", "--output", f"{design}/runs", "--minutes", "0.01")
    assert answer.returncode == 1
    (line,) = answer.stderr.decode().splitlines()
    assert design in line
    assert "Not a directory" in line or "cannot find" in line


def test_libraries_give_no_hints_on_the_terminal() -> None:
    program = "from studio.generation import engine; from studio.models.loading import find_pipeline_class as f; f()"
    answer = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, check=True)
    assert answer.stderr == b""
