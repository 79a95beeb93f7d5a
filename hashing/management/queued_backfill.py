from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from hashing.backfill import BackfillOptions, BackfillReport, Shard, split_into_shards
from hashing.backfill.sharding.monitor import ShardMonitor
from hashing.management.progress import ProgressReporter
from hashing.text import first_line

if TYPE_CHECKING:
    # Only for its type: it needs a package that is optional on Django 5.2.
    from hashing.tasks import ShardQueue


class QueueUnavailable(Exception):
    """The queue accepts no more tasks. Those that it has accepted will run."""


class QueuedBackfill:
    """A backfill in the site's task queue. `workers` is for each task, None for the cores of its machine."""

    def __init__(self, options: BackfillOptions, queue: ShardQueue, shard_size: int, workers: int | None) -> None:
        self._options, self._queue = options, queue
        self._shard_size, self._workers = shard_size, workers
        self.shards: list[Shard] = []

    @property
    def runs_here(self) -> bool:
        """Whether the site has no queue, so that enqueuing hashes the images."""
        return self._queue.runs_here

    @property
    def total(self) -> int:
        return sum(shard.size for shard in self.shards)

    def enqueue(self, progress: ProgressReporter, should_stop: Callable[[], bool]) -> None:
        """Split the pending rows into shards, and put them into the queue. Raise `QueueUnavailable`."""
        for shard in split_into_shards(self._options, size=self._shard_size, workers=self._workers):
            try:
                is_accepted = self._queue.put(shard)
            # A queue raises what its client library raises.
            except Exception as error:
                raise QueueUnavailable(f"{type(error).__name__}: {first_line(error).rstrip('.')}") from error
            self.shards.append(shard)
            progress.update(self.total)
            if should_stop() or not is_accepted:
                return

    def wait(self, stall_timeout: float, progress: ProgressReporter, should_stop: Callable[[], bool]) -> BackfillReport:
        """Wait until the shards are done, and return the results."""
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
        return monitor.poll_once() if self.runs_here else monitor.run()


@dataclass(frozen=True)
class EnqueuedShards:
    """The report of a command that does not wait for the results."""

    shards: int
    images: int
    interrupted: bool
    failed: int = 0

    @property
    def stopped(self) -> str:
        return "Interrupted" if self.interrupted else ""

    def as_json(self) -> dict[str, Any]:
        status = "partial" if self.interrupted else "enqueued"
        return {"status": status, "total": self.images, "shards": self.shards, "left_out": 0}

    def as_text(self) -> str:
        shards = ngettext("%(count)d shard", "%(count)d shards", self.shards) % {"count": self.shards}
        images = ngettext("%(count)d image", "%(count)d images", self.images) % {"count": self.images}
        return _("Enqueued: %(images)s, in %(shards)s.") % {"images": images, "shards": shards}
