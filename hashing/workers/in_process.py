"""Hashing without worker processes, for files that no other process can see."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self

from hashing.workers.worker import Job, Outcome, hash_stored_file


class InProcessPool:
    """A stand-in for `HashingPool` that hashes in the process itself, without a time limit."""

    chunk_size = 1

    def __init__(self, find_storage: Callable[[Any], Any], max_pixels: int, max_bytes: int) -> None:
        """`find_storage` returns the storage of the row with a key."""
        self._find_storage, self._max_pixels, self._max_bytes = find_storage, max_pixels, max_bytes
        self._waiting: list[Job] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    @property
    def has_room(self) -> bool:
        return not self._waiting

    @property
    def is_idle(self) -> bool:
        return not self._waiting

    def submit(self, jobs: list[Job]) -> None:
        self._waiting += jobs

    def outcomes(self, wait: float) -> Iterator[Outcome]:  # noqa: ARG002 - as that of HashingPool
        while self._waiting:
            job = self._waiting.pop(0)
            yield hash_stored_file(job, self._find_storage(job.pk), self._max_pixels, self._max_bytes)
