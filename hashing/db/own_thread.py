from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import connections

T = TypeVar("T")


async def run_in_own_thread(work: Callable[[], T], stop: Callable[[], object]) -> T:
    """Return the result of `work`, called in a new thread whose database connections are closed at the end.

    asgiref has one thread for all queries of a process, and asyncio a few threads for all tasks: work that takes hours
    would block them. When the caller is cancelled, `stop` is called to end `work`, and its end is awaited.
    """

    def work_and_disconnect() -> T:
        try:
            return work()
        finally:
            connections.close_all()

    executor = ThreadPoolExecutor(1, "hashing")
    future = asyncio.wrap_future(executor.submit(contextvars.copy_context().run, work_and_disconnect))
    executor.shutdown(wait=False)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        stop()
        await asyncio.wait([future])
        # Retrieve the error, which asyncio would log otherwise.
        future.cancelled() or future.exception()
        raise
