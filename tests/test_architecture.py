"""Imports between the rooms point one way, no page waits for torch, and the designs are a library of their own."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.pages import APP

ROOT = Path(__file__).parents[1]
HEAVY = {"torch", "diffusers", "transformers", "peft", "mmgp", "accelerate"}

# A room may import its own modules and those of later layers; rooms of one layer do not import each other.
# A module belongs to the room with the longest name that it begins with.
LAYERS = [
    {"streamlit_app", "pages", "studio.ui.app", "studio.__main__"},
    {"studio.commands"},
    {"studio.commands.train", "studio.commands.file_forms", "studio.commands.figures"},
    {"studio.ui.generate", "studio.ui.gallery", "studio.ui.compare", "studio.ui.train", "studio.ui.settings"},
    {"studio.ui.generate.form", "studio.ui.train.form"},
    {"studio.ui.shared"},
    {"studio.ui.shared.facts"},
    {"studio.ui.session"},
    {"studio.ui.picture_routes", "studio.ui.request_guard", "studio.ui.backend_address"},
    {"studio.workspace"},
    {"studio.jobs", "studio.settings_store"},
    {"studio.training"},
    {"studio.carpets"},
    {"studio.carpets.families"},
    {"studio.carpets.ornaments"},
    {"studio.carpets.drafts"},
    {"studio.carpets.captions"},
    {"studio.carpets.layouts", "studio.carpets.drawing"},
    {"studio.adapter_training"},
    {"studio.adapter_training.card"},
    {"studio.adapter_training.folder", "studio.adapter_evaluation"},
    {"studio.generation.engine", "studio.generation.drawing_engine"},
    {"studio.generation.motifs"},
    {"studio.generation.preparation"},
    {
        "studio.generation.constraint_projection",
        "studio.generation.cycle_spinning",
        "studio.generation.noise_shift",
        "studio.generation.previews",
    },
    {"studio.generation.guidance"},
    {"studio.generation.vae", "studio.generation.sampling"},
    {"studio.generation.events", "studio.generation.motif_memory"},
    {"studio.datasets", "studio.optimisation"},
    {"studio.models", "studio.catalogue", "studio.evaluation", "studio.recompose"},
    {"studio.catalogue.index"},
    {"studio.catalogue.files"},
    {"studio.catalogue.records"},
    {"studio.catalogue.identifiers"},
    {"studio.designs"},
    {"studio.designs.inspection"},
    {"studio.designs.weaving"},
    {"studio.designs.yarns"},
    {"studio.designs.files"},
    {"studio.designs.canvas"},
    {"studio.designs.structure"},
    {"studio.designs.colours"},
    {"studio.designs.index_map", "studio.designs.samples"},
    {"studio.schema"},
    {"studio.errors", "studio.terminal"},
]
MAY_BE_HEAVY = (
    "studio/models/",
    "studio/generation/",
    "studio/training/",
    "studio/adapter_",
    "studio/optimisation/",
    "studio/commands/",
)
LIGHT_GENERATION = ("__init__", "events", "motif_memory", "motifs", "drawing_engine")
LIGHT_MODELS = (
    "__init__",
    "registry",
    "memory_profiles",
    "hardware",
    "given_paths",
    "adapter_config",
    "adapter_layers",
    "adapter_files",
    "adapter_fit",
)
LIGHT_ADAPTER_TRAINING = ("__init__", "folder", "memory_estimate", "forecast", "defaults")
LIGHT_ADAPTER_EVALUATION = ("__init__", "results", "notes", "held_out", "archive_view")
MAY_USE_STREAMLIT = ("streamlit_app.py", "pages/", "studio/ui/")


def modules() -> list[Path]:
    files = [*ROOT.glob("studio/**/*.py"), *ROOT.glob("pages/*.py"), ROOT / "streamlit_app.py"]
    return sorted(file.relative_to(ROOT) for file in files)


def imports(file: Path, *, lazy: bool) -> set[str]:
    """Return the names imported by a file; with `lazy`, also inside functions and under TYPE_CHECKING."""
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


def room_of(name: str) -> tuple[int, str] | None:
    """Return the layer and the room that a module, or a name in it, belongs to."""
    rooms = [(depth, room) for depth, layer in enumerate(LAYERS) for room in layer]
    found = [(depth, room) for depth, room in rooms if name == room or name.startswith(f"{room}.")]
    return max(found, key=lambda one: len(one[1]), default=None)


def module_name(file: Path) -> str:
    return ".".join(file.with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.slow
@pytest.mark.parametrize("file", modules(), ids=str)
def test_imports_point_down(file: Path) -> None:
    name = module_name(file)
    if name == "studio":
        assert not {i for i in imports(file, lazy=True) if i.startswith("studio")}
        return
    own = room_of(name)
    if own is None:
        assert file.name == "__init__.py", f"{name} is in no layer: give it a place in LAYERS"
        assert not {i for i in imports(file, lazy=True) if i.startswith("studio")}
        return
    for target in imports(file, lazy=True):
        room = room_of(target)
        below = room is None or room == own or room[0] > own[0]
        assert below, f"{name} imports {target}, which is not below it"


@pytest.mark.parametrize("file", modules(), ids=str)
def test_only_the_worker_imports_heavy_libraries(file: Path) -> None:
    path = file.as_posix()
    light_model = path.startswith("studio/models/") and file.stem in LIGHT_MODELS
    light_generation = path.startswith("studio/generation/") and file.stem in LIGHT_GENERATION
    light_training = path.startswith("studio/adapter_training/") and file.stem in LIGHT_ADAPTER_TRAINING
    light_evaluation = path.startswith("studio/adapter_evaluation/") and file.stem in LIGHT_ADAPTER_EVALUATION
    light = light_model or light_generation or light_training or light_evaluation
    if path.startswith(MAY_BE_HEAVY) and not light:
        return
    heavy = {name for name in imports(file, lazy=True) if name.split(".")[0] in HEAVY}
    assert not heavy, f"{file} imports {heavy}"


@pytest.mark.parametrize("file", modules(), ids=str)
def test_only_the_pages_import_streamlit(file: Path) -> None:
    if not file.as_posix().startswith(MAY_USE_STREAMLIT):
        assert not {name for name in imports(file, lazy=True) if name.split(".")[0] == "streamlit"}


@pytest.mark.slow
def test_only_one_module_imports_mmgp() -> None:
    users = [file for file in modules() if any(i.split(".")[0] == "mmgp" for i in imports(file, lazy=True))]
    assert users == [Path("studio/models/offloading.py")]


@pytest.mark.slow
def test_modules_of_the_pages_do_not_load_torch() -> None:
    names = [module_name(file) for file in modules() if file.as_posix().startswith(MAY_USE_STREAMLIT)]
    pages = [name for name in names if name.startswith("pages.") or name in ("studio.ui.app", "streamlit_app")]
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


@pytest.mark.slow
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
def test_designs_and_evaluation_need_only_numpy_and_pillow(library: str) -> None:
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


def test_importing_the_datasets_loads_no_heavy_library() -> None:
    code = (
        "import sys, studio.datasets\n"
        "new = {name.split('.')[0] for name in sys.modules} - sys.stdlib_module_names\n"
        "print(*sorted(new & {'pandas', 'streamlit', 'torch', 'numba', 'transformers', 'tqdm', 'numpy', 'PIL'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["PIL", "numpy"]


def test_the_example_in_the_librarys_docstring_runs() -> None:
    import doctest

    import studio.designs

    assert doctest.testmod(studio.designs) == doctest.TestResults(failed=0, attempted=7)
    assert all(hasattr(studio.designs, name) for name in studio.designs.__all__)


def test_importing_the_catalogue_loads_no_heavy_library() -> None:
    code = "import sys, studio.catalogue; print(*{'numpy', 'pandas', 'streamlit', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_no_room_is_too_wide_to_be_looked_over() -> None:
    wide = {
        str(folder.relative_to(ROOT)): len(list(folder.glob("*.py"))) - 1
        for folder in [*ROOT.glob("studio/**/"), ROOT / "pages"]
        if len(list(folder.glob("*.py"))) - 1 > 15
    }
    assert wide == {}
