from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from html import unescape
from typing import Any

from django.http import HttpRequest
from django.utils.html import strip_tags
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from hashing.models import ImageAsset

Assets = Sequence[ImageAsset]
# Why rows stay, by their keys.
Reasons = dict[int, str]
# The result of `ModelAdmin.get_deleted_objects()`: all objects, their numbers by the plural name of their model, names
# of models without the permission, and texts or HTML of protected objects.
Collected = tuple[Any, Mapping[str, int], AbstractSet[str], Sequence[Any]]


def find_reasons_to_stay(
    assets: Assets, collect: Callable[[Assets], Collected], count: Callable[[str, int], object]
) -> Reasons:
    """Return why images stay that other rows need, or that would take rows along which this user may not delete.

    Call `count` with the plural name of each model and the number of its rows that go with the other images. Images are
    collected many at once; where something must stay, the two halves are collected again.
    """
    if not assets:
        return {}
    _objects, counts, lacking, protected = collect(assets)
    if not lacking and not protected:
        for name, number in counts.items():
            count(str(name), number)
        return {}
    if len(assets) == 1:
        return {assets[0].pk: reason_to_stay(lacking, protected)}
    middle = len(assets) // 2
    first, second = (find_reasons_to_stay(half, collect, count) for half in (assets[:middle], assets[middle:]))
    return first | second


def reason_to_stay(lacking: AbstractSet[str], protected: Sequence[Any]) -> str:
    if protected:
        return _("other rows need it: %(names)s") % {"names": ", ".join(map(as_text, protected[:3]))}
    return missing_permission(lacking)


def missing_permission(names: AbstractSet[str]) -> str:
    return _("you do not have the permission to delete: %(kinds)s") % {"kinds": ", ".join(sorted(map(str, names)))}


def as_text(description: object) -> str:
    """Return the description of an object without the link that Django gives it where it has a page."""
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
    """Whether a permission is checked for rows that go with an image: groups and decisions need none then."""
    return getattr(request, "is_deleting_images", False)
