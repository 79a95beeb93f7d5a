"""Rows that are deleted with an image: those of other models by permission, groups and decisions without one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.http import HttpRequest


@contextmanager
def deleting_images(request: HttpRequest) -> Iterator[None]:
    """Let Django ask the other admins for permission, while `is_deleting_images` is true for the request."""
    request.is_deleting_images = True  # type: ignore[attr-defined]
    try:
        yield
    finally:
        del request.is_deleting_images  # type: ignore[attr-defined]


def is_deleting_images(request: Any) -> bool:
    """Whether a permission is asked for what is deleted with an image: what is only kept about it needs none."""
    return getattr(request, "is_deleting_images", False)
