"""The queue with its worker, catalogue and engine: progress, cancelling, failures, redrawing, saving, memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock
from PIL import Image

from studio.catalogue import Catalogue
from studio.designs import Design
from studio.errors import NotFoundError, StorageError
from studio.generation.drawing_engine import DrawingEngine
from studio.generation.engine import Engine
from studio.generation.events import Drawn, RunEvent, RunListener
from studio.jobs import JobQueue
from studio.models.pipeline_slot import PipelineSlot
from studio.schema import AdapterUse, Constraints, JobSnapshot, JobState, VariationRequest
from tests.support.pictures import digest, draw_picture, encode_picture

PATIENCE_SECONDS = 120


@pytest.fixture
def queue(catalogue: Catalogue, slot: PipelineSlot, tmp_path: Path) -> Iterator[JobQueue]:
    queue = JobQueue(catalogue, as_engine(lambda: Engine(slot)), tmp_path / "device.lock")
    yield queue
    queue.close(PATIENCE_SECONDS)


def as_engine(make_model_engine: Callable[[], Engine]) -> Callable[[], DrawingEngine]:
    """Return a factory of one engine, as the studio has it."""
    engine = DrawingEngine(make_model_engine)
    return lambda: engine


def make_request(catalogue: Catalogue, **settings: object) -> VariationRequest:
    source = catalogue.add_source(encode_picture(draw_picture(128, 144)), label="test")
    values = {"source": source.sha256, "prompt": "blue carpet", "seeds": (1, 2), "steps": 3, "guidance_scale": 1.0}
    return VariationRequest(**values | settings)


def wait(queue: JobQueue, job: str, until: Callable[[JobSnapshot], bool]) -> JobSnapshot:
    """Return the first snapshot of a job that fulfils a condition."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        snapshot = queue.snapshot(job)
        if until(snapshot):
            return snapshot
        time.sleep(0.01)
    raise AssertionError(f"never came: {queue.snapshot(job)}")


def over(snapshot: JobSnapshot) -> bool:
    return snapshot.state.over


def has_untouched(catalogue: Catalogue, variation_id: str) -> bool:
    """Return whether a model's picture is kept beside a woven one."""
    try:
        return catalogue.untouched_path(variation_id).is_file()
    except NotFoundError:
        return False


@pytest.mark.slow
def test_a_runs_variations_are_in_the_catalogue(queue: JobQueue, catalogue: Catalogue) -> None:
    request = make_request(catalogue, parent=None, negative_prompt="stripes")
    job = queue.submit(request)
    seen = wait(queue, job, lambda s: any(s.previews) or s.state.over)
    assert any(seen.previews)  # previews come before variations
    done = wait(queue, job, over)
    assert (done.state, done.step, done.error) == (JobState.FINISHED, done.steps, None)
    records = [variation.record for variation in catalogue.run(job)]
    assert tuple(record.id for record in records) == done.variations
    assert [record.seed for record in records] == [1, 2]
    assert {(r.prompt, r.negative_prompt, r.source, r.run) for r in records} == {
        ("blue carpet", "stripes", request.source, job)
    }
    assert all(record.facts.model == "builtin" and record.seconds > 0 for record in records)


@pytest.mark.slow
def test_a_running_job_has_an_estimate(queue: JobQueue, catalogue: Catalogue) -> None:
    job = queue.submit(make_request(catalogue, steps=8))
    running = wait(queue, job, lambda s: s.step >= 2)
    assert running.state is JobState.RUNNING
    assert running.seconds_left is not None


@pytest.mark.slow
def test_a_second_run_of_a_kind_has_an_estimate_at_once(queue: JobQueue, catalogue: Catalogue) -> None:
    first = queue.submit(make_request(catalogue, steps=8))
    done = wait(queue, first, over)
    drawn = sum(variation.record.seconds for variation in catalogue.run(first))
    again = queue.submit(make_request(catalogue, seeds=(7, 8), steps=8))
    begun = wait(queue, again, lambda s: s.steps > 0)
    assert begun.seconds_left is not None
    assert begun.seconds_left < max(2 * done.seconds_elapsed, 2 * drawn)
    wait(queue, again, over)


@pytest.mark.slow
def test_waiting_jobs_count_those_ahead(queue: JobQueue, catalogue: Catalogue) -> None:
    jobs = [queue.submit(make_request(catalogue, seeds=(seed,), steps=6)) for seed in (1, 2, 3)]
    wait(queue, jobs[0], lambda s: s.state is JobState.RUNNING)
    assert [queue.snapshot(job).ahead for job in jobs] == [0, 1, 2]
    assert [snapshot.id for snapshot in queue.active()] == jobs
    queue.cancel(jobs[1])
    assert queue.snapshot(jobs[1]).state is JobState.CANCELLED
    assert queue.snapshot(jobs[2]).ahead == 1
    assert wait(queue, jobs[2], over).state is JobState.FINISHED
    assert catalogue.run(jobs[1]) == ()


@pytest.mark.slow
def test_cancelling_keeps_finished_variations(queue: JobQueue, catalogue: Catalogue) -> None:
    job = queue.submit(make_request(catalogue, seeds=tuple(range(10)), steps=4))
    wait(queue, job, lambda s: any(s.variations))
    queue.cancel(job)
    done = wait(queue, job, over)
    assert done.state is JobState.CANCELLED
    finished = [variation for variation in done.variations if variation]
    assert 1 <= len(finished) < 10
    assert [variation.id for variation in catalogue.run(job)] == finished
    again = queue.submit(make_request(catalogue, seeds=(5,)))
    assert wait(queue, again, over).state is JobState.FINISHED


@pytest.mark.slow
def test_the_worker_reports_a_failure_and_continues(queue: JobQueue, catalogue: Catalogue, tmp_path: Path) -> None:
    job = queue.submit(make_request(catalogue, adapter=AdapterUse(str(tmp_path / "nowhere"))))
    failed = wait(queue, job, over)
    assert failed.state is JobState.FAILED
    assert "adapter" in failed.error
    assert failed.bad_input
    unknown = queue.submit(make_request(catalogue, model="no/such-model"))
    assert "no/such-model" in wait(queue, unknown, over).error
    assert wait(queue, queue.submit(make_request(catalogue)), over).state is JobState.FINISHED


@pytest.mark.slow
def test_one_slot_of_a_run_is_drawn_again(queue: JobQueue, catalogue: Catalogue) -> None:
    request = make_request(catalogue)
    run = queue.submit(request)
    first = wait(queue, run, over)
    again = queue.draw_again(run, 1, replace(request, seeds=(9,)))
    assert queue.draw_again(run, 1, replace(request, seeds=(8,))) == again  # it is queued already
    done = wait(queue, again, over)
    assert (done.state, queue.run_of(again), queue.run_of(run)) == (JobState.FINISHED, run, run)
    assert queue.drawn_again(run)[1].variations == done.variations
    assert (queue.snapshot(run).variations, queue.drawn_again(again)) == (first.variations, {})
    assert [variation.id for variation in catalogue.run(run)] == [first.variations[0], *done.variations]
    new = catalogue.variation(done.variations[0]).record
    assert (new.run, new.slot, new.seed) == (run, 1, 9)
    assert [one.record.seed for one in catalogue.run(run, replaced=True)] == [1, 2, 9]  # the replaced one is kept
    assert queue.draw_again(run, 1, replace(request, seeds=(8,))) != again  # the first one is over


def test_the_models_picture_is_saved_beside_the_woven_one(
    catalogue: Catalogue, slot: PipelineSlot, tmp_path: Path
) -> None:
    drawn: list[Drawn] = []

    class Watched(Engine):
        def generate(self, request: VariationRequest, design: Design, listener: RunListener) -> None:
            def watch(event: RunEvent) -> None:
                drawn.extend([event] if isinstance(event, Drawn) else [])
                listener(event)

            super().generate(request, design, watch)

    queue = JobQueue(catalogue, as_engine(lambda: Watched(slot)), tmp_path / "device.lock")
    job = queue.submit(make_request(catalogue, seeds=(1,), constraints=Constraints(palette="source")))
    (variation,) = wait(queue, job, over).variations
    queue.close(PATIENCE_SECONDS)
    with Image.open(catalogue.untouched_path(variation)) as untouched:
        assert digest(untouched) == digest(drawn[0].image)
    with Image.open(catalogue.variation_path(variation)) as woven:
        assert woven.mode == "P"
        assert digest(woven) == digest(drawn[0].woven.image)
        assert digest(woven.convert("RGB")) != digest(drawn[0].image)


def test_the_models_picture_is_saved_at_the_size_at_which_it_was_drawn(
    catalogue: Catalogue, slot: PipelineSlot, tmp_path: Path
) -> None:
    class Smaller(Engine):
        """Reports a picture as of a design that is too large for the model."""

        def generate(self, request: VariationRequest, design: Design, listener: RunListener) -> None:
            def shrink(event: RunEvent) -> None:
                listener(replace(event, small=event.image.resize((64, 72))) if isinstance(event, Drawn) else event)

            super().generate(request, design, shrink)

    queue = JobQueue(catalogue, as_engine(lambda: Smaller(slot)), tmp_path / "device.lock")
    job = queue.submit(make_request(catalogue, seeds=(1,), constraints=Constraints(palette="source")))
    (variation,) = wait(queue, job, over).variations
    queue.close(PATIENCE_SECONDS)
    with Image.open(catalogue.untouched_path(variation)) as untouched:
        assert (untouched.format, untouched.size) == ("WEBP", (64, 72))


def test_an_unknown_source_is_refused(queue: JobQueue, catalogue: Catalogue) -> None:
    with pytest.raises(NotFoundError):
        queue.submit(make_request(catalogue, source="0" * 64))


@pytest.mark.slow
def test_two_queues_draw_one_after_the_other(catalogue: Catalogue, slot: PipelineSlot, tmp_path: Path) -> None:
    """A reloaded module or a second process has a second worker, which waits for the lock file."""
    drawing, at_once = threading.Semaphore(1), []

    class Watched(Engine):
        def generate(self, *args: object) -> None:
            at_once.append(drawing.acquire(blocking=False))
            try:
                super().generate(*args)
            finally:
                drawing.release()

    queues = [JobQueue(catalogue, as_engine(lambda: Watched(slot)), tmp_path / "device.lock") for _ in range(2)]
    jobs = [queue.submit(make_request(catalogue, seeds=(seed,), steps=4)) for queue in queues for seed in (1, 2)]
    for queue, job in zip([q for q in queues for _ in range(2)], jobs, strict=True):
        assert wait(queue, job, over).state is JobState.FINISHED
    assert at_once == [True] * 4
    for queue in queues:
        queue.close(PATIENCE_SECONDS)


@pytest.mark.slow
def test_lock_that_cannot_be_used_is_named(catalogue: Catalogue, slot: PipelineSlot, tmp_path: Path) -> None:
    (tmp_path / "device.lock").mkdir()
    queue = JobQueue(catalogue, as_engine(lambda: Engine(slot)), tmp_path / "device.lock")
    ended = wait(queue, queue.submit(make_request(catalogue)), over)
    assert ended.state is JobState.FAILED
    assert f"{tmp_path / 'device.lock'}, which lets one run at a time draw, cannot be used" in str(ended.error)
    (tmp_path / "device.lock").rmdir()
    assert wait(queue, queue.submit(make_request(catalogue)), over).state is JobState.FINISHED
    queue.close(PATIENCE_SECONDS)


@pytest.mark.slow
def test_waiting_for_another_process_can_be_cancelled(queue: JobQueue, catalogue: Catalogue, tmp_path: Path) -> None:
    with FileLock(tmp_path / "device.lock"):
        job = queue.submit(make_request(catalogue))
        waiting = wait(queue, job, lambda s: "another studio" in s.stage)
        assert waiting.state is JobState.QUEUED
        queue.cancel(job)
        assert wait(queue, job, over).state is JobState.CANCELLED


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "of_model"),
    [
        ({"constraints": Constraints(palette="free")}, False),
        ({"constraints": Constraints(palette="source")}, True),
        ({"drawing": "motifs"}, False),
        ({"drawing": "both"}, True),
    ],
    ids=["plain", "woven", "motifs", "both"],
)
def test_pictures_that_cannot_be_written_are_saved_later(
    queue: JobQueue, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch, settings: dict[str, object], of_model: bool
) -> None:
    """The disk cannot be filled in a test, so the call that writes is replaced by one that fails."""
    whole = Catalogue.save_variation

    def full(*_: object) -> None:
        raise StorageError("The disk is full. Make room and save again.")

    monkeypatch.setattr(Catalogue, "save_variation", full)
    job = queue.submit(make_request(catalogue, **settings))
    failed = wait(queue, job, over)
    assert (failed.state, failed.unsaved) == (JobState.FINISHED, 2)
    assert "full" in failed.error
    with pytest.raises(StorageError):
        queue.save_again(job)
    monkeypatch.setattr(Catalogue, "save_variation", whole)
    queue.save_again(job)
    saved = queue.snapshot(job)
    assert (saved.state, saved.unsaved, saved.error) == (JobState.FINISHED, 0, None)
    kept = catalogue.run(job)
    assert tuple(variation.id for variation in kept) == saved.variations
    assert [has_untouched(catalogue, variation.id) for variation in kept] == [of_model] * 2
    for variation in kept:
        with Image.open(catalogue.variation_path(variation.id)) as picture:
            assert picture.mode == ("RGB" if variation.record.weaving is None else "P")


def test_closing_saves_unsaved_pictures(
    catalogue: Catalogue, slot: PipelineSlot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Catalogue.save_variation
    queue = JobQueue(catalogue, as_engine(lambda: Engine(slot)), tmp_path / "device.lock")

    def broken(*_: object) -> None:
        raise ValueError("unexpected")

    monkeypatch.setattr(Catalogue, "save_variation", broken)
    job = queue.submit(make_request(catalogue, seeds=(1,)))
    assert wait(queue, job, over).unsaved == 1
    monkeypatch.setattr(Catalogue, "save_variation", whole)
    queue.close(PATIENCE_SECONDS)
    assert len(catalogue.run(job)) == 1


@pytest.mark.slow
def test_memory_is_released_by_the_worker_before_the_next_run(
    catalogue: Catalogue, slot: PipelineSlot, tmp_path: Path
) -> None:
    """After clearing the caches there is a new engine. The old one must be released in the worker's thread."""
    calls: list[str] = []

    class Watched(Engine):
        def generate(self, *args: object) -> None:
            calls.append("draw")
            super().generate(*args)

        def release(self) -> None:
            calls.append(f"release in {threading.current_thread().name}")
            raise RuntimeError("the card is in trouble")

    queue = JobQueue(catalogue, as_engine(lambda: Watched(slot)), tmp_path / "device.lock")
    first, second = (queue.submit(make_request(catalogue, seeds=(seed,), steps=6)) for seed in (1, 2))
    wait(queue, first, lambda s: s.state is JobState.RUNNING)
    queue.release_memory()
    assert wait(queue, second, over).state is JobState.FINISHED  # a failing release does not end the worker
    assert calls == ["draw", "release in studio-worker", "draw"]
    queue.close(PATIENCE_SECONDS)


@pytest.mark.slow
def test_memory_is_released_on_request(catalogue: Catalogue, tmp_path: Path) -> None:
    slot = PipelineSlot()
    queue = JobQueue(catalogue, as_engine(lambda: Engine(slot)), tmp_path / "device.lock")
    wait(queue, queue.submit(make_request(catalogue, seeds=(1,))), over)
    assert slot.occupied
    queue.release_memory()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while slot.occupied and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not slot.occupied
    assert wait(queue, queue.submit(make_request(catalogue, seeds=(2,))), over).state is JobState.FINISHED
    queue.close(PATIENCE_SECONDS)


@pytest.mark.slow
def test_memory_is_released_after_idle_minutes(catalogue: Catalogue, tmp_path: Path) -> None:
    slot = PipelineSlot()
    queue = JobQueue(catalogue, as_engine(lambda: Engine(slot)), tmp_path / "device.lock", idle_minutes=lambda: 0.001)
    wait(queue, queue.submit(make_request(catalogue, seeds=(1,))), over)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while slot.occupied and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not slot.occupied
    assert not queue.holds_model
    queue.close(PATIENCE_SECONDS)
