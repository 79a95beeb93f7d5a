from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
# A program that was ended by a signal has this exit status plus the number of the signal.
EXIT_STATUS_BASE = 128


class StopRequest:
    """Whether a signal has asked the command to stop; `signal_number` is 0 until then.

    `announce` is called by the first check after the signal, not by its handler, which may have interrupted a write.
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
        """Announce nothing from now on."""
        self._announce = None

    @property
    def exit_status(self) -> int:
        return EXIT_STATUS_BASE + self.signal_number


@contextmanager
def graceful_stop(announce: Callable[[], object]) -> Iterator[StopRequest]:
    """Yield a request that Ctrl-C and `kill` set. A second signal raises `SystemExit`.

    Must be called in the main thread.
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
