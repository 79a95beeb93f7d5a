"""Words as short as a chip: for what a file is like, and for how much more or less than another one it has."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from django.template.defaultfilters import floatformat
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hashing.admin.columns import pixels, size
from hashing.grouping.decision_log import local_time
from hashing.models import ImageAsset
from hashing.text import spell_out

# From here on "2x the pixels" is easier to understand than "+95% pixels".
MIN_TIMES = 1.95
# A share that is this close to a half is called that.
HALF_TOLERANCE = 0.025
MINUS = "\N{MINUS SIGN}"


class Wording(NamedTuple):
    times: Promise
    half: Promise
    change: Promise


PIXELS = Wording(
    gettext_lazy("%(times)s× the pixels"),  # noqa: RUF001
    gettext_lazy("half the pixels"),
    gettext_lazy("%(change)s pixels"),
)
BYTES = Wording(
    gettext_lazy("%(times)s× the bytes"),  # noqa: RUF001
    gettext_lazy("half the bytes"),
    gettext_lazy("%(change)s bytes"),
)


def describe_file(asset: ImageAsset) -> list[str]:
    """Return the plain facts about the file of a keeper, with which the others are compared."""
    transparency = [_("transparent")] if asset.is_transparent else []
    return [*known_facts(asset), *transparency, date_label(asset)]


def known_facts(asset: ImageAsset) -> list[str]:
    """Return the pixels, the bytes and the format of a file, as far as they are known."""
    return [fact for fact in (pixels(asset), size(asset), format_label(asset)) if fact]


def format_label(asset: ImageAsset) -> str:
    name = asset.file_format or ""
    return name if asset.jpeg_quality is None else f"{name} q{asset.jpeg_quality}"


def date_label(asset: ImageAsset) -> str:
    moment = asset.taken_at or asset.created_at
    label = _("taken %(date)s") if asset.taken_at else _("added %(date)s")
    return label % {"date": date_format(local_time(moment), "SHORT_DATE_FORMAT")}


def amount_label(amount: float, kept: float, wording: Wording, min_share: float) -> str:
    """Return how an amount compares with that of the keeper; empty if it is about the same, or unknown."""
    if not (amount and kept) or max(amount / kept, kept / amount) < 1 + min_share:
        return ""
    ratio = amount / kept
    if ratio >= MIN_TIMES:
        return str(wording.times) % {"times": floatformat(ratio, "-1g" if ratio < 10 else "0g")}
    if abs(ratio - 0.5) <= HALF_TOLERANCE:
        return str(wording.half)
    percent = max(-99, round(100 * (ratio - 1)))
    return str(wording.change) % {"change": f"{'+' if percent > 0 else MINUS}{abs(percent)}%"}


def time_between(one: datetime, other: datetime) -> str:
    """Return the time between two moments in its largest unit."""
    earlier, later = min(one, other), max(one, other)
    # `timesince` knows years and months of the calendar, but no seconds.
    is_long = later - earlier >= timedelta(minutes=1)
    return timesince(earlier, later, depth=1) if is_long else spell_out(later - earlier, depth=1)
