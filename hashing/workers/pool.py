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

from hashing.fingerprint.limits import DEFAULT_MAX_MEMORY, DecodingLimits
from hashing.workers.page_decoding import hash_stored
from hashing.workers.read_ahead import READING_THREADS
from hashing.workers.storages import StorageReference
from hashing.workers.worker import Job, Outcome, hash_files, start_worker

Chunk = Future[tuple[list[Outcome], float]]

# As many as a worker reads at the same time, and no more: a run that is killed loses the chunks it has begun.
MAX_CHUNK_SIZE = READING_THREADS
# The aim for local files: long enough to make the overhead small, short enough to stop soon and to balance the load.
SECONDS_PER_CHUNK = 0.05
# For files of another machine, most of the time is waiting, and full chunks share it. But files as slow as the last
# ones should take no more than this part of the time limit of a chunk.
SHARE_OF_TIMEOUT = 0.25
# Enough to keep a worker busy while the main process writes a batch.
CHUNKS_PER_WORKER = 4
# Later than this after the time limit of a chunk, the pool itself hangs.
SECONDS_OF_GRACE = 15
MAX_RESTARTS_WITHOUT_SUCCESS = 3


class WorkersLost(Exception):
    """The worker processes do not run, although they were restarted."""


class HashingPool:
    """Hashes files in `workers` processes. `timeout` is in seconds and `max_memory` in bytes, for one image.

    `storages` are those known to hold files; none if all files are plain local ones.
    """

    def __init__(
        self,
        workers: int,
        timeout: float,
        max_pixels: int,
        max_bytes: int,
        storages: Sequence[StorageReference] = (),
        max_memory: int | None = DEFAULT_MAX_MEMORY,
    ) -> None:
        self._workers = workers
        self._timeout = timeout
        self._start_arguments = (storages, max_pixels, max_bytes, timeout, max_memory)
        self._seconds_per_chunk = timeout * SHARE_OF_TIMEOUT if storages else SECONDS_PER_CHUNK
        self._seconds_per_image = SECONDS_PER_CHUNK
        self._restarts = 0
        self._start()

    def _start(self) -> None:
        self._waiting: dict[Chunk, list[Job]] = {}
        self._done: SimpleQueue[Chunk] = SimpleQueue()
        self._last_result_at = time.monotonic()
        self._pool = ProcessPool(
            max_workers=self._workers,
            context=worker_context(),
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
        """The number of jobs to submit at once: fewer when images are slow."""
        return max(1, min(MAX_CHUNK_SIZE, int(self._seconds_per_chunk / self._seconds_per_image)))

    def submit(self, jobs: list[Job]) -> None:
        """Raise `WorkersLost` if the processes do not run."""
        try:
            chunk: Chunk = self._pool.schedule(hash_files, args=(jobs,), timeout=self._timeout)
        # The pool is broken and accepts no more.
        except RuntimeError as error:
            self._restart(jobs, error)
            return
        self._waiting[chunk] = jobs
        chunk.add_done_callback(self._done.put)

    def outcomes(self, wait: float) -> Iterator[Outcome]:
        """Yield the outcomes so far, after waiting at most `wait` seconds for the first one.

        Raise `WorkersLost` if the processes do not run.
        """
        try:
            chunk = self._done.get(timeout=wait if self._waiting else 0)
            while True:
                self._last_result_at = time.monotonic()
                yield from self._outcomes_of(chunk)
                chunk = self._done.get_nowait()
        except Empty:
            if self._waiting and time.monotonic() - self._last_result_at > self._timeout + SECONDS_OF_GRACE:
                self._restart([], TimeoutError("they do not respond"))

    def _outcomes_of(self, chunk: Chunk) -> list[Outcome]:
        # The jobs of a chunk from before a restart were submitted again.
        jobs = self._waiting.pop(chunk, [])
        if not jobs:
            return []
        try:
            outcomes, seconds = chunk.result()
        except BrokenExecutor as error:
            self._restart(jobs, error)
            return []
        except Exception as error:
            if len(jobs) == 1:
                died = isinstance(error, ProcessExpired)
                return [Outcome(jobs[0].pk, jobs[0].name, error=self._describe(error), died=died)]
            for job in jobs:
                self.submit([job])
            return []
        self._restarts = 0
        self._seconds_per_image += (seconds / len(jobs) - self._seconds_per_image) / 4
        return outcomes

    def _describe(self, error: Exception) -> str:
        if isinstance(error, TimeoutError):
            return f"TimeoutError: Not hashed within {self._timeout:g} seconds"
        if isinstance(error, ProcessExpired):
            return f"ProcessExpired: The worker process died ({cause_of_death(error.exitcode)})"
        return f"{type(error).__name__}: {error}"

    def _restart(self, jobs: list[Job], reason: Exception) -> None:
        """Start new processes and resubmit all unfinished jobs one by one: none of them is known to be at fault."""
        self._restarts += 1
        if self._restarts > MAX_RESTARTS_WITHOUT_SUCCESS:
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


class DecoderPool:
    """A stand-in for `HashingPool` that has one file at a time decoded by the `decoder` of this process.

    `find_storage` returns the storage of a row by its key. With `defers`, a file that is too much for the `limits` is
    left to a later run; otherwise that is its error.
    """

    chunk_size = 1

    def __init__(self, find_storage: Callable[[Any], Any], limits: DecodingLimits, *, defers: bool) -> None:
        self._find_storage, self._limits, self._defers = find_storage, limits, defers
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

    def outcomes(self, wait: float) -> Iterator[Outcome]:  # noqa: ARG002 - the signature of HashingPool
        while self._waiting:
            job = self._waiting.pop(0)
            outcome = hash_stored(job, self._find_storage(job.pk), self._limits)
            if outcome.deferred and not self._defers:
                error = f"DecodingLimit: Failed to process image: {outcome.deferred}"
                outcome = outcome._replace(deferred="", error=error)
            yield outcome


def worker_context() -> multiprocessing.context.BaseContext:
    """Avoid a plain fork: a child would share the database connection, and copy locks that other threads hold."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["hashing.workers.fork_server"])
    return context


def cause_of_death(exit_code: int | None) -> str:
    if exit_code is None or exit_code >= 0:
        return f"exit status {exit_code}"
    # Real-time signals have no names.
    names = {number.value: number.name for number in signal.Signals}
    return names.get(-exit_code, f"signal {-exit_code}")
