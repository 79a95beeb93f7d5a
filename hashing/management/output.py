from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import Any, TextIO


class ResilientStream:
    """A text stream whose methods do not raise: after an `error`, further output is discarded.

    Characters that the encoding lacks are written as escapes. `stream` is None in a process that was started without.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self.error: OSError | ValueError | None = None

    def write(self, text: str) -> int:
        if self._stream is not None and self.error is None:
            try:
                self._write(self._stream, text)
            # A closed stream raises ValueError.
            except (OSError, ValueError) as error:
                self.error = error
        return len(text)

    def _write(self, stream: TextIO, text: str) -> None:
        try:
            stream.write(text)
        except UnicodeEncodeError:
            encoding = stream.encoding or "ascii"
            stream.write(text.encode(encoding, "backslashreplace").decode(encoding))

    @contextmanager
    def in_utf8(self) -> Iterator[None]:
        """Write UTF-8, and line breaks as they are, whatever the locale: what a program reads has one encoding."""
        stream = self._stream
        self.flush()
        # After an error, the stream would fail again. A stream in memory has no encoding.
        if self.error is not None or not isinstance(stream, TextIOWrapper):
            yield
            return
        encoding, errors = stream.encoding, stream.errors
        stream.reconfigure(encoding="utf-8", errors="strict", newline="")
        try:
            yield
        finally:
            self.flush()
            if self.error is None:
                stream.reconfigure(encoding=encoding, errors=errors, newline=None)

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
        """Whether the reader has closed the pipe, as `head` does when it has enough."""
        return getattr(self.error, "errno", None) == errno.EPIPE

    def abandon(self) -> None:
        """After an error, keep the end of the process from writing what is buffered, which would fail again."""
        if self.error is None or self._stream is None:
            return
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class TargetFile:
    """A file that is written completely or not at all. Raises `ValueError` where no file can be written.

    It is written under a temporary name in the same folder, and renamed. A link to a file is refused, because the user
    may not mean the file behind it. Devices and pipes are written directly.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._path = Path(name)
        if self._path.is_dir() or not self._path.parent.is_dir():
            raise ValueError(f"Cannot write a file at {name}")
        # Something other than a regular file, perhaps behind a link.
        self._is_special = self._path.exists() and not self._path.is_file()
        if self._path.is_symlink() and not self._is_special:
            raise ValueError(f"{name} is a symbolic link. Name the file itself.")
        if not self._is_special and not os.access(self._path.parent, os.W_OK | os.X_OK):
            raise ValueError(f"Cannot write into the folder {self._path.parent}")

    def write(self, write: Callable[[TextIO], None]) -> None:
        """Call `write` with the open file. Raise `OSError`; an existing file is then unchanged."""
        if self._is_special:
            with self._path.open("w", encoding="utf-8", newline="") as file:
                write(file)
            return
        # Not derived from the name of the file, which may have the maximum length.
        temporary = self._path.with_name(f".hashing-{secrets.token_hex(8)}.tmp")
        try:
            self._write_new(temporary, write)
            temporary.replace(self._path)
        except BaseException:
            with suppress(FileNotFoundError):
                temporary.unlink()
            raise

    def _write_new(self, temporary: Path, write: Callable[[TextIO], None]) -> None:
        with temporary.open("x", encoding="utf-8", newline="") as file:
            write(file)
            file.flush()
            if self._path.exists():
                os.fchmod(file.fileno(), stat.S_IMODE(self._path.stat().st_mode))
            # Some file systems report a full disk only now.
            os.fsync(file.fileno())
