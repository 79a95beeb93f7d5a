from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from django import template
from django.template.defaultfilters import floatformat
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hashing.fingerprint.similarity import Likeness, likeness
from hashing.text import spell_out

register = template.Library()

# Characters of a file name and of a folder on a card. Names of cameras are not longer.
MAX_FILE_NAME, MAX_FOLDER = 52, 34

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
    """The folder and the file of a name, also as they are shown where there is little room."""

    folder: str
    file: str

    @property
    def shown_folder(self) -> str:
        return shorten_middle(self.folder, MAX_FOLDER)

    @property
    def shown_file(self) -> str:
        return shorten_middle(self.file, MAX_FILE_NAME)


@register.filter
def name_parts(name: str | None) -> NameParts:
    path = as_path(name)
    return NameParts("" if path.parent == PurePosixPath() else str(path.parent), path.name)


def shorten_middle(text: str, length: int) -> str:
    """Return at most `length` characters: the start and the end, which has the number and the suffix of a file."""
    if len(text) <= length:
        return text
    end = length // 2
    return f"{text[: length - end - 1]}…{text[-end:]}"


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
