"""A file put together from parts of another one, for decoders that cannot be asked to skip what they do not need."""

from __future__ import annotations

import io
import os
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import IO, Any, BinaryIO

Piece = bytes | range


def splice(file: IO[bytes], pieces: Sequence[Piece]) -> BinaryIO:
    """A read-only file of byte strings and ranges of `file`, in that order; the ranges are not copied."""
    return io.BufferedReader(_SplicedFile(file, pieces))


class _SplicedFile(io.RawIOBase):
    def __init__(self, file: IO[bytes], pieces: Sequence[Piece]) -> None:
        super().__init__()
        self._file = file
        self._pieces = [piece for piece in pieces if len(piece)]
        self._starts = [0, *accumulate(len(piece) for piece in self._pieces)]
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._starts[-1]}[whence]
        if start + offset < 0:
            raise ValueError(f"negative seek position {start + offset}")
        self._position = start + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        # May be fewer bytes than asked for: a read ends with its piece.
        if self._position >= self._starts[-1]:
            return 0
        number = bisect_right(self._starts, self._position) - 1
        piece, skipped = self._pieces[number], self._position - self._starts[number]
        size = min(len(buffer), len(piece) - skipped)
        if isinstance(piece, bytes):
            content = piece[skipped : skipped + size]
        else:
            self._file.seek(piece.start + skipped)
            content = self._file.read(size)
        buffer[: len(content)] = content
        self._position += len(content)
        return len(content)
