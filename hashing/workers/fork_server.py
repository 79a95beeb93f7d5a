"""Imported by the process that the workers are forked from, and by nothing else: they start with all of it loaded."""

from __future__ import annotations

import os
import sys
from types import TracebackType

from hashing.fingerprint import compute
from hashing.fingerprint.opening import known_formats
from hashing.workers import worker

__all__ = ["compute", "worker"]

known_formats()


def _print_unless_pool_has_ended(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    # A pool takes its semaphores along when it ends, which have no file name: a worker that starts just then is not
    # needed any more.
    if not (isinstance(error, FileNotFoundError) and error.filename is None):
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _print_unless_pool_has_ended

# Ctrl-C goes to the whole process group of a terminal. It is a request to the main process, which ends the workers.
os.setpgid(0, 0)
