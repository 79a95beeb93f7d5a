from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import unescape
from types import MappingProxyType
from typing import Any, NamedTuple, cast

from django.contrib.admin import ModelAdmin
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import strip_tags
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from hashing.models import ImageAsset

Assets = Sequence[ImageAsset]
# Why rows stay, by their keys.
Reasons = dict[int, str]


class RelatedRows(NamedTuple):
    """What goes with some rows, and what keeps them: as `ModelAdmin.get_deleted_objects()` documents it."""

    # Numbers of rows by the plural name of their model.
    counts: Mapping[str, int]
    # Names of models whose rows the user may not delete.
    forbidden: Collection[str]
    # Descriptions of objects that protect the rows, as text or HTML.
    protected: Sequence[str]
    # Numbers of rows by the plural name of their model that stay and lose their reference to one of the rows.
    cleared: Mapping[str, int] = MappingProxyType({})


def collect_related(model_admin: ModelAdmin[Any], rows: Sequence[Any], request: HttpRequest) -> RelatedRows:
    related = RelatedRows(*model_admin.get_deleted_objects(cast("QuerySet[Any]", rows), request)[1:])
    return related._replace(cleared=count_cleared(rows))


def count_cleared(rows: Sequence[Any]) -> dict[str, int]:
    """Count the rows of the site whose foreign keys to some rows of one model are emptied when these are deleted."""
    counts: Counter[str] = Counter()
    for relation in rows[0]._meta.get_fields(include_hidden=True) if rows else ():
        if getattr(relation, "on_delete", None) in (models.SET_NULL, models.SET_DEFAULT) and relation.auto_created:
            name, field = str(relation.related_model._meta.verbose_name_plural), relation.field
            referring = relation.related_model._base_manager.using(rows[0]._state.db)
            counts[name] += referring.filter(**{f"{field.name}__in": rows}).count()
    return dict(+counts)


def find_reasons_to_stay(
    assets: Assets, collect: Callable[[Assets], RelatedRows], count: Callable[[RelatedRows], object]
) -> Reasons:
    """Return why images stay that other rows need, or that would take rows along which this user may not delete.

    Call `count` with what goes with the other images. Images are collected many at once; where something must stay, the
    two halves are collected again.
    """
    if not assets:
        return {}
    related = collect(assets)
    if not related.forbidden and not related.protected:
        count(related)
        return {}
    if len(assets) == 1:
        return {assets[0].pk: reason_to_stay(related)}
    middle = len(assets) // 2
    first, second = (find_reasons_to_stay(half, collect, count) for half in (assets[:middle], assets[middle:]))
    return first | second


def reason_to_stay(related: RelatedRows) -> str:
    if related.protected:
        return _("other rows need it: %(names)s") % {"names": ", ".join(map(as_text, related.protected[:3]))}
    return missing_permission(related.forbidden)


def missing_permission(names: Collection[str]) -> str:
    return _("you do not have the permission to delete: %(kinds)s") % {"kinds": ", ".join(sorted(map(str, names)))}


def as_text(description: str) -> str:
    """Return the description of an object without the link that Django adds to it."""
    return unescape(strip_tags(description)) if isinstance(description, SafeString) else str(description)


@contextmanager
def deleting_images(request: HttpRequest) -> Iterator[None]:
    """Let `is_deleting_images` be true for this request, while Django asks other admins for permission to delete."""
    request.is_deleting_images = True  # type: ignore[attr-defined]
    try:
        yield
    finally:
        del request.is_deleting_images  # type: ignore[attr-defined]


def is_deleting_images(request: Any) -> bool:
    """Whether a permission is checked for rows that go with an image: groups need none then."""
    return getattr(request, "is_deleting_images", False)
