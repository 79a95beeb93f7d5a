"""Output of a command that never ends the work of it."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from typing import Any, TextIO


class ResilientStream:
    """A text stream whose `write` never raises: after an `error`, the rest of the output is dropped.

    What the encoding of the stream lacks is written as escapes. `stream` is None where a process was started without.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self.error: OSError | ValueError | None = None

    def write(self, text: str) -> int:
        if self._stream is not None and self.error is None:
            try:
                self._write(self._stream, text)
            # A ValueError: the stream is closed.
            except (OSError, ValueError) as error:
                self.error = error
        return len(text)

    def _write(self, stream: TextIO, text: str) -> None:
        try:
            stream.write(text)
        except UnicodeEncodeError:
            encoding = stream.encoding or "ascii"
            stream.write(text.encode(encoding, "backslashreplace").decode(encoding))

    def flush(self) -> None:
        if self._stream is not None and self.error is None:
            try:
                self._stream.flush()
            except (OSError, ValueError) as error:
                self.error = error

    def isatty(self) -> bool:
        return self._stream is not None and self._stream.isatty()

    @property
    def is_closed_pipe(self) -> bool:
        """Whether the reader has gone, as `head` does once it has enough."""
        return getattr(self.error, "errno", None) == errno.EPIPE

    def abandon(self) -> None:
        """Let the end of the process write what is still buffered to nowhere, if there was an error."""
        if self.error is None or self._stream is None:
            return
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
