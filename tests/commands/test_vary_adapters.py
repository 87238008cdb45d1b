"""`python -m studio vary --adapter`: forms and ways to write a path that are read, and one line for each other one."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from safetensors.numpy import load_file, save_file

from studio.catalogue.files.metadata import read_record
from studio.models.adapter_files import CONFIG_FILE, WEIGHTS_FILE, inspect_adapter
from tests.support.adapter_folders import plain_weights, write_folder
from tests.support.command_line import check_refused, run_studio
from tests.support.pictures import draw_picture

SPENT = ("--prompt", "red kilim", "--seed", "3", "--count", "1", "--steps", "2")


@pytest.fixture
def vary(tmp_path: Path):
    draw_picture(128, 130).save(tmp_path / "design.png")

    def run(*arguments: str):
        given = (*SPENT, "--drawing", "model", "--outputs", str(tmp_path / "outputs"), *arguments)
        return run_studio("vary", str(tmp_path / "design.png"), *given)

    return run


@pytest.mark.slow
def test_a_kohya_file_at_a_file_address_is_named_in_the_record(vary, tmp_path: Path) -> None:
    down, up = plain_weights(tmp_path).values()
    layer, file = "lora_unet_joint_blocks_0_x_block_attn_proj", tmp_path / "käshan v2.safetensors"
    save_file({f"{layer}.lora_down.weight": down, f"{layer}.lora_up.weight": up}, file)
    answer = vary("--adapter", f'"{file.as_uri()}"', "--adapter-weight", "0.5", "--json")
    assert answer.returncode == 0, answer.stderr
    facts = read_record(Path(json.loads(answer.stdout)["path"])).facts
    named = (facts.adapter_name, facts.adapter_sha256, facts.adapter_weight)
    assert named == ("käshan v2", inspect_adapter(file).sha256, 0.5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ("no such folder", "neither a folder nor a file"),
        ("a DoRA", "is a DoRA (use_dora)"),
        ("another model", "was made for another model"),
        ("an infinite alpha", "Infinity is not a number"),
        ("a deep configuration", "nested too deeply"),
        ("weights cut off", "is damaged"),
        ("a name in another encoding", "k?shan"),
    ],
)
def test_an_adapter_that_cannot_be_applied_is_one_line(vary, tmp_path: Path, damage: str, says: str) -> None:
    folder = tmp_path / "kashan"
    if damage == "a name in another encoding":
        folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/k\xe4shan"))
    settings = {"a DoRA": {"use_dora": True}, "an infinite alpha": {"lora_alpha": float("inf")}}.get(damage, {})
    if damage != "no such folder":
        write_folder(folder, **settings)
    weights = folder / WEIGHTS_FILE
    if damage == "another model":
        save_file({name.replace("blocks.0", "blocks.30"): one for name, one in load_file(weights).items()}, weights)
    elif damage == "a deep configuration":
        (folder / CONFIG_FILE).write_text("[" * 100_000)
    elif damage in ("weights cut off", "a name in another encoding"):
        weights.write_bytes(weights.read_bytes()[:-1])
    check_refused(vary("--adapter", str(folder)), says)
    assert not (tmp_path / "outputs").exists()
