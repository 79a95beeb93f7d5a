from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.core.signing import BadSignature
from django.db import DatabaseError, InterfaceError, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import URLPattern, reverse
from django.utils.translation import gettext as _

from hashing.admin.deletion.background import is_for_queue, start_run
from hashing.admin.deletion.forecast import Forecast
from hashing.admin.deletion.job import MAX_ROWS, DeletionJob
from hashing.admin.deletion.policy import DeletionPolicy, deletion_database
from hashing.admin.deletion.related_rows import (
    Assets,
    Reasons,
    RelatedRows,
    collect_related,
    deleting_images,
    find_reasons_to_stay,
    missing_permission,
)
from hashing.admin.deletion.report import DeletionReport
from hashing.admin.deletion.run_view import DeletionRunView
from hashing.admin.links import admin_page, admin_url
from hashing.admin.owners import attach_owners
from hashing.admin.visibility import ImageAccess
from hashing.db.paging import batches
from hashing.log_events import LogEvent, log_event
from hashing.models import DeletionRun, DuplicateGroup, GroupMember, ImageAsset
from hashing.text import first_line

logger = logging.getLogger(__name__)

CONFIRMATION = "admin/hashing/deletion/confirmation.html"
PROGRESS = "admin/hashing/deletion/progress.html"
PROGRESS_BLOCK = "admin/hashing/deletion/progress_block.html"
# Rows of one transaction.
BATCH = 200
# Time limits of one request: for deleting, for deleting before the first progress and while a script shows it, and for
# looking ahead in the confirmation.
DELETION_SECONDS, SHORT_SECONDS, FORECAST_SECONDS = 10.0, 2.0, 0.5
# Records about images, which the confirmation does not list.
BOOKKEEPING = (DuplicateGroup, GroupMember)

DeleteBatch = Callable[[HttpRequest, Assets, DeletionReport], None]


class DeletionViews:
    """Deletion of any number of images: a page says what will happen, then short batches do it.

    In place of Django's deletion, which holds all rows in one page, one request and one transaction. Methods of the
    admin that a site may override are called as Django calls them: `get_queryset`, `has_delete_permission`,
    `get_deleted_objects`, `log_deletions`, and by the policy `delete_model` and `delete_queryset`.
    """

    def __init__(self, model_admin: ModelAdmin[Any], policy: DeletionPolicy) -> None:
        self.model_admin = model_admin
        self.policy = policy
        self.runs = DeletionRunView(model_admin, self)

    def urls(self) -> list[URLPattern]:
        return self.runs.urls()

    def list_unfinished_runs(self, request: HttpRequest) -> list[tuple[str, DeletionRun]]:
        """Return the deletions that the user has in the background, each with the address of its page."""
        return [(self.run_url(run), run) for run in self.runs.of_user(request).unfinished().order_by("pk")]

    def delete_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse:
        """Serve as an action of the admin."""
        if token := request.POST.get("deletion"):
            return self._continue(request, token)
        keys = queryset.order_by("pk").values_list("pk", flat=True)[: MAX_ROWS + 1]
        job = self._job_of(request, keys)
        return self._delete(request, job) if request.POST.get("post") else self._confirm(request, job)

    def delete_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Serve as the `delete_view` of the admin."""
        asset: Any = self.model_admin.get_object(request, object_id)
        if not self.model_admin.has_delete_permission(request, asset):
            raise PermissionDenied
        if asset is None:
            text = _("%(name)s with ID “%(key)s” does not exist. Perhaps it was deleted.")
            messages.warning(request, text % {"name": self.model_admin.opts.verbose_name, "key": object_id})
            return redirect(reverse("admin:index", current_app=self.model_admin.admin_site.name))
        job = self._job_of(request, [asset.pk])
        return self._delete(request, job, self._delete_one) if request.POST.get("post") else self._confirm(request, job)

    def _job_of(self, request: HttpRequest, keys: Iterable[int]) -> DeletionJob:
        job = DeletionJob.of(keys)
        job.report.hides_others = ImageAccess(request, self.model_admin.admin_site).is_narrowed
        return job

    def _continue(self, request: HttpRequest, token: str) -> HttpResponse:
        try:
            job = DeletionJob.from_token(token, request.user.pk)
        except BadSignature:
            messages.error(request, _("This page has expired. Select the images again."))
            return redirect(request.get_full_path())
        if request.POST.get("stop"):
            return self._finish(request, job)
        if request.POST.get("background") and is_for_queue(len(job.keys)):
            return redirect(self.run_url(start_run(request, self.model_admin, job)))
        return self._delete(request, job)

    def _confirm(self, request: HttpRequest, job: DeletionJob) -> HttpResponse:
        forecast = Forecast(job.total, DeletionReport(hides_others=job.report.hides_others))
        end = time.monotonic() + FORECAST_SECONDS
        for keys in batches(job.keys, BATCH):
            permitted = self._find_permitted(request, keys, forecast.report)
            deleted = forecast.report.without_stayed(permitted, self.policy.find_reasons_to_stay(permitted))
            files = self.policy.find_files_to_stay(deleted)
            forecast.add(deleted, files, deletes_files=self.policy.deletes_files)
            forecast.checked += len(keys)
            if time.monotonic() > end:
                break
        site = self.model_admin.admin_site
        attach_owners(forecast.first, request, site)
        context = {
            "forecast": forecast,
            "report": forecast.report,
            "pictures": forecast.pictures(self.policy.find_kept_images(request, forecast.first), site),
            "is_for_queue": is_for_queue(len(job.keys)),
        }
        title = _("Delete %(name)s") % {"name": self.model_admin.opts.verbose_name_plural}
        return self._page(request, CONFIRMATION, title, job, **context)

    def _delete(self, request: HttpRequest, job: DeletionJob, delete: DeleteBatch | None = None) -> HttpResponse:
        is_script = request.headers.get("Accept") == "application/json"
        self.delete_some(request, job, SHORT_SECONDS if is_script or not job.done else DELETION_SECONDS, delete)
        if not job.keys or job.report.error:
            return self._finish(request, job)
        if is_script:
            return JsonResponse({"html": render_to_string(PROGRESS_BLOCK, self._context(request, job), request)})
        return self.show_progress(request, job)

    def delete_some(
        self, request: HttpRequest, job: DeletionJob, seconds: float, delete: DeleteBatch | None = None
    ) -> None:
        """Delete until the seconds are over, at least one batch. Batches before an error stay committed."""
        delete = delete or self.policy.delete_batch
        deleted_before = job.report.deleted
        done, end = 0, time.monotonic() + seconds
        try:
            for keys in batches(job.keys, BATCH):
                permitted = self._find_permitted(request, keys, job.report)
                delete(request, permitted, job.report)
                done += len(keys)
                if time.monotonic() > end:
                    break
        # The batches before are committed; this one is rolled back.
        except (DatabaseError, InterfaceError) as error:
            job.report.error = first_line(error)
        job.keys = job.keys[done:]
        count, user, left = job.report.deleted - deleted_before, request.user.pk, len(job.keys)
        message = "%d images are deleted"
        log_event(logger, LogEvent.IMAGES_DELETED, message, count, user=user, images=count, left=left)

    def show_progress(self, request: HttpRequest, job: DeletionJob) -> HttpResponse:
        return self._page(request, PROGRESS, _("Deleting"), job)

    def _finish(self, request: HttpRequest, job: DeletionJob) -> HttpResponse:
        """Return to the list, with messages that say what was done."""
        # Under ATOMIC_REQUESTS, files are deleted after this view, and their messages belong here as well.
        opts, left = self.model_admin.opts, len(job.keys)
        transaction.on_commit(lambda: job.report.add_messages(request, opts, left), using=deletion_database())
        url = self.list_url(request)
        return JsonResponse({"url": url}) if request.headers.get("Accept") == "application/json" else redirect(url)

    def _delete_one(self, request: HttpRequest, assets: Assets, report: DeletionReport) -> None:
        for asset in assets:
            self.policy.delete_one(request, asset, report)

    def _find_permitted(self, request: HttpRequest, keys: Sequence[int], report: DeletionReport) -> Assets:
        """Return the rows that this user may delete and that no other row needs; count the others."""
        rows = self.model_admin.get_queryset(request).using(deletion_database())
        found: Assets = list(rows.filter(pk__in=keys).order_by("pk"))
        gone = sorted(set(keys) - {asset.pk for asset in found})
        existing = set(ImageAsset.objects.using(rows.db).filter(pk__in=gone).values_list("pk", flat=True))
        for key in gone:
            reason = _("it is no longer in the list") if key in existing else _("it was deleted already")
            report.add_stayed(f"#{key}", reason)
        forbidden = {asset.pk for asset in found if not self.model_admin.has_delete_permission(request, asset)}
        own = {str(self.model_admin.opts.verbose_name)}
        found = report.without_stayed(found, dict.fromkeys(forbidden, missing_permission(own)))
        permitted = report.without_stayed(found, self.policy.find_refusals(request, found, report))
        return report.without_stayed(permitted, self._related_reasons(request, permitted, report))

    def _related_reasons(self, request: HttpRequest, assets: Assets, report: DeletionReport) -> Reasons:
        own = {str(model._meta.verbose_name_plural) for model in (self.model_admin.model, *BOOKKEEPING)}

        def count(related: RelatedRows) -> None:
            report.add_related(related, without=own)

        def collect(some: Assets) -> RelatedRows:
            return collect_related(self.model_admin, some, request)

        with deleting_images(request):
            return find_reasons_to_stay(assets, collect, count)

    def list_url(self, request: HttpRequest) -> str:
        opts, site = self.model_admin.opts, self.model_admin.admin_site
        address = reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist", current_app=site.name)
        return request.get_full_path() if request.path == address else address

    def run_url(self, run: DeletionRun) -> str:
        return admin_url(self.model_admin.admin_site, f"{self.model_admin.opts.model_name}_deletion", run.pk)

    def _context(self, request: HttpRequest, job: DeletionJob) -> dict[str, Any]:
        return {
            "job": job,
            "report": job.report,
            "token": job.token(request.user.pk),
            "deletes_files": self.policy.deletes_files,
            "list_url": self.list_url(request),
            "first_key": job.keys[0] if job.keys else "",
        }

    def _page(
        self, request: HttpRequest, template: str, title: str, job: DeletionJob, **context: object
    ) -> HttpResponse:
        return admin_page(self.model_admin, request, template, title, **(self._context(request, job) | context))
