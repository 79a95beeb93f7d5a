"""Hands key ranges of the backfill to the site's task queue."""

from __future__ import annotations

from typing import Any

from hashing.backfill.range_job import RangeJob
from hashing.task_queue import has_queue, task_backends
from hashing.tasks import hash_range

# Where the queue knows priorities, an upload does not wait behind ten thousand ranges.
PRIORITY = -10


def behind_uploads(a_task: Any) -> Any:
    """The task, with a low priority where its queue knows priorities."""
    return a_task.using(priority=PRIORITY) if task_backends[a_task.backend].supports_priority else a_task


class RangeQueue:
    """The queue `name` of the default back end. Raises `ValueError` for a name that it does not have."""

    def __init__(self, name: str) -> None:
        backend: Any = task_backends[hash_range.backend]
        if backend.queues and name not in backend.queues:
            known = ", ".join(sorted(backend.queues))
            raise ValueError(f"There is no task queue {name!r}; the settings have {known}.")
        self._task = behind_uploads(hash_range).using(queue_name=name)

    @property
    def is_here(self) -> bool:
        """Whether a task runs in this process, as soon as it is put."""
        return not has_queue(self._task)

    def put(self, job: RangeJob) -> bool:
        """Whether to go on: False where the job was done here and ended early.

        Raises what the client library of the queue raises when it cannot be reached.
        """
        result: Any = self._task.enqueue(job.as_arguments())
        return not self.is_here or (result.status == "SUCCESSFUL" and result.return_value["status"] == "completed")
