"""Ctrl-C and `kill` ask a long command to save and end; asked twice, it ends at once."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
EXIT_STATUS_BASE = 128


class StopRequest:
    """`signal_number` is 0 until somebody asks.

    `announce` is called once, by whoever asks first whether to stop: a signal handler must not write, because it may
    have interrupted somebody who does.
    """

    def __init__(self, announce: Callable[[], object] = lambda: None) -> None:
        self.signal_number = 0
        self._announce: Callable[[], object] | None = announce

    def __call__(self) -> bool:
        if self.signal_number and self._announce:
            announce, self._announce = self._announce, None
            announce()
        return self.signal_number != 0

    def close(self) -> None:
        """Announce nothing any more: the work is over."""
        self._announce = None

    @property
    def exit_status(self) -> int:
        return EXIT_STATUS_BASE + self.signal_number


@contextmanager
def graceful_stop(announce: Callable[[], object]) -> Iterator[StopRequest]:
    """The request that the signals set, inside the block; the second one raises `SystemExit`.

    Only the main thread may use it.
    """
    request = StopRequest(announce)

    def handle(number: int, _frame: FrameType | None) -> None:
        for each in SIGNALS:
            signal.signal(each, signal.default_int_handler)
        request.signal_number = number

    before = [signal.signal(number, handle) for number in SIGNALS]
    try:
        yield request
    except KeyboardInterrupt:
        raise SystemExit(request.exit_status) from None
    finally:
        request.close()
        for number, handler in zip(SIGNALS, before, strict=True):
            signal.signal(number, handler)
