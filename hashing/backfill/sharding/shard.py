from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from hashing.backfill.options import BackfillOptions, available_cores
from hashing.backfill.pending_rows import PendingRows, target_rows
from hashing.backfill.report import BackfillResult
from hashing.backfill.run import run_backfill
from hashing.models.querysets import ImageAssetQuerySet

# Images in a shard. Starting and ending a task takes a worker about a second.
SHARD_SIZE = 2000
# Rows that a task writes at a time: a machine that is lost loses what it has not written.
SHARD_BATCH_SIZE = 50
# Options that a shard has as they are.
PLAIN_OPTIONS = ("batch_size", "timeout", "skip_failed", "only_failed", "rehash")


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
