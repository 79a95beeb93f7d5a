"""Streams that cannot be written to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


@contextmanager
def closed_pipe() -> Iterator[TextIO]:
    """A pipe whose reader has gone."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream, _discarded_at_last(stream):
        yield stream


@contextmanager
def full_disk() -> Iterator[TextIO]:
    with open("/dev/full", "w") as stream, _discarded_at_last(stream):  # noqa: PTH123
        yield stream


@contextmanager
def _discarded_at_last(stream: TextIO) -> Iterator[None]:
    """Closing a stream writes what is left in its buffer, and must not fail."""
    yield
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
