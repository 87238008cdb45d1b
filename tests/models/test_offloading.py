"""mmgp: its import changes no loader, its profiles draw the plain pipeline's pictures, its adapters honour alpha."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from studio.errors import RequestError
from studio.models.hardware import Hardware, find_hardware
from studio.models.memory_profiles import PROFILES, choose_profile, recommend_profile

ROOT = Path(__file__).parents[2]


def run_python(*arguments: str) -> str:
    """Run Python in a separate process: mmgp and the emulation change torch and transformers for a whole process."""
    answer = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr[-3000:]
    (line,) = answer.stdout.splitlines()  # nothing that the libraries print goes to standard output
    return line


def machine(vram_gib: float | None, ram_gib: float) -> Hardware:
    return Hardware("cuda" if vram_gib else "cpu", "card" if vram_gib else None, vram_gib, ram_gib, cores=8)


@pytest.mark.parametrize(
    ("vram_gib", "ram_gib", "profile"),
    [(23.5, 62.6, "1"), (15.9, 62.6, "2"), (23.5, 31.2, "3"), (15.9, 31.2, "4"), (11.6, 31.2, "4"), (9.8, 31.2, "5"),
     (7.8, 15.5, "5"), (79.0, 125.0, "1"), (23.5, 15.6, "5")],
)  # fmt: skip
def test_recommends_the_fastest_that_fits(vram_gib: float, ram_gib: float, profile: str) -> None:
    assert recommend_profile(machine(vram_gib, ram_gib)).id == profile


@pytest.mark.parametrize("choice", PROFILES)
def test_a_chosen_profile_is_used_on_any_card(choice: str) -> None:
    assert choose_profile(choice, 7.8, 15.5).id == choice


def test_without_a_card_no_profile_is_recommended() -> None:
    assert recommend_profile(machine(None, 64)) is None


def test_an_unknown_profile_is_refused() -> None:
    with pytest.raises(RequestError, match="turbo"):
        choose_profile("turbo", 24, 64)


def test_hardware_is_found_on_this_machine() -> None:
    found = find_hardware()
    assert found.ram_gib > 0.5
    assert found.cores >= 1
    assert (found.vram_gib is None) == (found.device != "cuda")


@pytest.mark.slow
def test_importing_mmgp_leaves_the_loaders_as_they_were() -> None:
    """mmgp as shipped replaces transformers' file reader by one that does not accept its arguments."""
    code = (
        "import studio.models.offloading\n"
        "from studio.models.loading import load_pipeline\n"
        "from studio.models.registry import MODELS\n"
        "import torch\n"
        "print(type(load_pipeline(MODELS['builtin'], torch.float32).text_encoder_3).__name__)\n"
    )
    assert run_python("-c", code) == "T5EncoderModel"


@pytest.mark.slow
@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.id)
def test_a_profile_draws_the_plain_pipelines_pictures(profile) -> None:
    report = json.loads(run_python("-m", "tests.support.emulated_card", profile.id, str(profile.vram_gib)))
    assert set(report["quantised"]) == {"transformer", "text_encoder_3"}
    assert report["difference"] < 0.05 * report["scale"]  # from 8-bit weights alone: 0.02 to 0.03 of the scale
    assert report["adapter_effect"] > 5 * report["adapter_difference"]  # acts as peft says, alpha and patterns included
    assert report["device_left"] is None  # the next model is loaded into main memory


@pytest.mark.slow
def test_a_large_card_draws_in_full_precision_and_exactly() -> None:
    """Nothing is quantised, and no timestep is rounded: not one bit differs from the plain pipeline."""
    report = json.loads(run_python("-m", "tests.support.emulated_card", "1", "80"))
    assert report["quantised"] == []
    assert report["difference"] == 0


@pytest.mark.slow
def test_streamed_blocks_are_fetched_ahead_and_once() -> None:
    """mmgp as shipped copies every streamed block twice, and the computation waits for one of the copies."""
    report = json.loads(run_python("-m", "tests.support.emulated_card", "4", "12", "1"))
    assert report["ahead_bytes"] > 0
    # The computation waits only for the first of the four blocks and for parts that are not blocks. As shipped it
    # waits for 1.5 times as much.
    assert report["waited_bytes"] < 0.8 * report["ahead_bytes"]
