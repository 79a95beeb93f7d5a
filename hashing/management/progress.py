from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, nullcontext
from typing import Never, TextIO

from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

SECONDS_BETWEEN_LINES = 10.0
SECONDS_BETWEEN_TICKS = 1.0
PER_CENT_BAR = "{l_bar}{bar}| [{elapsed}<{remaining}]"


class ProgressReporter:
    """Takes reports and shows nothing but messages; subclasses show a bar or lines.

    `failures` is the word for images that failed. With `per_cent`, counts are shown as a percentage alone.
    """

    def __init__(self, label: str, stream: TextIO, failures: str, *, per_cent: bool) -> None:
        self._label, self._stream, self._failures, self._per_cent = label, stream, failures, per_cent
        self._total: int | None = None
        self._workers: int | None = None
        self._done = self._failed = 0

    def begin(self, total: int) -> None:
        """Set the number of images, where it is known."""
        self._total = total

    def advance(self, *, failed: bool = False) -> None:
        """Count one more image."""
        self._done += 1
        self._failed += failed

    def update(self, done: int, *, failed: int = 0, workers: int | None = None) -> None:
        """Replace the counts, when others do the work. `workers` are those who are active now."""
        self._done, self._failed, self._workers = done, failed, workers

    def tick(self) -> None:
        """Refresh what is shown, though nothing was counted."""

    def notify(self, text: str) -> None:
        """Show a message on its own line."""
        write_line(self._stream, text)

    def close(self) -> None:
        """Finish what is shown."""


class ProgressBar(ProgressReporter):
    def __init__(self, label: str, stream: TextIO, failures: str, *, per_cent: bool) -> None:
        super().__init__(label, stream, failures, per_cent=per_cent)
        self._last_tick = time.monotonic()
        shape = PER_CENT_BAR if per_cent else None
        self._bar: tqdm[Never] = tqdm(
            desc=label, file=stream, unit="img", dynamic_ncols=True, smoothing=0.1, bar_format=shape
        )

    def begin(self, total: int) -> None:
        super().begin(total)
        self._bar.reset(total)

    def advance(self, *, failed: bool = False) -> None:
        super().advance(failed=failed)
        if failed:
            self._bar.set_postfix_str(f"{self._failed} {self._failures}", refresh=False)
        self._bar.update()

    def update(self, done: int, *, failed: int = 0, workers: int | None = None) -> None:
        super().update(done, failed=failed, workers=workers)
        notes = [f"{failed} {self._failures}"] if failed else []
        notes += [] if workers is None else [workers_text(workers)]
        self._bar.set_postfix_str(", ".join(notes), refresh=False)
        self._bar.update(done - self._bar.n)
        self._bar.refresh()

    def tick(self) -> None:
        # Keeps the clock of the bar running while no image finishes.
        if time.monotonic() - self._last_tick >= SECONDS_BETWEEN_TICKS:
            self._last_tick = time.monotonic()
            self._bar.refresh()

    def notify(self, text: str) -> None:
        self._bar.write(text, file=self._stream)

    def close(self) -> None:
        self._bar.close()


class ProgressLines(ProgressReporter):
    def __init__(self, label: str, stream: TextIO, failures: str, *, per_cent: bool) -> None:
        super().__init__(label, stream, failures, per_cent=per_cent)
        self._started = self._last_line = time.monotonic()

    def advance(self, *, failed: bool = False) -> None:
        super().advance(failed=failed)
        self.tick()

    def update(self, done: int, *, failed: int = 0, workers: int | None = None) -> None:
        super().update(done, failed=failed, workers=workers)
        self.tick()

    def tick(self) -> None:
        if time.monotonic() - self._last_line >= SECONDS_BETWEEN_LINES:
            self._write_line()

    def close(self) -> None:
        if not self._per_cent:
            self._write_line()

    def _write_line(self) -> None:
        self._last_line = time.monotonic()
        write_line(self._stream, f"{self._label}: {self._done}%" if self._per_cent else self._counts_text())

    def _counts_text(self) -> str:
        seconds = self._last_line - self._started
        rate = self._done / seconds if seconds else 0.0
        counts = {"label": self._label, "done": self._done, "total": self._total}
        parts = [
            _("%(label)s: %(done)d") % counts if self._total is None else _("%(label)s: %(done)d of %(total)d") % counts
        ]
        parts += [_("%(rate).1f a second") % {"rate": rate}, f"{self._failed} {self._failures}"]
        if self._total is not None and rate:
            parts.append(_("%(time)s left") % {"time": tqdm.format_interval((self._total - self._done) / rate)})
        if self._workers is not None:
            parts.append(workers_text(self._workers))
        return ", ".join(parts)


@contextmanager
def show_progress(
    label: str, stream: TextIO, *, failures: str | None = None, hidden: bool = False, per_cent: bool = False
) -> Iterator[ProgressReporter]:
    """Show what is reported inside the block: a bar on a terminal, elsewhere a line every few seconds."""
    is_terminal = stream.isatty()
    kind = ProgressReporter if hidden else ProgressBar if is_terminal else ProgressLines
    loggers = [logging.root, logging.getLogger("hashing")]
    with (
        closing(kind(label, stream, failures or _("failed"), per_cent=per_cent)) as reporter,
        # Log lines would tear the bar.
        logging_redirect_tqdm(loggers) if is_terminal else nullcontext(),
    ):
        yield reporter


@contextmanager
def show_phases(stream: TextIO, *, hidden: bool = False) -> Iterator[Callable[[str, int], None]]:
    """Yield a function that shows how many per cent of a phase are done. Each phase has its own bar."""
    with ExitStack() as current:
        shown: dict[str, ProgressReporter] = {}

        def show(phase: str, per_cent: int) -> None:
            if phase not in shown:
                current.close()
                shown[phase] = current.enter_context(show_progress(phase, stream, hidden=hidden, per_cent=True))
                shown[phase].begin(100)
            shown[phase].update(per_cent)

        yield show


def workers_text(workers: int) -> str:
    return ngettext("%(count)d worker", "%(count)d workers", workers) % {"count": workers}


def write_line(stream: TextIO, line: str) -> None:
    stream.write(line + "\n")
    stream.flush()
