"""Preloaded by the process that workers are forked from, so that they start with everything imported."""

from __future__ import annotations

import os
import sys
from types import TracebackType

from hashing.fingerprint import compute
from hashing.fingerprint.opening import known_formats
from hashing.workers import worker

__all__ = ["compute", "worker"]


def print_error(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    # A worker that starts just when its pool has ended misses the semaphores of the pool, which have no file name. It
    # is not needed any more.
    if not (isinstance(error, FileNotFoundError) and error.filename is None):
        sys.__excepthook__(kind, error, trace)


known_formats()
sys.excepthook = print_error

# Ctrl-C goes to the whole process group of a terminal. Only the main process should get it, which stops the workers.
os.setpgid(0, 0)
