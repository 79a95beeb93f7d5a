from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.utils import timezone

from hashing.backfill import BackfillOptions, hash_shard, split_into_shards
from hashing.backfill.sharding.shard_batch import ShardBatch
from hashing.models import ImageAsset

pytestmark = pytest.mark.django_db


def test_failed_rows_are_those_that_failed_since_the_list_was_split(add_image):
    old = {"hash_error": "broken", "hashed_at": timezone.now() - timedelta(days=1)}
    add_image("before.png", b"broken", **old)
    found = list(split_into_shards(BackfillOptions(skip_failed=True), workers=1))
    assert found == []
    broken = add_image("broken.png", b"broken")
    found = list(split_into_shards(BackfillOptions(skip_failed=True), workers=1))
    hash_shard(**found[0].as_arguments())
    assert [row.pk for row in ShardBatch(found, time.monotonic).failed_rows()] == [broken.pk]


def test_results_include_rows_of_a_clock_that_is_slightly_ahead(add_image):
    slightly, far = (add_image(f"{name}.png") for name in ("slightly", "far"))
    batch = ShardBatch(list(split_into_shards(workers=1)), time.monotonic)
    for asset, ahead in ((slightly, timedelta(seconds=1)), (far, timedelta(hours=1))):
        ImageAsset.objects.filter(pk=asset.pk).update(hash_error="broken", hashed_at=timezone.now() + ahead)
    assert batch.failed_rows().get() == slightly
