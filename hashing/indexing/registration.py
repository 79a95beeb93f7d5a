from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, cast

from django.utils import timezone
from django.utils.translation import gettext as _

from hashing.db.bulk_insert import insert_rows, insert_unless_taken
from hashing.db.paging import batches
from hashing.indexing.changes import IndexChanges, plan_changes, set_owner
from hashing.models.image_asset import CoOwner, ImageAsset
from hashing.sources.keys import SourceKey
from hashing.sources.source import ImageSource, OwnedFile
from hashing.text import printable

logger = logging.getLogger(__name__)

MAX_NAME_LENGTH = cast("int", ImageAsset._meta.get_field("image").max_length)
MAX_KEY_LENGTH = cast("int", ImageAsset._meta.get_field("source_id").max_length)
OWNER_FIELDS = ("source_type", "source_id", "source_field")
NEW_ASSET_FIELDS = ("image", "created_at", "hash_error", *OWNER_FIELDS)


@dataclass
class SyncCounts:
    """Counts of rows and assets that were changed.

    `added`: new assets. `replaced`: assets with another file than before. `shared`: rows that got an existing asset.
    `removed`: assets and co-owners whose row or file is gone. `left_out`: rows that cannot be registered; the log says
    which, and why.
    """

    added: int = 0
    replaced: int = 0
    shared: int = 0
    removed: int = 0
    left_out: int = 0

    def add(self, other: SyncCounts) -> None:
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))

    def __str__(self) -> str:
        shown = [
            _("%(count)d added") % {"count": self.added},
            _("%(count)d replaced") % {"count": self.replaced},
            _("%(count)d shared") % {"count": self.shared},
            _("%(count)d removed") % {"count": self.removed},
        ]
        if self.left_out:
            shown.append(_("%(count)d left out") % {"count": self.left_out})
        return ", ".join(shown)

    @property
    def total(self) -> int:
        return self.added + self.replaced + self.shared + self.removed + self.left_out


class Registration:
    """Attaches rows of a source to the assets of their files, and detaches them.

    All of it happens in the caller's transaction of the database `using`.
    """

    def __init__(self, source: ImageSource, using: str, *, dry_run: bool = False) -> None:
        """A `dry_run` counts changes without writing them."""
        self._source, self._using, self._dry_run = source, using, dry_run
        self._assets = ImageAsset._base_manager.using(using)
        self._co_owners = CoOwner._base_manager.using(using)

    def add(self, file: OwnedFile) -> ImageAsset | None:
        """Add the asset of a new row in one query. Return None if another asset has the name, or it is too long."""
        if not self._fits(file):
            return None
        values = dict(zip(NEW_ASSET_FIELDS, self._new_values(file, timezone.now()), strict=True))
        pk = insert_unless_taken(ImageAsset, values, "image", self._using)
        if pk is None:
            return None
        asset = ImageAsset(pk=pk, **values)
        asset._state.adding, asset._state.db = False, self._using
        return asset

    def attach(self, files: Sequence[OwnedFile]) -> SyncCounts:
        """Give each file its asset: a new one, the row's own under another name, or the one that has the file."""
        fitting = [file for file in files if self._fits(file)]
        counts = SyncCounts(left_out=len(files) - len(fitting))
        names = self.registered_names([file.source_id for file in fitting])
        stale = [file for file in fitting if file.overwritten or names.get(file.source_id) != file.name]
        if stale:
            registered = {file.source_id for file in stale} & names.keys()
            changes = plan_changes(self._source, self._using, stale, registered)
            if not self._dry_run:
                self._write(changes)
            counts.added = len(changes.new)
            counts.replaced = len(changes.renamed) + len(changes.overwritten)
            counts.shared = len(changes.adopted) + len(changes.shared)
        return counts

    def detach(self, source_ids: Iterable[str]) -> SyncCounts:
        """Detach rows from their assets. An asset without another owner is deleted; the files stay."""
        counts = SyncCounts()
        for ids in batches(source_ids, 1000):
            shared = self._co_owners.filter(self._source.owner_filter, source_id__in=ids)
            owned = list(self._assets.filter(self._source.owner_filter, source_id__in=ids).order_by("pk"))
            counts.removed += len(owned) + shared.count()
            if not self._dry_run:
                shared.delete()
                self._hand_over(owned)
        return counts

    def registered_names(self, source_ids: Collection[str]) -> dict[str, str | None]:
        """Return the file names that the index has for these rows."""
        names: dict[str, str | None] = {}
        owned = self._assets.filter(self._source.owner_filter)
        shared = self._co_owners.filter(self._source.owner_filter)
        for ids in batches(source_ids):
            own_names = owned.filter(source_id__in=ids).values_list("source_id", "image")
            shared_names = shared.filter(source_id__in=ids).values_list("source_id", "asset__image")
            names.update((key, name) for key, name in own_names.union(shared_names, all=True) if key)
        return names

    def _fits(self, file: OwnedFile) -> bool:
        fits = len(file.name) <= MAX_NAME_LENGTH and len(file.source_id) <= MAX_KEY_LENGTH
        if not fits:
            logger.warning("A file is left out, its name or key is too long: %s", printable(str(self._key(file))))
        return fits

    def _write(self, changes: IndexChanges) -> None:
        if changes.detached:
            self.detach(changes.detached)
        now = timezone.now()
        rows = [self._new_values(file, now) for file in changes.new]
        insert_rows(ImageAsset, NEW_ASSET_FIELDS, rows, self._using)
        if changes.renamed:
            ImageAsset.objects.using(self._using).bulk_update(changes.renamed, ["image"])
        if changes.adopted:
            self._assets.bulk_update(changes.adopted, OWNER_FIELDS)
        if changes.shared:
            self._share(changes.shared)
        if changes.overwritten:
            ImageAsset.objects.using(self._using).clear_hashes(changes.overwritten)

    def _new_values(self, file: OwnedFile, now: datetime) -> tuple[Any, ...]:
        """Return the values of `NEW_ASSET_FIELDS`."""
        return (file.name, file.age or now, "", *self._key(file))

    def _share(self, shared: Sequence[tuple[OwnedFile, ImageAsset | OwnedFile]]) -> None:
        new = [found.source_id for _row, found in shared if isinstance(found, OwnedFile)]
        owned = self._assets.filter(self._source.owner_filter, source_id__in=new)
        pks = dict(owned.values_list("source_id", "pk"))
        self._co_owners.bulk_create(
            CoOwner(
                asset_id=pks[found.source_id] if isinstance(found, OwnedFile) else found.pk, **self._key(file)._asdict()
            )
            for file, found in shared
        )

    def _hand_over(self, assets: Sequence[ImageAsset]) -> None:
        """Give each asset to its first co-owner, and delete those that have none."""
        co_owners = self._co_owners.filter(asset__in=[asset.pk for asset in assets]).order_by("-pk")
        heirs = {each.asset_id: each for each in co_owners}
        inherited = [asset for asset in assets if asset.pk in heirs]
        for asset in inherited:
            set_owner(asset, heirs[asset.pk].source_key)
        self._co_owners.filter(pk__in=[heir.pk for heir in heirs.values()]).delete()
        self._assets.bulk_update(inherited, OWNER_FIELDS)
        self._assets.filter(pk__in=[asset.pk for asset in assets if asset.pk not in heirs]).delete()

    def _key(self, file: OwnedFile) -> SourceKey:
        return SourceKey(self._source.source_type, file.source_id, self._source.source_field)
