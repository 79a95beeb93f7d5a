"""Text from file names, decoders and storages: made safe for a terminal, a log line, a message and a database.

Lengths of time in words.
"""

from __future__ import annotations

from datetime import timedelta
from unicodedata import bidirectional

from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import get_language_bidi, ngettext

# The largest integer of a database, and so the largest key.
MAX_KEY = 2**63 - 1
MAX_DIGITS = len(str(MAX_KEY))


def first_line(error: Exception) -> str:
    """Return the printable first line of an error message. Databases append the statement and its values."""
    return printable(str(error).strip().partition("\n")[0])


def printable(text: str) -> str:
    """Return `text` as one line: line breaks, control characters and invalid Unicode become escapes."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def isolated(text: object) -> str:
    """Return a name that leaves the text around it in order when one of the two is written from right to left.

    Use `<bdi>` in HTML.
    """
    shown = printable(str(text))
    if get_language_bidi() or any(bidirectional(char) in ("R", "AL") for char in shown):
        return f"\N{FIRST STRONG ISOLATE}{shown}\N{POP DIRECTIONAL ISOLATE}"
    return shown


def truncated(text: str, max_bytes: int) -> str:
    """Return the start of `text` that fits into `max_bytes` of UTF-8, in whole characters."""
    return text.encode(errors="replace")[:max_bytes].decode(errors="ignore")


def parse_integer(text: str, maximum: int = MAX_KEY) -> int | None:
    """Return the value of decimal digits, None for other text and for numbers above `maximum`."""
    # Check the length first: Python refuses to convert thousands of digits.
    if not (text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS):
        return None
    number = int(text)
    return number if number <= maximum else None


def is_unicode(text: str) -> bool:
    """Whether a database can store `text`. File names that are not valid Unicode contain surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def spell_out(value: timedelta, depth: int) -> str:
    """Return a time span in `depth` units of Django's `timesince`, or in seconds below a minute."""
    seconds = max(0, round(value.total_seconds()))
    if seconds < 60:
        return ngettext("%(count)d second", "%(count)d seconds", seconds) % {"count": seconds}
    now = timezone.now()
    return timesince(now - timedelta(seconds=seconds), now, depth=depth)
