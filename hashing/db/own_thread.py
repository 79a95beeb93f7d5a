"""Long synchronous work for async code."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import connections

T = TypeVar("T")


async def run_in_own_thread(work: Callable[[], T], stop: Callable[[], object]) -> T:
    """Return what `work` returns, called in a thread of its own, whose database connections are closed at the end.

    asgiref has one thread for all queries of a process, and asyncio a few for everybody: work of hours would keep them
    from others. When the caller is cancelled, `stop` is called to ask `work` to end, and its end is waited for.
    """
    executor = ThreadPoolExecutor(1, "hashing")
    future = asyncio.wrap_future(executor.submit(contextvars.copy_context().run, _call_and_disconnect, work))
    executor.shutdown(wait=False)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        stop()
        await asyncio.wait([future])
        # Its error, if any, is nobody's any more.
        future.cancelled() or future.exception()
        raise


def _call_and_disconnect(work: Callable[[], T]) -> T:
    try:
        return work()
    finally:
        connections.close_all()
