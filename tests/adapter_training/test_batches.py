from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.adapter_training.batches import BatchPlan, Sample
from studio.datasets import Bucket, Example

BUCKETS = (Bucket(64, 64), Bucket(48, 96), Bucket(96, 48))


def make_samples(counts: list[int]) -> list[Sample]:
    return [
        Sample(Example(f"{place}-{number}", "name", "carpet", 64, 64, None), BUCKETS[place])
        for place, count in enumerate(counts)
        for number in range(count)
    ]


@given(st.lists(st.integers(0, 9), min_size=1, max_size=3).filter(any), st.integers(1, 5), st.integers(0, 99))
def test_each_epoch_shows_every_sample_and_no_batch_mixes_sizes(counts: list[int], batch: int, seed: int) -> None:
    samples = make_samples(counts)
    plan = BatchPlan(samples, batch, seed)
    for epoch in range(2):
        first = epoch * plan.batches_an_epoch
        batches = [plan.samples_of(first + number) for number in range(plan.batches_an_epoch)]
        assert all(len(one) == batch for one in batches)
        assert all(len({sample.bucket for sample in one}) == 1 for one in batches)
        shown = Counter(sample.key for one in batches for sample in one)
        assert set(shown) == {sample.key for sample in samples}


@given(st.integers(1, 5), st.integers(0, 99), st.integers(0, 60))
def test_a_batch_depends_on_the_seed_and_its_number_alone(batch: int, seed: int, number: int) -> None:
    samples = make_samples([7, 4, 3])
    walked = BatchPlan(samples, batch, seed)
    for earlier in range(number):
        walked.samples_of(earlier)
    assert walked.samples_of(number) == BatchPlan(samples, batch, seed).samples_of(number)
    assert walked.draws_of(number).random() == BatchPlan(samples, batch, seed).draws_of(number).random()


def test_epochs_and_seeds_have_orders_of_their_own() -> None:
    samples = make_samples([12])

    def order(seed: int, epoch: int) -> list[str]:
        plan = BatchPlan(samples, 1, seed)
        return [plan.samples_of(epoch * 12 + number)[0].key for number in range(12)]

    assert order(0, 0) != order(0, 1)
    assert order(0, 0) != order(1, 0)


def test_a_plan_without_samples_is_refused() -> None:
    with pytest.raises(ValueError, match="no samples"):
        BatchPlan([], 1, 0)


def test_a_mirrored_picture_and_another_size_are_samples_of_their_own() -> None:
    example = Example("a", "name", "carpet", 64, 64, "b")
    samples = [Sample(example, bucket, mirrored) for bucket in BUCKETS for mirrored in (False, True)]
    assert len({sample.key for sample in samples}) == 6
    assert all(sample.source_key == sample.key.replace("a-", "b-") for sample in samples)
