"""A model folder whose configurations are damaged is an error of the model, whatever the libraries raise."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from studio.errors import ModelError
from studio.models.pipeline_slot import PipelineSlot
from studio.models.registry import BUILTIN_FOLDER
from studio.schema import PipelineChoice


@pytest.mark.parametrize(
    "index",
    ['{"_class_name": "StableDiffusion3Img2ImgPipeline"}', "[" * 100_000, "[]", "{", '{"a": ' + "9" * 5000 + "}"],
    ids=["no parts", "deep", "list", "cut", "long"],
)
def test_a_damaged_folder_is_reported(tmp_path: Path, index: str) -> None:
    (tmp_path / "model_index.json").write_text(index)
    slot = PipelineSlot()
    with pytest.raises(ModelError, match=r"could not be loaded.*again"), slot.use(PipelineChoice(str(tmp_path)), print):
        pass
    assert not slot.occupied


@pytest.mark.slow
@pytest.mark.parametrize(
    ("part", "key", "value"),
    [
        ("transformer", "num_layers", float("inf")),
        ("transformer", "attention_head_dim", 0),
        ("text_encoder", "hidden_size", 1e30),
    ],
)
def test_a_configuration_with_absurd_values_is_reported(tmp_path: Path, part: str, key: str, value: float) -> None:
    shutil.copytree(BUILTIN_FOLDER, tmp_path / "model")
    file = tmp_path / "model" / part / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {key: value}))
    refuse(tmp_path / "model", "could not be loaded")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("part", "key", "value", "says"),
    [
        ("transformer", "num_layers", 4000, r"num_layers 4000 where the weights have \d+\."),
        ("text_encoder", "num_hidden_layers", 1, r"num_hidden_layers 1 where the weights have \d+\."),
        ("text_encoder_3", "num_layers", 4000, r"num_layers 4000 where the weights have \d+\."),
        ("scheduler", "shift", float("nan"), "NaN is not a number"),
        ("scheduler", "shift", 0, "with shift 0"),
        ("scheduler", "shift", -3.0, "with shift -3"),
    ],
)
def test_a_configuration_that_the_weights_belie_or_that_draws_nothing_is_refused(
    tmp_path: Path, part: str, key: str, value: float, says: str
) -> None:
    shutil.copytree(BUILTIN_FOLDER, tmp_path / "model")
    (file,) = (tmp_path / "model" / part).glob("*config.json")
    file.write_text(json.dumps(json.loads(file.read_text()) | {key: value}))
    refuse(tmp_path / "model", says)


def refuse(folder: Path, says: str) -> None:
    """Check that a model is refused with these words, and that none is kept in memory."""
    slot = PipelineSlot()
    with pytest.raises(ModelError, match=says), slot.use(PipelineChoice(str(folder)), lambda _stage: None):
        pass
    assert not slot.occupied
