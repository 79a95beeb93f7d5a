from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, register
from django.core.files.storage import FileSystemStorage, InMemoryStorage, default_storage

from hashing.checks.messages import error, warning
from hashing.conf import KNOWN_KEYS, UPLOAD_CHOICES, hashing_settings
from hashing.fingerprint.similarity import BEST_QUALITY, LARGEST_DISTANCE
from hashing.grouping.criteria import UnknownCriterion, parse_criteria
from hashing.sources.storages import own_storage, storage_key

# With less, no image can be decoded.
MIN_MEMORY = 32 << 20
MEMORY_RULE = f"a number of bytes, at least {MIN_MEMORY}"


@register("hashing")
def check_settings(**_kwargs: Any) -> list[CheckMessage]:
    given = getattr(settings, "HASHING", {})
    if not isinstance(given, dict):
        return [error("E001", "HASHING must be a dict.", "Leave it out to have all defaults.")]
    hint = f"Its keys are {', '.join(sorted(KNOWN_KEYS))}."
    unknown = sorted(map(str, given.keys() - KNOWN_KEYS))
    return [error("E002", f"HASHING has no key {key!r}.", hint) for key in unknown] or wrong_values()


def wrong_values() -> list[CheckMessage]:
    values = hashing_settings()
    rules = {
        "MAX_PIXELS": (is_number(values.MAX_PIXELS) and values.MAX_PIXELS >= 1, "a whole number above 0"),
        "MAX_BYTES": (is_whole(values.MAX_BYTES) and values.MAX_BYTES >= 1, "a whole number above 0"),
        "MAX_MEMORY": (values.MAX_MEMORY is None or is_memory(values.MAX_MEMORY), f"{MEMORY_RULE}, or None"),
        "PAGE_MAX_PIXELS": (
            is_number(values.PAGE_MAX_PIXELS) and values.PAGE_MAX_PIXELS >= 1,
            "a whole number above 0",
        ),
        "PAGE_MAX_MEMORY": (is_memory(values.PAGE_MAX_MEMORY), MEMORY_RULE),
        "PAGE_TIMEOUT": (is_number(values.PAGE_TIMEOUT) and values.PAGE_TIMEOUT > 0, "a number of seconds above 0"),
        "MIN_QUALITY": (
            is_whole(values.MIN_QUALITY) and 0 <= values.MIN_QUALITY <= BEST_QUALITY,
            f"a whole number from 0 to {BEST_QUALITY}",
        ),
        "MAX_DISTANCE": (
            is_whole(values.MAX_DISTANCE) and 0 <= values.MAX_DISTANCE <= LARGEST_DISTANCE,
            f"a whole number from 0 to {LARGEST_DISTANCE}",
        ),
        "COMPARE_INSIDE_FRAMES": (isinstance(values.COMPARE_INSIDE_FRAMES, bool), "True or False"),
        "TIMEOUT": (is_number(values.TIMEOUT) and values.TIMEOUT > 0, "a number of seconds above 0"),
        "ON_UPLOAD": (values.ON_UPLOAD in UPLOAD_CHOICES, f"one of {', '.join(map(repr, UPLOAD_CHOICES))}"),
        "ACTION_LIMIT": (
            is_number(values.ACTION_LIMIT) and values.ACTION_LIMIT >= 1 and values.ACTION_LIMIT % 1 == 0,
            "a whole number above 0",
        ),
    }
    rules["KEEPER"] = are_criteria(values.KEEPER), "a list of criteria that docs/explanation/groups.md names"
    return [
        error("E003", f"HASHING[{key!r}] must be {rule}.", "Leave it out to have the default.")
        for key, (is_valid, rule) in rules.items()
        if not is_valid
    ]


def are_criteria(value: object) -> bool:
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) for name in value):
        return False
    try:
        return bool(parse_criteria(tuple(value)))
    except UnknownCriterion:
        return False


def is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def is_memory(value: object) -> bool:
    return isinstance(value, int) and value >= MIN_MEMORY


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


@register("hashing")
def check_storage(**_kwargs: Any) -> list[CheckMessage]:
    # Images without an owner are in the storage of the field, which a site may replace. The default one has previews of
    # images whose own storage is made for one row.
    found = {storage_key(storage): storage for storage in (own_storage(), default_storage)}
    return [message for storage in found.values() for message in storage_problems(storage)]


def storage_problems(storage: Any) -> list[CheckMessage]:
    if isinstance(storage, InMemoryStorage):
        message = "Images are stored in the memory of a process, where commands and other workers cannot read them."
        return [warning("W002", message, "Use a storage that all processes share, except in tests.")]
    if not isinstance(storage, FileSystemStorage):
        return []
    if not Path(storage.base_location).is_absolute():
        message = "MEDIA_ROOT is empty or relative: images are stored below the folder in which a process is started."
        return [warning("W003", message, "Set MEDIA_ROOT to an absolute path.")]
    if reason := why_not_writable(str(storage.location)):
        message = f"Images cannot be stored in {storage.location}: {reason}."
        return [warning("W006", message, "Make the folder, and let the user of the site's processes write to it.")]
    return []


def why_not_writable(location: str) -> str | None:
    """Return None also for a missing folder that can be made: Django makes it at the first upload."""
    folder = location
    while not os.path.exists(folder) and os.path.dirname(folder) != folder:  # noqa: PTH110, PTH120 - never raise
        folder = os.path.dirname(folder)  # noqa: PTH120
    if not Path(folder).is_dir():
        return f"{folder} is not a folder"
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"this process may not write to {folder}"
    return None
