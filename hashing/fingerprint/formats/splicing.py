from __future__ import annotations

import io
import os
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import IO, Any, BinaryIO

Segment = bytes | range


def splice(file: IO[bytes], segments: Sequence[Segment]) -> BinaryIO:
    """Return a read-only file made of byte strings and ranges of `file`; the ranges are not copied.

    It hides from a decoder what the decoder cannot be told to skip.
    """
    return io.BufferedReader(SplicedFile(file, segments))


class SplicedFile(io.RawIOBase):
    def __init__(self, file: IO[bytes], segments: Sequence[Segment]) -> None:
        super().__init__()
        self._file = file
        self._segments = [segment for segment in segments if len(segment)]
        self._starts = [0, *accumulate(len(segment) for segment in self._segments)]
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
        # A read ends with its segment, so it may return fewer bytes than requested.
        if self._position >= self._starts[-1]:
            return 0
        number = bisect_right(self._starts, self._position) - 1
        segment, skipped = self._segments[number], self._position - self._starts[number]
        size = min(len(buffer), len(segment) - skipped)
        if isinstance(segment, bytes):
            content = segment[skipped : skipped + size]
        else:
            self._file.seek(segment.start + skipped)
            content = self._file.read(size)
        buffer[: len(content)] = content
        self._position += len(content)
        return len(content)
