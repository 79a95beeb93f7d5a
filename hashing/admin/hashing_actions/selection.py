from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.sites import all_sites
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.db import router
from django.http import HttpRequest, QueryDict

from hashing.backfill import BackfillOptions, BackfillReport, run_backfill
from hashing.backfill.sharding.shard import SHARD_BATCH_SIZE, SHARD_SIZE
from hashing.backfill.sharding.splitting import KeyRange, split_by_key
from hashing.db.clock import DatabaseClock
from hashing.models import ImageAsset
from hashing.models.querysets import ImageAssetQuerySet


@dataclass(frozen=True)
class Selection:
    """The rows with these `keys`, or all that the list shows for this `query` (the part of its address after "?")."""

    query: str = ""
    keys: list[str] | None = None

    @classmethod
    def of_action(cls, request: HttpRequest) -> Selection:
        """What the form of the list has sent: ticked rows, or "select all N"."""
        if request.POST.get("select_across") == "1":
            return cls(query=request.GET.urlencode())
        return cls(keys=request.POST.getlist(ACTION_CHECKBOX_NAME))

    def rows(self, model_admin: Any, user: Any) -> ImageAssetQuerySet[Any]:
        """As this user's list would find them now."""
        request = HttpRequest()
        request.method, request.user, request.GET = "GET", user, QueryDict(self.query)
        if self.keys is None:
            return once_each(model_admin.get_changelist_instance(request).queryset)
        return once_each(model_admin.get_queryset(request).filter(pk__in=self.keys))


def once_each(rows: ImageAssetQuerySet[Any]) -> ImageAssetQuerySet[Any]:
    """The same rows without DISTINCT, which a backfill refuses, and a site's own `get_queryset` may well bring."""
    if not rows.query.distinct:
        return rows
    return ImageAssetQuerySet(rows.model, using=rows.write_database).filter(pk__in=rows.order_by().values("pk"))


Rows = ImageAssetQuerySet[Any]


@dataclass(frozen=True, kw_only=True)
class QueuedSelection:
    """What a user has selected, and what is to be done with it, in words that a queue can carry.

    `site_name` is the admin site in which it was selected. `tried_before` (ISO 8601) is when: rows that were tried
    since are left alone, so that it is the same to do it twice. All methods raise `PermissionDenied` for a user who may
    not change pictures any more.
    """

    user_pk: str
    site_name: str
    query: str
    keys: list[str] | None
    rehash: bool
    tried_before: str

    @classmethod
    def of(cls, user: Any, site: AdminSite, selection: Selection, *, rehash: bool) -> QueuedSelection:
        moment = DatabaseClock(router.db_for_write(ImageAsset)).now().isoformat()
        return cls(
            user_pk=str(user.pk),
            site_name=site.name,
            query=selection.query,
            keys=selection.keys,
            rehash=rehash,
            tried_before=moment,
        )

    def as_arguments(self) -> dict[str, Any]:
        """Keywords for the class, all of which JSON knows."""
        return asdict(self)

    def ranges(self) -> Iterator[KeyRange]:
        """Of the rows that are to do."""
        rows = self._rows()
        return split_by_key(rows if self.rehash else rows.unhashed(), SHARD_SIZE)

    def hash_shard(self, start_pk: str, end_pk: str) -> BackfillReport:
        """Hash what is still to do from the key `start_pk` to the key `end_pk`, both included."""
        key = ImageAsset._meta.pk.to_python
        options = BackfillOptions(
            batch_size=SHARD_BATCH_SIZE,
            rehash=self.rehash,
            start_pk=key(start_pk),
            end_pk=key(end_pk),
            tried_before=datetime.fromisoformat(self.tried_before),
        )
        # Here too: a backfill asks for the last key of what it is given, which may be far behind the range.
        rows = self._rows().filter(pk__gte=options.start_pk, pk__lte=options.end_pk)
        return run_backfill(options, rows, retry=True)

    def _rows(self) -> Rows:
        user = get_user_model()._default_manager.get(pk=self.user_pk)
        if not (user.is_active and user.has_perm("hashing.change_imageasset")):
            raise PermissionDenied
        return Selection(self.query, self.keys).rows(self._model_admin, user)

    @property
    def _model_admin(self) -> Any:
        for site in all_sites:
            if site.name == self.site_name and site.is_registered(ImageAsset):
                return site.get_model_admin(ImageAsset)
        raise PermissionDenied
