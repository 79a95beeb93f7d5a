"""Delete what editors have marked as duplicates, with the files, for those who have the permission for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from typing import Any, cast

from django.contrib import admin
from django.core.files.storage import Storage
from django.db import transaction
from django.db.models import F, Model, OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hashing.admin.deletion.job import Tally
from hashing.admin.deletion.merging import Merging, Refusal
from hashing.admin.deletion.views import Assets, Deletion
from hashing.admin.images.columns import Columns
from hashing.admin.links import admin_url, link_or_text
from hashing.admin.paginator import LargeTablePaginator
from hashing.admin.previews import Previews
from hashing.grouping.deletion import Keeper, find_keepers, lock_with_keepers, reasons_to_stay
from hashing.grouping.store import with_groups_locked
from hashing.indexing.owners import find_owners
from hashing.models import ImageAsset, MarkedDuplicate, PairDecision
from hashing.sources.storages import find_storages, storage_key
from hashing.stored_files.deletion import delete_unused, find_reasons_to_keep

StoredFile = tuple[Storage, str]


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
        return link_or_text(admin_url(self.admin_site, "imageasset_change", asset.kept_pk), asset.kept_name)

    def reasons_to_stay(self, request: HttpRequest, assets: Assets) -> dict[int, str]:
        keys = [asset.pk for asset in assets]
        return reasons_to_stay(keys, self.database, find_keepers(keys, self.database))

    def refusals(self, request: HttpRequest, assets: Assets, tally: Tally) -> dict[int, str]:
        return self._merging(request, assets).reasons_to_stay(assets, tally.add_related)

    def files_to_stay(self, assets: Assets) -> dict[str, str]:
        owners = find_owners(assets, self.database)
        without: defaultdict[type[Model], set[Any]] = defaultdict(set)
        for asset in assets:
            without[ImageAsset].add(asset.pk)
            for owner in owners.get(asset.pk, []):
                # The column of a child by multi-table inheritance is in the table of its parent, with the same key.
                without[owner.source.field.model].add(owner.row.pk)
        reasons: dict[str, str] = {}
        for storage, names in _by_storage(_files_of(assets, self.database).values()):
            reasons |= find_reasons_to_keep(storage, names, without)
        return reasons

    def delete_rows(self, request: HttpRequest, assets: Assets) -> tuple[Assets, dict[int, str]]:
        """Delete what a row of the site owns by way of its source, one by one: one that must stay keeps no other."""
        merging = self._merging(request, assets)
        owned = [asset for asset in assets if merging.owners_of(asset)]
        deleted, reasons = super().delete_rows(request, [asset for asset in assets if not merging.owners_of(asset)])
        merged = []
        for asset in owned:
            try:
                merging.merge(asset)
            except Refusal as refusal:
                reasons[asset.pk] = str(refusal)
            else:
                merged.append(asset)
        if merged:
            self.log_deletions(request, cast("QuerySet[Any]", merged))
        return [*deleted, *merged], reasons

    def _merging(self, request: HttpRequest, assets: Assets) -> Merging:
        kept = self.get_queryset(request).using(self.database).filter(pk__in=[asset.pk for asset in assets])
        keepers = {asset.pk: getattr(asset, "kept_pk", None) for asset in kept}
        return Merging(assets, keepers, request, self.admin_site, self.database)

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
        # Now, because the rows that say where the files are may go.
        files = _files_of(going, using)
        deleted, needed = self.delete_rows(request, going)
        unused = [files[asset.pk] for asset in deleted if asset.pk in files]
        transaction.on_commit(lambda: _delete_files(unused, tally), using=using)
        return deleted, reasons | needed

    def perform_deletion(self, request: HttpRequest, rows: QuerySet[ImageAsset]) -> None:
        rows.delete()

    def delete_model(self, request: HttpRequest, obj: MarkedDuplicate) -> None:
        self.delete_assets(request, [obj], Tally())

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[MarkedDuplicate]) -> None:
        self.delete_assets(request, list(queryset), Tally())


def _files_of(assets: Assets, using: str) -> dict[int, StoredFile]:
    """The file of each asset, by its key, without those of which nobody knows the storage any more."""
    storages = find_storages({asset.source_key for asset in assets}, using)
    return {
        asset.pk: (storages[asset.source_key], asset.image.name)
        for asset in assets
        if asset.source_key in storages and asset.image.name
    }


def _by_storage(files: Iterable[StoredFile]) -> list[tuple[Storage, set[str]]]:
    # A source may make a storage for each row: those that are equal are asked once.
    grouped: dict[Hashable, tuple[Storage, set[str]]] = {}
    for storage, name in files:
        grouped.setdefault(storage_key(storage), (storage, set()))[1].add(name)
    return list(grouped.values())


def _delete_files(files: Sequence[StoredFile], tally: Tally) -> None:
    for storage, names in _by_storage(files):
        result = delete_unused(storage, names)
        for name, reason in result.kept.items():
            tally.add_kept_file(name, reason)
        for name, reason in result.failed.items():
            tally.add_failed_file(name, reason)
