from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from django.contrib.admin import ModelAdmin
from django.core.files.storage import Storage
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _

from hashing.admin.deletion.failures import reason_of_lock
from hashing.admin.deletion.kept_images import KeptImage, find_kept_images
from hashing.admin.deletion.merging import Merging, Refusal
from hashing.admin.deletion.policy import delete_rows, deletion_database
from hashing.admin.deletion.related_rows import Assets, Reasons
from hashing.admin.deletion.report import DeletedRows, DeletionReport
from hashing.admin.visibility import ImageAccess
from hashing.grouping.deletion import Keeper, find_keepers, find_kept, lock_with_keepers, reasons_to_stay
from hashing.grouping.group_rows import with_groups_locked
from hashing.grouping.inheritance import Inheritance
from hashing.indexing.owners import find_owners
from hashing.models import ImageAsset, MarkedDuplicate
from hashing.sources.storages import find_storages, storage_key
from hashing.stored_files.deletion import delete_unused
from hashing.stored_files.references import find_reasons_to_keep


class StoredFile(NamedTuple):
    storage: Storage
    name: str
    # In bytes; 0 if it is not known.
    size: int


@dataclass(frozen=True)
class MarkedDuplicateDeletion:
    """Delete marked duplicates of which a copy is kept, the rows of the site that own them, and their unused files."""

    model_admin: ModelAdmin[Any]
    deletes_files = True

    def find_refusals(self, request: HttpRequest, assets: Assets, report: DeletionReport) -> Reasons:
        return self.merging(request, assets).find_reasons_to_stay(assets, report.add_related)

    def find_reasons_to_stay(self, assets: Assets) -> Reasons:
        keys, using = [asset.pk for asset in assets], deletion_database()
        return reasons_to_stay(keys, using, find_keepers(keys, using))

    def find_files_to_stay(self, assets: Assets) -> dict[str, str]:
        using = deletion_database()
        owners = find_owners(assets, using)
        excluded: defaultdict[type[Model], set[Any]] = defaultdict(set)
        for asset in assets:
            excluded[ImageAsset].add(asset.pk)
            for owner in owners.get(asset.pk, []):
                # With multi-table inheritance, the column is in the table of the parent, with the same key.
                excluded[owner.source.field.model].add(owner.row.pk)
        reasons: dict[str, str] = {}
        for storage, sizes in sizes_by_storage(stored_files(assets, using).values()):
            reasons |= find_reasons_to_keep(storage, sizes, excluded)
        return reasons

    def find_kept_images(self, request: HttpRequest, assets: Assets) -> dict[int, KeptImage]:
        access = ImageAccess(request, self.model_admin.admin_site)
        return find_kept_images([asset.pk for asset in assets], access, deletion_database())

    def delete_batch(self, request: HttpRequest, assets: Assets, report: DeletionReport) -> None:
        """Delete rows and, after the commit, their files. No lock is held while a storage is asked."""
        using = deletion_database()
        keepers = find_keepers([asset.pk for asset in assets], using)
        batch = with_groups_locked(using, self._delete_locked, request, assets, keepers, report)
        report.add_batch(assets, batch)

    def delete_one(self, request: HttpRequest, asset: ImageAsset, report: DeletionReport) -> None:
        self.delete_batch(request, [asset], report)

    def merging(self, request: HttpRequest, assets: Assets) -> Merging:
        using = deletion_database()
        keepers = find_kept([asset.pk for asset in assets], using)
        return Merging(assets, keepers, request, self.model_admin.admin_site, using)

    def _delete_locked(
        self, request: HttpRequest, assets: Assets, keepers: set[Keeper], report: DeletionReport
    ) -> DeletedRows:
        keys, using = [asset.pk for asset in assets], deletion_database()
        busy = lock_with_keepers(keys, using)
        # Checked again: before the rows were locked, a mark may have been taken back, or a file replaced.
        marked = {asset.pk: asset for asset in MarkedDuplicate.objects.using(using).filter(pk__in=keys)}
        reasons = dict.fromkeys(busy, reason_of_lock())
        reasons |= dict.fromkeys(set(keys) - marked.keys(), _("it is no longer marked as a duplicate"))
        reasons |= reasons_to_stay(marked.keys() - busy, using, keepers)
        deletable = [asset for key, asset in marked.items() if key not in reasons]
        # Read before the deletion, which may also delete the rows that determine the storage.
        files = stored_files(deletable, using)
        inheritance = Inheritance.of([asset.pk for asset in deletable], using)
        deleted, kept = self._delete_rows(request, deletable)
        inheritance.hand_over([asset.pk for asset in deleted], using)
        unused = [files[asset.pk] for asset in deleted if asset.pk in files]
        transaction.on_commit(lambda: delete_files(unused, report), using=using)
        return DeletedRows(deleted, reasons | kept)

    def _delete_rows(self, request: HttpRequest, assets: Assets) -> DeletedRows:
        """Delete images without an owner together, and the others one by one by way of their sources."""
        merging = self.merging(request, assets)
        without_owner = [asset for asset in assets if not merging.owners_of(asset)]
        deleted, reasons = delete_rows(self.model_admin, request, without_owner, lambda rows: rows.delete())
        merged = []
        for asset in assets:
            if not merging.owners_of(asset):
                continue
            try:
                merging.merge(asset)
            except Refusal as refusal:
                reasons[asset.pk] = str(refusal)
            else:
                merged.append(asset)
        if merged:
            self.model_admin.log_deletions(request, cast("QuerySet[Any]", merged))
        return DeletedRows([*deleted, *merged], reasons)


def stored_files(assets: Assets, using: str) -> dict[int, StoredFile]:
    """Return the file of each asset by its key, except those whose storage is unknown."""
    storages = find_storages({asset.source_key for asset in assets}, using)
    return {
        asset.pk: StoredFile(storages[asset.source_key], asset.image.name, asset.file_size or 0)
        for asset in assets
        if asset.source_key in storages and asset.image.name
    }


def sizes_by_storage(files: Iterable[StoredFile]) -> list[tuple[Storage, dict[str, int]]]:
    """Return each storage once with the sizes of its files by their names.

    A source may make an equal storage for each of its rows.
    """
    grouped: dict[Hashable, tuple[Storage, dict[str, int]]] = {}
    for file in files:
        grouped.setdefault(storage_key(file.storage), (file.storage, {}))[1][file.name] = file.size
    return list(grouped.values())


def delete_files(files: Sequence[StoredFile], report: DeletionReport) -> None:
    for storage, sizes in sizes_by_storage(files):
        result = delete_unused(storage, sizes)
        report.freed += sum(sizes[name] for name in result.deleted)
        for name, reason in result.kept.items():
            report.add_kept_file(name, reason)
        for name, reason in result.failed.items():
            report.add_failed_file(name, reason)
