from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


@contextmanager
def closed_pipe() -> Iterator[TextIO]:
    """A pipe whose reader has closed it."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream, discard_buffer(stream):
        yield stream


@contextmanager
def full_disk() -> Iterator[TextIO]:
    with open("/dev/full", "w") as stream, discard_buffer(stream):  # noqa: PTH123
        yield stream


@contextmanager
def discard_buffer(stream: TextIO) -> Iterator[None]:
    """Keep closing the stream from writing its buffer, which would fail."""
    yield
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
