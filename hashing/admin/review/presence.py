"""Several editors at once: which groups of a page have changed since it was loaded, and who else looks at them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.db.models import Max, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from hashing.admin.review.visible_groups import as_visible
from hashing.admin.visibility import ImageAccess, find_hidden
from hashing.grouping.decision_log import describe, local_time
from hashing.models import DuplicateGroup, GroupMember, GroupViewer, PairDecision
from hashing.text import isolated, parse_integer

# More groups than a page has, and more decisions than editors make between two polls of a page.
MAX_GROUPS, MAX_DECISIONS = 50, 1000
MAX_NAMES = 3


class GroupSnapshot(NamedTuple):
    """The state in which a page has shown a group."""

    size: int
    open_count: int
    # The highest key of any decision.
    newest_decision: int
    # The highest key of the members, if all of them were shown: a member that joins later has a higher one.
    last_member: int | None

    def is_current(self, group: DuplicateGroup, last_member: int) -> bool:
        """Whether the group is still as it was shown. `last_member` is now the highest key of its visible members."""
        has_joined = self.last_member is not None and last_member > self.last_member
        return (group.size, group.open_count) == (self.size, self.open_count) and not has_joined


class ShownGroup(NamedTuple):
    """A group as a page shows it."""

    keeper_pk: int
    snapshot: GroupSnapshot

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return what `str()` has written; None for other texts."""
        keeper, *numbers = [parse_integer(part) for part in text.split("-")]
        if len(numbers) != len(GroupSnapshot._fields) or keeper is None or None in numbers[:3]:
            return None
        size, open_count, newest, last_member = numbers
        return cls(keeper, GroupSnapshot(size or 0, open_count or 0, newest or 0, last_member))

    def __str__(self) -> str:
        return "-".join("" if part is None else str(part) for part in (self.keeper_pk, *self.snapshot))


class PresenceView:
    """Answers the poll of a page of groups.

    Each parameter `group` is a `ShownGroup`. A POST also records that the user has the group of the keeper `open`.
    """

    def __init__(self, model_admin: ModelAdmin[DuplicateGroup]) -> None:
        self.model_admin = model_admin

    def urls(self) -> list[URLPattern]:
        view = self.model_admin.admin_site.admin_view(require_http_methods(["GET", "POST"])(self.presence))
        return [path("presence/", view, name="hashing_duplicategroup_presence")]

    def presence(self, request: HttpRequest) -> HttpResponse:
        if not self.model_admin.has_view_permission(request):
            raise PermissionDenied
        access, rows = ImageAccess(request, self.model_admin.admin_site), self.model_admin.get_queryset(request)
        if request.method == "POST":
            self.record(request, rows)
        shown = shown_groups(request.POST if request.method == "POST" else request.GET)
        groups = CurrentGroups.read(shown, rows, access)
        return JsonResponse(
            {"changes": describe_changes(shown, groups, access), "viewers": find_viewers(groups, access)}
        )

    def record(self, request: HttpRequest, rows: QuerySet[DuplicateGroup]) -> None:
        if not self.model_admin.has_change_permission(request):
            raise PermissionDenied
        keeper_pk = parse_integer(request.POST.get("open", ""))
        if keeper_pk is not None and rows.filter(keeper=keeper_pk).exists():
            GroupViewer.objects.record(request.user.pk, keeper_pk)


@dataclass(frozen=True)
class CurrentGroups:
    """Groups that the user sees, by their keepers, and the highest keys of the members of some of them."""

    groups: Mapping[int, DuplicateGroup]
    last_members: Mapping[int, int]

    @classmethod
    def read(cls, shown: Iterable[ShownGroup], rows: QuerySet[DuplicateGroup], access: ImageAccess) -> Self:
        keys = [group.keeper_pk for group in shown]
        whole = [group.keeper_pk for group in shown if group.snapshot.last_member is not None]
        members = access.limit(GroupMember.objects.filter(group__keeper__in=whole), "asset")
        last_members = members.order_by().values_list("group__keeper").annotate(Max("pk"))
        groups = rows.filter(keeper__in=keys).order_by()
        return cls({group.keeper_id: as_visible(group) for group in groups}, dict(last_members))

    def has_changed(self, shown: ShownGroup) -> bool:
        """Whether "Keep" would be refused, because the group is gone or has other images or decisions."""
        group, last_member = self.groups.get(shown.keeper_pk), self.last_members.get(shown.keeper_pk, 0)
        return group is None or not shown.snapshot.is_current(group, last_member)


def shown_groups(parameters: QueryDict) -> list[ShownGroup]:
    parsed = (ShownGroup.parse(text) for text in parameters.getlist("group")[:MAX_GROUPS])
    return [group for group in parsed if group is not None]


def describe_changes(shown: list[ShownGroup], groups: CurrentGroups, access: ImageAccess) -> dict[int, str]:
    """Return why groups are out of date, by their keepers, without those that are as they were shown."""
    decisions = find_newer(shown, access)
    hidden = find_hidden_users((decision.decided_by for decision in decisions.values()), access)
    changes = {key: describe_decision(decision, hidden, access) for key, decision in decisions.items()}
    for group in shown:
        if group.keeper_pk not in changes and groups.has_changed(group):
            changes[group.keeper_pk] = _("This group has changed")
    return changes


def find_newer(shown: list[ShownGroup], access: ImageAccess) -> dict[int, PairDecision]:
    """Return the last decision about each group, by its keeper, which takes part in every decision about it."""
    newest = {group.keeper_pk: group.snapshot.newest_decision for group in shown}
    since = PairDecision.objects.about(newest).filter(pk__gt=min(newest.values(), default=0))
    found = access.limit(since, "lower", "higher").with_users().order_by("-pk")[:MAX_DECISIONS]
    pairs = [(key, decision) for decision in found for key in (decision.lower_id, decision.higher_id)]
    return {key: decision for key, decision in reversed(pairs) if key in newest and decision.pk > newest[key]}


def describe_decision(decision: PairDecision, hidden: Collection[Any], access: ImageAccess) -> str:
    values = describe(decision, access.request.user.pk)
    if decision.decided_by_id in hidden:
        values["who"] = _("Somebody")
    moment = local_time(decision.decided_at)
    if moment.date() != local_time(timezone.now()).date():
        return _("%(who)s decided about this on %(when)s") % values
    return _("%(who)s decided about this at %(time)s") % {**values, "time": date_format(moment, "TIME_FORMAT")}


def find_viewers(groups: CurrentGroups, access: ImageAccess) -> dict[int, str]:
    """Return which other users have groups open, by the keepers of these."""
    rows = GroupViewer.objects.current().filter(keeper_pk__in=list(groups.groups))
    viewers = list(rows.exclude(user=access.request.user.pk).prefetch_related("user").order_by("pk"))
    hidden = find_hidden_users((viewer.user for viewer in viewers), access)
    names: defaultdict[int, list[str]] = defaultdict(list)
    for viewer in viewers:
        if viewer.user and viewer.user_id not in hidden:
            names[viewer.keeper_pk].append(isolated(viewer.user.get_username()))
    return {key: describe_viewers(some) for key, some in names.items()}


def describe_viewers(names: list[str]) -> str:
    text = ngettext("%(names)s is looking at this", "%(names)s are looking at this", len(names))
    shown = names if len(names) <= MAX_NAMES else [*names[:MAX_NAMES], "…"]
    return text % {"names": ", ".join(shown)}


def find_hidden_users(users: Iterable[Any], access: ImageAccess) -> set[Any]:
    """Return the keys of those of the users whom the admin site does not show to this one."""
    others = [user for user in users if user is not None and user.pk != access.request.user.pk]
    return {key for _model, key in find_hidden(others, access.request, access.site)}
