from __future__ import annotations

from pathlib import PurePosixPath

from django import template
from django.utils.translation import gettext_lazy as _

from hashing.similarity import Likeness, likeness

register = template.Library()

_LIKENESS = {
    Likeness.IDENTICAL: _("looks identical"),
    Likeness.NEARLY_IDENTICAL: _("nearly identical"),
    Likeness.SIMILAR: _("similar"),
}


@register.filter
def as_path(name: str | None) -> PurePosixPath:
    """A file name of the storage in its parts: `parent`, `name`, `suffix`."""
    return PurePosixPath(name or "")


@register.filter
def in_words(distance: int) -> str:
    """Return what a distance of 0 to 384 means to an editor."""
    return str(_LIKENESS[likeness(distance)])
