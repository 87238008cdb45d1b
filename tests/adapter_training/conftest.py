from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from accelerate.state import AcceleratorState

from studio.adapter_training.folder import TrainingFolder
from studio.adapter_training.run import LoraRun
from studio.datasets import open_dataset
from studio.jobs.training_command import begin_arguments
from studio.schema import LoraRecipe
from tests.support.small_models import write_dataset, write_model

ROOT = Path(__file__).parents[2]
Train = Callable[..., TrainingFolder]
SMALL: dict[str, object] = {
    "rank": 4,
    "alpha": 4.0,
    "steps": 4,
    "learning_rate": 1e-2,
    "warm_up_steps": 0,
    "accumulate": 2,
    "resolution_px": 128,
    "checkpoint_every": 2,
    "validate_every": 2,
    "samples_every": 0,
    "held_out": 0.3,
}
"""A training of moments, without samples."""


def begin_command(dataset: Path, output: Path, model: Path, **settings: object) -> list[str]:
    """Return the arguments of `python` that train for a few steps, as the Train page begins a training."""
    recipe = LoraRecipe(**{"model": str(model)} | SMALL | settings)
    return ["-m", "studio", *begin_arguments(dataset, output, recipe)]


@pytest.fixture(autouse=True)
def fresh_accelerator() -> Iterator[None]:
    """accelerate keeps one state for a process, which trains once; here it trains often."""
    yield
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("model") / "small")


@pytest.fixture(scope="session")
def medium_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("model") / "medium", medium=True)


@pytest.fixture(scope="session")
def carpets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("dataset"), 6)


@pytest.fixture(scope="session")
def paired_carpets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("paired"), 5, pairs=True)


@pytest.fixture
def train(tmp_path: Path, small_model: Path, carpets: Path) -> Train:
    """Train for a few steps with small numbers, and return the folder."""

    def run(
        name: str = "training",
        dataset: Path = carpets,
        *,
        resume: bool = False,
        stopped: Callable[[], bool] = lambda: False,
        **settings: object,
    ) -> TrainingFolder:
        AcceleratorState._reset_state(reset_partial_state=True)
        recipe = LoraRecipe(**{"model": str(small_model)} | SMALL | settings)
        folder = TrainingFolder(tmp_path / name)
        with open_dataset(dataset) as opened:
            LoraRun(folder, recipe, stopped=stopped).run(opened, resume=resume)
        return folder

    return run
