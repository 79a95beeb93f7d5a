from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from queue import Empty, SimpleQueue
from threading import Condition
from typing import Generic, TypeVar

from hashing.workers.reading import Reserve


class ByteBudget:
    """Lets threads wait until there is room. What is larger than `total` waits until it is alone."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._held: dict[Hashable, int] = {}
        self._changed = Condition()
        self._closed = False

    def take(self, key: Hashable, size: int) -> None:
        """Raises `TimeoutError` when the budget was closed before there was room."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or not self._held or self._has_room(size))
            if self._closed:
                raise TimeoutError("nobody waits for it any more")
            self._held[key] = size

    def give_back(self, key: Hashable) -> None:
        """Whether or not something was taken."""
        with self._changed:
            self._held.pop(key, None)
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _has_room(self, size: int) -> bool:
        return sum(self._held.values()) + size <= self._total


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
