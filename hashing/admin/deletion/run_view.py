"""The page of a deletion in the background."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.db import router
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from hashing.admin.deletion.background import enqueue
from hashing.admin.deletion.job import DeletionJob
from hashing.admin.links import admin_page
from hashing.models import DeletionRun
from hashing.models.deletion_runs import DeletionRunQuerySet

PAGE, BLOCK = "admin/hashing/deletion/run.html", "admin/hashing/deletion/run_block.html"


class PageDeletion(Protocol):
    """The screen that deletes as long as its page is open."""

    def show_progress(self, request: HttpRequest, job: DeletionJob) -> HttpResponse: ...

    def list_url(self, request: HttpRequest) -> str: ...


@dataclass(frozen=True)
class RunStatus:
    run: DeletionRun
    job: DeletionJob
    is_lost: bool

    @classmethod
    def of(cls, run: DeletionRun) -> RunStatus:
        is_lost = DeletionRun.objects.using(run._state.db).lost().filter(pk=run.pk).exists()
        return cls(run, DeletionJob.from_values(run.job), is_lost)

    @property
    def is_active(self) -> bool:
        return self.run.ended_at is None and not self.is_lost

    @property
    def is_waiting(self) -> bool:
        return self.is_active and self.run.heartbeat_at is None

    @property
    def is_complete(self) -> bool:
        return not self.job.keys

    @property
    def left(self) -> int:
        return len(self.job.keys)


class DeletionRunView:
    """Shows a run to the user who has started it. Buttons stop it, or continue it in the queue or in the page."""

    def __init__(self, model_admin: ModelAdmin[Any], page_deletion: PageDeletion) -> None:
        self.model_admin = model_admin
        self.page_deletion = page_deletion

    def urls(self) -> list[URLPattern]:
        opts = self.model_admin.opts
        view = self.model_admin.admin_site.admin_view(require_http_methods(["GET", "HEAD", "POST"])(self.page))
        return [path("deletions/<int:pk>/", view, name=f"{opts.app_label}_{opts.model_name}_deletion")]

    def page(self, request: HttpRequest, pk: int) -> HttpResponse:
        if not self.model_admin.has_delete_permission(request):
            raise PermissionDenied
        run = self.of_user(request).filter(pk=pk).first()
        if run is None:
            raise Http404
        if request.method == "POST":
            return self._act(request, run)
        status = RunStatus.of(run)
        list_url = self.page_deletion.list_url(request)
        context = {"list_url": list_url, "status": status, "run": run, "job": status.job, "report": status.job.report}
        if request.headers.get("Accept") == "application/json":
            return JsonResponse({"html": render_to_string(BLOCK, context, request), "isActive": status.is_active})
        return admin_page(self.model_admin, request, PAGE, _("Deletion in the background"), **context)

    def of_user(self, request: HttpRequest) -> DeletionRunQuerySet:
        """Return the runs that the user has started in this list."""
        label, site = self.model_admin.opts.label, self.model_admin.admin_site.name
        runs = DeletionRun.objects.using(router.db_for_write(DeletionRun))
        return runs.filter(user_pk=str(request.user.pk), model_label=label, site_name=site)

    def _act(self, request: HttpRequest, run: DeletionRun) -> HttpResponse:
        own = self.of_user(request)
        status = RunStatus.of(run)
        may_continue = not (status.is_active or status.is_complete)
        if "stop" in request.POST:
            own.filter(pk=run.pk).update(is_stopping=True)
            if status.is_waiting or status.is_lost:
                own.end(run.pk)
        elif may_continue and "again" in request.POST:
            own.filter(pk=run.pk).update(is_stopping=False, error="", heartbeat_at=None, ended_at=None)
            enqueue(run.pk)
        elif may_continue and "here" in request.POST:
            # Stops a process that is at work after all.
            own.end(run.pk)
            own.filter(pk=run.pk).delete()
            return self.page_deletion.show_progress(request, status.job)
        return redirect(request.path)
