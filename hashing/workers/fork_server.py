"""Imported by the process that the workers are forked from, and by nothing else: they start with all of it loaded."""

from __future__ import annotations

import os

from hashing import fingerprint
from hashing.pixels import known_formats
from hashing.workers import worker

__all__ = ["fingerprint", "worker"]

known_formats()

# Ctrl-C goes to the whole process group of a terminal. It is a request to the main process, which ends the workers.
os.setpgid(0, 0)
