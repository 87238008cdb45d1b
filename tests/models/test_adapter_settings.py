"""The settings of an adapter: values that no training writes, and forms that the studio cannot apply, are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from safetensors.numpy import save_file

from studio.errors import AdapterError
from studio.models import adapters
from studio.models.adapter_files import CONFIG_FILE, DIFFUSERS_FILE, inspect_adapter
from tests.support.adapter_folders import plain_weights, refuse, write_folder

DEEP = "[" * 100_000


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"r": 0}, "rank 0"),
        ({"r": -4}, "rank -4"),
        ({"r": True}, "rank True"),
        ({"r": 4.0}, "rank 4.0"),
        ({"r": "4"}, "whole number"),
        ({"r": None}, "rank None"),
        ({"r": 10**30}, "does not fit into 64 bits"),
        ({"r": float("nan")}, "NaN is not a number"),
        ({"r": float("inf")}, "Infinity is not a number"),
        ({"r": 5000}, "1 to 4096"),
        ({"lora_alpha": float("inf")}, "Infinity is not a number"),
        ({"lora_alpha": float("nan")}, "NaN is not a number"),
        ({"lora_alpha": 0}, "lora_alpha 0"),
        ({"lora_alpha": -1}, "lora_alpha -1"),
        ({"lora_alpha": 1e300}, "lora_alpha 1e"),
        ({"lora_alpha": 10**400}, "does not fit into 64 bits"),
        ({"lora_alpha": "8"}, "number above 0"),
        ({"lora_alpha": [8]}, "a list of 1"),
        ({"rank_pattern": {"to_q": 0}}, "rank 0 (to_q)"),
        ({"rank_pattern": ["to_q"]}, "rank_pattern that is no table"),
        ({"alpha_pattern": {"to_q": float("inf")}}, "Infinity is not a number"),
        ({"alpha_pattern": {"to_(q": 4}}, "to_(q is no regular expression"),
        ({"alpha_pattern": {"(" * 5000: 4}}, "no regular expression"),
        ({"alpha_pattern": {"a{99999999999}": 4}}, "no regular expression"),
        ({"alpha_pattern": {"([a-z_.0-9]+)+x": 4}}, "too long to compare"),
        ({"rank_pattern": {".*" * 9 + "x": 4}}, "too long to compare"),
        ({"peft_type": "\ud800\nLOHA"}, "LOHA"),
        ({"peft_type": ["LORA"]}, "a list of 1"),
        ({"bias": "all"}, "bias: all"),
        ({"use_dora": True}, "a DoRA (use_dora)"),
        ({"use_qalora": True}, "a QALoRA"),
        ({"lora_bias": True}, "biases of its own (lora_bias)"),
        ({"modules_to_save": ["proj_out"]}, "whole layers beside it (modules_to_save)"),
        ({"layer_replication": [[0, 4], [2, 5]]}, "repeated layers"),
        ({"target_parameters": ["pos_embed"]}, "parameters that are not layers"),
        ({"init_lora_weights": "pissa_niter_16"}, "path_initial_model_for_weight_conversion"),
        ({"init_lora_weights": "OLoRA"}, "began with OLoRA"),
    ],
    ids=str,
)
def test_settings_that_cannot_be_applied_are_named(tmp_path: Path, settings: dict, says: str) -> None:
    assert says in refuse(write_folder(tmp_path, **settings))


@pytest.mark.parametrize(
    "pattern",
    [r"transformer_blocks\.(1[0-9]|2[0-3])\..*\.to_[qkv]", r"(?:attn|attn2)?\.to_q", r"[*+]{1,2}a\*b\+c\{\).*", "to_q"],
)
def test_patterns_that_are_soon_compared_are_read(tmp_path: Path, pattern: str) -> None:
    settings = inspect_adapter(write_folder(tmp_path, alpha_pattern={pattern: 2})).settings
    assert settings.alpha_pattern == {pattern: 2.0}


@pytest.mark.parametrize("init", [True, False, "gaussian", "eva", "orthogonal"])
def test_ways_to_begin_that_leave_the_base_alone_are_read(tmp_path: Path, init: object) -> None:
    assert inspect_adapter(write_folder(tmp_path, init_lora_weights=init)).ranks == (4, 4)


@pytest.mark.parametrize(
    "text",
    ["", "null", "[]", "7", "{", DEEP, '{"a":' * 100_000, '{"peft_type": "LORA", "r": ' + "9" * 5000 + "}", "\ufeff{}"],
    ids=["empty", "null", "list", "number", "cut", "deep list", "deep table", "5000 digits", "byte order mark"],
)
def test_a_configuration_that_cannot_be_read_is_damaged(tmp_path: Path, text: str) -> None:
    folder = write_folder(tmp_path)
    (folder / CONFIG_FILE).write_text(text, "utf-8")
    assert "Copy the adapter again" in refuse(folder)
    (folder / CONFIG_FILE).write_bytes(b'{"peft_type": "LORA\xff"}')
    assert "is damaged" in refuse(folder)
    (folder / CONFIG_FILE).write_bytes(b" " * (2**20 + 1))
    assert "larger than 1 MB" in refuse(folder)


@pytest.mark.parametrize(
    "notes",
    [DEEP, "[]", "{", '{"transformer.r": 1e999, "transformer.lora_alpha": 4}'],
    ids=["deep", "list", "cut", "infinite"],
)
def test_settings_in_a_header_are_checked_as_those_in_a_file(tmp_path: Path, notes: str) -> None:
    weights = {name.replace("base_model.model", "transformer"): one for name, one in plain_weights(tmp_path).items()}
    save_file(weights, tmp_path / DIFFUSERS_FILE, metadata={"lora_adapter_metadata": notes})
    assert "Copy the adapter again" in refuse(tmp_path / DIFFUSERS_FILE)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"r": 8}, "rank 8 for the layer .*have rank 4"),
        ({"rank_pattern": {"to_q": 2}}, "rank 2 for the layer"),
        ({"lora_alpha": 4004}, r"by 1e\+03.*at most 1000"),
    ],
)
def test_settings_that_do_not_go_with_the_weights_are_refused(tmp_path: Path, settings: dict, says: str) -> None:
    with pytest.raises(AdapterError, match=says):
        adapters.read_weights(inspect_adapter(write_folder(tmp_path, **settings)))
