"""Decoders that hang or die, for the process that imports this module."""

from __future__ import annotations

import os
import time


def hang(*_arguments: object) -> None:
    time.sleep(60)


def die(*_arguments: object) -> None:
    os.abort()
