"""Delete any number of images: a page says what will go and what stays, then it is done in short batches."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.signing import BadSignature
from django.db import DatabaseError, IntegrityError, InterfaceError, router, transaction
from django.db.models import ProtectedError, QuerySet, RestrictedError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hashing.admin.deletion.job import MAX_ROWS, DeletionJob, Tally, add_messages
from hashing.admin.deletion.related_rows import deleting_images, find_reasons_to_stay
from hashing.admin.links import admin_page
from hashing.db.locks import writing_transaction
from hashing.db.paging import batches
from hashing.db.retry import retry_transient
from hashing.models import DuplicateGroup, GroupMember, ImageAsset, PairDecision
from hashing.text import first_line

CONFIRM, PROGRESS = "admin/hashing/delete_images.html", "admin/hashing/delete_images_progress.html"
# Rows of one transaction; seconds of one request, and of looking ahead for the page that asks.
BATCH, SECONDS, SECONDS_AHEAD = 200, 10.0, 3.0
# What is only kept about an image; the page does not count it among what goes as well.
BOOKKEEPING = (DuplicateGroup, GroupMember, PairDecision)
Assets = Sequence[ImageAsset]


class Deletion(admin.ModelAdmin):  # type: ignore[type-arg]
    """In place of Django's deletion, which holds all rows in one page, one request and one transaction."""

    # Whether the files go with the rows.
    deletes_files = False

    @admin.action(description=gettext_lazy("Delete selected %(verbose_name_plural)s"), permissions=["delete"])
    def delete_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse:
        if token := request.POST.get("deletion"):
            return self._continue_deletion(request, token)
        keys = queryset.order_by("pk").values_list("pk", flat=True)[: MAX_ROWS + 1]
        return self._ask_or_delete(request, DeletionJob.of(keys))

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        asset: Any = self.get_object(request, object_id)
        if not self.has_delete_permission(request, asset):
            raise PermissionDenied
        if asset is None:
            text = _("%(name)s with ID “%(key)s” does not exist. Perhaps it was deleted.")
            messages.warning(request, text % {"name": self.opts.verbose_name, "key": object_id})
            return redirect(reverse("admin:index", current_app=self.admin_site.name))
        return self._ask_or_delete(request, DeletionJob.of([asset.pk]))

    def refusals(self, request: HttpRequest, assets: Assets, tally: Tally) -> dict[int, str]:
        """Return the keys of rows that this user must not delete, each with the reason; count what goes with others."""
        return {}

    def reasons_to_stay(self, request: HttpRequest, assets: Assets) -> dict[int, str]:
        """Return the keys of rows that must not be deleted now, each with the reason."""
        return {}

    def files_to_stay(self, assets: Assets) -> dict[str, str]:
        """Return the names of files that will stay when these rows go, each with the reason."""
        return {}

    def delete_assets(self, request: HttpRequest, assets: Assets, tally: Tally) -> None:
        """Delete rows in a transaction of their own, as far as it is possible, and count them."""

        def delete() -> tuple[Assets, dict[int, str]]:
            with writing_transaction(self.database):
                return self.delete_rows(request, assets)

        deleted, reasons = retry_transient(delete, self.database)
        tally.add_deleted([str(asset) for asset in deleted])
        _without(assets, reasons, tally)

    def delete_rows(self, request: HttpRequest, assets: Assets) -> tuple[Assets, dict[int, str]]:
        """Delete rows in the current transaction, and log it. Return those that are gone, and why others are not."""
        if not assets:
            return [], {}
        try:
            with transaction.atomic(using=self.database):
                self.log_deletions(request, cast("QuerySet[Any]", assets))
                rows = ImageAsset.objects.using(self.database).filter(pk__in=[asset.pk for asset in assets])
                self.perform_deletion(request, rows)
        except (ProtectedError, RestrictedError, IntegrityError) as error:
            if len(assets) == 1:
                return [], {assets[0].pk: _("other rows need it: %(error)s") % {"error": first_line(error)}}
            middle = len(assets) // 2
            (deleted, reasons), others = (
                self.delete_rows(request, half) for half in (assets[:middle], assets[middle:])
            )
            return [*deleted, *others[0]], reasons | others[1]
        return assets, {}

    def perform_deletion(self, request: HttpRequest, rows: QuerySet[ImageAsset]) -> None:
        self.delete_queryset(request, rows)

    @property
    def database(self) -> str:
        return router.db_for_write(ImageAsset)

    def _ask_or_delete(self, request: HttpRequest, job: DeletionJob) -> HttpResponse:
        return self._run_deletion(request, job) if request.POST.get("post") else self._ask_for_deletion(request, job)

    def _continue_deletion(self, request: HttpRequest, token: str) -> HttpResponse:
        try:
            job = DeletionJob.from_token(token, request.user.pk)
        except BadSignature:
            messages.error(request, _("This page was too old. Select the images again."))
            return redirect(request.get_full_path())
        return self._run_deletion(request, job)

    def _ask_for_deletion(self, request: HttpRequest, job: DeletionJob) -> HttpResponse:
        tally, end = Tally(), time.monotonic() + SECONDS_AHEAD
        checked = 0
        for keys in batches(job.keys, BATCH):
            self._forecast(request, keys, tally)
            checked += len(keys)
            if time.monotonic() > end:
                break
        title = _("Delete %(name)s") % {"name": self.opts.verbose_name_plural}
        return self._deletion_page(
            request, CONFIRM, title, job, tally=tally, checked=checked, can_go=tally.deleted or checked < job.total
        )

    def _forecast(self, request: HttpRequest, keys: list[int], tally: Tally) -> None:
        permitted = self._permitted(request, keys, tally)
        reasons = self.reasons_to_stay(request, permitted)
        going = _without(permitted, reasons, tally)
        tally.add_deleted([str(asset) for asset in going])
        for name, reason in self.files_to_stay(going).items():
            tally.add_kept_file(name, reason)

    def _permitted(self, request: HttpRequest, keys: Sequence[int], tally: Tally) -> Assets:
        """Return the rows that this user may delete, and that no other row needs; count the others."""
        found = list(self.get_queryset(request).using(self.database).filter(pk__in=keys).order_by("pk"))
        for key in sorted(set(keys) - {asset.pk for asset in found}):
            tally.add_stayed(f"#{key}", _("it is no longer in the list"))
        permitted = _without(found, self.refusals(request, found, tally), tally)
        return _without(permitted, self._related_reasons(request, permitted, tally), tally)

    def _related_reasons(self, request: HttpRequest, assets: Assets, tally: Tally) -> dict[int, str]:
        """Rows that other rows protect, or with which others would go that this user may not delete."""
        own = {str(model._meta.verbose_name_plural) for model in (self.model, *BOOKKEEPING)}

        def count(kind: str, number: int) -> None:
            if kind not in own:
                tally.add_related(kind, number)

        with deleting_images(request):
            return find_reasons_to_stay(assets, lambda some: self.get_deleted_objects(list(some), request), count)

    def _run_deletion(self, request: HttpRequest, job: DeletionJob) -> HttpResponse:
        done, end = 0, time.monotonic() + SECONDS
        try:
            for keys in batches(job.keys, BATCH):
                self.delete_assets(request, self._permitted(request, keys, job.tally), job.tally)
                done += len(keys)
                if time.monotonic() > end:
                    break
        # What was committed stays so, and the rest is as it was.
        except (DatabaseError, InterfaceError) as error:
            job.tally.stopped = first_line(error)
        job.keys = job.keys[done:]
        if job.keys and not job.tally.stopped:
            return self._deletion_page(request, PROGRESS, _("Deleting"), job, tally=job.tally)
        # Inside a transaction of the whole request, files are deleted at its end.
        transaction.on_commit(lambda: add_messages(request, self.opts, job), using=self.database)
        return redirect(self._deletion_list(request))

    def _deletion_list(self, request: HttpRequest) -> str:
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"
        address = reverse(name, current_app=self.admin_site.name)
        return request.get_full_path() if request.path == address else address

    def _deletion_page(
        self, request: HttpRequest, template: str, title: str, job: DeletionJob, **context: Any
    ) -> HttpResponse:
        context |= {"job": job, "token": job.token(request.user.pk), "deletes_files": self.deletes_files}
        context |= {"back": self._deletion_list(request), "first_key": job.keys[0] if job.keys else ""}
        return admin_page(self, request, template, title, **context)


def _without(assets: Assets, reasons: Mapping[int, str], tally: Tally) -> Assets:
    """Return the rows that have no reason to stay, and count the others."""
    for asset in assets:
        if asset.pk in reasons:
            tally.add_stayed(str(asset), reasons[asset.pk])
    return [asset for asset in assets if asset.pk not in reasons]
