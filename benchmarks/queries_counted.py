"""How many queries a block sends, and how long it waits for them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass
class Queries:
    number: int = 0
    seconds: float = 0.0

    def __call__(self, execute: Callable[..., Any], *arguments: Any) -> Any:
        began = time.perf_counter()
        try:
            return execute(*arguments)
        finally:
            self.number += 1
            self.seconds += time.perf_counter() - began


@contextmanager
def queries_counted() -> Iterator[Queries]:
    from django.db import connection

    counted = Queries()
    with connection.execute_wrapper(counted):
        yield counted
