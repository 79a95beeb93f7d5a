"""What a user may see and change: every page of the admin asks here. See docs/how-to/visibility.md."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeVar, cast

from django.contrib.admin import AdminSite, ModelAdmin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from hashing.db.queryset_state import is_narrowed
from hashing.models import ImageAsset
from hashing.models.querysets import ImageAssetQuerySet
from hashing.text import MAX_KEY

Action = Literal["view", "change", "delete"]
Rows = TypeVar("Rows", bound=QuerySet[Any])


@dataclass(frozen=True)
class ImageAccess:
    """The images that a user may see in an admin site: those of `get_queryset` of the ModelAdmin of ImageAsset there.

    A site that has not registered ImageAsset shows none.
    """

    request: HttpRequest
    site: AdminSite

    @cached_property
    def model_admin(self) -> ModelAdmin[ImageAsset] | None:
        return self.site.get_model_admin(ImageAsset) if self.site.is_registered(ImageAsset) else None

    @cached_property
    def images(self) -> ImageAssetQuerySet[ImageAsset]:
        """The images that the user may see."""
        if self.model_admin is None:
            return ImageAsset.objects.none()
        return cast("ImageAssetQuerySet[ImageAsset]", self.model_admin.get_queryset(self.request))

    @property
    def is_narrowed(self) -> bool:
        """Whether there may be images that the user does not see. Without, no query is added to any page."""
        return is_narrowed(self.images)

    @property
    def keys(self) -> QuerySet[Any]:
        """The keys of the images that the user may see, for a condition."""
        return self.images.order_by().values("pk")

    def is_visible(self, *fields: str) -> Q:
        """Return the condition that the user may see the images to which all these fields refer."""
        return Q(*((f"{field}__in", self.keys) for field in fields)) if self.is_narrowed else Q()

    def limit(self, rows: Rows, *fields: str) -> Rows:
        """Return those of the rows whose `fields` refer to visible images only."""
        return rows.filter(self.is_visible(*fields)) if self.is_narrowed else rows

    def visible_keys(self, keys: Iterable[int]) -> list[int]:
        """Return those of the keys whose images the user may see, in the same order."""
        chosen = [key for key in keys if key <= MAX_KEY]
        if not self.is_narrowed:
            return chosen
        found = set(self.images.filter(pk__in=chosen).order_by().values_list("pk", flat=True))
        return [key for key in chosen if key in found]

    def may_see_images(self) -> bool:
        """Return whether the user may see images in this site, whichever they are."""
        return self.model_admin is not None and self.model_admin.has_view_or_change_permission(self.request)

    def asks_objects(self, action: Action) -> bool:
        """Return whether the site has a rule of its own for the permission. Django's own method ignores the object."""
        name = f"has_{action}_permission"
        return getattr(type(self.model_admin), name, None) is not getattr(ModelAdmin, name)

    def allows(self, action: Action, asset: ImageAsset) -> bool:
        """Return whether the rule of the site lets the user view, change or delete this image.

        Where the site has no such rule, the permission for the page decides alone.
        """
        if self.model_admin is None:
            return False
        if not self.asks_objects(action):
            return True
        return bool(getattr(self.model_admin, f"has_{action}_permission")(self.request, asset))

    def limit_to_permitted(self, action: Action, rows: Rows) -> Rows:
        """Return those of some visible rows that the rule of the site allows: all without one."""
        if not self.asks_objects(action):
            return rows
        return rows.filter(pk__in=[asset.pk for asset in rows.iterator(chunk_size=500) if self.allows(action, asset)])


def find_hidden(rows: Iterable[Any], request: HttpRequest, site: AdminSite) -> set[tuple[type, Any]]:
    """Return the model and the key of those rows of the site that `get_queryset` of their ModelAdmin leaves out."""
    by_model: dict[type, set[Any]] = {}
    for row in rows:
        by_model.setdefault(type(row), set()).add(row.pk)
    hidden = set()
    for model, keys in by_model.items():
        if not site.is_registered(model):
            continue
        listed: QuerySet[Any] = site.get_model_admin(model).get_queryset(request)
        if is_narrowed(listed):
            hidden |= {(model, key) for key in keys - set(listed.filter(pk__in=keys).values_list("pk", flat=True))}
    return hidden
