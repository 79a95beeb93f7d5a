"""Several files read at a time, and handed out one by one: hides the latency of a storage on another machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from hashing.workers.byte_budget import ByteBudget
from hashing.workers.reading import Reserve

Key = TypeVar("Key")

READING_THREADS = 16
# Read and not yet decoded, in one worker. What is larger is read alone.
READ_AHEAD_BYTES = 64 << 20


class ReadAhead(Generic[Key]):
    """Calls `read` in long-lived threads: clients of storages keep their connections by thread."""

    def __init__(self, read: Callable[[Key, Reserve], bytes]) -> None:
        self._read = read
        self._threads = _threads()

    def contents(self, keys: Sequence[Key], seconds: float) -> Iterator[tuple[Key, Future[bytes]]]:
        """Each key with its content, in the order of arrival: a future that is done, so that its result may raise.

        What has not come within `seconds` raises `TimeoutError`. The memory of a content is counted until the next
        one is asked for.
        """
        end = time.monotonic() + seconds
        budget = ByteBudget(READ_AHEAD_BYTES)
        arrived: SimpleQueue[Future[bytes]] = SimpleQueue()
        under_way = {}
        for number, key in enumerate(keys):
            future = self._threads.submit(self._read, key, partial(budget.take, number))
            under_way[future] = number
            future.add_done_callback(arrived.put)
        try:
            while under_way:
                future = arrived.get(timeout=max(0, end - time.monotonic()))
                number = under_way.pop(future)
                yield keys[number], future
                budget.give_back(number)
        except Empty:
            # They may hang for ever, and must not keep the next files waiting.
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._threads = _threads()
            yield from ((keys[number], _late(seconds)) for number in under_way.values())
        finally:
            budget.close()
            for future in under_way:
                future.cancel()


def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(READING_THREADS, "read-ahead")


def _late(seconds: float) -> Future[bytes]:
    future: Future[bytes] = Future()
    future.set_exception(TimeoutError(f"Not read within {seconds:g} seconds"))
    return future
