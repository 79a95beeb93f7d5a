from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin import AdminSite
from django.contrib.admin.options import ShowFacets
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from hashing.admin.columns import decided_html
from hashing.admin.decision_filters import DecidedAtFilter, DeciderFilter, search_by_images
from hashing.admin.paginator import LargeTablePaginator
from hashing.admin.review.taking_back import take_back_all
from hashing.admin.review.taking_back_views import TakingBackViews, pair_html, take_back_button
from hashing.admin.visibility import ImageAccess
from hashing.models import PairDecision


@admin.register(PairDecision)
class PairDecisionAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Decisions that can be taken back: not superseded, and on images that exist."""

    list_display = ("images", "verdict_text", "decided", "take_back_button")
    list_display_links = None
    actions = ("delete_selected",)
    list_filter = ("verdict", DeciderFilter, DecidedAtFilter)
    list_select_related = ("lower", "higher")
    list_per_page = 50
    list_max_show_all = 0
    ordering = ("-pk",)
    paginator = LargeTablePaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    search_fields = ("lower__image", "higher__image")
    search_help_text = _("Part of the file name of either image, or a key.")
    change_list_template = "admin/hashing/review/decisions.html"

    class Media:
        css = {"all": ["hashing/admin.css", "hashing/image_cells.css"]}

    def __init__(self, model: type[PairDecision], admin_site: AdminSite) -> None:
        super().__init__(model, admin_site)
        self.taking_back = TakingBackViews(self)

    def get_urls(self) -> list[Any]:
        return [*self.taking_back.urls(), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[PairDecision]:
        decisions = PairDecision.objects.not_superseded().with_images().order_by(*self.ordering)
        decisions = self.access(request).limit(decisions, "lower", "higher")
        # Not joined: the users may be in another database.
        return decisions.prefetch_related("decided_by")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[PairDecision], search_term: str
    ) -> tuple[QuerySet[PairDecision], bool]:
        return search_by_images(queryset, search_term), False

    @admin.action(description=_("Take back the selected decisions"), permissions=["delete"])
    def delete_selected(self, request: HttpRequest, queryset: QuerySet[PairDecision]) -> HttpResponse | None:
        # The name of Django's own action, in place of which this one is.
        return self.taking_back.selected(request, queryset)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return self.taking_back.one(request, object_id)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.access(request).may_see_images() and super().has_view_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        access = self.access(request)
        if not (access.may_see_images() and super().has_delete_permission(request, obj)):
            return False
        return obj is None or all(access.allows("change", asset) for asset in (obj.lower, obj.higher))

    def access(self, request: HttpRequest) -> ImageAccess:
        return ImageAccess(request, self.admin_site)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        title = capfirst(self.opts.verbose_name_plural)
        page: HttpResponse = super().changelist_view(request, {"title": title, **(extra_context or {})})
        return page

    @admin.display(description=_("images"))
    def images(self, decision: PairDecision) -> SafeString:
        return pair_html(decision, self.admin_site)

    @admin.display(description=_("verdict"), ordering="verdict")
    def verdict_text(self, decision: PairDecision) -> str:
        return str(capfirst(decision.get_verdict_display()))

    @admin.display(description=_("decided by"), ordering="pk")
    def decided(self, decision: PairDecision) -> SafeString:
        person = decision.decided_by
        return decided_html(person.get_username() if person else _("Somebody"), decision.decided_at)

    @admin.display(description=_("actions"))
    def take_back_button(self, decision: PairDecision) -> SafeString:
        return take_back_button(decision, self.admin_site)

    def get_list_display(self, request: HttpRequest) -> Any:
        names = super().get_list_display(request)
        return names if self.has_delete_permission(request) else [name for name in names if name != "take_back_button"]

    def delete_model(self, request: HttpRequest, obj: PairDecision) -> None:
        self.delete_queryset(request, self.get_queryset(request).filter(pk=obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[PairDecision]) -> None:
        """Take the decisions back: the images are shown for review again."""
        take_back_all(queryset, request, self)
