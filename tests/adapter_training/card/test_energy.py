"""Energy over the stretches of a training: added up, measured or estimated, never in the way of the training."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from studio.adapter_training.card.energy import (
    CORE_WATTS,
    Energy,
    EnergyMeter,
    ProcessorCounters,
    ProcessorTime,
    find_sources,
    read_energy,
)


class Lamp:
    """A part of the computer that takes a constant power, until it breaks."""

    part = "card"
    how = "a lamp"
    estimated = False

    def __init__(self, watts: float, readings: int = 10**9) -> None:
        self.watts, self.readings = watts, readings

    def advance(self, seconds: float) -> float:
        self.readings -= 1
        if self.readings < 0:
            raise OSError("broken")
        return self.watts * seconds


def test_stretches_are_added_up(tmp_path: Path) -> None:
    file = tmp_path / "energy.json"
    with EnergyMeter(file, [Lamp(100)], interval_seconds=0.01) as meter:
        time.sleep(0.05)
    first = read_energy(file)
    assert first == meter.energy
    assert first.stretches == 1
    assert first.joules["card"] == pytest.approx(100 * first.seconds, abs=10)
    file.write_text(json.dumps({**_as_json(first), "seconds": 3600.0, "joules": {"card": 3.6e6}}), "utf-8")
    with EnergyMeter(file, [Lamp(100), ProcessorTime()], interval_seconds=10):
        pass
    both = read_energy(file)
    assert both.stretches == 2
    assert both.seconds >= 3600
    assert both.kwh == pytest.approx(1, abs=0.01)
    assert both.estimated == ("processor",)
    assert both.how["card"] == "a lamp"


def test_a_source_that_breaks_is_left_out_and_what_it_told_is_kept(tmp_path: Path) -> None:
    with EnergyMeter(tmp_path / "energy.json", [Lamp(50, readings=1)], interval_seconds=0.01) as meter:
        time.sleep(0.1)
    used = meter.energy
    assert 0 <= used.joules["card"] < 50 * used.seconds


def test_a_damaged_account_and_a_full_disk_do_not_stop_a_training(tmp_path: Path) -> None:
    file = tmp_path / "energy.json"
    for text in ("{", "[]", '{"seconds": "long"}'):
        file.write_text(text, "utf-8")
        assert read_energy(file) is None
    blocked = tmp_path / "file" / "energy.json"
    (tmp_path / "file").write_text("", "utf-8")
    with EnergyMeter(blocked, [Lamp(1)]):
        pass
    assert read_energy(blocked) is None


def test_counters_of_the_processor_are_followed_beyond_their_end(tmp_path: Path) -> None:
    package = tmp_path / "intel-rapl:0"
    for folder in (package, tmp_path / "intel-rapl:0:0", tmp_path / "intel-rapl:1"):
        folder.mkdir()
        (folder / "energy_uj").write_text("9000000\n")
        (folder / "max_energy_range_uj").write_text("10000000\n")
    counters = ProcessorCounters(tmp_path)
    (package / "energy_uj").write_text("1000000\n")  # past its end
    (tmp_path / "intel-rapl:1" / "energy_uj").write_text("9500000\n")
    assert counters.advance(1.0) == pytest.approx(2.0 + 0.5)
    assert counters.advance(1.0) == 0
    with pytest.raises(OSError):
        ProcessorCounters(tmp_path / "none")


def test_the_estimate_is_of_the_processor_time_that_was_taken() -> None:
    source = ProcessorTime()
    began = time.process_time()
    while time.process_time() - began < 0.1:
        pass
    assert source.advance(100.0) == pytest.approx(0.1 * CORE_WATTS, rel=0.5)


def test_a_processor_has_always_a_source_and_a_missing_card_none() -> None:
    (source,) = find_sources("cpu")
    assert source.part == "processor"
    assert source.advance(0.1) >= 0
    assert source.estimated == ("estimated" in source.how)


def _as_json(energy: Energy) -> dict:
    return {"stretches": energy.stretches, "how": energy.how, "estimated": list(energy.estimated)}
