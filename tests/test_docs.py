"""The documentation is correct: its paths and names exist, and its drawing has the order of the architecture test."""

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
"""Prefixes of paths that a document may name although they exist only once the studio is used."""


def paths_in(text: str) -> set[str]:
    """Return the paths of the project in a document: in backticks or in links."""
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


def names_in(tree: ast.AST, prefix: str = "") -> set[str]:
    """Functions, classes and constants of a module, and the methods, properties and fields of classes, with dots."""
    found = set()
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(prefix + node.name)
        if isinstance(node, ast.ClassDef):
            found |= names_in(node, f"{prefix}{node.name}.")
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        found.update(prefix + target.id for target in targets if isinstance(target, ast.Name))
    return found


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def test_every_name_beside_a_path_is_defined_there() -> None:
    """Written as `NAME` in `path`, or as `Class.method` (`path`)."""
    said = re.findall(r"`([\w.]+)`(?: in|) \(?`(studio/[\w./]+\.py)`", ARCHITECTURE)
    assert len(said) > 15
    for name, path in said:
        assert name in names_in(parse(PROJECT / path)), f"{path} defines no {name}"


def test_every_other_name_is_defined_somewhere() -> None:
    """Names in backticks that are no paths; those of libraries are listed here."""
    of_libraries = {"StableDiffusion3Img2ImgPipeline", "torch.equal", "streamlit_app.py"}
    defined = set().union(*(names_in(parse(file)) for file in (PROJECT / "studio").rglob("*.py")))
    named = set(re.findall(r"`([A-Za-z_]\w*(?:\.[a-z_]\w*)*)`", ARCHITECTURE)) - of_libraries
    short = {name.rpartition(".")[2] for name in defined}
    assert {name for name in named if name not in defined and ("." in name or name not in short)} == set()
    assert len(named) > 20


def uppermost_layer(room: str) -> int:
    return min(depth for depth, layer in enumerate(LAYERS) for name in layer if f"{name}.".startswith(f"{room}."))


def test_the_drawing_has_every_room_in_the_order_of_the_architecture_test() -> None:
    drawing = re.search(r"```\n(.*?)```", ARCHITECTURE, re.DOTALL)[1]
    paths = re.findall(r"studio(?:/\w+)+(?:\.py|/)", drawing)
    depths = [uppermost_layer(path.removesuffix(".py").strip("/").replace("/", ".")) for path in paths]
    assert depths == sorted(depths)
    rooms = {f"{folder.parent.relative_to(PROJECT)}/" for folder in (PROJECT / "studio").glob("*/**/__init__.py")}
    loose = {f"studio/{file.name}" for file in (PROJECT / "studio").glob("[!_]*.py")}
    assert rooms | loose <= set(paths) | {"studio/ui/"}


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
    """The folders and files of the tests that `pytest -m quick` finds mirror the rooms of the studio."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-m", "quick", "-p", "no:cacheprovider"]
    listed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    covered = {line.split("::")[0] for line in listed.splitlines() if line.startswith("tests/")}
    rooms = {path.parent.name for path in (PROJECT / "studio").glob("*/__init__.py")}
    pages = {path.stem for path in (PROJECT / "pages").glob("*.py")}
    assert {room for room in rooms if not any(file.startswith(f"tests/{room}/") for file in covered)} == set()
    assert {page for page in pages if not any(file.startswith(f"tests/ui/{page}/") for file in covered)} == set()
