from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters, ShowFacets
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from hashing.admin.deletion.related_rows import is_deleting_images
from hashing.admin.links import admin_page
from hashing.admin.owners import attach_owners
from hashing.admin.paginator import LargeTablePaginator
from hashing.admin.review.filters import DistanceFilter, GroupStateFilter, SizeFilter
from hashing.admin.review.presentation import ShownGroup, show_groups, show_page
from hashing.admin.review.return_to import list_address, page_number
from hashing.admin.review.views import Decide, review_context
from hashing.models import DuplicateGroup, ImageAsset
from hashing.text import isolated, parse_integer


class GroupList(ChangeList):
    def get_results(self, request: HttpRequest) -> None:
        """As Django's. A page that decisions have emptied is the first one."""
        try:
            super().get_results(request)
        except IncorrectLookupParameters:
            self.page_num = 1
            super().get_results(request)

    @property
    def next_query(self) -> str:
        """The part of an address after its path; empty on the last page."""
        return self._page_query(self.page_num + 1)

    @property
    def previous_query(self) -> str:
        return self._page_query(self.page_num - 1)

    def _page_query(self, number: int) -> str:
        return self.get_query_string({"p": number}) if 1 <= number <= self.paginator.num_pages else ""


PAGE = "admin/hashing/review/page.html"
STYLES = ["hashing/admin.css", "hashing/cards.css", "hashing/review/review.css", "hashing/review/compare.css"]
SCRIPTS = ("deciding", "keys", "compare")


@admin.register(DuplicateGroup)
class DuplicateGroupAdmin(Decide):
    """Groups follow from hashes and decisions: nobody adds, edits or deletes one by hand."""

    list_filter = (GroupStateFilter, DistanceFilter, SizeFilter)
    list_per_page = 20
    list_max_show_all = 0
    # The surest first. Not by key: a group that was decided about in part would be somewhere else.
    ordering = ("max_distance", "keeper_id")
    paginator = LargeTablePaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    actions = None
    change_list_template = "admin/hashing/review/list.html"

    @property
    def media(self) -> forms.Media:
        scripts: Any = [forms.Script(f"hashing/review/{name}.js", type="module") for name in SCRIPTS]
        return forms.Media(css={"all": STYLES}, js=scripts)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_deleting_images(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _may_see_pictures(request) and super().has_view_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """To decide."""
        return _may_see_pictures(request) and super().has_change_permission(request, obj)

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(require_safe(self.group_of_view))
        return [path("of/<int:pk>/", view, name="hashing_duplicategroup_of"), *super().get_urls()]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[GroupList]:
        return GroupList

    @method_decorator(require_safe)
    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        response: Any = super().changelist_view(request, {"title": _("Review duplicates"), **(extra_context or {})})
        if "cl" in (getattr(response, "context_data", None) or {}):
            groups = show_groups(response.context_data["cl"].result_list, self.admin_site)
            response.context_data |= self._review_context(request, request.get_full_path(), groups)
        page: HttpResponse = response
        return page

    @method_decorator(require_safe)
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """One page of the pictures of a group, in place of a form."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        group: Any = self.get_object(request, object_id)
        shown = show_page(group, page_number(request.GET), self.admin_site) if group else None
        if shown is None:
            return self._find_again(request, request.GET.get("picture", ""))
        context = self._review_context(request, request.get_full_path(), [shown])
        title = _("Duplicates of %(name)s") % {"name": isolated(shown.keeper)}
        return admin_page(self, request, PAGE, title, **context, **(extra_context or {}))

    def group_of_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """To the group that has this picture."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return self._find_again(request, str(pk))

    def _find_again(self, request: HttpRequest, asset_pk: str) -> HttpResponse:
        found = (
            self.get_queryset(request).filter(members__asset=asset_pk) if parse_integer(asset_pk) is not None else ()
        )
        for shown in show_groups(found, self.admin_site):
            return redirect(shown.address)
        messages.info(request, _("This group is not there any more, or was made anew."))
        return redirect(list_address(self.admin_site))

    def _review_context(self, request: HttpRequest, back: str, groups: list[ShownGroup]) -> dict[str, Any]:
        may_decide = self.has_change_permission(request)
        attach_owners((card.asset for group in groups for card in group.cards), request, self.admin_site)
        return {**review_context(request, self.admin_site, back, may_decide=may_decide), "groups": groups}


def _may_see_pictures(request: HttpRequest) -> bool:
    user: Any = request.user
    names = (f"{ImageAsset._meta.app_label}.{right}_{ImageAsset._meta.model_name}" for right in ("view", "change"))
    return any(user.has_perm(name) for name in names)
