"""A limit on what several threads hold in memory."""

from __future__ import annotations

from collections.abc import Hashable
from threading import Condition


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
