from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from studio.adapter_training.checkpoints import read_newest_checkpoint
from studio.adapter_training.folder import TrainingFolder
from studio.errors import RequestError
from tests.adapter_training.conftest import Train


def weights(folder: TrainingFolder) -> dict[str, torch.Tensor]:
    return load_file(folder.adapter / "adapter_model.safetensors")


def stop_after(folder: Path, steps: int):
    """Return a function that asks to stop once this many steps are in the log."""
    return lambda: sum(entry["kind"] == "step" for entry in TrainingFolder(folder).entries()) >= steps


@pytest.mark.slow
@pytest.mark.parametrize(("cut", "optimiser"), [(1, "adamw"), (3, "prodigy")])
def test_a_training_that_is_cut_and_resumed_ends_with_the_weights_of_one_that_is_not(
    train: Train, tmp_path: Path, cut: int, optimiser: str
) -> None:
    settings = {"steps": 4, "optimiser": optimiser, "caption_dropout": 0.5, "batch": 2}
    whole = train("whole", **settings)
    train("cut", stopped=stop_after(tmp_path / "cut", cut), **settings)
    assert not (tmp_path / "cut" / "adapter").exists()
    resumed = train("cut", resume=True, **settings)
    assert [entry["step"] for entry in resumed.entries() if entry["kind"] == "step"] == [1, 2, 3, 4]
    mine, theirs = weights(resumed), weights(whole)
    assert all(torch.equal(mine[key], theirs[key]) for key in theirs)
    one, other = read_newest_checkpoint(resumed), read_newest_checkpoint(whole)
    assert one is not None and other is not None
    for part in ("lora", "average"):
        assert all(torch.equal(one[1][part][key], other[1][part][key]) for key in other[1][part])


@pytest.mark.slow
def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(train: Train) -> None:
    whole = train("whole")
    damaged = train("damaged")
    (damaged.checkpoints / "step-000004" / "state.pt").write_bytes(b"half")
    found = read_newest_checkpoint(damaged)
    assert found is not None and found[0] == 2
    resumed = train("damaged", resume=True)
    assert all(torch.equal(weights(resumed)[key], value) for key, value in weights(whole).items())


@pytest.mark.slow
def test_a_training_does_not_go_on_with_another_dataset(train: Train, carpets: Path, tmp_path: Path) -> None:
    import shutil

    own = tmp_path / "carpets"
    shutil.copytree(carpets, own)
    train("training", own, steps=2)
    for file in sorted(own.glob("*.txt")):
        file.write_text("something else", "utf-8")
    with pytest.raises(RequestError, match="not the one that this training began with"):
        train("training", own, resume=True, steps=4)


@pytest.mark.slow
def test_only_the_last_checkpoints_are_kept(train: Train) -> None:
    folder = train(steps=5, checkpoint_every=1)
    assert [step for step, _ in folder.list_checkpoints()] == [3, 4, 5]
