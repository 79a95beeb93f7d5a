from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.db import router

from hashing.admin.hashing_actions.selection import Rows, Selection
from hashing.admin.sites import sites_named
from hashing.backfill import BackfillOptions, BackfillReport, BackfillResult, run_backfill
from hashing.backfill.sharding.shard import SHARD_BATCH_SIZE, SHARD_SIZE, KeyRange, split_by_key
from hashing.db.clock import DatabaseClock
from hashing.models import ImageAsset
from hashing.tasks import task, with_low_priority


@task()
def hash_selection(arguments: dict[str, Any]) -> int:
    """Enqueue the shards of a selection and return their number. `arguments` are those of `QueuedSelection`."""
    shard_task, count = with_low_priority(hash_selected_shard), 0
    for shard in QueuedSelection(**arguments).shards():
        shard_task.enqueue(arguments, str(shard.start_pk), str(shard.end_pk))
        count += 1
    return count


@task()
def hash_selected_shard(arguments: dict[str, Any], start_pk: str, end_pk: str) -> BackfillResult:
    """Hash the rows of a selection from the key `start_pk` to the key `end_pk`, both included."""
    return QueuedSelection(**arguments).hash_shard(start_pk, end_pk).as_dict()


@dataclass(frozen=True, kw_only=True)
class QueuedSelection:
    """A selection of a user in an admin site, with values that a queue can carry.

    Rows that were tried after `tried_before` (ISO 8601), when the user selected them, are left alone, so that a task
    may run twice. All methods raise `PermissionDenied` if the user may no longer change images.
    """

    user_pk: str
    site_name: str
    query: str
    keys: list[str] | None
    rehash: bool
    tried_before: str

    @classmethod
    def of(cls, user: Any, site: AdminSite, selection: Selection, *, rehash: bool) -> QueuedSelection:
        return cls(
            user_pk=str(user.pk),
            site_name=site.name,
            query=selection.query,
            keys=selection.keys,
            rehash=rehash,
            tried_before=DatabaseClock(router.db_for_write(ImageAsset)).now().isoformat(),
        )

    def as_arguments(self) -> dict[str, Any]:
        """Return keyword arguments for this class that JSON can represent."""
        return asdict(self)

    def shards(self) -> Iterator[KeyRange]:
        rows = self._rows()
        return split_by_key(rows if self.rehash else rows.unhashed(), SHARD_SIZE)

    def hash_shard(self, start_pk: str, end_pk: str) -> BackfillReport:
        to_key = ImageAsset._meta.pk.to_python
        options = BackfillOptions(
            batch_size=SHARD_BATCH_SIZE,
            rehash=self.rehash,
            start_pk=to_key(start_pk),
            end_pk=to_key(end_pk),
            tried_before=datetime.fromisoformat(self.tried_before),
        )
        # The backfill looks up the last key of its rows, which without this filter may be far behind the shard.
        rows = self._rows().filter(pk__gte=options.start_pk, pk__lte=options.end_pk)
        return run_backfill(options, rows, retry=True)

    def _rows(self) -> Rows:
        user = get_user_model()._default_manager.get(pk=self.user_pk)
        selection = Selection(self.query, self.keys)
        for site in sites_named(self.site_name):
            model_admin, request = site.get_model_admin(ImageAsset), selection.request_of(user)
            # `has_permission` asks whether the user is still active and staff.
            if site.has_permission(request) and model_admin.has_change_permission(request):
                return selection.rows(model_admin, user)
        raise PermissionDenied
