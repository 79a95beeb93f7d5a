"""Spans of time and rates, in as few words as say them."""

from __future__ import annotations

from datetime import datetime, timedelta

from django import template
from django.template.defaultfilters import floatformat
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import ngettext

register = template.Library()


@register.filter
def span(value: timedelta) -> str:
    """Seconds below a minute, else the largest unit that fits, and from an hour on the next one too."""
    seconds = max(0, round(value.total_seconds()))
    if seconds < 60:
        return ngettext("%(count)d second", "%(count)d seconds", seconds) % {"count": seconds}
    now = timezone.now()
    return timesince(now - timedelta(seconds=seconds), now, depth=1 if seconds < 3600 else 2)


@register.filter
def age(moment: datetime) -> str:
    return span(timezone.now() - moment)


@register.filter
def rate(images_a_second: float) -> str:
    return floatformat(images_a_second, "0g" if images_a_second >= 10 else "-1g")
