from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import AdminSite
from django.contrib.admin.options import IncorrectLookupParameters, ShowFacets
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils.decorators import method_decorator
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from hashing.admin.deletion.related_rows import is_deleting_images
from hashing.admin.links import admin_page
from hashing.admin.owners import attach_owners
from hashing.admin.review.filters import FILTERS
from hashing.admin.review.group_search import MAX_FOUND, search_groups
from hashing.admin.review.history import base_name
from hashing.admin.review.identical_files.views import IdenticalFilesView
from hashing.admin.review.keeper_rules import KeeperRulesView
from hashing.admin.review.listing import SEARCH_VAR, Listing, parse_search
from hashing.admin.review.presence import PresenceView
from hashing.admin.review.presentation import GroupPresentation, present_group_page, present_groups
from hashing.admin.review.session import (
    GROUPS_PER_PAGE,
    GroupPaginator,
    find_neighbours,
    session_of_group,
    session_of_list,
)
from hashing.admin.review.views import DecisionViews, review_context
from hashing.admin.review.visible_groups import limit_groups
from hashing.admin.visibility import ImageAccess
from hashing.models import DuplicateGroup
from hashing.text import parse_integer

GROUP_PAGE = "admin/hashing/review/group_page.html"
STYLES = [
    "hashing/admin.css",
    "hashing/cards.css",
    "hashing/review/review.css",
    "hashing/review/members.css",
    "hashing/review/chips.css",
    "hashing/review/session.css",
    "hashing/review/presence.css",
    "hashing/review/compare.css",
    "hashing/review/loupe.css",
    "hashing/review/identical_files/page.css",
]
SCRIPTS = [
    "hashing/review/decisions.js",
    "hashing/review/keys.js",
    "hashing/review/selection.js",
    "hashing/review/menus.js",
    "hashing/review/sizes.js",
    "hashing/review/session.js",
    "hashing/review/compare_controls.js",
    "hashing/review/presence.js",
]


class GroupList(ChangeList):
    """The list of groups, whose pages decisions empty.

    `get_changelist()` documents the class, not its methods: tests/admin/review/test_admin.py fails where they change.
    """

    def get_results(self, request: HttpRequest) -> None:
        """Show the first page in place of one that no longer exists."""
        try:
            super().get_results(request)
        except IncorrectLookupParameters:
            self.page_num = 1
            super().get_results(request)

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[DuplicateGroup]) -> Any:
        return Listing.of(request.GET).order.terms(queryset)

    @property
    def without_search(self) -> str:
        return self.get_query_string(remove=[SEARCH_VAR])

    @property
    def next_query(self) -> str:
        """The query string of the next page; empty on the last page."""
        return self.page_query(self.page_num + 1)

    @property
    def previous_query(self) -> str:
        return self.page_query(self.page_num - 1)

    def page_query(self, number: int) -> str:
        return self.get_query_string({"p": number}) if 1 <= number <= self.paginator.num_pages else ""


@admin.register(DuplicateGroup)
class DuplicateGroupAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """The review. Groups follow from hashes and decisions: nobody adds, edits or deletes one by hand."""

    list_filter = FILTERS
    list_per_page = GROUPS_PER_PAGE
    list_max_show_all = 0
    paginator = GroupPaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    actions = None
    change_list_template = "admin/hashing/review/list.html"

    def __init__(self, model: type[DuplicateGroup], admin_site: AdminSite) -> None:
        super().__init__(model, admin_site)
        self.decisions = DecisionViews(self)
        self.keeper_rules = KeeperRulesView(self)
        self.identical_files = IdenticalFilesView(self)
        self.presence = PresenceView(self)

    @property
    def media(self) -> forms.Media:
        scripts: Any = [forms.Script(script, type="module") for script in SCRIPTS]
        return forms.Media(css={"all": STYLES}, js=scripts)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_deleting_images(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.access(request).may_see_images() and super().has_view_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the user may decide about groups."""
        return self.access(request).may_see_images() and super().has_change_permission(request, obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet[DuplicateGroup]:
        return limit_groups(super().get_queryset(request), self.access(request))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[DuplicateGroup], search_term: str
    ) -> tuple[QuerySet[DuplicateGroup], bool]:
        return search_groups(queryset, parse_search(search_term), self.access(request)), False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Refuse columns in the address where images are hidden: the columns of a group count these as well."""
        names = {getattr(each, "parameter_name", None) for each in self.get_list_filter(request)}
        if self.access(request).is_narrowed and lookup not in names:
            return False
        return super().lookup_allowed(lookup, value, request)

    def access(self, request: HttpRequest) -> ImageAccess:
        return ImageAccess(request, self.admin_site)

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(require_safe(self.group_of_view))
        of_image = path("of/<int:pk>/", view, name="hashing_duplicategroup_of")
        screens = (self.decisions, self.keeper_rules, self.identical_files, self.presence)
        return [*(url for screen in screens for url in screen.urls()), of_image, *super().get_urls()]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[GroupList]:
        return GroupList

    @method_decorator(require_safe)
    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        title = capfirst(self.opts.verbose_name_plural)
        response: Any = super().changelist_view(request, {"title": title, **(extra_context or {})})
        if "cl" in (getattr(response, "context_data", None) or {}):
            changelist, access = response.context_data["cl"], self.access(request)
            listing, totals = Listing.of(request.GET), changelist.paginator.totals
            groups = present_groups(changelist.result_list, access, listing)
            session = session_of_list(changelist.queryset, access, changelist.page_num, totals)
            response.context_data |= self.review_context(request, groups)
            response.context_data |= {
                "session": session,
                "listing": listing,
                "search_var": SEARCH_VAR,
                "max_found": MAX_FOUND,
            }
        page: HttpResponse = response
        return page

    @method_decorator(require_safe)
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the images of a group in place of a form."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        group: Any = self.get_object(request, object_id)
        page, access = parse_integer(request.GET.get("p", "")) or 1, self.access(request)
        shown = present_group_page(group, page, access, Listing.of(request.GET)) if group else None
        if shown is None:
            return self.redirect_to_group_of(request, parse_integer(request.GET.get("image", "")))
        context = self.review_context(request, [shown]) | self.place_context(request, shown)
        title = _("Duplicates of %(name)s") % {"name": base_name(shown.keeper)}
        return admin_page(self, request, GROUP_PAGE, title, **context, **(extra_context or {}))

    def group_of_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Redirect to the group of an image."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return self.redirect_to_group_of(request, pk)

    def redirect_to_group_of(self, request: HttpRequest, asset_pk: int | None) -> HttpResponse:
        access = self.access(request)
        visible = access.visible_keys([] if asset_pk is None else [asset_pk])
        found, listing = self.get_queryset(request).filter(members__asset__in=visible), Listing.of(request.GET)
        for shown in present_groups(found, access, listing):
            return redirect(shown.url)
        messages.info(request, _("This group no longer exists, or was found again with other images."))
        return redirect(listing.list_url(self.admin_site))

    def review_context(self, request: HttpRequest, groups: list[GroupPresentation]) -> dict[str, Any]:
        attach_owners((card.asset for group in groups for card in group.cards), request, self.admin_site)
        may_decide = self.has_change_permission(request)
        context = review_context(request, self.admin_site, request.get_full_path(), may_decide=may_decide)
        return {**context, "groups": groups}

    def place_context(self, request: HttpRequest, shown: GroupPresentation) -> dict[str, Any]:
        """Return the header of the page of a group, and the ways from there."""
        access = self.access(request)
        groups = shown.listing.limit(self.get_queryset(request), access)
        session = session_of_group(shown, groups, access)
        page = -(-(session.totals.place or 1) // GROUPS_PER_PAGE)
        return {
            "session": session,
            "neighbours": find_neighbours(shown, groups, session.totals.place),
            "list_url": shown.listing.list_url(self.admin_site, page),
        }
