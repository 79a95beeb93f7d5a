"""`backfill_hashes --enqueue`: the to-do list goes to the task queue, and whoever wants to waits until it is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hashing.backfill import BackfillOptions, BackfillReport, Shard, split_into_shards
from hashing.backfill.sharding.monitor import ShardMonitor
from hashing.management.progress import ProgressReporter
from hashing.text import first_line

if TYPE_CHECKING:
    from hashing.tasks import ShardQueue


class QueueLost(Exception):
    """The queue took no more. What it has taken will be done."""


class QueuedBackfill:
    """`workers`: processes that decode in each task, None for the cores that are there."""

    def __init__(self, options: BackfillOptions, queue: ShardQueue, shard_size: int, workers: int | None) -> None:
        self._options, self._queue = options, queue
        self._shard_size, self._workers = shard_size, workers
        self.shards: list[Shard] = []

    @property
    def is_here(self) -> bool:
        """Whether the site has nobody else to do it."""
        return self._queue.is_here

    @property
    def total(self) -> int:
        return sum(shard.size for shard in self.shards)

    def enqueue(self, progress: ProgressReporter, should_stop: Callable[[], bool]) -> None:
        """Raises `QueueLost`."""
        for shard in split_into_shards(self._options, size=self._shard_size, workers=self._workers):
            self.shards.append(shard)
            try:
                goes_on = self._queue.put(shard)
            # A queue raises what its client library raises.
            except Exception as error:
                self.shards.pop()
                raise QueueLost(f"{type(error).__name__}: {first_line(error).rstrip('.')}") from error
            progress.update(self.total, failed=0)
            if should_stop() or not goes_on:
                return

    def watch(
        self, stall_timeout: float, progress: ProgressReporter, should_stop: Callable[[], bool]
    ) -> BackfillReport:
        """What came of it, once it is done."""
        if not self.shards:
            return BackfillReport()
        monitor = ShardMonitor(
            self.shards,
            self._queue.put,
            stall_timeout,
            progress=progress,
            should_stop=should_stop,
            notify=progress.notify,
        )
        return monitor.poll_once() if self.is_here else monitor.run()


@dataclass(frozen=True)
class EnqueuedShards:
    """What there is to say when nobody waits for the results."""

    dispatch: QueuedBackfill
    interrupted: bool
    failed: int = 0

    @property
    def stopped(self) -> str:
        return "Interrupted" if self.interrupted else ""

    def as_json(self) -> dict[str, Any]:
        status = "partial" if self.interrupted else "enqueued"
        return {"status": status, "total": self.dispatch.total, "ranges": len(self.dispatch.shards), "left_out": 0}

    def as_text(self) -> str:
        ranges = len(self.dispatch.shards)
        return f"Enqueued: {self.dispatch.total} images, in {ranges} key range{'' if ranges == 1 else 's'}."
