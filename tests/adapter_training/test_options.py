"""Every option runs on small random models in the shapes of Stable Diffusion 3.5 Large and Medium."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from studio.adapter_training.checkpoints import read_newest_checkpoint
from studio.adapter_training.folder import TrainingFolder
from tests.adapter_training.conftest import Train

pytestmark = pytest.mark.slow


def moved(folder: TrainingFolder) -> float:
    """Return the largest weight that began as 0."""
    found = read_newest_checkpoint(folder)
    assert found is not None
    values = [float(value.abs().max()) for key, value in found[1]["lora"].items() if "lora_B" in key]
    return max(values)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("large", {"base": "8bit", "noise_levels": "logit-normal", "shift": 3.0}),
        ("medium", {"base": "8bit", "optimiser": "prodigy", "learning_rate": 1.0}),
        ("large", {"layers": "attention-and-text", "average": 0.0, "mirrored": False, "accumulate": 1}),
        ("medium", {"layers": "attention-and-text", "batch": 3}),
    ],
    ids=str,
)
def test_every_option_trains(train: Train, small_model: Path, medium_model: Path, kind: str, settings: dict) -> None:
    folder = train(model=str(small_model if kind == "large" else medium_model), steps=1, held_out=0.0, **settings)
    assert moved(folder) > 0
    layers = {key.split(".lora_")[0] for key in load_file(folder.adapter / "adapter_model.safetensors")}
    trained = 7 if settings.get("layers") == "attention-and-text" else 4
    blocks = 2 * trained + (settings.get("layers") == "attention-and-text")
    assert len(layers) >= blocks


def test_adam_of_8_bits_trains_where_its_package_is_installed(train: Train) -> None:
    pytest.importorskip("bitsandbytes")
    assert moved(train(steps=2, held_out=0.0, optimiser="adamw-8bit")) > 0


def test_an_optimiser_whose_package_is_missing_is_refused_with_its_name(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    from studio.errors import RequestError

    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    with pytest.raises(RequestError, match="pip install bitsandbytes"):
        train(steps=1, optimiser="adamw-8bit")


def test_paired_designs_are_trained_from_their_source_and_measured_on_held_out_pairs(
    train: Train, paired_carpets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from studio.adapter_training import training

    starts: list[float] = []
    make_path = training.make_path

    def note(source, target, noise, levels):
        starts.extend(levels.starts.tolist() if torch.is_grad_enabled() else [])
        return make_path(source, target, noise, levels)

    monkeypatch.setattr(training, "make_path", note)
    folder = train(dataset=paired_carpets, steps=4, batch=2, accumulate=4, paired=True)
    assert 0.1 < sum(start < 1 for start in starts) / len(starts) < 0.5  # sources have no source
    assert all("paired_loss" in entry for entry in folder.entries() if entry["kind"] == "validation")


def test_samples_are_drawn_at_three_weights_and_weight_0_never_changes(train: Train) -> None:
    folder = train(steps=2, samples_every=1, learning_rate=0.1)
    (_, first), (_, last) = folder.list_samples()
    designs = sorted(one.name for one in first.iterdir())
    assert designs
    for design in designs:
        assert {file.name for file in (first / design).iterdir()} == {"source.webp", "0.webp", "0.5.webp", "1.webp"}
        assert (first / design / "0.webp").read_bytes() == (last / design / "0.webp").read_bytes()
        assert (first / design / "1.webp").read_bytes() != (last / design / "1.webp").read_bytes()
        assert (last / design / "1.webp").read_bytes() != (last / design / "0.5.webp").read_bytes()


def test_the_board_has_the_losses_of_the_log(train: Train) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    folder = train(steps=3)
    board = EventAccumulator(str(folder.logs))
    board.Reload()
    logged = [entry["loss"] for entry in folder.entries() if entry["kind"] == "step"]
    assert [event.value for event in board.Scalars("train/loss")] == pytest.approx(logged)
    assert [event.step for event in board.Scalars("held_out/loss")] == [0, 2, 3]
