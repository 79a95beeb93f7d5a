"""The app's own settings: the dict `HASHING`, each key with a default."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from django.conf import settings

from hashing.fingerprint.limits import DEFAULT_MAX_BYTES, DEFAULT_MAX_PIXELS
from hashing.fingerprint.similarity import DEFAULT_MAX_DISTANCE, DEFAULT_MIN_QUALITY

UPLOAD_CHOICES = ("inline", "task", "off")


@dataclass(frozen=True, slots=True)
class HashingSettings:
    """`MAX_PIXELS`: declared size above which a picture is refused, undecoded.

    `MAX_BYTES`: size of a file above which it is refused; files of a storage are read no further.
    `MIN_QUALITY`: `hash_quality` (0 to 100) below which only files that are equal byte for byte match.
    `TIMEOUT`: seconds that one image may take before its worker process is ended.
    `ON_UPLOAD`: how a new file is hashed: "inline", in the process that saved it; "task"; or "off".
    `MAX_DISTANCE`: how far apart, 0 to 384, two pictures that are the same may be (`hashing.fingerprint.similarity`).
    `SOURCES`: file fields of the site's models whose files are in the index, like "blog.Photo.original".
    `ACTION_LIMIT`: rows that an action of the admin hashes while its user waits.
    """

    MAX_PIXELS: int = DEFAULT_MAX_PIXELS
    MAX_BYTES: int = DEFAULT_MAX_BYTES
    MIN_QUALITY: int = DEFAULT_MIN_QUALITY
    MAX_DISTANCE: int = DEFAULT_MAX_DISTANCE
    TIMEOUT: float = 60.0
    ON_UPLOAD: str = "inline"
    ACTION_LIMIT: int = 1000
    SOURCES: Sequence[str] = ()


KNOWN_KEYS = frozenset(field.name for field in fields(HashingSettings))


def hashing_settings() -> HashingSettings:
    """The settings in force now. Unknown keys are for the system check to report."""
    values = {key: value for key, value in configured_values().items() if key in KNOWN_KEYS}
    return HashingSettings(**values)


def configured_values() -> dict[str, Any]:
    """Return `settings.HASHING`, or nothing if it is not a dict, which the system check reports."""
    values = getattr(settings, "HASHING", {})
    return values if isinstance(values, dict) else {}
