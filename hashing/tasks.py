from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hashing import backfill
from hashing.backfill import BackfillResult, Shard
from hashing.backfill.run import hash_row
from hashing.fingerprint.limits import DecodingLimit
from hashing.grouping.signals import follow_upload

if TYPE_CHECKING:
    from django.tasks import task, task_backends
    from django.tasks.backends.dummy import DummyBackend
    from django.tasks.backends.immediate import ImmediateBackend
else:
    try:
        from django.tasks import task, task_backends
        from django.tasks.backends.dummy import DummyBackend
        from django.tasks.backends.immediate import ImmediateBackend
    except ImportError:
        from django_tasks import task, task_backends
        from django_tasks.backends.dummy import DummyBackend
        from django_tasks.backends.immediate import ImmediateBackend

__all__ = ["has_dummy_backend", "has_queue", "task", "task_backends"]

# Uploads do not wait for thousands of shards, if the queue supports priorities.
LOW_PRIORITY = -10


@task()
def hash_upload(pk: int, name: str, using: str) -> None:
    """Hash the file `name` of an asset and update its group, unless the asset has another file by now."""
    try:
        written = hash_row(pk, name, using)
    # The log says why.
    except DecodingLimit:
        return
    if written:
        follow_upload(pk, using)


@task()
def hash_shard(arguments: dict[str, Any]) -> BackfillResult:
    """Hash a shard of a backfill. `arguments` are those of `hashing.backfill.hash_shard`."""
    return backfill.hash_shard(**arguments)


def with_low_priority(a_task: Any) -> Any:
    supports_priority = task_backends[a_task.backend].supports_priority
    return a_task.using(priority=LOW_PRIORITY) if supports_priority else a_task


def has_queue(a_task: Any) -> bool:
    """Whether a task runs in another process. Without a queue, enqueuing it runs it at once."""
    return not isinstance(task_backends[a_task.backend], ImmediateBackend)


def has_dummy_backend(a_task: Any) -> bool:
    """Whether tasks are recorded and never run, as in tests."""
    return isinstance(task_backends[a_task.backend], DummyBackend)


class ShardQueue:
    """The queue `name` of the default backend. Raises `ValueError` for an unknown name."""

    def __init__(self, name: str) -> None:
        backend: Any = task_backends[hash_shard.backend]
        if backend.queues and name not in backend.queues:
            known = ", ".join(sorted(backend.queues))
            raise ValueError(f"There is no task queue {name!r}; the settings have {known}.")
        self._task = with_low_priority(hash_shard).using(queue_name=name)

    @property
    def runs_here(self) -> bool:
        """Whether `put` hashes the shard in this process."""
        return not has_queue(self._task)

    def put(self, shard: Shard) -> bool:
        """Enqueue a shard. Return False if it was hashed here and stopped early.

        Raise what the client library of the queue raises when it cannot be reached.
        """
        result: Any = self._task.enqueue(shard.as_arguments())
        return not self.runs_here or (result.status == "SUCCESSFUL" and result.return_value["status"] == "completed")
