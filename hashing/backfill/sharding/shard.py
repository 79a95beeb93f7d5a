from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from django.db.models import QuerySet

from hashing.backfill.options import BackfillOptions, available_cores
from hashing.backfill.pending_rows import PendingRows, target_rows
from hashing.backfill.report import BackfillResult
from hashing.backfill.run import run_backfill
from hashing.db.clock import DatabaseClock
from hashing.db.paging import in_key_order
from hashing.db.retry import retry_transient
from hashing.models.querysets import ImageAssetQuerySet

# Images in a shard. Starting and ending a task takes a worker about a second.
SHARD_SIZE = 2000
# Rows that a task writes at a time: a machine that is lost loses what it has not written.
SHARD_BATCH_SIZE = 50
# Options that a shard has as they are.
PLAIN_OPTIONS = ("batch_size", "timeout", "skip_failed", "only_failed", "stale", "rehash")


@dataclass(frozen=True, kw_only=True)
class Shard:
    """`size` pending rows between two keys, both included: the part of a backfill that one task hashes.

    `workers` is None for all cores of the machine that runs the task. Rows that were tried since `tried_before`
    (ISO 8601) are left alone, so running a shard twice is harmless. `batch_id` is common to the shards of one list, and
    `number` is unique among them.
    """

    using: str
    start_pk: str
    end_pk: str
    size: int
    tried_before: str
    timeout: float
    batch_size: int = SHARD_BATCH_SIZE
    workers: int | None = None
    skip_failed: bool = False
    only_failed: bool = False
    stale: bool = False
    rehash: bool = False
    sources: Sequence[str] = ()
    batch_id: str = ""
    number: int = 0

    def as_arguments(self) -> dict[str, Any]:
        """Return the keyword arguments of `hash_shard`, ready for JSON."""
        return asdict(self)

    def rows(self) -> ImageAssetQuerySet[Any]:
        """Return the rows of the whole list: all image assets, or those of its sources."""
        return target_rows(None, self.options())

    def options(self) -> BackfillOptions:
        return BackfillOptions(
            workers=self.workers or available_cores(),
            start_pk=int(self.start_pk),
            end_pk=int(self.end_pk),
            tried_before=datetime.fromisoformat(self.tried_before),
            using=self.using,
            sources=tuple(self.sources),
            **{name: getattr(self, name) for name in PLAIN_OPTIONS},
        )

    def count_pending(self, clock: Callable[[], datetime]) -> int:
        """Count the rows that are still to do. `clock` is the one that sets `hashed_at`."""
        return len(PendingRows(self.rows(), self.options(), clock))


def hash_shard(**arguments: Any) -> BackfillResult:
    """Hash the shard with these `Shard.as_arguments()` in worker processes, and return the counts.

    Run again, after it was done or killed, it hashes what is left. While the storage or the database is down, it waits
    for about a minute; after that the status is "partial" and the remaining rows are unchanged.
    """
    shard = Shard(**arguments)
    return run_backfill(shard.options(), batch_id=shard.batch_id, shard_number=shard.number, retry=True).as_dict()


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
    if options.rehash or options.stale:
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
