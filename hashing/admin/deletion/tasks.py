from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.db import router
from django.http import HttpRequest
from django.utils.translation import gettext as _

from hashing.admin.deletion.job import DeletionJob
from hashing.admin.sites import sites_named
from hashing.db.clock import Now
from hashing.models import DeletionRun
from hashing.tasks import task
from hashing.text import first_line

# Seconds of work after which what was done is recorded.
SECONDS_BETWEEN_WRITES = 3.0


@task()
def delete_in_background(run_pk: int) -> None:
    """Delete the images of a `DeletionRun`. A task that runs twice continues, and deletes nothing twice."""
    work_off(run_pk)


def work_off(run_pk: int) -> None:
    """Delete what is left of a run, unless another process does."""
    using = router.db_for_write(DeletionRun)
    runs = DeletionRun.objects.using(using)
    if not runs.claim(run_pk):
        return
    run = runs.get(pk=run_pk)
    try:
        work(run, using)
    except PermissionDenied:
        runs.end(run_pk, _("You may no longer delete these images."))
    except Exception as error:
        runs.end(run_pk, first_line(error))
        raise


def work(run: DeletionRun, using: str) -> None:
    runs, job = DeletionRun.objects.using(using), DeletionJob.from_values(run.job)
    while job.keys:
        # Stopped by its page, or continued there.
        if runs.filter(pk=run.pk, is_stopping=True).exists() or not runs.unfinished().filter(pk=run.pk).exists():
            break
        request, model_admin = find_request(run)
        model_admin.deletion.delete_some(request, job, SECONDS_BETWEEN_WRITES)
        error, job.report.error = job.report.error, ""
        runs.unfinished().filter(pk=run.pk).update(job=job.as_values(), done=job.done, heartbeat_at=Now())
        if error:
            runs.end(run.pk, error)
            return
    runs.end(run.pk)


def find_request(run: DeletionRun) -> tuple[HttpRequest, Any]:
    """Return a request of the user of a run, and the ModelAdmin in which it was started.

    Raise `PermissionDenied` if the user may no longer delete its images.
    """
    user: Any = get_user_model()._default_manager.filter(pk=run.user_pk).first()
    request, model = HttpRequest(), apps.get_model(run.model_label)
    request.method, request.user = "POST", user
    for site in sites_named(run.site_name):
        if user and site.is_registered(model):
            model_admin = site.get_model_admin(model)
            # The first asks whether the user is still active and staff.
            if site.has_permission(request) and model_admin.has_delete_permission(request):
                return request, model_admin
    raise PermissionDenied
