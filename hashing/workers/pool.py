"""Worker processes: kept busy, watched, and replaced when one dies or hangs.

Images travel in chunks, because a task costs the main process a third of a millisecond however small it is. A chunk
has the time limit of one image. When it runs out, or its worker dies, the images of the chunk are tried again one by
one, so that the one at fault is known for certain and costs only itself.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator
from concurrent.futures import Future, TimeoutError  # noqa: A004
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Self

from pebble import ProcessExpired, ProcessPool

from hashing.workers.worker import Job, Outcome, StorageField, hash_files, start_worker

Chunk = Future[tuple[list[Outcome], float]]

LARGEST_CHUNK = 16
# Aim of a chunk's size: long enough to make its cost small, short enough to stop soon and to share out evenly.
SECONDS_PER_CHUNK = 0.05
# Enough to keep a worker busy while the main process writes a batch.
CHUNKS_PER_WORKER = 4


class HashingPool:
    """Hashes files in `workers` processes. `timeout` is in seconds, for one image."""

    def __init__(self, workers: int, timeout: float, field: StorageField | None, max_pixels: int) -> None:
        self._timeout = timeout
        self._places = workers * CHUNKS_PER_WORKER
        self._waiting: dict[Chunk, list[Job]] = {}
        self._done: SimpleQueue[Chunk] = SimpleQueue()
        self._seconds_per_image = SECONDS_PER_CHUNK
        self._pool = ProcessPool(
            max_workers=workers, context=_context(), initializer=start_worker, initargs=(field, max_pixels)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._waiting:
            self._pool.stop()  # type: ignore[no-untyped-call]
        else:
            self._pool.close()  # type: ignore[no-untyped-call]
        self._pool.join()

    @property
    def has_room(self) -> bool:
        return len(self._waiting) < self._places

    @property
    def is_idle(self) -> bool:
        return not self._waiting

    @property
    def chunk_size(self) -> int:
        """How many jobs to submit at once: fewer when images are slow."""
        return max(1, min(LARGEST_CHUNK, int(SECONDS_PER_CHUNK / self._seconds_per_image)))

    def submit(self, jobs: list[Job]) -> None:
        chunk: Chunk = self._pool.schedule(hash_files, args=(jobs,), timeout=self._timeout)
        self._waiting[chunk] = jobs
        chunk.add_done_callback(self._done.put)

    def outcomes(self, wait: float) -> Iterator[Outcome]:
        """The outcomes that are there, after waiting at most `wait` seconds for the first."""
        try:
            chunk = self._done.get(timeout=wait)
            while True:
                yield from self._outcomes_of(chunk)
                chunk = self._done.get_nowait()
        except Empty:
            return

    def _outcomes_of(self, chunk: Chunk) -> list[Outcome]:
        jobs = self._waiting.pop(chunk)
        try:
            outcomes, seconds = chunk.result()
        except Exception as error:
            return self._after_failure(jobs, error)
        self._seconds_per_image += (seconds / len(jobs) - self._seconds_per_image) / 4
        return outcomes

    def _after_failure(self, jobs: list[Job], error: Exception) -> list[Outcome]:
        if len(jobs) == 1:
            return [Outcome(jobs[0].pk, jobs[0].name, error=self._describe(error))]
        for job in jobs:
            self.submit([job])
        return []

    def _describe(self, error: Exception) -> str:
        if isinstance(error, TimeoutError):
            return f"TimeoutError: Not hashed within {self._timeout:g} seconds"
        if isinstance(error, ProcessExpired):
            return f"ProcessExpired: The worker process died ({_cause_of_death(error.exitcode)})"
        return f"{type(error).__name__}: {error}"


def _cause_of_death(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        return signal.Signals(-exit_code).name
    return f"exit status {exit_code}"


def _context() -> multiprocessing.context.BaseContext:
    """Never a plain fork: a child would share the database connection, and copy locks that other threads hold."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["hashing.workers.worker"])
    return context
