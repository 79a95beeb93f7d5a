"""Ctrl-C and `kill` ask a long command to save and end; asked twice, it ends at once."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
EXIT_STATUS_BASE = 128


class StopRequest:
    """`signal_number` is 0 until somebody asks."""

    signal_number = 0

    def __call__(self) -> bool:
        return self.signal_number != 0

    @property
    def exit_status(self) -> int:
        return EXIT_STATUS_BASE + self.signal_number


@contextmanager
def graceful_stop(on_request: Callable[[], None]) -> Iterator[StopRequest]:
    """The request that the signals set, inside the block; the second one raises `SystemExit`.

    Only the main thread may use it.
    """
    request = StopRequest()

    def handle(number: int, _frame: FrameType | None) -> None:
        for each in SIGNALS:
            signal.signal(each, signal.default_int_handler)
        request.signal_number = number
        on_request()

    before = [signal.signal(number, handle) for number in SIGNALS]
    try:
        yield request
    except KeyboardInterrupt:
        raise SystemExit(request.exit_status) from None
    finally:
        for number, handler in zip(SIGNALS, before, strict=True):
            signal.signal(number, handler)
