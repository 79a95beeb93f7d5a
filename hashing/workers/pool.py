from __future__ import annotations

import multiprocessing
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Future, TimeoutError  # noqa: A004
from itertools import chain
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, Self

from pebble import ProcessExpired, ProcessPool

from hashing.workers.read_ahead import READING_THREADS
from hashing.workers.storages import StorageReference
from hashing.workers.worker import Job, Outcome, hash_files, hash_stored_file, start_worker


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


Chunk = Future[tuple[list[Outcome], float]]

# As many as a worker reads at the same time. No more, because a run that is killed loses the chunks it has begun.
LARGEST_CHUNK = READING_THREADS
# Aim of a chunk's size: long enough to make its cost small, short enough to stop soon and to share out evenly.
SECONDS_PER_CHUNK = 0.05
# From another machine, waiting is most of it, and only a full chunk shares the waiting. But images that are as slow as
# the last ones may take no more than this of the time limit of a chunk.
SHARE_OF_TIMEOUT = 0.25
# Enough to keep a worker busy while the main process writes a batch.
CHUNKS_PER_WORKER = 4
# Beyond the time limit of a chunk: then it is the pool itself that hangs.
SECONDS_OF_GRACE = 15
RESTARTS_WITHOUT_SUCCESS = 3


class WorkersLost(Exception):
    """The worker processes do not run, however often they are started."""


class HashingPool:
    """Hashes files in `workers` processes. `timeout` is in seconds, for one image.

    `storages` are those that files are opened through; none where all files are plain local ones.
    """

    def __init__(
        self, workers: int, timeout: float, max_pixels: int, max_bytes: int, storages: Sequence[StorageReference] = ()
    ) -> None:
        self._workers = workers
        self._timeout = timeout
        self._start_arguments = (storages, max_pixels, max_bytes, timeout)
        self._seconds_per_chunk = timeout * SHARE_OF_TIMEOUT if storages else SECONDS_PER_CHUNK
        self._seconds_per_image = SECONDS_PER_CHUNK
        self._restarts = 0
        self._start()

    def _start(self) -> None:
        self._waiting: dict[Chunk, list[Job]] = {}
        self._done: SimpleQueue[Chunk] = SimpleQueue()
        self._last_sign = time.monotonic()
        self._pool = ProcessPool(
            max_workers=self._workers,
            context=_context(),
            initializer=start_worker,
            initargs=self._start_arguments,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    @property
    def has_room(self) -> bool:
        return len(self._waiting) < self._workers * CHUNKS_PER_WORKER

    @property
    def is_idle(self) -> bool:
        return not self._waiting

    @property
    def chunk_size(self) -> int:
        """How many jobs to submit at once: fewer when images are slow."""
        return max(1, min(LARGEST_CHUNK, int(self._seconds_per_chunk / self._seconds_per_image)))

    def submit(self, jobs: list[Job]) -> None:
        """Raises `WorkersLost`."""
        try:
            chunk: Chunk = self._pool.schedule(hash_files, args=(jobs,), timeout=self._timeout)
        # The pool has noticed that it is broken, and takes no more.
        except RuntimeError as error:
            self._restart(jobs, error)
            return
        self._waiting[chunk] = jobs
        chunk.add_done_callback(self._done.put)

    def outcomes(self, wait: float) -> Iterator[Outcome]:
        """Yield the outcomes that are there, after waiting at most `wait` seconds for the first under way.

        Raises `WorkersLost`.
        """
        try:
            chunk = self._done.get(timeout=wait if self._waiting else 0)
            while True:
                self._last_sign = time.monotonic()
                yield from self._outcomes_of(chunk)
                chunk = self._done.get_nowait()
        except Empty:
            if self._waiting and time.monotonic() - self._last_sign > self._timeout + SECONDS_OF_GRACE:
                self._restart([], TimeoutError("they give no sign"))

    def _outcomes_of(self, chunk: Chunk) -> list[Outcome]:
        # A chunk from before a restart is under way again.
        jobs = self._waiting.pop(chunk, [])
        if not jobs:
            return []
        try:
            outcomes, seconds = chunk.result()
        except BrokenExecutor as error:
            self._restart(jobs, error)
            return []
        except Exception as error:
            return self._after_failure(jobs, error)
        self._restarts = 0
        self._seconds_per_image += (seconds / len(jobs) - self._seconds_per_image) / 4
        return outcomes

    def _after_failure(self, jobs: list[Job], error: Exception) -> list[Outcome]:
        if len(jobs) == 1:
            died = isinstance(error, ProcessExpired)
            return [Outcome(jobs[0].pk, jobs[0].name, error=self._describe(error), died=died)]
        for job in jobs:
            self.submit([job])
        return []

    def _describe(self, error: Exception) -> str:
        if isinstance(error, TimeoutError):
            return f"TimeoutError: Not hashed within {self._timeout:g} seconds"
        if isinstance(error, ProcessExpired):
            return f"ProcessExpired: The worker process died ({_cause_of_death(error.exitcode)})"
        return f"{type(error).__name__}: {error}"

    def _restart(self, jobs: list[Job], reason: Exception) -> None:
        """Begin anew with other processes, and with all that was under way: no image is known to be at fault."""
        self._restarts += 1
        if self._restarts > RESTARTS_WITHOUT_SUCCESS:
            raise WorkersLost(f"The worker processes do not run: {reason}") from reason
        unfinished = list(chain(jobs, *self._waiting.values()))
        self._end()
        self._start()
        for job in unfinished:
            self.submit([job])

    def _end(self) -> None:
        if self._waiting:
            self._pool.stop()  # type: ignore[no-untyped-call]
        else:
            self._pool.close()  # type: ignore[no-untyped-call]
        try:
            self._pool.join(SECONDS_OF_GRACE)
        except TimeoutError:
            self._pool.stop()  # type: ignore[no-untyped-call]


def _cause_of_death(exit_code: int | None) -> str:
    if exit_code is None or exit_code >= 0:
        return f"exit status {exit_code}"
    # Real-time signals have no names.
    names = {number.value: number.name for number in signal.Signals}
    return names.get(-exit_code, f"signal {-exit_code}")


def _context() -> multiprocessing.context.BaseContext:
    """Never a plain fork: a child would share the database connection, and copy locks that other threads hold."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["hashing.workers.fork_server"])
    return context
