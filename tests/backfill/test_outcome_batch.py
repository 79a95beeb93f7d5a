from __future__ import annotations

from collections import Counter
from typing import Self

import pytest

from hashing.backfill import Backfill, BackfillOptions, engine, outcome_batch
from hashing.fingerprint.fingerprint import Fingerprint
from hashing.models import ImageAsset
from hashing.workers.worker import Job, Outcome
from tests.backfill.listener import Listener

pytestmark = pytest.mark.django_db


class FlakyPool:
    """A pool that reads each file at attempt `succeeds_at`, and reports it as unread, or `missing`, before."""

    has_room, chunk_size = True, 4

    def __init__(self, succeeds_at: int, *, missing: bool = False) -> None:
        self.succeeds_at, self.missing = succeeds_at, missing
        self.tries: Counter[str] = Counter()
        self.waiting: list[Job] = []

    def __call__(self, *_arguments, **_keywords) -> FlakyPool:
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error) -> None: ...

    @property
    def is_idle(self) -> bool:
        return not self.waiting

    def submit(self, jobs: list[Job]) -> None:
        self.waiting += jobs

    def outcomes(self, wait: float):
        waiting, self.waiting = self.waiting, []
        for job in waiting:
            self.tries[job.name] += 1
            if self.tries[job.name] < self.succeeds_at:
                yield Outcome(job.pk, job.name, error="reset", unread=True, missing=self.missing)
            else:
                yield Outcome(job.pk, job.name, Fingerprint("0" * 16, "0" * 16, "0" * 64, 80, 4, 3), 1)


@pytest.mark.parametrize("batch_size", [3, 500])
@pytest.mark.parametrize(
    ("pool", "tries", "hashed"), [(FlakyPool(2), 2, 50), (FlakyPool(3), 2, 0), (FlakyPool(2, missing=True), 1, 0)]
)
def test_unread_file_is_tried_twice_unless_it_is_missing(add_image, monkeypatch, pool, tries, hashed, batch_size):
    # A file of an earlier run shows that the storage is up.
    add_image("hashed.jpg", perceptual_hash="0" * 16)
    ImageAsset.objects.bulk_create(ImageAsset(image=f"{number}.jpg") for number in range(50))
    monkeypatch.setattr(engine, "HashingPool", pool)
    pool.tries.clear()
    listener = Listener()
    report = Backfill(BackfillOptions(batch_size=batch_size), progress=listener).run()
    assert (report.status, report.processed, report.failed) == ("completed", hashed, 50 - hashed)
    assert set(pool.tries.values()) == {tries}
    assert len(listener.outcomes) == 50
    assert ImageAsset.objects.unhashed().failed().count() == 50 - hashed


class RecordingPool(FlakyPool):
    """Records the sizes of the chunks."""

    def __init__(self, succeeds_at: int) -> None:
        super().__init__(succeeds_at)
        self.sizes: list[int] = []

    def submit(self, jobs: list[Job]) -> None:
        self.sizes.append(len(jobs))
        super().submit(jobs)


def test_many_unread_files_probe_the_storage_before_the_batch_is_full(add_image, monkeypatch):
    add_image("hashed.jpg", perceptual_hash="0" * 16)
    ImageAsset.objects.bulk_create(ImageAsset(image=f"{number}.jpg") for number in range(40))
    monkeypatch.setattr(engine, "HashingPool", FlakyPool(2))
    probed: list[int] = []
    monkeypatch.setattr(outcome_batch.StorageProbes, "find_outage", lambda _, outcomes: probed.append(len(outcomes)))
    Backfill(BackfillOptions(batch_size=500)).run()
    assert probed[:2] == [outcome_batch.MAX_UNCERTAIN, outcome_batch.MAX_UNCERTAIN]


def test_retries_are_submitted_one_at_a_time(add_image, monkeypatch):
    add_image("hashed.jpg", perceptual_hash="0" * 16)
    ImageAsset.objects.bulk_create(ImageAsset(image=f"{number}.jpg") for number in range(12))
    pool = RecordingPool(2)
    monkeypatch.setattr(engine, "HashingPool", pool)
    assert Backfill(BackfillOptions()).run().processed == 12
    assert pool.sizes == [4, 4, 4] + [1] * 12
