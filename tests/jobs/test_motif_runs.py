"""Runs without a model through the queue: their records and files, cancelling, crossing, redrawing, times."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
from PIL import Image

from studio.catalogue import Catalogue, Source
from studio.errors import NotFoundError
from studio.generation.drawing_engine import DrawingEngine
from studio.jobs import JobQueue
from studio.schema import WITHOUT_MODEL, Constraints, Cross, JobSnapshot, JobState, VariationRequest
from studio.workspace import PROJECT
from tests.jobs.test_queue import has_untouched, over, wait
from tests.support.pictures import draw_picture, encode_picture

PATIENCE_SECONDS = 120


def refuse() -> NoReturn:
    raise AssertionError("no model is to be loaded")


@pytest.fixture
def queue(catalogue: Catalogue, tmp_path: Path) -> Iterator[JobQueue]:
    engine = DrawingEngine(refuse)
    queue = JobQueue(catalogue, lambda: engine, tmp_path / "device.lock")
    yield queue
    queue.close(PATIENCE_SECONDS)


@pytest.fixture
def design(catalogue: Catalogue) -> Source:
    return catalogue.add_source(encode_picture(draw_picture(48, 64)), label="test")


def make_request(design: Source, **settings: object) -> VariationRequest:
    values = {"source": design.sha256, "prompt": "", "seeds": (1, 2), "drawing": "motifs"}
    yarns = {"constraints": Constraints(palette="auto", symmetry="auto")}
    return VariationRequest(**values | yarns | settings)


def finish(queue: JobQueue, request: VariationRequest) -> str:
    """Run a request to its end and return its id."""
    job = queue.submit(request)
    done = wait(queue, job, over)
    assert (done.state, done.error) == (JobState.FINISHED, None)
    return job


def knots_of(catalogue: Catalogue, run: str) -> np.ndarray:
    """Return the knots (n, h, w) of a run's files."""
    found = []
    for variation in catalogue.run(run):
        with Image.open(catalogue.variation_path(variation.id)) as picture:
            assert picture.mode == "P"
            found.append(np.asarray(picture))
    return np.stack(found)


def test_records_say_how_they_were_drawn_and_no_models_picture_is_kept(
    queue: JobQueue, catalogue: Catalogue, design: Source
) -> None:
    job = finish(queue, make_request(design, change=0.4, pull=0.2))
    snapshot = queue.snapshot(job)
    assert snapshot is not None
    assert (snapshot.step, snapshot.unsaved) == (snapshot.steps, 0)
    kept = catalogue.run(job)
    assert tuple(variation.id for variation in kept) == snapshot.variations
    for variation in kept:
        record = variation.record
        assert (record.drawing, record.change, record.pull, record.cross) == ("motifs", 0.4, 0.2, None)
        assert (record.prompt, record.parent, record.source) == ("", None, design.sha256)
        assert (record.facts.model, record.facts.precision, record.seconds > 0) == (WITHOUT_MODEL, "integers", True)
        assert record.weaving is not None
        assert record.weaving.known_large is not None
        assert record.weaving.known_small is not None
        assert len(record.weaving.yarns) == 4
        assert record.weaving.changed_share is not None
        assert not has_untouched(catalogue, variation.id)
    assert not queue.holds_model


def test_the_catalogue_reads_a_run_from_its_files_again(catalogue: Catalogue, queue: JobQueue, design: Source) -> None:
    job = finish(queue, make_request(design, cross=Cross(design.sha256, share=0.2)))
    before = catalogue.run(job)
    assert catalogue.rebuild().skipped == ()
    assert catalogue.run(job) == before
    catalogue.delete([before[0].id])
    catalogue.restore([before[0].id])
    assert catalogue.run(job) == before


@pytest.mark.slow
def test_a_recorded_request_gives_the_same_knots_again(queue: JobQueue, catalogue: Catalogue, design: Source) -> None:
    first = knots_of(catalogue, finish(queue, make_request(design)))
    finish(queue, make_request(design, change=0.6, seeds=(8,)))
    again = knots_of(catalogue, finish(queue, make_request(design)))
    assert np.array_equal(first, again)
    assert not np.array_equal(first[0], first[1])


@pytest.mark.slow
def test_one_recorded_seed_alone_gives_its_knots_again(queue: JobQueue, catalogue: Catalogue, design: Source) -> None:
    job = finish(queue, make_request(design, seeds=(1, 2, 3)))
    for variation, knots in zip(catalogue.run(job), knots_of(catalogue, job), strict=True):
        alone = finish(queue, make_request(design, seeds=(variation.record.seed,)))
        assert np.array_equal(knots_of(catalogue, alone)[0], knots)


@pytest.mark.slow
@pytest.mark.parametrize("way", ["motifs", "layout"])
def test_a_cross_names_both_parents(queue: JobQueue, catalogue: Catalogue, design: Source, way: str) -> None:
    first, second = catalogue.run(finish(queue, make_request(design)))
    sources = [
        catalogue.add_source(catalogue.variation_path(one.id).read_bytes(), label="Again", parent=one.id)
        for one in (first, second)
    ]
    cross = Cross(sources[1].sha256, way, 0.4, parent=second.id)
    job = finish(queue, make_request(sources[0], parent=first.id, cross=cross))
    for variation in catalogue.run(job):
        assert (variation.record.parent, variation.record.cross) == (first.id, cross)
        assert variation.record.source == sources[0].sha256
    plain = finish(queue, make_request(sources[0]))
    assert not np.array_equal(knots_of(catalogue, job), knots_of(catalogue, plain))


def test_a_cross_with_an_unknown_design_is_refused(queue: JobQueue, design: Source) -> None:
    request = make_request(design, cross=Cross("0" * 64))
    with pytest.raises(NotFoundError):
        queue.submit(request)
    with pytest.raises(NotFoundError):
        queue.draw_again("run-1", 0, request)
    assert queue.active() == ()


@pytest.mark.slow
def test_one_slot_of_a_crossed_run_is_drawn_again(
    queue: JobQueue, catalogue: Catalogue, design: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studio.evaluation.recomposed.NEAR_DUPLICATE_RATIO", 0.0)  # each variation keeps its seed
    other = catalogue.add_source(encode_picture(draw_picture(48, 64, 3)), label="other")
    request = make_request(design, cross=Cross(other.sha256))
    run = finish(queue, request)
    again = queue.draw_again(run, 1, replace(request, seeds=(9,)))
    assert wait(queue, again, over).state is JobState.FINISHED
    newest = catalogue.run(run)
    assert [one.record.seed for one in newest][1] == 9
    assert newest[1].record.cross == request.cross


@pytest.mark.slow
@pytest.mark.parametrize(
    "when", [lambda s: s.state is JobState.RUNNING, lambda s: s.step >= 2, lambda s: any(s.variations)]
)
def test_cancelling_ends_a_run_and_keeps_what_is_finished(
    queue: JobQueue, catalogue: Catalogue, design: Source, when: Callable[[JobSnapshot], bool]
) -> None:
    large = catalogue.add_source(encode_picture(draw_picture(96, 96)), label="larger")
    job = queue.submit(make_request(large, seeds=tuple(range(10))))
    wait(queue, job, when)
    queue.cancel(job)
    done = wait(queue, job, over)
    assert (done.state, done.error) == (JobState.CANCELLED, None)
    finished = [variation for variation in done.variations if variation]
    assert len(finished) < 10
    assert [variation.id for variation in catalogue.run(job)] == finished
    finish(queue, make_request(design, seeds=(5,)))  # the worker goes on


@pytest.mark.slow
def test_steps_never_run_backwards_while_a_variation_is_drawn_again(
    queue: JobQueue, catalogue: Catalogue, design: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No two variations differ as much as is asked for here. The estimate of the first run serves the second one."""
    finish(queue, make_request(design, seeds=(1, 2, 3)))
    monkeypatch.setattr("studio.evaluation.recomposed.NEAR_DUPLICATE_RATIO", 5.0)
    job = queue.submit(make_request(design, seeds=(4, 5, 6)))
    seen: list[JobSnapshot] = []
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not seen or not seen[-1].state.over:
        assert time.monotonic() < deadline
        snapshot = queue.snapshot(job)
        assert snapshot is not None
        seen.append(snapshot)
        time.sleep(0.002)
    steps = [snapshot.step for snapshot in seen]
    assert steps == sorted(steps)
    assert seen[-1].step == seen[-1].steps
    assert seen[-1].state is JobState.FINISHED
    first, *others = [one.record.seed for one in catalogue.run(job)]
    assert (first, len(others)) == (4, 2)
    assert {5, 6}.isdisjoint(others)


def test_a_design_is_refused_with_the_reason(queue: JobQueue, design: Source) -> None:
    job = queue.submit(make_request(design, constraints=Constraints(repeat="straight")))  # it has a border
    failed = wait(queue, job, over)
    assert (failed.state, failed.bad_input) == (JobState.FAILED, True)
    assert failed.error is not None
    assert "border" in failed.error


@pytest.mark.slow
def test_a_run_does_not_import_torch(tmp_path: Path) -> None:
    program = f"""
import sys, time
from pathlib import Path
from studio.catalogue import Catalogue
from studio.jobs import JobQueue
from studio.schema import JobState, VariationRequest
from studio.ui.session import make_engine
from tests.support.pictures import draw_picture, encode_picture
folder = Path({str(tmp_path)!r})
with Catalogue(folder / "outputs") as catalogue:
    source = catalogue.add_source(encode_picture(draw_picture(48, 64)))
    queue = JobQueue(catalogue, make_engine, folder / "device.lock")
    job = queue.submit(VariationRequest(source.sha256, "", (1, 2), drawing="motifs"))
    while not queue.snapshot(job).state.over:
        time.sleep(0.05)
    assert queue.snapshot(job).state is JobState.FINISHED, queue.snapshot(job)
    assert not queue.holds_model
    queue.close()
print([name for name in ("torch", "diffusers", "transformers", "numba") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "['numba']"
