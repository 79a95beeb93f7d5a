from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.actions import delete_selected
from django.db import router
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from hashing.admin.deletion.related_rows import is_deleting_images
from hashing.admin.links import linked_names
from hashing.admin.paginator import LargeTablePaginator
from hashing.admin.visibility import ImageAccess
from hashing.grouping.decisions import delete_decisions
from hashing.grouping.group_rows import groups_locked
from hashing.models import PairDecision


@admin.register(PairDecision)
class PairDecisionAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Decisions that were not superseded. Deleting one takes it back."""

    list_display = ("images", "verdict", "duplicate_link", "editor", "decided_at")
    list_display_links = None
    actions = ("delete_selected",)
    list_filter = ("verdict",)
    list_select_related = ("lower", "higher", "duplicate")
    list_per_page = 50
    list_max_show_all = 0
    ordering = ("-pk",)
    paginator = LargeTablePaginator
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[PairDecision]:
        decisions = super().get_queryset(request).filter(superseded_by__isnull=True)
        decisions = self.access(request).limit(decisions, "lower", "higher")
        # Not joined: the users may be in another database.
        return decisions.prefetch_related("decided_by")

    @admin.action(description=_("Take back the selected decisions"), permissions=["delete"])
    def delete_selected(self, request: HttpRequest, queryset: QuerySet[PairDecision]) -> Any:
        # Django's own action, under another name.
        return delete_selected(self, request, queryset)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.access(request).may_see_images() and super().has_view_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if is_deleting_images(request):
            return True
        access = self.access(request)
        if not (access.may_see_images() and super().has_delete_permission(request, obj)):
            return False
        return obj is None or all(access.allows("change", asset) for asset in (obj.lower, obj.higher))

    def access(self, request: HttpRequest) -> ImageAccess:
        return ImageAccess(request, self.admin_site)

    @admin.display(description=_("images"))
    def images(self, decision: PairDecision) -> SafeString:
        return linked_names([decision.lower, decision.higher], self.admin_site, more=False)

    @admin.display(description=_("marked as duplicate"))
    def duplicate_link(self, decision: PairDecision) -> SafeString | None:
        return linked_names([decision.duplicate], self.admin_site, more=False) if decision.duplicate else None

    @admin.display(description=_("decided by"), ordering="decided_by_id")
    def editor(self, decision: PairDecision) -> str:
        return str(decision.decided_by or _("Somebody"))

    def delete_model(self, request: HttpRequest, obj: PairDecision) -> None:
        self.delete_queryset(request, self.get_queryset(request).filter(pk=obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[PairDecision]) -> None:
        """Take the decisions back: the images are shown for review again."""
        using = router.db_for_write(PairDecision)
        with groups_locked(using):
            delete_decisions(set(queryset.using(using).values_list("lower", "higher")), using, request.user.pk)
