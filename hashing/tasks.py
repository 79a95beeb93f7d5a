from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hashing import backfill
from hashing.backfill import BackfillResult
from hashing.backfill.run import hash_row
from hashing.backfill.sharding.shard import Shard
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

__all__ = ["has_queue", "runs_nothing", "task", "task_backends"]


def has_queue(a_task: Any) -> bool:
    """Whether a task runs elsewhere. Without a queue it runs in the process that enqueues it, which waits for it."""
    return not isinstance(task_backends[a_task.backend], ImmediateBackend)


def runs_nothing(a_task: Any) -> bool:
    """Whether the backend only notes what is enqueued, as in tests."""
    return isinstance(task_backends[a_task.backend], DummyBackend)


@task()
def hash_upload(pk: int, name: str, using: str) -> None:
    """Hash the file `name` of an asset, unless it has got another file by then, and let it join its duplicates."""
    if hash_row(pk, name, using):
        follow_upload(pk, using)


@task()
def hash_shard(arguments: dict[str, Any]) -> BackfillResult:
    """Hash a shard of the backfill; `arguments` are those of `hashing.backfill.hash_shard`."""
    return backfill.hash_shard(**arguments)


# Where the queue knows priorities, an upload does not wait behind ten thousand ranges.
PRIORITY = -10


def behind_uploads(a_task: Any) -> Any:
    """The task, with a low priority where its queue knows priorities."""
    return a_task.using(priority=PRIORITY) if task_backends[a_task.backend].supports_priority else a_task


class ShardQueue:
    """The queue `name` of the default back end. Raises `ValueError` for a name that it does not have."""

    def __init__(self, name: str) -> None:
        backend: Any = task_backends[hash_shard.backend]
        if backend.queues and name not in backend.queues:
            known = ", ".join(sorted(backend.queues))
            raise ValueError(f"There is no task queue {name!r}; the settings have {known}.")
        self._task = behind_uploads(hash_shard).using(queue_name=name)

    @property
    def is_here(self) -> bool:
        """Whether a task runs in this process, as soon as it is put."""
        return not has_queue(self._task)

    def put(self, job: Shard) -> bool:
        """Whether to go on: False where the job was done here and ended early.

        Raises what the client library of the queue raises when it cannot be reached.
        """
        result: Any = self._task.enqueue(job.as_arguments())
        return not self.is_here or (result.status == "SUCCESSFUL" and result.return_value["status"] == "completed")
