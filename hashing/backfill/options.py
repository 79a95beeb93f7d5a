from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hashing.conf import hashing_settings


def available_cores() -> int:
    """Return the number of cores that this process may use, which can be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True, kw_only=True)
class BackfillOptions:
    """What a backfill hashes, and how. Raises `ValueError` for numbers out of range.

    `batch_size`: rows written at a time.
    `limit`: rows to try.
    `workers`: processes that decode.
    `timeout`: seconds for one image.
    `start_pk`, `end_pk`: first and last key, both included.
    `skip_failed`, `only_failed`: leave out rows that failed before, or all others.
    `stale`: instead of rows without a hash, those whose hash has another version than that of the code.
    `rehash`: include all rows that have a hash.
    `tried_before`: leave out rows that were tried, successfully or not, at this time or later.
    `dry_run`: read and hash, write nothing.
    `using`: database alias; by default the router chooses.
    `sources`: labels like "blog.Photo" or "blog.Photo.original", to hash only their files.
    """

    batch_size: int = 500
    limit: int | None = None
    workers: int = field(default_factory=available_cores)
    timeout: float = field(default_factory=lambda: hashing_settings().TIMEOUT)
    start_pk: Any = None
    end_pk: Any = None
    skip_failed: bool = False
    only_failed: bool = False
    stale: bool = False
    rehash: bool = False
    tried_before: datetime | None = None
    dry_run: bool = False
    using: str | None = None
    sources: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, minimum in (("batch_size", 1), ("limit", 0), ("workers", 1)):
            value = getattr(self, name)
            if value is not None and value < minimum:
                raise ValueError(f"{name} must be at least {minimum}, not {value}")
        if self.stale and self.rehash:
            raise ValueError("stale is for rows of other versions alone, rehash for all")
        if self.timeout <= 0:
            raise ValueError(f"timeout must be above 0 seconds, not {self.timeout}")
