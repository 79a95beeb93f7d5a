from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import PurePosixPath

from django import template
from django.template.defaultfilters import floatformat
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from hashing.fingerprint.similarity import Likeness, likeness

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


@register.filter
def span(value: timedelta) -> str:
    """From a minute on in Django's words, of at most two units."""
    return _in_words(value, depth=2)


@register.filter
def age(moment: datetime) -> str:
    """The largest unit of how long it is ago. A clock that is ahead of this one makes it no less than nothing."""
    return _in_words(timezone.now() - moment, depth=1)


@register.filter
def rate(images_a_second: float) -> str:
    return floatformat(images_a_second, "0g" if images_a_second >= 10 else "-1g")


def _in_words(value: timedelta, depth: int) -> str:
    seconds = max(0, round(value.total_seconds()))
    if seconds < 60:
        return ngettext("%(count)d second", "%(count)d seconds", seconds) % {"count": seconds}
    now = timezone.now()
    return timesince(now - timedelta(seconds=seconds), now, depth=depth)
