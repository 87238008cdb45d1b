"""The Train page on an outputs folder of its own, a stand-in for the command that trains, and folders of designs."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from studio.jobs import trainings
from studio.jobs.trainings import Training
from studio.ui.session import workspace
from studio.workspace import Workspace
from tests.support.dataset_folders import encode_carpet, write_files
from tests.support.pages import open_page, run

PROGRAM = (sys.executable, "-m", "tests.support.training_program")
PATIENCE_SECONDS = 60


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let trainings of studios that are opened from now on start the stand-in."""
    usual = trainings.Trainings.__init__.__defaults__
    monkeypatch.setattr(trainings.Trainings.__init__, "__defaults__", (PROGRAM, *usual[1:]))
    yield


def write_carpets(folder: Path, count: int = 3) -> Path:
    """Write carpets into a folder, the first without a caption, and return it."""
    files: dict[str, bytes | str] = {f"carpet-{number}.png": encode_carpet(number, 64, 96) for number in range(count)}
    files |= {f"carpet-{number}.txt": f"kilim number {number}" for number in range(1, count)}
    return write_files(folder, files)


def read_folder(folder: Path) -> AppTest:
    """Return the page after a folder was read."""
    app = open_page("train")
    app.text_input(key="train_path").set_value(str(folder))
    run(app)
    app.button(key="train_read").click()
    run(app)
    wait_until_read(app)
    return run(app)


def wait_until_read(app: AppTest) -> None:
    """Wait until the dataset that the page reads in the background is read."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not app.session_state["train_reading"].over:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def wait(training_id: str, until: Callable[[Training], bool]) -> Training:
    """Return the first state of a training of the page's studio that fulfils a condition."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not until(found := workspace().trainings.find(training_id)):
        assert time.monotonic() < deadline, found
        time.sleep(0.02)
    return found


def train(studio: Workspace, dataset: str = "pictures", **recipe: object) -> Training:
    """Train with the stand-in to the end, and return the training."""
    settings = {"steps": 4, "trigger": "kashan rug"} | recipe
    one = studio.trainings.start("Kashan", Path(dataset), trainings.LoraRecipe(**settings))
    return wait(one, lambda training: not training.state.active)
