"""Whole batches predicted in one forward, as on a graphics card, and batches that do not fit into its memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from studio.errors import MemoryShortError, ModelError
from studio.generation import engine
from studio.generation.events import Drawn, Stepped
from studio.models.pipeline_slot import PipelineSlot
from studio.schema import PipelineChoice
from tests.support.pictures import draw_design
from tests.support.runs import draw, pictures, watching


@pytest.fixture
def card_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Predict whole batches, as on a graphics card."""
    monkeypatch.setattr(engine, "predicts_row_by_row", lambda _pipe: False)


@pytest.mark.slow
@pytest.mark.parametrize("guidance", [1.0, 3.0])
def test_a_whole_batch_in_one_forward_gives_the_same_pictures(
    slot: PipelineSlot, card_path: None, monkeypatch: pytest.MonkeyPatch, guidance: float
) -> None:
    design, settings = draw_design(128, 160), {"seeds": (5, 6, 7), "steps": 4, "guidance_scale": guidance}
    with watching(slot, design) as seen:
        together = pictures(draw(slot, design, **settings))
    assert {len(noisy) for noisy, _, _ in seen} == {3 if guidance == 1 else 6}
    monkeypatch.undo()
    for seed, picture in pictures(draw(slot, design, **settings)).items():
        assert np.abs(picture - together[seed]).max() <= 1


class TestMemoryRetry:
    """Batches that do not fit. The failure is raised by a hook, in the place of the card's."""

    @pytest.fixture
    def most_rows(self, slot: PipelineSlot, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
        """The number of rows above which the transformer runs out of memory, and the calls of `make_room`."""
        limit, self.rooms = [5], []
        with slot.use(PipelineChoice("builtin"), print) as loaded:
            transformer = loaded.pipe.transformer
            monkeypatch.setattr(type(loaded), "make_room", lambda _loaded: self.rooms.append(1))

        def fail(_module: object, _arguments: object, given: dict) -> None:
            if len(given["hidden_states"]) > limit[0]:
                raise torch.OutOfMemoryError("no memory for so many rows")

        hook = transformer.register_forward_pre_hook(fail, with_kwargs=True)
        yield limit
        hook.remove()

    @pytest.mark.slow
    @pytest.mark.parametrize("batches", [[5, 2], [3, 3, 1], [1] * 7])
    def test_a_batch_is_halved_until_it_fits(
        self, slot: PipelineSlot, card_path: None, most_rows: list[int], batches: list[int]
    ) -> None:
        design, settings = draw_design(128, 128, seed=8), {"seeds": tuple(range(7)), "steps": 3, "strength": 1.0}
        draw(slot, design, steps=1, strength=1.0)  # finds the noise shift
        most_rows[0] = batches[0]
        events = draw(slot, design, **settings)
        assert [event.slot for event in events if isinstance(event, Drawn)] == list(range(7))
        steps = [event for event in events if isinstance(event, Stepped)]
        assert [len(step.previews) for step in steps] == [size for size in batches for _ in range(3)]
        assert [step.step for step in steps] == list(range(1, 3 * len(batches) + 1))
        assert steps[-1].step == steps[-1].steps
        assert len(self.rooms) == {5: 0, 3: 1, 1: 3}[batches[0]]  # 5, 3, 2, 1
        most_rows[0] = 5
        whole = pictures(draw(slot, design, **settings))
        assert all(np.abs(whole[seed] - picture).max() <= 1 for seed, picture in pictures(events).items())

    def test_a_single_row_that_does_not_fit_ends_the_run(
        self, slot: PipelineSlot, card_path: None, most_rows: list[int]
    ) -> None:
        most_rows[0] = 0
        with pytest.raises(MemoryShortError, match="not enough memory to draw"):
            draw(slot, draw_design(128, 128), seeds=(1, 2), strength=0.3)
        assert len(self.rooms) == 1

    def test_rows_that_are_predicted_alone_are_not_tried_again_in_a_smaller_batch(
        self, slot: PipelineSlot, most_rows: list[int]
    ) -> None:
        most_rows[0] = 0
        with pytest.raises(MemoryShortError, match="not enough memory to draw"):
            draw(slot, draw_design(128, 128), seeds=(1, 2), strength=0.3)
        assert self.rooms == []

    def test_another_failure_is_not_tried_again(self, slot: PipelineSlot, card_path: None) -> None:
        with slot.use(PipelineChoice("builtin"), print) as loaded:
            transformer, calls = loaded.pipe.transformer, []

        def fail(*_: object) -> None:
            calls.append(1)
            raise RuntimeError("a broken kernel")

        hook = transformer.register_forward_pre_hook(fail)
        with pytest.raises(ModelError, match="a broken kernel"):
            draw(slot, draw_design(128, 128), seeds=(1, 2), strength=0.3)
        hook.remove()
        assert calls == [1]
