"""Search by key, by hash, by name."""

from __future__ import annotations

import re
from typing import Any

from django.db.models import Q, QuerySet

from hashing.perceptual_hash import HASH_BITS

_HASH = re.compile(rf"[0-9a-fA-F]{{{HASH_BITS // 4}}}")
_KEY = re.compile(r"[0-9]{1,18}")


def search_images(rows: QuerySet[Any], text: str) -> QuerySet[Any]:
    """A key or a whole hash is looked up; anything else, and a number that is no key, is part of a file name."""
    text = text.strip()
    for pattern, condition in ((_KEY, _has_key), (_HASH, _has_hash)):
        if pattern.fullmatch(text):
            found = rows.filter(condition(text))
            if found.exists():
                return found
    for word in text.split():
        rows = rows.filter(image__icontains=word)
    return rows


def _has_key(text: str) -> Q:
    return Q(pk=int(text))


def _has_hash(text: str) -> Q:
    return Q(perceptual_hash=text.lower()) | Q(vertical_hash=text.lower())
