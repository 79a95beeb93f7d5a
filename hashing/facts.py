"""The fields that say something about a row's file, and their values while the file was not looked at."""

from __future__ import annotations

from typing import Any

EMPTY_HASH_FIELDS: dict[str, Any] = {
    "perceptual_hash": None,
    "vertical_hash": None,
    "detail_hash": None,
    "hash_quality": None,
    "hash_version": None,
    "hash_error": "",
    "hashed_at": None,
    "width": None,
    "height": None,
    "file_size": None,
    "file_digest": None,
}
HASH_FIELDS = tuple(EMPTY_HASH_FIELDS)
