"""The setting `HASHING`."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, register

from hashing.checks.messages import error
from hashing.conf import KNOWN_KEYS, UPLOAD_CHOICES, hashing_settings
from hashing.similarity import BEST_QUALITY, LARGEST_DISTANCE


@register("hashing")
def check_settings(**_kwargs: Any) -> list[CheckMessage]:
    given = getattr(settings, "HASHING", {})
    if not isinstance(given, dict):
        return [error("E001", "HASHING must be a dict.", "Leave it out to have all defaults.")]
    unknown = sorted(map(str, given.keys() - KNOWN_KEYS))
    return [_unknown_key(key) for key in unknown] or _wrong_values()


def _unknown_key(key: str) -> CheckMessage:
    return error("E002", f"HASHING has no key {key!r}.", f"Its keys are {', '.join(sorted(KNOWN_KEYS))}.")


def _wrong_values() -> list[CheckMessage]:
    values = hashing_settings()
    rules = {
        "MAX_PIXELS": (_is_number(values.MAX_PIXELS) and values.MAX_PIXELS >= 1, "a whole number above 0"),
        "MAX_BYTES": (_is_whole(values.MAX_BYTES) and values.MAX_BYTES >= 1, "a whole number above 0"),
        "MIN_QUALITY": (
            _is_whole(values.MIN_QUALITY) and 0 <= values.MIN_QUALITY <= BEST_QUALITY,
            f"a whole number from 0 to {BEST_QUALITY}",
        ),
        "MAX_DISTANCE": (
            _is_whole(values.MAX_DISTANCE) and 0 <= values.MAX_DISTANCE <= LARGEST_DISTANCE,
            f"a whole number from 0 to {LARGEST_DISTANCE}",
        ),
        "TIMEOUT": (_is_number(values.TIMEOUT) and values.TIMEOUT > 0, "a number of seconds above 0"),
        "ON_UPLOAD": (values.ON_UPLOAD in UPLOAD_CHOICES, f"one of {', '.join(map(repr, UPLOAD_CHOICES))}"),
        "ACTION_LIMIT": (
            _is_number(values.ACTION_LIMIT) and values.ACTION_LIMIT >= 1 and values.ACTION_LIMIT % 1 == 0,
            "a whole number above 0",
        ),
    }
    return [
        error("E003", f"HASHING[{key!r}] must be {rule}.", "Leave it out to have the default.")
        for key, (fine, rule) in rules.items()
        if not fine
    ]


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
