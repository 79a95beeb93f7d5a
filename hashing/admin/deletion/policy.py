from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, cast

from django.contrib.admin import ModelAdmin
from django.db import router, transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _

from hashing.admin.deletion.failures import reason_of_failure, reason_of_lock
from hashing.admin.deletion.kept_images import KeptImage
from hashing.admin.deletion.related_rows import Assets, Reasons
from hashing.admin.deletion.report import DeletedRows, DeletionReport
from hashing.db.locks import lock_without_waiting
from hashing.db.retry import retry_transient
from hashing.db.transactions import begin
from hashing.models import ImageAsset
from hashing.sources.registry import all_sources

Delete = Callable[[QuerySet[ImageAsset]], object]


class DeletionPolicy(Protocol):
    """Which rows of an admin may be deleted, and how a batch of them is deleted."""

    deletes_files: bool

    def find_refusals(self, request: HttpRequest, assets: Assets, report: DeletionReport) -> Reasons:
        """Return why this user must not delete some of the rows. Count in the report what goes with the others."""

    def find_reasons_to_stay(self, assets: Assets) -> Reasons:
        """Return why some of the rows cannot be deleted in the state that they are in."""

    def find_files_to_stay(self, assets: Assets) -> dict[str, str]:
        """Return the names of files that are kept when these rows are deleted, each with the reason."""

    def find_kept_images(self, request: HttpRequest, assets: Assets) -> dict[int, KeptImage]:
        """Return by the keys of some rows what stays in their place, where the user may see it."""

    def delete_batch(self, request: HttpRequest, assets: Assets, report: DeletionReport) -> None:
        """Delete the rows in a transaction of their own, as many as possible, and count them in the report."""

    def delete_one(self, request: HttpRequest, asset: ImageAsset, report: DeletionReport) -> None:
        """Delete the row of the admin's `delete_view`, like a batch."""


@dataclass(frozen=True)
class ImageDeletion:
    """Delete images that no row of the site owns. Their files stay in the storage."""

    model_admin: ModelAdmin[Any]
    deletes_files = False

    def find_refusals(self, request: HttpRequest, assets: Assets, report: DeletionReport) -> Reasons:
        known = {(source.source_type, source.source_field) for source in all_sources()}
        owned = [asset.pk for asset in assets if (asset.source_type, asset.source_field) in known]
        return dict.fromkeys(owned, _("it belongs to a row of the site; delete that instead"))

    def find_reasons_to_stay(self, assets: Assets) -> Reasons:
        return {}

    def find_files_to_stay(self, assets: Assets) -> dict[str, str]:
        return {}

    def find_kept_images(self, request: HttpRequest, assets: Assets) -> dict[int, KeptImage]:
        return {}

    def delete_batch(self, request: HttpRequest, assets: Assets, report: DeletionReport) -> None:
        self._delete(request, assets, report, lambda rows: self.model_admin.delete_queryset(request, rows))

    def delete_one(self, request: HttpRequest, asset: ImageAsset, report: DeletionReport) -> None:
        def delete(rows: QuerySet[ImageAsset]) -> None:
            for row in rows:
                self.model_admin.delete_model(request, row)

        self._delete(request, [asset], report, delete)

    def _delete(self, request: HttpRequest, assets: Assets, report: DeletionReport, delete: Delete) -> None:
        using = deletion_database()

        def delete_in_transaction() -> DeletedRows:
            with begin(using):
                locked = lock_without_waiting(ImageAsset.objects.using(using), [asset.pk for asset in assets])
                busy = dict.fromkeys(locked, reason_of_lock())
                free = [asset for asset in assets if asset.pk not in busy]
                batch = delete_rows(self.model_admin, request, free, delete)
                return DeletedRows(batch.deleted, busy | batch.reasons)

        report.add_batch(assets, retry_transient(delete_in_transaction, using))


def delete_rows(model_admin: ModelAdmin[Any], request: HttpRequest, assets: Assets, delete: Delete) -> DeletedRows:
    """Delete and log rows in the current transaction, except those whose deletion fails.

    If many are deleted at once and that fails, the two halves are deleted again.
    """
    if not assets:
        return DeletedRows([], {})
    using = deletion_database()
    try:
        with transaction.atomic(using=using):
            model_admin.log_deletions(request, cast("QuerySet[Any]", assets))
            delete(ImageAsset.objects.using(using).filter(pk__in=[asset.pk for asset in assets]))
    # Also receivers of signals and other code of the site, which may fail for one row and work for the others.
    except Exception as error:
        reason = reason_of_failure(error, assets)
        if len(assets) == 1:
            return DeletedRows([], {assets[0].pk: reason})
        middle = len(assets) // 2
        first, second = (delete_rows(model_admin, request, half, delete) for half in (assets[:middle], assets[middle:]))
        return DeletedRows([*first.deleted, *second.deleted], first.reasons | second.reasons)
    return DeletedRows(assets, {})


def deletion_database() -> str:
    return router.db_for_write(ImageAsset)
