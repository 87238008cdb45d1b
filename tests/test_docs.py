"""The documentation is true: its paths and names exist, and its drawing has the order of the architecture test."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import studio
from studio.workspace import PROJECT
from tests.test_architecture import LAYERS

ARCHITECTURE = (PROJECT / "docs" / "architecture.md").read_text("utf-8")
DOCUMENTS = ["README.md", "CONTRIBUTING.md", "docs/architecture.md"]
MADE_LATER = ("runs/", "outputs/", "carpet-lora", ".venv")
"""Beginnings of paths that a document may name although they are made when the studio is used."""


def paths_in(text: str) -> set[str]:
    """Paths of the project in a document: in backticks or in links."""
    quoted = re.findall(r"`([\w./-]+/[\w./-]*|[\w-]+\.(?:py|md|txt|toml|css))`", text)
    linked = [target for target in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in target]
    return {path for path in [*quoted, *linked] if not path.startswith(("/", "http"))}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_path_exists(document: str) -> None:
    text = (PROJECT / document).read_text("utf-8")
    folder = (PROJECT / document).parent
    named = {path for path in paths_in(text) if not path.startswith(MADE_LATER)}
    models = {path for path in named if path.startswith("stabilityai/")}
    missing = [path for path in named - models if not ((PROJECT / path).exists() or (folder / path).exists())]
    assert not missing
    assert len(named) > 3


def names_in(file: Path) -> set[str]:
    """Functions, classes, methods and constants that a module defines."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.add(node.name)
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        found.update(target.id for target in targets if isinstance(target, ast.Name))
    return found


def test_every_name_beside_a_path_is_defined_there() -> None:
    """Said as `NAME` in `path`, or as `Class.method` (`path`)."""
    said = re.findall(r"`([\w.]+)`(?: in|) \(?`(studio/[\w./]+\.py)`", ARCHITECTURE)
    assert len(said) > 15
    for name, path in said:
        defined = names_in(PROJECT / path)
        assert set(name.split(".")) <= defined, f"{path} defines no {name}"


def uppermost_layer(room: str) -> int:
    return min(depth for depth, layer in enumerate(LAYERS) for name in layer if f"{name}.".startswith(f"{room}."))


def test_the_drawing_has_every_room_in_the_order_of_the_architecture_test() -> None:
    drawing = re.search(r"```\n(.*?)```", ARCHITECTURE, re.DOTALL)[1]
    rooms = [room.replace("/", ".") for room in re.findall(r"(studio(?:/\w+)+)(?:\.py|/)", drawing)]
    depths = [uppermost_layer(room) for room in rooms]
    assert len(depths) > 15
    assert depths == sorted(depths)
    drawn = set(re.findall(r"studio/(\w+)", drawing))
    there = {path.parent.name for path in (PROJECT / "studio").glob("*/__init__.py")}
    there |= {path.stem for path in (PROJECT / "studio").glob("*.py")} - {"__init__", "__main__"}
    assert there <= drawn


def test_the_file_tree_of_the_readme_has_every_room() -> None:
    tree = re.search(r"```\n(streamlit_app\.py.*?)```", (PROJECT / "README.md").read_text("utf-8"), re.DOTALL)[1]
    rooms = {path.parent.name for path in (PROJECT / "studio").glob("*/__init__.py")}
    assert {room for room in rooms if f"{room}/" not in tree} == set()


def test_the_changelog_and_the_package_name_the_same_version() -> None:
    latest = re.search(r"^## (\d+\.\d+\.\d+)", (PROJECT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)[1]
    assert latest == studio.__version__
    assert latest == tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]["version"]


def test_every_dependency_has_its_reason_in_the_readme() -> None:
    readme = (PROJECT / "README.md").read_text("utf-8")
    table = readme[readme.index("## Packages") :]
    for line in (PROJECT / "requirements.txt").read_text("utf-8").splitlines():
        assert re.search(rf"\b{line.split('==')[0]}\b", table), line


@pytest.mark.slow
def test_quick_tests_cover_every_room() -> None:
    """Those that `pytest -m quick` finds, by the folders and files that mirror the rooms of the studio."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-m", "quick", "-p", "no:cacheprovider"]
    listed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    covered = {line.split("::")[0] for line in listed.splitlines() if line.startswith("tests/")}
    rooms = {path.parent.name for path in (PROJECT / "studio").glob("*/__init__.py")}
    pages = {path.stem for path in (PROJECT / "pages").glob("*.py")}
    assert {room for room in rooms if not any(file.startswith(f"tests/{room}/") for file in covered)} == set()
    assert {page for page in pages if not any(file.startswith(f"tests/ui/{page}/") for file in covered)} == set()
