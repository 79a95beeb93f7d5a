from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.admin import AdminSite
from django.db.models import QuerySet
from django.http import QueryDict

from hashing.admin.links import admin_url
from hashing.admin.review.listing import Listing
from hashing.admin.review.presentation import GroupPresentation, present_group_page, present_groups
from hashing.admin.review.session import ReviewSession, session_of_group, session_of_list
from hashing.admin.review.visible_groups import open_groups
from hashing.admin.visibility import ImageAccess
from hashing.models import DuplicateGroup, GroupMember
from hashing.text import parse_integer

# Limits of one response: a decision changes few groups, and the rest is shown when the page is reloaded.
MAX_GROUPS, MAX_KEYS = 20, 100


@dataclass(frozen=True)
class ReturnTo:
    """The page of a decision: the list or the page of a group, with its query. `page` is that of a large group or of
    the list.
    """

    site: AdminSite
    url: str
    page: int
    is_list: bool
    listing: Listing

    @classmethod
    def of(cls, url: str, site: AdminSite) -> ReturnTo:
        """Return the page at the URL that a form has sent, or the plain list if that is no page of the review."""
        home = list_url(site)
        path, _mark, query = url.partition("?")
        parameters = QueryDict(query)
        page, listing = parse_integer(parameters.get("p", "")) or 1, Listing.of(parameters)
        if path.startswith(home) and path.endswith("/change/"):
            return cls(site, url, page, is_list=False, listing=listing)
        if path != home:
            return cls(site, home, 1, is_list=True, listing=Listing())
        return cls(site, url, page, is_list=True, listing=listing)

    def find_groups(
        self, rows: QuerySet[DuplicateGroup], keys: Iterable[int], access: ImageAccess, *, include_decided: bool = False
    ) -> list[GroupPresentation]:
        """Return the groups of these images that the page shows; the page of a group shows that of the first image."""
        chosen = list(keys)[: MAX_KEYS if self.is_list else 1]
        members = GroupMember.objects.filter(asset__in=chosen)
        groups = self.listing.order.sort(rows.filter(pk__in=members.values("group")))
        if self.is_list:
            shown = open_groups(groups) if self.listing.is_open_only and not include_decided else groups
            return present_groups(shown[:MAX_GROUPS], access, self.listing)
        found = (present_group_page(group, self.page, access, self.listing) for group in groups)
        return [group for group in found if group]

    def describe_session(
        self, rows: QuerySet[DuplicateGroup], shown: list[GroupPresentation], access: ImageAccess
    ) -> ReviewSession:
        """Return what the header of this page says after a decision."""
        groups = self.listing.limit(rows, access)
        if shown and not self.is_list:
            return session_of_group(shown[0], groups, access)
        return session_of_list(groups, access, self.page)

    def url_of(self, groups: list[GroupPresentation]) -> str:
        """Return the URL that shows these groups: the list if the group of a page no longer exists."""
        if self.is_list:
            return f"{self.url}#group-{groups[0].keeper.pk}" if groups else self.url
        return f"{groups[0].url}&p={groups[0].page}" if groups else self.listing.list_url(self.site)


def list_url(site: AdminSite) -> str:
    return admin_url(site, "duplicategroup_changelist")
