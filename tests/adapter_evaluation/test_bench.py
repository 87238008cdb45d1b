"""A whole evaluation with the built-in model and a random adapter."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from studio.adapter_evaluation.bench import AdapterBench, Progress, Subject
from studio.adapter_evaluation.drawing import DrawingSettings, encode
from studio.adapter_evaluation.held_out import read_pixels
from studio.adapter_evaluation.losses import SIGMAS, measure_losses
from studio.adapter_evaluation.results import FIGURES, AdapterEvaluation
from studio.datasets import open_dataset
from studio.errors import RequestError, RunCancelledError
from studio.models.pipeline_slot import PipelineSlot
from studio.schema import PipelineChoice
from tests.support.adapters import write_adapter
from tests.support.held_out import write_held_out

WEIGHTS = (0.0, 1.0)


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory, slot: PipelineSlot) -> Path:
    return write_adapter(tmp_path_factory.mktemp("adapters") / "random", slot)


def evaluate(
    slot: PipelineSlot,
    adapter: Path,
    held_out: Path,
    trained: Path | None = None,
    *,
    designs: int = 24,
    sources: Path | None = None,
    trigger: str = "",
    report: Callable[[Progress], None] = lambda _progress: None,
) -> AdapterEvaluation:
    settings = DrawingSettings("builtin", str(adapter), "auto", 0.55, 6, 1.0, 2, 0)
    with open_dataset(held_out) as dataset:
        known = None if trained is None else open_dataset(trained)
        other = None if sources is None else open_dataset(sources)
        subject = Subject({"name": "random", "sha256": "0"}, dataset, known, other, trigger)
        bench = AdapterBench(slot, subject, settings, WEIGHTS, designs=designs)
        with contextlib.suppress(RunCancelledError):
            bench.run(report)
        return bench.summarise()


@pytest.mark.slow
def test_every_figure_is_measured_at_each_weight(slot: PipelineSlot, adapter: Path, tmp_path: Path) -> None:
    held_out, trained = write_held_out(tmp_path / "held", 5), write_held_out(tmp_path / "trained", 2, first=50)
    seen: list[Progress] = []
    found = evaluate(slot, adapter, held_out, trained, report=seen.append)
    assert found.complete
    assert [step.weight for step in found.losses] == [step.weight for step in found.ladder] == [0.0, 1.0]
    for step in found.ladder:
        assert set(step.figures) == set(FIGURES)
        assert step.pictures == 10
        assert {one.count for one in step.figures.values()} == {5}
    assert found.ladder[0].differences == {}
    assert set(found.ladder[1].differences) == set(FIGURES)
    assert found.losses[1].difference.above_zero  # a random adapter predicts worse
    assert found.ladder[1].differences["fidelity"].below_zero
    assert set(found.floors) == {"palette", "patches", "drawing"}
    assert found.best.weight is None
    assert found.paired_losses == ()
    assert any("intervals are rough" in note for note in found.notes)
    assert AdapterEvaluation.from_json(json.loads(json.dumps(found.to_json()))) == found
    last = seen[-1]
    assert (last.stage, last.done, last.total, last.seconds_left) == ("Drawing variations", 10, 10, 0)


@pytest.mark.slow
def test_weight_0_has_the_losses_of_the_model_without_an_adapter(
    slot: PipelineSlot, adapter: Path, tmp_path: Path
) -> None:
    held_out = write_held_out(tmp_path / "held", 2)
    found = evaluate(slot, adapter, held_out, designs=0)
    assert found.ladder == ()
    with open_dataset(held_out) as dataset, slot.use(PipelineChoice("builtin"), print) as loaded:
        rows = []
        for number, example in enumerate(dataset.examples):
            latents = encode(loaded, read_pixels(dataset.open_design(example)))
            text = loaded.prompts.encode(example.caption, "", guided=False).text
            rows.append(measure_losses(loaded.pipe, [latents], [text], SIGMAS, 10_000 * number)[0])
    expected = torch.stack(rows).mean(dim=0)
    assert [one.value for one in found.losses[0].by_level.values()] == expected.tolist()


@pytest.mark.slow
def test_what_is_finished_is_kept_when_it_is_stopped(slot: PipelineSlot, adapter: Path, tmp_path: Path) -> None:
    def stop(progress: Progress) -> None:
        if progress.stage == "Drawing variations" and progress.done == 3:
            raise RunCancelledError("stopped")

    found = evaluate(slot, adapter, write_held_out(tmp_path / "held", 4), report=stop)
    assert not found.complete
    assert found.dataset["drawn"] == 1  # the second design has one weight only
    assert {step.figures["fidelity"].count for step in found.ladder} == {1}
    assert found.losses[0].mean.count == 4
    assert "stopped" in found.notes[0]


@pytest.mark.slow
def test_pictures_that_were_trained_on_are_told(slot: PipelineSlot, adapter: Path, tmp_path: Path) -> None:
    held_out = write_held_out(tmp_path / "held", 2, captions=False)
    found = evaluate(slot, adapter, held_out, held_out, designs=1)
    assert any(note.startswith("2 of the held-out pictures were trained on") for note in found.notes)
    assert any("have no caption" in note for note in found.notes)
    assert found.ladder[0].figures["memorised"].value == 0  # what the source has itself is no copy


@pytest.mark.slow
def test_other_designs_are_varied_with_the_trigger_words_before_their_captions(
    slot: PipelineSlot, adapter: Path, tmp_path: Path
) -> None:
    held_out, sources = write_held_out(tmp_path / "held", 2), write_held_out(tmp_path / "others", 2, first=70)
    prompts: list[str] = []
    with slot.use(PipelineChoice("builtin", str(adapter)), print) as loaded:
        encode_prompt = loaded.pipe.encode_prompt

        def watch(**given: object) -> object:
            prompts.append(str(given["prompt"]))
            return encode_prompt(**given)

        loaded.pipe.encode_prompt = watch
    try:
        found = evaluate(slot, adapter, held_out, sources=sources, trigger="houseweave")
    finally:
        del loaded.pipe.encode_prompt
    assert found.dataset["sources"] == "others"
    assert found.settings["trigger"] == "houseweave"
    with open_dataset(held_out) as one, open_dataset(sources) as other:
        captions = [example.caption for dataset in (one, other) for example in dataset.examples]
    # The noise shift of a design is measured with an empty prompt.
    assert [prompt for prompt in prompts if prompt] == [f"houseweave, {caption}" for caption in captions]
    assert found.ladder[0].figures["fidelity"].count == 2


def test_too_few_designs_are_refused(tmp_path: Path) -> None:
    settings = DrawingSettings("builtin", "none", "auto", 0.55, 6, 1.0, 2, 0)
    with open_dataset(write_held_out(tmp_path, 1)) as dataset, pytest.raises(RequestError, match="at least 2"):
        AdapterBench(PipelineSlot(), Subject({}, dataset), settings, WEIGHTS, designs=2)
