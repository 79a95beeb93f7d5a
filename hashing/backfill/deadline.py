"""Calls into client libraries that may hang for ever."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


def call_within(seconds: float, function: Callable[[], T]) -> T:
    """What `function` returns or raises. Raises `TimeoutError` when it takes longer, and leaves it to itself.

    It runs in another thread, and must not use the database connection of this one.
    """
    future: Future[T] = Future()

    def call() -> None:
        try:
            future.set_result(function())
        # A storage raises what its client library raises.
        except BaseException as error:
            future.set_exception(error)

    # A daemon, so that a thread that hangs keeps no process from ending.
    Thread(target=call, name="call-within", daemon=True).start()
    return future.result(timeout=seconds)
