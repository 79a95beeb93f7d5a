from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from typing import Never, Protocol, Self, TextIO

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

SECONDS_BETWEEN_LINES = 10.0
SECONDS_BETWEEN_TICKS = 1.0


class ProgressReporter(Protocol):
    """`begin` says how many items there are, where that is known; `advance` counts one more that is done.

    `update`, in its place, says how many are done and failed, and how many workers are active. `tick` is
    for while nothing happens, and `notify` for a sentence to whoever looks on.
    """

    def begin(self, total: int) -> None: ...

    def advance(self, *, failed: bool = False) -> None: ...

    def update(self, done: int, *, failed: int, workers: int | None = None) -> None: ...

    def tick(self) -> None: ...

    def notify(self, text: str) -> None: ...

    def close(self) -> None: ...


@contextmanager
def show_progress(
    label: str, stream: TextIO, *, failures: str = "failed", hidden: bool = False
) -> Iterator[ProgressReporter]:
    """Show on `stream` what is reported inside the block. `failures` is the word for items that failed."""
    if hidden:
        progress: ProgressReporter = _Hidden(stream)
    else:
        progress = _Bar(label, stream, failures) if stream.isatty() else _Lines(label, stream, failures)
    with (
        closing(progress),
        logging_redirect_tqdm([logging.root, logging.getLogger("hashing")]) if stream.isatty() else nullcontext(),
    ):
        yield progress


class _Hidden:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def notify(self, text: str) -> None:
        _write(self._stream, text)

    def begin(self, total: int) -> None:
        pass

    def advance(self, *, failed: bool = False) -> None:
        pass

    def update(self, done: int, *, failed: int, workers: int | None = None) -> None:
        pass

    def tick(self) -> None:
        pass

    def close(self) -> None:
        pass


class _Bar:
    def __init__(self, label: str, stream: TextIO, failures: str) -> None:
        self._failed, self._failures = 0, failures
        self._last_tick = time.monotonic()
        self._stream = stream
        self._bar: tqdm[Never] = tqdm(desc=label, file=stream, unit="img", dynamic_ncols=True, smoothing=0.1)

    def begin(self, total: int) -> None:
        self._bar.reset(total)

    def close(self) -> None:
        self._bar.close()

    def advance(self, *, failed: bool = False) -> None:
        self._failed += failed
        if failed:
            self._bar.set_postfix_str(f"{self._failed} {self._failures}", refresh=False)
        self._bar.update()

    def notify(self, text: str) -> None:
        self._bar.write(text, file=self._stream)

    def update(self, done: int, *, failed: int, workers: int | None = None) -> None:
        failures = [f"{failed} {self._failures}"] if failed else []
        at_work = [] if workers is None else [_workers_text(workers)]
        self._bar.set_postfix_str(", ".join(failures + at_work), refresh=False)
        self._bar.update(done - self._bar.n)
        self._bar.refresh()

    def tick(self) -> None:
        # Images that come in draw the bar themselves; it is drawn here for the clock, while none do.
        if time.monotonic() - self._last_tick >= SECONDS_BETWEEN_TICKS:
            self._last_tick = time.monotonic()
            self._bar.refresh()


class _Lines:
    def __init__(self, label: str, stream: TextIO, failures: str) -> None:
        self._label, self._stream, self._failures = label, stream, failures
        self._total: int | None = None
        self._workers: int | None = None
        self._done = self._failed = 0
        self._started = self._last_line = time.monotonic()

    def begin(self, total: int) -> None:
        self._total = total

    def close(self) -> None:
        self._write_line()

    def advance(self, *, failed: bool = False) -> None:
        self._done += 1
        self._failed += failed
        self.tick()

    def notify(self, text: str) -> None:
        _write(self._stream, text)

    def update(self, done: int, *, failed: int, workers: int | None = None) -> None:
        self._done, self._failed, self._workers = done, failed, workers
        self.tick()

    def tick(self) -> None:
        if time.monotonic() - self._last_line >= SECONDS_BETWEEN_LINES:
            self._write_line()

    def _write_line(self) -> None:
        self._last_line = time.monotonic()
        seconds = self._last_line - self._started
        rate = self._done / seconds if seconds else 0.0
        parts = [f"{self._label}: {self._done}" + (f" of {self._total}" if self._total is not None else "")]
        parts += [f"{rate:.1f} a second", f"{self._failed} {self._failures}"]
        if self._total is not None and rate:
            parts.append(f"{tqdm.format_interval((self._total - self._done) / rate)} left")
        if self._workers is not None:
            parts.append(_workers_text(self._workers))
        _write(self._stream, ", ".join(parts))


def _workers_text(workers: int) -> str:
    return f"{workers} worker{'' if workers == 1 else 's'}"


def _write(stream: TextIO, line: str) -> None:
    stream.write(line + "\n")
    stream.flush()


class ShownPhases:
    """A bar for each phase on a terminal; elsewhere a plain line now and then, and none for what is done at once."""

    def __init__(self, stream: TextIO, *, hidden: bool) -> None:
        self._stream, self._hidden = stream, hidden
        self._bar: tqdm[Never] | None = None
        self._phase = ""
        self._last_line = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def __call__(self, phase: str, per_cent: int) -> None:
        if self._hidden:
            return
        if self._stream.isatty():
            self._show_bar(phase, per_cent)
        elif time.monotonic() - self._last_line >= SECONDS_BETWEEN_LINES:
            self._last_line = time.monotonic()
            self._stream.write(f"{phase}: {per_cent}%\n")
            self._stream.flush()

    def _show_bar(self, phase: str, per_cent: int) -> None:
        if self._bar is None or phase != self._phase:
            self.__exit__()
            shape = "{l_bar}{bar}| [{elapsed}<{remaining}]"
            self._bar = tqdm(desc=phase, total=100, file=self._stream, dynamic_ncols=True, bar_format=shape)
            self._phase = phase
        self._bar.update(per_cent - self._bar.n)
