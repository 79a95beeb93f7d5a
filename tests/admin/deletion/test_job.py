from __future__ import annotations

import random
import time

import pytest
from django.conf import settings
from django.core import signing
from django.core.signing import BadSignature

from hashing.admin.deletion.job import MAX_AGE_SECONDS, MAX_ROWS, DeletionJob
from hashing.admin.deletion.related_rows import RelatedRows


def test_token_carries_the_remaining_keys_and_the_report():
    job = DeletionJob.of([9, 3, 7])
    job.report.add_deleted(["1.jpg"])
    job.report.add_stayed("2.jpg", "a reason")
    job.report.add_kept_file("3.jpg", "in use")
    job.report.add_related(RelatedRows({"notes": 2}, [], []))
    job.keys = job.keys[1:]
    again = DeletionJob.from_token(job.token(1), 1)
    assert again == job
    assert (again.keys, again.done, again.report.stayed_count) == ([7, 9], 1, 1)


def test_token_belongs_to_one_user():
    with pytest.raises(BadSignature):
        DeletionJob.from_token(DeletionJob.of([1]).token(1), 2)


def test_token_expires_after_a_day(monkeypatch):
    token, now = DeletionJob.of([1]).token(1), time.time()
    monkeypatch.setattr(signing.time, "time", lambda: now + MAX_AGE_SECONDS - 1)
    assert DeletionJob.from_token(token, 1).keys == [1]
    monkeypatch.setattr(signing.time, "time", lambda: now + MAX_AGE_SECONDS + 1)
    with pytest.raises(BadSignature):
        DeletionJob.from_token(token, 1)


def test_token_of_scattered_keys_fits_into_a_request():
    share = 10
    keys = random.Random(1).sample(range(50_000_000 // share), MAX_ROWS // share)
    assert len(DeletionJob.of(keys).token(1)) * share < settings.DATA_UPLOAD_MAX_MEMORY_SIZE - 2000


def test_job_is_cut_at_the_limit(monkeypatch):
    monkeypatch.setattr("hashing.admin.deletion.job.MAX_ROWS", 2)
    job = DeletionJob.of([5, 4, 3])
    assert (job.keys, job.total, job.is_cut) == ([3, 4], 2, True)
