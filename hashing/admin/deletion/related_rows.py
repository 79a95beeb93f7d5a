from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from html import unescape
from typing import Any

from django.http import HttpRequest
from django.utils.html import strip_tags
from django.utils.translation import gettext as _

from hashing.models import ImageAsset


@contextmanager
def deleting_images(request: HttpRequest) -> Iterator[None]:
    """Let Django ask the other admins for permission, while `is_deleting_images` is true for the request."""
    request.is_deleting_images = True  # type: ignore[attr-defined]
    try:
        yield
    finally:
        del request.is_deleting_images  # type: ignore[attr-defined]


def is_deleting_images(request: Any) -> bool:
    """Whether a permission is asked for what is deleted with an image: what is only kept about it needs none."""
    return getattr(request, "is_deleting_images", False)


Assets = Sequence[ImageAsset]
# What `get_deleted_objects()` of Django's admin returns: objects, counts by kind, kinds without permission, protected.
Collected = tuple[Any, Mapping[str, int], AbstractSet[str], Sequence[Any]]


def find_reasons_to_stay(
    assets: Assets, collect: Callable[[Assets], Collected], count: Callable[[str, int], object]
) -> dict[int, str]:
    """Return the keys of images that other rows need, or with which others would go that this user may not delete.

    Calls `count` with the kinds and numbers of the rows that go with the other images. Many are collected at once, and
    halved where something is in the way.
    """
    if not assets:
        return {}
    _objects, counts, lacking, protected = collect(assets)
    if not lacking and not protected:
        for kind, number in counts.items():
            count(str(kind), number)
        return {}
    if len(assets) == 1:
        return {assets[0].pk: _reason(lacking, protected)}
    middle = len(assets) // 2
    halves = assets[:middle], assets[middle:]
    return {key: reason for half in halves for key, reason in find_reasons_to_stay(half, collect, count).items()}


def _reason(lacking: AbstractSet[str], protected: Sequence[Any]) -> str:
    if protected:
        names = ", ".join(unescape(strip_tags(str(each))) for each in protected[:3])
        return _("other rows need it: %(names)s") % {"names": names}
    return _("you do not have the permission to delete: %(kinds)s") % {"kinds": ", ".join(sorted(map(str, lacking)))}
