"""How a backfill is to run."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hashing.conf import hashing_settings


def available_cores() -> int:
    """The cores that this process may use, which can be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True, kw_only=True)
class BackfillOptions:
    """Raises `ValueError` for numbers that make no sense.

    `workers`: processes that decode, at least one. `timeout`: seconds that one image may take. `start_pk`, `end_pk`:
    first and last key, both included. `skip_failed`: leave out rows that failed before; `only_failed`: all others.
    `rehash`: also rows that have a hash. `tried_before`: of rows that failed or have a hash, only those whose last try
    is older. `dry_run`: read and hash, write nothing. `using`: a database alias, the router's choice by default.
    `sources`: labels like "blog.Photo" or "blog.Photo.original", only whose files are hashed.
    """

    batch_size: int = 500
    limit: int | None = None
    workers: int = field(default_factory=available_cores)
    timeout: float = field(default_factory=lambda: hashing_settings().TIMEOUT)
    start_pk: Any = None
    end_pk: Any = None
    skip_failed: bool = False
    only_failed: bool = False
    rehash: bool = False
    tried_before: datetime | None = None
    dry_run: bool = False
    using: str | None = None
    sources: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, least in (("batch_size", 1), ("limit", 0), ("workers", 1)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise ValueError(f"{name} must be at least {least}, not {value}")
        if self.timeout <= 0:
            raise ValueError(f"timeout must be above 0 seconds, not {self.timeout}")
