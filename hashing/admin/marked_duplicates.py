"""Delete what editors have marked as duplicates, with the files, for those who have the permission for it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import transaction
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hashing.admin.columns import Columns
from hashing.admin.deletion import Assets, Deletion
from hashing.admin.deletion_job import Tally
from hashing.admin.paginator import LargeTablePaginator
from hashing.admin.previews import Previews
from hashing.grouping.deletable import Keeper, find_keepers, lock_with_keepers, reasons_to_stay
from hashing.grouping.store import with_groups_locked
from hashing.models import ImageAsset, MarkedDuplicate, PairDecision
from hashing.stored_files import delete_unused, find_reasons_to_keep


@admin.register(MarkedDuplicate)
class MarkedDuplicateAdmin(Columns, Previews, Deletion):
    actions = ("delete_selected",)
    deletes_files = True
    list_display = ("preview", "name", "pixels_and_bytes", "kept", "added")
    list_display_links = None
    list_per_page = 50
    list_max_show_all = 0
    ordering = ("-pk",)
    paginator = LargeTablePaginator
    show_full_result_count = False

    class Media:
        css = {"all": ["hashing/admin.css"]}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

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

    def reasons_to_stay(self, request: HttpRequest, assets: Assets) -> dict[int, str]:
        keys = [asset.pk for asset in assets]
        return reasons_to_stay(keys, self.database, find_keepers(keys, self.database))

    def files_to_stay(self, assets: Assets) -> dict[str, str]:
        names = [asset.image.name or "" for asset in assets]
        return find_reasons_to_keep(ImageAsset.image.field.storage, names, without=[asset.pk for asset in assets])

    def delete_assets(self, request: HttpRequest, assets: Assets, tally: Tally) -> None:
        """Delete rows and, after the commit, their files. Nobody waits for a lock while the storage is asked."""
        keepers = find_keepers([asset.pk for asset in assets], self.database)
        deleted, reasons = with_groups_locked(self.database, self._delete_marked, request, assets, keepers, tally)
        tally.add_deleted([str(asset) for asset in deleted])
        for asset in assets:
            if asset.pk in reasons:
                tally.add_stayed(str(asset), reasons[asset.pk])

    def _delete_marked(
        self, request: HttpRequest, assets: Assets, keepers: set[Keeper], tally: Tally
    ) -> tuple[Assets, dict[int, str]]:
        keys, using = [asset.pk for asset in assets], self.database
        lock_with_keepers(keys, using)
        # Asked again: until the rows were locked, a mark may have been taken back, or a file replaced.
        marked = {asset.pk: asset for asset in MarkedDuplicate.objects.using(using).filter(pk__in=keys)}
        reasons = dict.fromkeys(set(keys) - marked.keys(), _("it is no longer marked as a duplicate"))
        reasons |= reasons_to_stay(marked.keys(), using, keepers)
        going = [asset for key, asset in marked.items() if key not in reasons]
        deleted, needed = self.delete_rows(request, going)
        transaction.on_commit(lambda: _delete_files(deleted, tally), using=using)
        return deleted, reasons | needed

    def perform_deletion(self, request: HttpRequest, rows: QuerySet[ImageAsset]) -> None:
        rows.delete()

    def delete_model(self, request: HttpRequest, obj: MarkedDuplicate) -> None:
        self.delete_assets(request, [obj], Tally())

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[MarkedDuplicate]) -> None:
        self.delete_assets(request, list(queryset), Tally())


def _delete_files(assets: Assets, tally: Tally) -> None:
    result = delete_unused(ImageAsset.image.field.storage, {asset.image.name or "" for asset in assets})
    for name, reason in result.kept.items():
        tally.add_kept_file(name, reason)
    for name, reason in result.failed.items():
        tally.add_failed_file(name, reason)
