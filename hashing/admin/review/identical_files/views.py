from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.core.signing import BadSignature
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from hashing.admin.links import admin_page, admin_url
from hashing.admin.review.cards import MemberCard
from hashing.admin.review.identical_files.groups import count_identical, identical_groups, sample_identical
from hashing.admin.review.identical_files.job import IdenticalFilesJob
from hashing.admin.review.identical_files.services import keep_identical
from hashing.admin.review.presentation import GroupPresentation, present_groups
from hashing.admin.visibility import ImageAccess
from hashing.models import DuplicateGroup
from hashing.text import parse_integer

PAGE = "admin/hashing/review/identical_files/page.html"
PROGRESS = "admin/hashing/review/identical_files/progress.html"
# Copies of which the page shows a picture and the name.
MAX_COPIES = 3
# The time limit of one request.
SECONDS = 10.0


class IdenticalFilesView:
    """The page that decides about all groups of equal files together.

    A look at some of them, a confirmation, and then requests of a few seconds that carry the signed job on. Only these
    change anything.
    """

    def __init__(self, model_admin: ModelAdmin[DuplicateGroup]) -> None:
        self.model_admin = model_admin

    def urls(self) -> list[URLPattern]:
        view = require_http_methods(["GET", "HEAD", "POST"])(self.view)
        wrapped = self.model_admin.admin_site.admin_view(view)
        return [path("identical-files/", wrapped, name="hashing_duplicategroup_identical_files")]

    def view(self, request: HttpRequest) -> HttpResponse:
        if request.method != "POST":
            return self.show_sample(request)
        if not self.model_admin.has_change_permission(request):
            raise PermissionDenied
        try:
            job = IdenticalFilesJob.from_token(request.POST.get("job", ""), request.user.pk)
        except BadSignature:
            messages.error(request, _("This page has expired. Nothing was changed; please look at the groups again."))
            return redirect(request.path)
        if "confirmed" in request.POST:
            return self.carry_on(request, job)
        job.left_out = self.find_left_out(request, job)
        if "sample" in request.POST:
            return self.show_sample(request, job)
        return self.page(request, PAGE, job, is_confirmation=True)

    def find_left_out(self, request: HttpRequest, job: IdenticalFilesJob) -> list[int]:
        """Return the groups that are left out: the ticked ones, and those of the pages shown before this one."""
        ticked, shown = (parse_keys(request.POST.getlist(name)) for name in ("left_out", "shown"))
        groups, access = self.model_admin.get_queryset(request), ImageAccess(request, self.model_admin.admin_site)
        found = identical_groups(groups, access).filter(pk__in=ticked | (set(job.left_out) - shown))
        return list(found.filter(pk__lte=job.last_group).values_list("pk", flat=True))

    def show_sample(self, request: HttpRequest, job: IdenticalFilesJob | None = None) -> HttpResponse:
        """Show some of the groups, of which each can be left out."""
        if not self.model_admin.has_view_permission(request):
            raise PermissionDenied
        groups, access = self.model_admin.get_queryset(request), ImageAccess(request, self.model_admin.admin_site)
        totals = count_identical(groups, access)
        start = max(parse_integer((request.POST or request.GET).get("sample", "")) or 0, 0)
        sample = present_groups(sample_identical(groups, access, start), access)
        context = {"totals": totals, "sample": [sampled(group) for group in sample], "next_sample": start + 1}
        may_decide = self.model_admin.has_change_permission(request)
        return self.page(request, PAGE, job or IdenticalFilesJob.of(totals), may_decide=may_decide, **context)

    def carry_on(self, request: HttpRequest, job: IdenticalFilesJob) -> HttpResponse:
        groups, access = self.model_admin.get_queryset(request), ImageAccess(request, self.model_admin.admin_site)
        if keep_identical(job, groups, access, SECONDS):
            return self.page(request, PROGRESS, job)
        add_messages(request, job)
        return redirect(self.list_url)

    @property
    def list_url(self) -> str:
        return admin_url(self.model_admin.admin_site, "duplicategroup_changelist")

    def page(self, request: HttpRequest, template: str, job: IdenticalFilesJob, **context: Any) -> HttpResponse:
        title = ngettext("%(count)d group of equal files", "%(count)d groups of equal files", job.total)
        context |= {"job": job, "token": job.token(request.user.pk), "list_url": self.list_url}
        return admin_page(self.model_admin, request, template, title % {"count": job.total}, **context)


class SampledGroup(NamedTuple):
    """A group of the page: its first copies, and the number of those that are not shown."""

    group: GroupPresentation
    copies: list[MemberCard]
    more: int


def sampled(group: GroupPresentation) -> SampledGroup:
    copies = [card for card in group.cards if card.is_open][:MAX_COPIES]
    return SampledGroup(group, copies, group.group.open_count - len(copies))


def parse_keys(texts: Iterable[str]) -> set[int]:
    return {key for text in texts if (key := parse_integer(text)) is not None}


def add_messages(request: HttpRequest, job: IdenticalFilesJob) -> None:
    """Tell the user what was decided, and which groups were left as they were."""
    if job.images:
        in_groups = ngettext("in %(count)d group", "in %(count)d groups", job.groups) % {"count": job.groups}
        text = ngettext(
            "%(count)d image %(in_groups)s is marked as a duplicate of the suggested keeper.",
            "%(count)d images %(in_groups)s are marked as duplicates of the suggested keepers.",
            job.images,
        )
        messages.success(request, text % {"count": job.images, "in_groups": in_groups})
    elif not job.left and not job.error:
        messages.info(request, _("No group with equal files is left. Nothing was changed."))
    for reason, count in job.left.items():
        text = ngettext(
            "%(count)d group was left as it was: %(reason)s.",
            "%(count)d groups were left as they were: %(reason)s.",
            count,
        )
        messages.warning(request, text % {"count": count, "reason": reason})
    if job.error:
        text = _("The storage is unavailable: %(reason)s. The other groups were left as they were.")
        messages.error(request, text % {"reason": job.error})
