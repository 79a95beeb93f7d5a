"""What is to be done, for the front page of the admin."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.contrib.admin import AdminSite
from django.db.models import Count, QuerySet, Sum
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat, floatformat
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, ngettext_lazy

from hashing.admin.images.duplicates import may_see_groups
from hashing.admin.images.filters import FAILED, StateFilter
from hashing.admin.links import admin_url
from hashing.admin.progress.runs import RunTotals, running_runs
from hashing.admin.review.visible_groups import count_field, open_groups
from hashing.admin.sites import sites_named
from hashing.admin.visibility import ImageAccess
from hashing.models import DuplicateGroup, MarkedDuplicate

# Rows are counted up to these. An index has what is added up of the groups.
MAX_GROUPS, MAX_IMAGES = 100_000, 10_000

GROUPS_TO_REVIEW = ngettext_lazy(
    "%(count)s group of duplicates to review", "%(count)s groups of duplicates to review", "rows"
)
MARKED_TO_DELETE = ngettext_lazy(
    "%(count)s marked duplicate to delete", "%(count)s marked duplicates to delete", "rows"
)
IMAGES_FAILED = ngettext_lazy("%(count)s image failed", "%(count)s images failed", "rows")


class Work(NamedTuple):
    """A line of the front page: the text of a link, and what follows it."""

    text: str
    url: str
    details: str = ""


@dataclass(frozen=True)
class Counted:
    """Sums over some rows. `is_capped`: there are more."""

    rows: int
    sums: dict[str, int]
    is_capped: bool

    @classmethod
    def of(cls, rows: QuerySet[Any], limit: int, **fields: str) -> Counted:
        """Count rows up to a limit, with one query. `fields` are added up."""
        sums = {f"sum_{name}": Sum(field) for name, field in fields.items()}
        found = rows.order_by()[: limit + 1].aggregate(rows=Count("pk"), **sums)
        values = {name: int(found[f"sum_{name}"] or 0) for name in fields}
        return cls(min(found["rows"], limit), values, found["rows"] > limit)

    def describe(self, text: Any) -> str:
        """Return a text of `ngettext_lazy`, chosen by `rows`, with the number in place of %(count)s."""
        return str(text % {"rows": self.rows, "count": self.at_least(floatformat(self.rows, "0g"))})

    def at_least(self, text: str) -> str:
        return _("over %(number)s") % {"number": text} if self.is_capped else text


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
    counted = Counted.of(groups, MAX_GROUPS, **{name: count_field(groups, name) for name in names})
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
    counted = Counted.of(access.limit(MarkedDuplicate.objects.all(), "pk", "kept_pk"), MAX_IMAGES, size="file_size")
    if counted.rows:
        yield Work(
            counted.describe(MARKED_TO_DELETE),
            admin_url(access.site, "markedduplicate_changelist"),
            counted.at_least(filesizeformat(counted.sums["size"])),
        )


def failed_images(access: ImageAccess) -> Iterator[Work]:
    counted = Counted.of(access.images.failed(), MAX_IMAGES)
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
