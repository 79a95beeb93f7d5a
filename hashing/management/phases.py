"""How far a command is that works in phases and knows how many per cent of each are done."""

from __future__ import annotations

import time
from typing import Never, Self, TextIO

from tqdm import tqdm

from hashing.management.progress import SECONDS_BETWEEN_LINES


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
