from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from django.db.models import QuerySet

from hashing.backfill.options import BackfillOptions
from hashing.backfill.pending_rows import PendingRows, target_rows
from hashing.backfill.sharding.shard import PLAIN_OPTIONS, SHARD_BATCH_SIZE, SHARD_SIZE, Shard
from hashing.db.clock import DatabaseClock
from hashing.db.paging import in_key_order
from hashing.db.retry import retry_transient


def split_into_shards(
    options: BackfillOptions | None = None,
    *,
    size: int = SHARD_SIZE,
    workers: int | None = None,
) -> Iterator[Shard]:
    """Split the pending rows that `options` describe into shards of at most `size` rows.

    Never-tried rows come first, then failed ones. `workers` is for each shard; that of `options` is ignored.
    """
    options = options or BackfillOptions(batch_size=SHARD_BATCH_SIZE)
    rows = target_rows(None, options)
    clock = DatabaseClock(rows.db)
    tried_before = options.tried_before or clock.now()
    options = replace(options, tried_before=tried_before)
    batch_id, number, left = uuid.uuid4().hex, 0, options.limit
    for part in homogeneous_parts(options):
        [pending] = PendingRows(rows, part, clock.now).parts()
        for start_pk, end_pk, found in split_by_key(pending, size, left):
            yield Shard(
                using=rows.db,
                start_pk=str(start_pk),
                end_pk=str(end_pk),
                size=found,
                tried_before=tried_before.isoformat(),
                workers=workers,
                sources=part.sources,
                batch_id=batch_id,
                number=number,
                **{name: getattr(part, name) for name in PLAIN_OPTIONS},
            )
            number += 1
            left = None if left is None else left - found


def homogeneous_parts(options: BackfillOptions) -> list[BackfillOptions]:
    """Separate never-tried rows from failed ones: the few failed rows may be anywhere between the others."""
    if options.rehash:
        return [options]
    never_tried = [] if options.only_failed else [replace(options, skip_failed=True)]
    return never_tried + ([] if options.skip_failed else [replace(options, only_failed=True)])


class KeyRange(NamedTuple):
    """The keys from `start_pk` to `end_pk`, both included, and the number of rows at the time of counting."""

    start_pk: Any
    end_pk: Any
    size: int


def split_by_key(rows: QuerySet[Any], size: int, limit: int | None = None) -> Iterator[KeyRange]:
    """Split rows into ranges of `size` rows each, the last of which may have fewer; `limit` rows in all.

    The database walks an index and returns two keys for each range. Rows may change meanwhile.
    """
    rows = remaining = in_key_order(rows)
    left = limit
    while left is None or left > 0:
        wanted = size if left is None else min(size, left)
        found = retry_transient(partial(first_range, remaining, wanted), rows.db)
        if found is None:
            return
        yield found
        # Filter the original rows: filters on top of each other would make every query longer.
        remaining = rows.filter(pk__gt=found.end_pk)
        left = None if left is None else left - found.size


def first_range(rows: QuerySet[Any], size: int) -> KeyRange | None:
    keys = rows.values_list("pk", flat=True)
    if not (first := list(keys[:1])):
        return None
    if last := list(keys[size - 1 : size]):
        return KeyRange(first[0], last[0], size)
    last, count = list(keys.reverse()[:1]), keys.count()
    # Another process may finish these rows between the queries.
    return KeyRange(first[0], last[0], count) if last and count else None
