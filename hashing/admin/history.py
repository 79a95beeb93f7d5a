"""Every run is in the admin's history."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.utils.translation import gettext as _

from hashing.backfill import BackfillReport
from hashing.models import ImageAsset


def record_run(user_pk: Any, title: str, report: BackfillReport | None = None, asset: ImageAsset | None = None) -> None:
    """`report` is None for a run that was handed to the queue; `asset` is given when it was about this row alone."""
    LogEntry.objects.create(
        user_id=user_pk,
        content_type=ContentType.objects.get_for_model(ImageAsset, for_concrete_model=False),
        object_id=None if asset is None else str(asset.pk),
        object_repr=str(title if asset is None else asset)[:200],
        action_flag=CHANGE,
        change_message=f"{title}: {_outcome(report)}",
    )


def _outcome(report: BackfillReport | None) -> str:
    if report is None:
        return _("in the background")
    counts = _("%(hashed)d hashed, %(failed)d failed") % {"hashed": report.processed, "failed": report.failed}
    return f"{counts}. {report.stopped}" if report.stopped else counts
