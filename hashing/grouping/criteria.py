"""The reasons to keep one image instead of another, which `HASHING["KEEPER"]` names in their order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

from django.db.models import BigIntegerField, Case, Expression, F, IntegerField, Q, Value, When
from django.db.models.expressions import OrderBy
from django.db.models.functions import Cast, Left
from django.db.models.lookups import Exact, GreaterThanOrEqual
from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from hashing.conf import hashing_settings
from hashing.grouping.candidates import RankedRow

# Files that say nothing else are compared by their format first: what cameras and editors write comes before what is
# made for pages of a site. Lossless files that were made from a JPEG are sorted out by "source".
FORMATS = ("TIFF", "PNG", "BMP", "PPM", "HEIF", "JPEG", "MPO", "JPEG2000", "AVIF", "WEBP", "GIF")
# The share of an image that is inside its frame, in 32nds, is rounded down to one of these. So padding does not count,
# nor does a line more or less of the frame, and of two copies of about the same size the one without a frame is larger.
INSIDE_SHARES, FULL_SHARE = (24, 16, 12, 8, 6, 4, 3, 2, 1), 32
# The area of an image whose sides are 1000 thousandths, and 6% more: an inside of exactly such a share, as that of 4:3
# padded to a square, is then rounded down in every copy.
FULL_AREA = 1060 * 1000
# A smaller difference in the bytes of two files says nothing about their pictures.
CLEAR_BYTES_SHARE = 0.02


class Criterion(NamedTuple):
    """A reason to keep one image instead of another. The lower `value` is better; `order` is the same in SQL.

    Re-saves are found by comparing files, so `order` leaves them out. `is_close` says whether two images differ too
    little for a clear favourite.
    """

    reason: str | Promise
    value: Callable[[RankedRow], Any]
    order: tuple[OrderBy, ...]
    is_close: Callable[[RankedRow, RankedRow], bool] = lambda _one, _other: False


class UnknownCriterion(ValueError):
    """Says what is wrong with a text of `HASHING["KEEPER"]`."""


def chosen_criteria() -> tuple[Criterion, ...]:
    """Return the criteria of the site, the most important first. Raise `UnknownCriterion` for a wrong setting."""
    return parse_criteria(tuple(hashing_settings().KEEPER))


@cache
def parse_criteria(names: Sequence[str]) -> tuple[Criterion, ...]:
    """Return the criteria with these names. The oldest image is the better one where none of them decides."""
    return tuple(map(parse_criterion, names if "oldest" in names else (*names, "oldest")))


def parse_criterion(text: str) -> Criterion:
    name, colon, argument = str(text).partition(":")
    if colon and argument and name in WITH_ARGUMENT:
        return WITH_ARGUMENT[name](argument)
    if not colon and name in CRITERIA:
        return CRITERIA[name]
    known = ", ".join([*CRITERIA, *(f"{each}:..." for each in WITH_ARGUMENT)])
    raise UnknownCriterion(f"{text!r} is none of {known}")


def in_folder(prefix: str) -> Criterion:
    """Prefer files whose names begin with `prefix`."""
    begins = Exact(Left("image", len(prefix)), Value(prefix))
    return Criterion(
        reason=format_lazy(_("in {folder}"), folder=prefix),
        value=lambda image: not image.image.startswith(prefix),
        order=(first_if(Q(begins)).asc(),),
    )


def of_format(names: str) -> Criterion:
    """Prefer the formats, such as "JPEG,HEIF", in this order."""
    formats = tuple(name.strip().upper() for name in names.split(","))
    return Criterion(reason=_("preferred format"), value=format_rank(formats), order=(format_order(formats).asc(),))


def format_rank(formats: Sequence[str]) -> Callable[[RankedRow], int]:
    ranks = {name: rank for rank, name in enumerate(formats)}
    return lambda image: ranks.get(image.file_format or "", len(formats))


def format_order(formats: Sequence[str]) -> Case:
    whens = (When(file_format=name, then=rank) for rank, name in enumerate(formats))
    return Case(*whens, default=len(formats), output_field=IntegerField())


def first_if(*conditions: Q) -> Case:
    """Return an expression that sorts rows by the first condition they meet."""
    whens = (When(condition, then=rank) for rank, condition in enumerate(conditions))
    return Case(*whens, default=len(conditions), output_field=IntegerField())


def has_similar_bytes(one: RankedRow, other: RankedRow) -> bool:
    sizes = sorted((one.file_size or 0, other.file_size or 0))
    return sizes[0] >= (1 - CLEAR_BYTES_SHARE) * sizes[1]


def count_pixels(image: RankedRow) -> int:
    """Return the number of pixels without those of a frame, times FULL_SHARE."""
    pixels = (image.width or 0) * (image.height or 0)
    if image.inside_left is None or image.inside_top is None:
        return FULL_SHARE * pixels
    area = ((image.inside_right or 0) - image.inside_left) * ((image.inside_bottom or 0) - image.inside_top)
    return pixels * next((share for share in INSIDE_SHARES if area * FULL_SHARE >= share * FULL_AREA), 1)


def pixels_expression() -> Expression:
    """Return the SQL of `count_pixels`, null for an unknown size."""
    across, down = F("inside_right") - F("inside_left"), F("inside_bottom") - F("inside_top")
    area = as_bigint(across) * as_bigint(down)
    whens = (When(GreaterThanOrEqual(area * FULL_SHARE, share * FULL_AREA), then=share) for share in INSIDE_SHARES)
    share = Case(When(inside_left__isnull=True, then=FULL_SHARE), *whens, default=1, output_field=BigIntegerField())
    return as_bigint(F("width")) * as_bigint(F("height")) * share


def as_bigint(expression: Expression | F) -> Cast:
    """Return the number with 64 bits, so that a product does not overflow the type of its factors."""
    return Cast(expression, BigIntegerField())


def largest_first(expression: Expression | F) -> OrderBy:
    return expression.desc(nulls_last=True)


OLDEST = Criterion(
    reason=_("oldest"),
    # Of two rows created in the same moment, the one with the lower key is the older.
    value=lambda image: (image.created_at, image.pk),
    order=(F("created_at").asc(), F("pk").asc()),
    is_close=lambda _one, _other: True,
)
CRITERIA = {
    "pixels": Criterion(
        reason=_("most pixels"),
        value=lambda image: -count_pixels(image),
        order=(largest_first(pixels_expression()),),
    ),
    "source": Criterion(reason=_("not a re-save"), value=lambda image: image.is_resave, order=()),
    "metadata": Criterion(
        reason=_("has the camera's metadata"),
        value=lambda image: 0 if image.taken_at else 1 if image.exif_count else 2,
        order=(first_if(Q(taken_at__isnull=False), Q(exif_count__gt=0)).asc(),),
    ),
    "format": Criterion(reason=_("better format"), value=format_rank(FORMATS), order=(format_order(FORMATS).asc(),)),
    "bytes": Criterion(
        reason=_("most bytes"),
        value=lambda image: -(image.file_size or 0),
        order=(largest_first(F("file_size")),),
        is_close=has_similar_bytes,
    ),
    "used": Criterion(
        reason=_("used by the site"),
        value=lambda image: not image.source_type,
        order=(first_if(Q(source_type__isnull=False)).asc(),),
    ),
    "oldest": OLDEST,
    "newest": Criterion(
        reason=_("newest"),
        value=lambda image: -image.created_at.timestamp(),
        order=(F("created_at").desc(),),
        is_close=lambda _one, _other: True,
    ),
}
WITH_ARGUMENT: dict[str, Callable[[str], Criterion]] = {"folder": in_folder, "format": of_format}
