"""What a deletion says when it is over."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from hashing.admin.deletion_job import DeletionJob, ReasonCount
from hashing.text import isolated


def add_messages(request: HttpRequest, opts: Any, job: DeletionJob) -> None:
    tally = job.tally
    if tally.deleted:
        items = opts.verbose_name if tally.deleted == 1 else opts.verbose_name_plural
        text = _("Successfully deleted %(count)d %(items)s.")
        messages.success(request, text % {"count": tally.deleted, "items": items})
    for reason, counted in tally.stayed.items():
        text = ngettext("%(count)d image was left", "%(count)d images were left", counted.count)
        _add_warning(request, text, reason, counted)
    for reason, counted in tally.kept_files.items():
        text = ngettext("%(count)d file was kept", "%(count)d files were kept", counted.count)
        _add_warning(request, text, reason, counted)
    for reason, counted in tally.failed_files.items():
        text = _("The rows are deleted, but %(count)d files could not be")
        _add_warning(request, text, reason, counted)
    if tally.stopped:
        text = _("The deletion ended early, with %(count)d images left. Run it again to continue. %(reason)s")
        messages.error(request, text % {"count": len(job.keys), "reason": tally.stopped})


def _add_warning(request: HttpRequest, text: str, reason: str, counted: ReasonCount) -> None:
    names = ", ".join(map(isolated, counted.names))
    shown = _("%(names)s and more") % {"names": names} if counted.has_more else names
    messages.warning(request, f"{text % {'count': counted.count}}: {reason} ({shown})")
