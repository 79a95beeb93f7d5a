from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

from django.db.models import Q, QuerySet

from hashing.backfill.engine import Backfill, bound_rows
from hashing.backfill.heartbeat import Heartbeat
from hashing.backfill.options import BackfillOptions, available_cores
from hashing.backfill.pending_rows import PendingRows
from hashing.backfill.report import BackfillReport, BackfillResult
from hashing.db.clock import DatabaseClock
from hashing.db.paging import in_key_order
from hashing.db.retry import drop_dead_connection, retry_transient
from hashing.models.image_asset import ImageAsset
from hashing.models.querysets import ImageAssetQuerySet


class KeyRange(NamedTuple):
    """`size` rows, when they were counted, from the key `start_pk` to the key `end_pk`, both included."""

    start_pk: Any
    end_pk: Any
    size: int


def cut_into_ranges(rows: QuerySet[Any], size: int, limit: int | None = None) -> Iterator[KeyRange]:
    """Ranges of `size` rows each, the last of which may have fewer; all have at most `limit` rows together.

    The database walks its index and returns two keys a range. Rows may change meanwhile.
    """
    rows = left = in_key_order(rows)
    rest = limit
    while rest is None or rest > 0:
        wanted = size if rest is None else min(size, rest)
        found = retry_transient(partial(_first_range, left, wanted), rows.db)
        if found is None:
            return
        yield found
        # Of all rows, because each filter on top of the last one would make the next query longer.
        left = rows.filter(pk__gt=found.end_pk)
        rest = None if rest is None else rest - found.size


def _first_range(rows: QuerySet[Any], size: int) -> KeyRange | None:
    keys = rows.values_list("pk", flat=True)
    if not (first := list(keys[:1])):
        return None
    if last := list(keys[size - 1 : size]):
        return KeyRange(first[0], last[0], size)
    last, count = list(keys.reverse()[:1]), keys.count()
    # Others may do these rows while they are counted.
    return KeyRange(first[0], last[0], count) if last and count else None


# Otherwise, it would take one range after the other from the queue, and fail them all.
PAUSES = (5, 10, 20, 30)


def run_with_retries(rows: ImageAssetQuerySet[Any], options: BackfillOptions, **labels: Any) -> BackfillReport:
    """A backfill of `rows` that is tried again for about a minute. `labels` are for its record (`BackfillRun`)."""
    whole = BackfillReport()
    with Heartbeat(rows, options, **labels) as record:
        for pause in (*PAUSES, 0):
            whole.add(Backfill(options, rows, progress=record).run())
            record.set_result(whole)
            if not whole.stopped:
                break
            _wait(pause, record)
            drop_dead_connection(rows.db)
    return whole


def _wait(seconds: int, record: Heartbeat) -> None:
    for _ in range(seconds):
        time.sleep(1)
        record.tick()


# Images that a task hashes. A worker spends about a second on starting and ending one.
SHARD_SIZE = 2000
# Rows that a task writes at a time: what is hashed and not yet written is lost with its machine.
BATCH_SIZE = 50


@dataclass(frozen=True, kw_only=True)
class Shard:
    """`size` rows to do between two keys. `workers` None: the cores that the process which hashes it may use.

    `tried_before` (ISO 8601) makes it the same to run it twice: rows that were tried since are left alone. `batch_id`
    and `number` tell those who watch which range of which list it is.
    """

    using: str
    start_pk: str
    end_pk: str
    size: int
    tried_before: str
    timeout: float
    batch_size: int = BATCH_SIZE
    workers: int | None = None
    skip_failed: bool = False
    only_failed: bool = False
    rehash: bool = False
    sources: Sequence[str] = ()
    batch_id: str = ""
    number: int = 0

    def as_arguments(self) -> dict[str, Any]:
        """Keywords for `hash_shard`, all of which JSON knows."""
        return asdict(self)

    def rows(self) -> ImageAssetQuerySet[Any]:
        rows = ImageAssetQuerySet[Any](ImageAsset, using=self.using)
        return rows.of_sources(self.sources) if self.sources else rows

    def options(self) -> BackfillOptions:
        return BackfillOptions(
            batch_size=self.batch_size,
            workers=self.workers or available_cores(),
            timeout=self.timeout,
            start_pk=int(self.start_pk),
            end_pk=int(self.end_pk),
            skip_failed=self.skip_failed,
            only_failed=self.only_failed,
            rehash=self.rehash,
            tried_before=datetime.fromisoformat(self.tried_before),
            using=self.using,
            sources=tuple(self.sources),
        )

    def count_left(self, clock: Callable[[], datetime]) -> int:
        """Rows of the range that are still to do, by the clock that their times were written by."""
        return len(PendingRows(self.rows(), self.options(), clock))


def split_into_shards(
    options: BackfillOptions | None = None,
    *,
    size: int = SHARD_SIZE,
    workers: int | None = None,
) -> Iterator[Shard]:
    """The to-do list that `options` describe, cut into jobs of at most `size` rows.

    Cutting walks an index, and two keys a range are read. `workers` is for each job, instead of that of `options`.
    """
    options = options or BackfillOptions(batch_size=BATCH_SIZE)
    rows = bound_rows(None, options)
    clock = DatabaseClock(rows.db)
    tried_before = options.tried_before or clock.now()
    options = replace(options, tried_before=tried_before)
    batch_id, number, left = uuid.uuid4().hex, 0, options.limit
    for part in _parts(options):
        [pending] = PendingRows(rows, part, clock.now).parts()
        for start_pk, end_pk, found in cut_into_ranges(pending, size, left):
            yield Shard(
                using=rows.db,
                start_pk=str(start_pk),
                end_pk=str(end_pk),
                size=found,
                tried_before=tried_before.isoformat(),
                timeout=part.timeout,
                batch_size=part.batch_size,
                workers=workers,
                skip_failed=part.skip_failed,
                only_failed=part.only_failed,
                rehash=part.rehash,
                sources=part.sources,
                batch_id=batch_id,
                number=number,
            )
            number += 1
            left = None if left is None else left - found


def failed_rows(jobs: Sequence[Shard], now: datetime) -> ImageAssetQuerySet[Any]:
    """Rows that have failed since `jobs`, all of one list, were cut; in the order of their keys."""
    return _tried_rows(jobs, now).failed().order_by("pk")


def hashed_rows(jobs: Sequence[Shard], now: datetime) -> ImageAssetQuerySet[Any]:
    """Rows that were hashed since `jobs`, all of one list, were cut."""
    return _tried_rows(jobs, now).hashed().filter(hash_error="")


def _tried_rows(jobs: Sequence[Shard], now: datetime) -> ImageAssetQuerySet[Any]:
    """Rows with a time in the future are still to do: see `PendingRows`."""
    within = Q()
    for _, part in groupby(jobs, attrgetter("only_failed")):
        of_part = list(part)
        within |= Q(pk__gte=of_part[0].options().start_pk, pk__lte=of_part[-1].options().end_pk)
    return jobs[0].rows().filter(within, hashed_at__gte=jobs[0].options().tried_before, hashed_at__lte=now)


def hash_shard(**arguments: Any) -> BackfillResult:
    """Do the job with these `Shard.as_arguments()`, in worker processes of its own, and say what came of it.

    Done twice, or again after it was killed, it does what is still to do. While the storage or the database is away,
    it waits for a minute; then its result is "partial", and what is left is left as it was.
    """
    job = Shard(**arguments)
    labels = {"batch_id": job.batch_id, "shard_number": job.number}
    return run_with_retries(job.rows(), job.options(), **labels).as_dict()


def _parts(options: BackfillOptions) -> list[BackfillOptions]:
    """Never-tried rows and failed ones are cut apart: the few failed ones may lie anywhere between the others."""
    if options.rehash:
        return [options]
    never_tried = [] if options.only_failed else [replace(options, skip_failed=True)]
    return never_tried + ([] if options.skip_failed else [replace(options, only_failed=True)])
