from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from queue import Empty, SimpleQueue
from threading import Condition
from typing import Generic, TypeVar

Key = TypeVar("Key")
# Called with the size of a content before it is read; waits until there is memory for it.
Reserve = Callable[[int], None]

READING_THREADS = 16
# Content that was read and not yet decoded, in one worker. A larger file is read alone.
READ_AHEAD_BYTES = 64 << 20


class ReadAhead(Generic[Key]):
    """Calls `read` in long-lived threads, because clients of storages keep a connection for each thread."""

    def __init__(self, read: Callable[[Key, Reserve], bytes]) -> None:
        self._read = read
        self._threads = start_threads()

    def contents(self, keys: Sequence[Key], seconds: float) -> Iterator[tuple[Key, Future[bytes]]]:
        """Yield each key with its content, in the order of arrival: a finished future, whose result may raise.

        Content that has not arrived within `seconds` raises `TimeoutError`. The memory of a content counts as used
        until the next one is requested.
        """
        end = time.monotonic() + seconds
        budget = ByteBudget(READ_AHEAD_BYTES)
        arrived: SimpleQueue[Future[bytes]] = SimpleQueue()
        pending = {}
        for number, key in enumerate(keys):
            future = self._threads.submit(self._read, key, partial(budget.take, number))
            pending[future] = number
            future.add_done_callback(arrived.put)
        try:
            while pending:
                future = arrived.get(timeout=max(0, end - time.monotonic()))
                number = pending.pop(future)
                yield keys[number], future
                budget.give_back(number)
        except Empty:
            # These threads may hang for ever, and must not block the next files.
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._threads = start_threads()
            yield from ((keys[number], late_future(seconds)) for number in pending.values())
        finally:
            budget.close()
            for future in pending:
                future.cancel()


class ByteBudget:
    """Blocks threads until there is room for their bytes. Bytes beyond `total` have to be alone."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._held: dict[Hashable, int] = {}
        self._changed = Condition()
        self._closed = False

    def take(self, key: Hashable, size: int) -> None:
        """Raise `TimeoutError` if the budget is closed before there is room."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or not self._held or self._has_room(size))
            if self._closed:
                raise TimeoutError("reading was stopped")
            self._held[key] = size

    def give_back(self, key: Hashable) -> None:
        """Release the bytes of a key, if it has any."""
        with self._changed:
            self._held.pop(key, None)
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _has_room(self, size: int) -> bool:
        return sum(self._held.values()) + size <= self._total


def start_threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(READING_THREADS, "read-ahead")


def late_future(seconds: float) -> Future[bytes]:
    future: Future[bytes] = Future()
    future.set_exception(TimeoutError(f"Not read within {seconds:g} seconds"))
    return future
