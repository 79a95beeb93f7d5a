"""The lines of the front page of the admin: what is to be done."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat, floatformat
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, ngettext_lazy

from hashing.admin.capped_count import CappedCount
from hashing.admin.images.duplicates import GROUPS_TO_REVIEW, may_see_groups
from hashing.admin.images.filters import FAILED, StateFilter
from hashing.admin.links import admin_url
from hashing.admin.progress.runs import RunTotals, running_runs
from hashing.admin.review.visible_groups import count_field, open_groups
from hashing.admin.sites import sites_named
from hashing.admin.visibility import ImageAccess
from hashing.models import DuplicateGroup, MarkedDuplicate

# Rows are counted up to these. An index has what is added up of the groups.
MAX_GROUPS, MAX_IMAGES = 100_000, 10_000

MARKED_TO_DELETE = ngettext_lazy(
    "%(count)s marked duplicate to delete", "%(count)s marked duplicates to delete", "rows"
)
IMAGES_FAILED = ngettext_lazy("%(count)s image failed", "%(count)s images failed", "rows")


class Work(NamedTuple):
    """A line of the front page: the text of a link, and what follows it."""

    text: str
    url: str
    details: str = ""


def describe_work(request: HttpRequest) -> list[Work]:
    """Return what is to be done in this site and may be seen by the user, with at most one query for each line."""
    sites = sites_named(getattr(request, "current_app", None))
    return list(find_work(ImageAccess(request, sites[0]))) if sites else []


def find_work(access: ImageAccess) -> Iterator[Work]:
    if not access.may_see_images():
        return
    if may_see_groups(access.request, access.site):
        yield from groups_to_review(access)
    if may_see_marked(access.request, access.site):
        yield from marked_to_delete(access)
    yield from failed_images(access)
    # Runs are about all images.
    if not access.is_narrowed:
        yield from running_backfill(access)


def groups_to_review(access: ImageAccess) -> Iterator[Work]:
    groups = open_groups(access.site.get_model_admin(DuplicateGroup).get_queryset(access.request))
    names = ("open_count", "open_bytes")
    counted = CappedCount.of(groups, MAX_GROUPS, **{name: count_field(groups, name) for name in names})
    if counted.rows:
        images, size = counted.sums["open_count"], counted.sums["open_bytes"]
        text = ngettext("%(count)s image, %(size)s", "%(count)s images, %(size)s", images)
        yield Work(
            counted.describe(GROUPS_TO_REVIEW),
            admin_url(access.site, "duplicategroup_changelist"),
            counted.at_least(text % {"count": floatformat(images, "0g"), "size": filesizeformat(size)}),
        )


def may_see_marked(request: HttpRequest, site: AdminSite) -> bool:
    if not site.is_registered(MarkedDuplicate):
        return False
    return bool(site.get_model_admin(MarkedDuplicate).has_view_or_change_permission(request))


def marked_to_delete(access: ImageAccess) -> Iterator[Work]:
    counted = CappedCount.of(access.limit(MarkedDuplicate.objects.all(), "pk", "kept_pk"), MAX_IMAGES, size="file_size")
    if counted.rows:
        yield Work(
            counted.describe(MARKED_TO_DELETE),
            admin_url(access.site, "markedduplicate_changelist"),
            counted.at_least(filesizeformat(counted.sums["size"])),
        )


def failed_images(access: ImageAccess) -> Iterator[Work]:
    counted = CappedCount.of(access.images.failed(), MAX_IMAGES)
    if counted.rows:
        url = admin_url(access.site, "imageasset_changelist", query={StateFilter.parameter_name: FAILED})
        yield Work(counted.describe(IMAGES_FAILED), url)


def running_backfill(access: ImageAccess) -> Iterator[Work]:
    if runs := running_runs().runs:
        totals = RunTotals.of(runs)
        text = _("%(percent)d%%, %(left)s images left")
        yield Work(
            _("Backfill running"),
            admin_url(access.site, "imageasset_progress"),
            text % {"percent": totals.percent, "left": floatformat(totals.left, "0g")},
        )
