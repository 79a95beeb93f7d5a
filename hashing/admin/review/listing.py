from __future__ import annotations

from dataclasses import dataclass, field

from django.contrib.admin import AdminSite
from django.http import QueryDict

from hashing.admin.links import admin_url
from hashing.admin.review.filters import FILTERS, OPEN, GroupStateFilter, OrderFilter
from hashing.admin.review.group_search import search_groups
from hashing.admin.review.orders import ORDERS, SUREST, Order
from hashing.admin.review.visible_groups import Groups
from hashing.admin.visibility import ImageAccess

SEARCH_VAR = "q"
MAX_SEARCH_LENGTH = 500


@dataclass(frozen=True)
class Listing:
    """Which groups a list shows and in which order: its filters, its search and its order.

    It is part of the address of the list, and of the address of a group that was opened from there.
    """

    # By the parameters of their filters, without defaults.
    choices: dict[str, str] = field(default_factory=dict)
    search: str = ""

    @classmethod
    def of(cls, parameters: QueryDict) -> Listing:
        """Return what the query of an address says. Whatever is no valid choice is ignored."""
        given = {each.parameter_name: (each, parameters.get(each.parameter_name)) for each in FILTERS}
        choices = {
            name: value for name, (each, value) in given.items() if value in each.options and value != each.default
        }
        return cls(choices, parse_search(parameters.get(SEARCH_VAR, "")))

    @property
    def query(self) -> dict[str, str]:
        """The parameters of an address with this listing."""
        return self.choices | ({SEARCH_VAR: self.search} if self.search else {})

    @property
    def order(self) -> Order:
        return ORDERS[self.choices.get(OrderFilter.parameter_name, SUREST)]

    @property
    def is_open_only(self) -> bool:
        return self.choices.get(GroupStateFilter.parameter_name, OPEN) == OPEN

    def list_url(self, site: AdminSite, page: int = 1) -> str:
        query = self.query | ({"p": str(page)} if page > 1 else {})
        return admin_url(site, "duplicategroup_changelist", query=query)

    def group_url(self, site: AdminSite, group_pk: int, keeper_pk: int) -> str:
        """Return the address of a group. It names the keeper as well, by which a group is found that has a new key."""
        return admin_url(site, "duplicategroup_change", group_pk, query={"image": str(keeper_pk), **self.query})

    def limit(self, groups: Groups, access: ImageAccess) -> Groups:
        """Return the groups of this list. A search is made at once."""
        for each in FILTERS:
            groups = each.limit(groups, self.choices.get(each.parameter_name, each.default))
        return search_groups(groups, self.search, access)


def parse_search(text: str) -> str:
    """Return the text to search for; empty where a database refuses it."""
    return "" if "\0" in text else text.strip()[:MAX_SEARCH_LENGTH]
