from __future__ import annotations

from pathlib import PurePosixPath

from django import template

register = template.Library()


@register.filter
def as_path(name: str | None) -> PurePosixPath:
    """A file name of the storage in its parts: `parent`, `name`, `suffix`."""
    return PurePosixPath(name or "")
