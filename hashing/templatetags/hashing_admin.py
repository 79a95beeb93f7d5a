from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from django import template
from django.template.defaultfilters import floatformat
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from hashing.fingerprint.similarity import Likeness, likeness

register = template.Library()

# The last characters of a file name are always shown: of a camera's, a number and the suffix.
END_LENGTH = 12

LIKENESS_LABELS = {
    Likeness.VERY_SIMILAR: _("very similar"),
    Likeness.SIMILAR: _("similar"),
    Likeness.LESS_SIMILAR: _("less similar"),
}


@register.inclusion_tag("admin/hashing/front_page.html", takes_context=True)
def hashing_front_page(context: dict[str, Any]) -> dict[str, Any]:
    """Draw what is to be done, on the front page of an admin site."""
    # Not at the top: Django imports the tags of all apps, also on a site without the admin.
    from hashing.admin.front_page import describe_work

    return {"hashing_work": describe_work(context["request"])}


@register.filter
def as_path(name: str | None) -> PurePosixPath:
    """Return a file name of a storage as a path, with `parent`, `name` and `suffix`."""
    return PurePosixPath(name or "")


class NameParts(NamedTuple):
    """A file name that can be shortened in its middle: its end has the number and the suffix that tell files apart."""

    folder: str
    start: str
    end: str


@register.filter
def name_parts(name: str | None) -> NameParts:
    path = as_path(name)
    split = max(0, len(path.name) - END_LENGTH)
    folder = "" if path.parent == PurePosixPath() else str(path.parent)
    return NameParts(folder, path.name[:split], path.name[split:])


@register.filter
def likeness_label(distance: int) -> str:
    """Return the meaning of a distance of 0 to 384."""
    return str(LIKENESS_LABELS[likeness(distance)])


@register.filter
def duration(value: timedelta) -> str:
    """Return a time span in at most two units."""
    return spell_out(value, depth=2)


@register.filter
def age(moment: datetime) -> str:
    """Return the time since `moment` in its largest unit, and 0 seconds for a moment of a clock that is ahead."""
    return spell_out(timezone.now() - moment, depth=1)


@register.filter
def rate(images_per_second: float) -> str:
    return floatformat(images_per_second, "0g" if images_per_second >= 10 else "-1g")


def spell_out(value: timedelta, depth: int) -> str:
    """Return a time span in `depth` units of Django's `timesince`, or in seconds below a minute."""
    seconds = max(0, round(value.total_seconds()))
    if seconds < 60:
        return ngettext("%(count)d second", "%(count)d seconds", seconds) % {"count": seconds}
    now = timezone.now()
    return timesince(now - timedelta(seconds=seconds), now, depth=depth)
