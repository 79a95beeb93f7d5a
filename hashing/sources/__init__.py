"""Models of the site whose files are in the index: see docs/how-to/own-models.md."""

from __future__ import annotations

from hashing.sources.keys import SourceKey
from hashing.sources.registry import UnknownSource, all_sources, find_sources, register, unregister
from hashing.sources.source import ImageSource

__all__ = [
    "ImageSource",
    "SourceKey",
    "UnknownSource",
    "all_sources",
    "find_sources",
    "register",
    "unregister",
]
