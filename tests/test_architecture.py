"""The arrows between the rooms point one way, no page waits for torch, and the designs are a library of their own."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pages import APP

ROOT = Path(__file__).parents[1]
HEAVY = {"torch", "diffusers", "transformers", "peft", "mmgp", "accelerate"}

# Each layer may import those after it in the list, and its own.
LAYERS = [
    {"streamlit_app", "pages", "studio.app", "studio.__main__"},
    {"studio.commands"},
    {"studio.widgets"},
    {"studio.session"},
    {"studio.media"},
    {"studio.workspace"},
    {"studio.jobs", "studio.settings"},
    {"studio.training"},
    {"studio.engine"},
    {"studio.sheet"},
    {"studio.steering", "studio.turning", "studio.noise_shift"},
    {"studio.codec", "studio.precision"},
    {"studio.catalogue", "studio.models", "studio.evaluation"},
    {"studio.events"},
    {"studio.designs"},
    {"studio.requests"},
    {"studio.errors"},
]
MAY_BE_HEAVY = (
    "studio/models/",
    "studio/engine.py",
    "studio/sheet.py",
    "studio/steering.py",
    "studio/turning.py",
    "studio/noise_shift.py",
    "studio/codec.py",
    "studio/precision.py",
    "studio/training/",
    "studio/commands/",
)
LIGHT_MODELS = ("__init__", "registry", "profiles", "hardware", "adapter_files")
MAY_USE_STREAMLIT = ("streamlit_app.py", "pages/", "studio/app.py", "studio/session.py", "studio/widgets/")


def modules() -> list[Path]:
    files = [*ROOT.glob("studio/**/*.py"), *ROOT.glob("pages/*.py"), ROOT / "streamlit_app.py"]
    return sorted(file.relative_to(ROOT) for file in files)


def imports(file: Path, *, lazy: bool) -> set[str]:
    """Names imported by a file; with `lazy`, those inside functions and under TYPE_CHECKING too."""
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            if not lazy and isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                continue
            if not lazy and isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
                continue
            if isinstance(child, ast.Import):
                found.update(alias.name for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"{file}: relative import"
                found.update(f"{child.module}.{alias.name}" for alias in child.names)
            visit(child)

    visit(tree)
    return found


def layer_of(name: str) -> int | None:
    for depth, layer in enumerate(LAYERS):
        if any(name == room or name.startswith(f"{room}.") for room in layer):
            return depth
    return None


def module_name(file: Path) -> str:
    return ".".join(file.with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("file", modules(), ids=str)
def test_arrows_point_down(file: Path) -> None:
    name = module_name(file)
    if name == "studio":
        assert not {i for i in imports(file, lazy=True) if i.startswith("studio")}
        return
    own = layer_of(name)
    assert own is not None, f"{name} stands in no layer: give it a place in LAYERS"
    # The session makes the engine in the worker: the one lazy step past the layers between.
    for target in imports(file, lazy=True):
        depth = layer_of(target)
        assert depth is None or depth >= own, f"{name} imports {target}, which stands above it"


@pytest.mark.parametrize("file", modules(), ids=str)
def test_heavy_libraries_stay_with_the_worker(file: Path) -> None:
    path = file.as_posix()
    light_model = path.startswith("studio/models/") and file.stem in LIGHT_MODELS
    if path.startswith(MAY_BE_HEAVY) and not light_model:
        return
    heavy = {name for name in imports(file, lazy=True) if name.split(".")[0] in HEAVY}
    assert not heavy, f"{file} imports {heavy}"


@pytest.mark.parametrize("file", modules(), ids=str)
def test_streamlit_stays_with_the_pages(file: Path) -> None:
    if not file.as_posix().startswith(MAY_USE_STREAMLIT):
        assert not {name for name in imports(file, lazy=True) if name.split(".")[0] == "streamlit"}


def test_only_one_module_imports_mmgp() -> None:
    users = [file for file in modules() if any(i.split(".")[0] == "mmgp" for i in imports(file, lazy=True))]
    assert users == [Path("studio/models/memory.py")]


def test_nothing_that_draws_a_page_loads_torch() -> None:
    names = [module_name(file) for file in modules() if file.as_posix().startswith(MAY_USE_STREAMLIT)]
    pages = [name for name in names if name.startswith("pages.") or name in ("studio.app", "streamlit_app")]
    studio_imports = {
        target.rsplit(".", 1)[0] if "." in target else target
        for name in pages
        for target in imports(Path(*name.split(".")).with_suffix(".py"), lazy=False)
        if target.startswith(("studio", "pages"))
    }
    code = (
        "import importlib, sys\n"
        f"for name in {sorted(studio_imports | set(names) - set(pages))!r}:\n"
        "    importlib.import_module(name)\n"
        f"heavy = {sorted(HEAVY)!r}\n"
        "print([name for name in heavy if name in sys.modules])\n"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.strip().splitlines()[-1] == "[]"


def test_page_draws_without_torch(tmp_path: Path) -> None:
    program = (
        "import sys; from streamlit.testing.v1 import AppTest\n"
        f"page = AppTest.from_file({APP!r}, default_timeout=60).run()\n"
        "assert not page.exception, page.exception\n"
        "assert page.text_area(key='form_prompt').value == ''\n"
        "heavy = {'torch', 'diffusers', 'transformers', 'peft', 'mmgp'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    environment = {"STUDIO_OUTPUTS": str(tmp_path), "PATH": "", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("library", ["designs", "evaluation"])
def test_designs_and_their_figures_need_numpy_and_pillow_alone(library: str) -> None:
    names = [module_name(file) for file in modules() if file.as_posix().startswith(f"studio/{library}/")]
    code = (
        "import importlib, sys\n"
        "before = set(sys.modules)\n"
        f"for name in {names!r}:\n"
        "    importlib.import_module(name)\n"
        "new = {name.split('.')[0] for name in set(sys.modules) - before} - sys.stdlib_module_names\n"
        "print(*sorted(new))\n"
    )
    answer = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(answer.stdout.split()) == {"PIL", "numpy", "studio"}


def test_the_library_does_by_one_import_what_its_docstring_shows() -> None:
    import doctest

    import studio.designs

    assert doctest.testmod(studio.designs) == doctest.TestResults(failed=0, attempted=7)
    assert all(hasattr(studio.designs, name) for name in studio.designs.__all__)


def test_importing_the_catalogue_is_light() -> None:
    code = "import sys, studio.catalogue; print(*{'numpy', 'pandas', 'streamlit', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
