"""Deletions of many images by the task queue of the site."""

from __future__ import annotations

import logging
from typing import Any

from django.contrib.admin import ModelAdmin
from django.db import router, transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from hashing.admin.deletion.job import DeletionJob
from hashing.conf import hashing_settings
from hashing.log_events import LogEvent, error_kind, log_event
from hashing.models import DeletionRun
from hashing.text import printable

logger = logging.getLogger(__name__)


def is_for_queue(count: int) -> bool:
    """Return whether to delete this number of images in the queue: it is large, and the site has a queue."""
    return count > hashing_settings().ACTION_LIMIT and has_task_queue()


def has_task_queue() -> bool:
    try:
        from hashing.admin.deletion.tasks import delete_in_background
        from hashing.tasks import has_queue
    # Of `django_tasks`, which Django before 6.0 may lack.
    except ImportError:
        return False
    return has_queue(delete_in_background)


def start_run(request: HttpRequest, model_admin: ModelAdmin[Any], job: DeletionJob) -> DeletionRun:
    """Record a deletion that the user has confirmed, and put it into the queue after the commit."""
    using = router.db_for_write(DeletionRun)
    DeletionRun.objects.using(using).outdated().delete()
    run = DeletionRun.objects.using(using).create(
        user_pk=str(request.user.pk),
        site_name=model_admin.admin_site.name,
        model_label=model_admin.opts.label,
        job=job.as_values(),
        total=job.total,
        done=job.done,
    )
    transaction.on_commit(lambda: enqueue(run.pk), using=using)
    return run


def enqueue(run_pk: int) -> None:
    """Put a run into the queue. A run that cannot be put there has ended, with all of its images left."""
    from hashing.admin.deletion.tasks import delete_in_background
    from hashing.tasks import with_low_priority

    try:
        with_low_priority(delete_in_background).enqueue(run_pk)
    # Client libraries of queues raise anything.
    except Exception as error:
        message, reason, kind = "The task could not be enqueued: %s", printable(str(error)), error_kind(error)
        event = LogEvent.QUEUE_UNAVAILABLE
        log_event(logger, event, message, reason, asset=None, error_kind=kind)
        DeletionRun.objects.end(run_pk, _("The queue cannot be reached, so nothing was started."))
