from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from django.conf import settings

from hashing.fingerprint.limits import DEFAULT_MAX_BYTES, DEFAULT_MAX_MEMORY, DEFAULT_MAX_PIXELS, DecodingLimits
from hashing.fingerprint.similarity import DEFAULT_MAX_DISTANCE, DEFAULT_MIN_QUALITY

UPLOAD_CHOICES = ("inline", "task", "off")


@dataclass(frozen=True, slots=True)
class HashingSettings:
    # Pixels, as a file declares them, above which an image is refused before it is decoded.
    MAX_PIXELS: int = DEFAULT_MAX_PIXELS
    # Bytes above which a file is refused. No more are read from a storage.
    MAX_BYTES: int = DEFAULT_MAX_BYTES
    # `hash_quality` (0 to 100) below which an image matches only files that are equal byte for byte.
    MIN_QUALITY: int = DEFAULT_MIN_QUALITY
    # The largest `distance` (0 to 384) of two images that count as the same.
    MAX_DISTANCE: int = DEFAULT_MAX_DISTANCE
    # Whether pictures also match by what is inside a frame of one colour.
    COMPARE_INSIDE_FRAMES: bool = True
    # Bytes that a worker process may need for decoding one image; None for no limit.
    MAX_MEMORY: int | None = DEFAULT_MAX_MEMORY
    # Seconds after which a worker process that decodes an image is terminated.
    TIMEOUT: float = 60.0
    # The same for images that are decoded while somebody waits for a page. The pixels are those that are decoded: a
    # JPEG is decoded at a reduced scale. The seconds are for all images of a request together.
    PAGE_MAX_PIXELS: int = 64_000_000
    PAGE_MAX_MEMORY: int = 256 << 20
    PAGE_TIMEOUT: float = 3.0
    # How uploads are hashed: "inline", in the process that saves them; "task", by a task queue; or "off".
    ON_UPLOAD: str = "inline"
    # The most rows that an action of the admin hashes within the request, and deletes without the task queue.
    ACTION_LIMIT: int = 1000
    # By what the image to keep is chosen, the most important first (docs/explanation/groups.md).
    KEEPER: Sequence[str] = ("pixels", "source", "metadata", "format", "bytes", "used", "oldest")
    # File fields of the site's models whose files are indexed, such as "blog.Photo.original".
    SOURCES: Sequence[str] = ()


KNOWN_KEYS = frozenset(field.name for field in fields(HashingSettings))


def hashing_settings() -> HashingSettings:
    """Return `settings.HASHING` with the defaults. Unknown keys are ignored here; a system check reports them."""
    values = {key: value for key, value in configured_values().items() if key in KNOWN_KEYS}
    return HashingSettings(**values)


def worker_limits(seconds: float) -> DecodingLimits:
    """Return the limits for decoding in the worker of a backfill, with a time limit of its own."""
    values = hashing_settings()
    return DecodingLimits(values.MAX_PIXELS, values.MAX_BYTES, values.MAX_MEMORY, seconds)


def page_limits() -> DecodingLimits:
    """Return the limits for decoding while somebody waits for a page."""
    values = hashing_settings()
    return DecodingLimits(
        max_pixels=values.MAX_PIXELS,
        max_bytes=values.MAX_BYTES,
        max_memory=values.PAGE_MAX_MEMORY,
        seconds=values.PAGE_TIMEOUT,
        max_decoded_pixels=values.PAGE_MAX_PIXELS,
        seconds_of_request=True,
    )


def configured_values() -> dict[str, Any]:
    """Return `settings.HASHING`, or an empty dict if it is not one, which a system check reports."""
    values = getattr(settings, "HASHING", {})
    return values if isinstance(values, dict) else {}
