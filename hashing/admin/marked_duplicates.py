"""Delete what editors have marked: a permission of its own, Django's own confirmation, and the files as well."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, strip_tags
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hashing.admin.columns import Columns
from hashing.admin.paginator import LargeTablePaginator
from hashing.admin.previews import Previews
from hashing.grouping.deletable import lock_with_keepers, without_keeper
from hashing.grouping.store import groups_locked
from hashing.models import DuplicateGroup, GroupMember, ImageAsset, MarkedDuplicate, PairDecision
from hashing.stored_files import delete_unused

# What goes with a picture in any case; nobody needs a permission for it.
BOOKKEEPING = (DuplicateGroup, GroupMember, PairDecision)


@admin.register(MarkedDuplicate)
class MarkedDuplicateAdmin(Columns, Previews):
    list_display = ("preview", "name", "pixels_and_bytes", "kept", "added")
    list_display_links = None
    list_per_page = 50
    list_max_show_all = 0
    ordering = ("-pk",)
    paginator = LargeTablePaginator
    show_full_result_count = False
    delete_confirmation_template = "admin/hashing/delete_marked.html"
    delete_selected_confirmation_template = "admin/hashing/delete_marked_selected.html"

    class Media:
        css = {"all": ["hashing/admin.css"]}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_urls(self) -> list[Any]:
        # Not the address of the previews again: that is the image assets'.
        return super(Previews, self).get_urls()

    def get_queryset(self, request: HttpRequest) -> QuerySet[MarkedDuplicate]:
        marks = PairDecision.objects.current().filter(duplicate=OuterRef("pk")).order_by("-pk")
        other = marks.values_list(F("lower") + F("higher") - F("duplicate"))[:1]
        rows = super().get_queryset(request).annotate(kept_pk=Subquery(other))
        name = ImageAsset.objects.filter(pk=OuterRef("kept_pk")).values("image")
        return rows.annotate(kept_name=Subquery(name))  # type: ignore[no-any-return]

    @admin.display(description=gettext_lazy("duplicate of"))
    def kept(self, asset: Any) -> SafeString:
        url = reverse("admin:hashing_imageasset_change", args=(asset.kept_pk,))
        return format_html('<a href="{}">{}</a>', url, asset.kept_name)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """What Django's page lists. A picture that nothing is kept of is protected, and stops the deletion."""
        objects, counts, permissions, protected = super().get_deleted_objects(objs, request)
        needless = {str(model._meta.verbose_name) for model in BOOKKEEPING}
        plural = {str(model._meta.verbose_name_plural) for model in BOOKKEEPING}
        alone = without_keeper({each.pk for each in objs}, _database(objs))
        reasons = [
            _("%(picture)s: nothing is kept of it. What it is a duplicate of has no file, or another one")
            % {"picture": each}
            for each in objs
            if each.pk in alone
        ]
        objects, counts = _without(needless, objects), {name: n for name, n in counts.items() if name not in plural}
        return objects, counts, {each for each in permissions if each not in needless}, [*protected, *reasons]

    def delete_model(self, request: HttpRequest, obj: MarkedDuplicate) -> None:
        self.delete_queryset(request, self.get_queryset(request).filter(pk=obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[MarkedDuplicate]) -> None:
        # Nobody takes a mark or a keeper away between the check and the deletion.
        with groups_locked(queryset.db):
            lock_with_keepers(list(queryset.values_list("pk", flat=True)), queryset.db)
            # Asked again: until the rows were locked, one of them may have got another file.
            names = dict(queryset.values_list("pk", "image"))
            deleted = names.keys() - without_keeper(names.keys(), queryset.db)
            ImageAsset.objects.using(queryset.db).filter(pk__in=deleted).delete()
            if len(deleted) < len(names):
                messages.error(request, _("Some pictures were left, because nothing else is kept of them."))
            files = [names[key] for key in deleted]
            transaction.on_commit(lambda: _delete_files(request, files), using=queryset.db)


def _delete_files(request: HttpRequest, names: list[str]) -> None:
    if refused := delete_unused(ImageAsset.image.field.storage, names).failed:
        text = _("The rows are deleted, but these files could not be: {}")
        messages.warning(request, format_html(text, ", ".join(refused)))


def _without(kinds: set[str], objects: list[Any]) -> list[Any]:
    """Django's nested list of what would go, without the lines about some kinds of rows and what hangs on these."""
    kept: list[Any] = []
    starts = tuple(f"{capfirst(kind)}: " for kind in kinds)
    is_left_out = False
    for line in objects:
        if isinstance(line, list):
            kept += [] if is_left_out else [_without(kinds, line)]
        else:
            is_left_out = strip_tags(line).startswith(starts)
            kept += [] if is_left_out else [line]
    return [line for line in kept if line != []]


def _database(objs: Any) -> str:
    return objs.db if isinstance(objs, QuerySet) else str(objs[0]._state.db)
