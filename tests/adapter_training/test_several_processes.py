"""Two processes that torch starts train as one that accumulates twice as many batches."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from studio.adapter_training.checkpoints import read_newest_checkpoint
from studio.adapter_training.folder import TrainingFolder
from tests.adapter_training.conftest import ROOT, Train, begin_command


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs gloo")
def test_two_processes_train_as_one_with_twice_the_batches(
    train: Train, small_model: Path, carpets: Path, tmp_path: Path
) -> None:
    alone = train("alone", steps=3, accumulate=2)
    together = tmp_path / "together"
    command = begin_command(carpets, together, small_model, steps=3, accumulate=1)
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", *command],
        cwd=ROOT,
        env=os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache"), "ACCELERATE_USE_CPU": "true"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    one, other = read_newest_checkpoint(alone), read_newest_checkpoint(TrainingFolder(together))
    assert one is not None and other is not None
    assert other[0] == 3
    for key, value in one[1]["lora"].items():
        theirs = other[1]["lora"][key]
        assert float((theirs - value).norm()) < 0.02 * float(value.norm()), key
    assert torch.isfinite(torch.stack([value.norm() for value in other[1]["lora"].values()])).all()
