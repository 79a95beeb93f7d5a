"""The page that a decision was made on, and what it shows afterwards."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.admin import AdminSite
from django.db.models import QuerySet
from django.http import QueryDict

from hashing.admin.links import admin_url
from hashing.admin.review.filters import OPEN, STATE
from hashing.admin.review.presentation import ShownGroup, show_groups, show_page
from hashing.models import DuplicateGroup
from hashing.text import parse_integer

MAX_PAGE = 10**9

# One decision takes few groups apart; what is beyond is found by loading the page anew.
MOST_GROUPS, MOST_KEYS = 20, 100


@dataclass(frozen=True)
class Place:
    """`address` is the list or the page of a group, with its query. `page` is None for the list."""

    site: AdminSite
    address: str
    page: int | None
    is_open_only: bool

    @classmethod
    def of(cls, address: str, site: AdminSite) -> Place:
        """From what a form has sent. Anything but a page of the review is taken for the plain list."""
        home = list_address(site)
        path, _mark, query = address.partition("?")
        parameters = QueryDict(query)
        if path.startswith(home) and path.endswith("/change/"):
            return cls(site, address, page_number(parameters), is_open_only=False)
        is_open_only = parameters.get(STATE, OPEN) == OPEN
        return cls(site, address if path == home else home, None, is_open_only)

    def show_again(
        self, rows: QuerySet[DuplicateGroup], keys: Iterable[int], *, also_decided: bool = False
    ) -> list[ShownGroup]:
        """The groups of these pictures, as far as they belong here; on the page of a group, that of the first."""
        wanted = list(keys)[: 1 if self.page else MOST_KEYS]
        groups: Any = rows.filter(members__asset__in=wanted).distinct().order_by("max_distance", "keeper_id")
        if self.page is None:
            chosen = groups.open() if self.is_open_only and not also_decided else groups
            return show_groups(chosen[:MOST_GROUPS], self.site)
        shown = (show_page(group, self.page, self.site) for group in groups)
        return [group for group in shown if group]

    def address_with(self, groups: list[ShownGroup]) -> str:
        """Where these groups are seen. The page of a group that is gone is the list."""
        if self.page is None:
            return f"{self.address}#group-{groups[0].keeper.pk}" if groups else self.address
        return f"{groups[0].address}&p={groups[0].page}" if groups else list_address(self.site)


def list_address(site: AdminSite) -> str:
    return admin_url(site, "duplicategroup_changelist")


def page_number(parameters: QueryDict) -> int:
    number = parse_integer(parameters.get("p", "1"), MAX_PAGE)
    return 1 if number is None else number
