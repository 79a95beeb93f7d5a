from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.admin import AdminSite
from django.db.models import QuerySet
from django.http import QueryDict

from hashing.admin.links import admin_url
from hashing.admin.review.filters import GroupStateFilter
from hashing.admin.review.presentation import GroupPresentation, present_group_page, present_groups
from hashing.admin.review.visible_groups import open_groups, surest_first
from hashing.admin.visibility import ImageAccess
from hashing.models import DuplicateGroup
from hashing.text import parse_integer

# Limits of one response: a decision changes few groups, and the rest is shown when the page is reloaded.
MAX_GROUPS, MAX_KEYS = 20, 100


@dataclass(frozen=True)
class ReturnTo:
    """The page of a decision: the list or the page of a group, with its query. `page` is None for the list."""

    site: AdminSite
    url: str
    page: int | None
    is_open_only: bool

    @classmethod
    def of(cls, url: str, site: AdminSite) -> ReturnTo:
        """Return the page at the URL that a form has sent, or the plain list if that is no page of the review."""
        home = list_url(site)
        path, _mark, query = url.partition("?")
        parameters = QueryDict(query)
        if path.startswith(home) and path.endswith("/change/"):
            return cls(site, url, parse_integer(parameters.get("p", "")) or 1, is_open_only=False)
        is_open_only = GroupStateFilter.is_open_only(parameters)
        return cls(site, url if path == home else home, None, is_open_only)

    def find_groups(
        self, rows: QuerySet[DuplicateGroup], keys: Iterable[int], access: ImageAccess, *, include_decided: bool = False
    ) -> list[GroupPresentation]:
        """Return the groups of these images that the page shows; the page of a group shows that of the first image."""
        chosen = list(keys)[: 1 if self.page else MAX_KEYS]
        groups = surest_first(rows.filter(members__asset__in=chosen).distinct())
        if self.page is None:
            shown = open_groups(groups) if self.is_open_only and not include_decided else groups
            return present_groups(shown[:MAX_GROUPS], access)
        found = (present_group_page(group, self.page, access) for group in groups)
        return [group for group in found if group]

    def url_of(self, groups: list[GroupPresentation]) -> str:
        """Return the URL that shows these groups: the list if the group of a page no longer exists."""
        if self.page is None:
            return f"{self.url}#group-{groups[0].keeper.pk}" if groups else self.url
        return f"{groups[0].url}&p={groups[0].page}" if groups else list_url(self.site)


def list_url(site: AdminSite) -> str:
    return admin_url(site, "duplicategroup_changelist")
