from __future__ import annotations

import logging
from collections.abc import Collection
from typing import NamedTuple

from django.core.files.storage import Storage
from django.utils.translation import gettext as _

from hashing.db.paging import batches
from hashing.grouping.constraints import PairConstraints, read_constraints_around
from hashing.grouping.incremental import regroup
from hashing.models.duplicates import GroupMember
from hashing.models.image_asset import ImageAsset
from hashing.models.querysets import ImageAssetQuerySet
from hashing.sources.keys import SourceKey
from hashing.sources.storages import find_storages
from hashing.stored_files.availability import StorageUnavailable, check_storage
from hashing.text import first_line, printable


def file_problem(asset: ImageAsset) -> str:
    """Ask the storage what is wrong with the file; empty when it is as it was hashed. Raises `StorageUnavailable`.

    It may take long: not for a transaction, and least of all while the groups are locked.
    """
    storage, name = asset.image.storage, asset.image.name or ""
    try:
        if not name or not storage.exists(name):
            check_storage(storage)
            return _("File not found at %(name)s") % {"name": name}
        if asset.file_size is not None and storage.size(name) != asset.file_size:
            return _("The file at %(name)s is not the one that was hashed") % {"name": name}
    except StorageUnavailable:
        raise
    # Whatever a storage raises.
    except Exception as error:
        raise StorageUnavailable(f"{type(error).__name__}: {first_line(error)}") from error
    return ""


def record_problem(asset: ImageAsset, problem: str, using: str) -> None:
    """Write down what `file_problem` has found on the row, and give its group another keeper if need be.

    The hash stays, so that the image stays in its group, but it is no keeper as long as its row has an error.
    """
    rows = ImageAsset.objects.using(using).hashed().filter(pk=asset.pk, image=asset.image.name)
    is_new = rows.exclude(hash_error=problem).update(hash_error=problem)
    # An image whose file has come back is about to be decided about, and its group made again.
    if is_new and problem:
        groups = GroupMember.objects.using(using).filter(asset=asset.pk).values_list("group", flat=True)
        regroup(using=using, groups=list(groups))


logger = logging.getLogger(__name__)


KEEPER_FIELDS = ("pk", "image", "file_size", "source_type", "source_id", "source_field")


class Keeper(NamedTuple):
    """A row that duplicates may be deleted for, with the file that it had when it was looked at."""

    pk: int
    name: str
    size: int | None
    source: SourceKey | None = None


def lock_with_keepers(keys: Collection[int], using: str) -> None:
    """Keep others from deleting these rows, or those they are the same as, or giving them a new file, until the
    transaction ends."""
    verdicts = read_constraints_around(set(keys), using)
    rows = ImageAsset.objects.using(using).order_by("pk").select_for_update(of=("self",))
    for batch in batches(sorted({*keys, *verdicts.must_link})):
        list(rows.filter(pk__in=batch).values_list("pk"))


def find_keepers(keys: Collection[int], using: str) -> set[Keeper]:
    """Return the keepers of these marked duplicates whose file is in the storage, as long as it was when hashed."""
    verdicts = read_constraints_around(set(keys), using)
    keepers = _keepers(keys, verdicts, using)
    storages = find_storages({keeper.source for keeper in keepers}, using)
    return {keeper for keeper in keepers if keeper.source in storages and _has_file(keeper, storages[keeper.source])}


def reasons_to_stay(keys: Collection[int], using: str, present: Collection[Keeper]) -> dict[int, str]:
    """Return those of the marked duplicates that must not be deleted, each with the reason.

    A duplicate needs a keeper among those that are `present`: called the same, not marked itself, hashed, and with the
    file that was found in the storage. And its own file must be the one that was looked at.
    """
    verdicts = read_constraints_around(set(keys), using)
    kept = {keeper.pk for keeper in _keepers(keys, verdicts, using) if keeper in present}
    waiting = ImageAsset.objects.using(using).never_tried()
    new = {key for batch in batches(keys) for key in waiting.filter(pk__in=batch).values_list("pk", flat=True)}
    reasons = {}
    for key in keys:
        if key in new:
            reasons[key] = _("its file is new, and was not compared yet")
        elif kept.isdisjoint(_unmarked(verdicts, key)):
            reasons[key] = _("nothing is kept of it. What it is a duplicate of has no readable file, or another one")
    return reasons


def _keepers(keys: Collection[int], verdicts: PairConstraints, using: str) -> set[Keeper]:
    others = {other for key in keys for other in _unmarked(verdicts, key)}
    return {
        Keeper(pk, name, size, SourceKey.of(*source))
        for batch in batches(others)
        for pk, name, size, *source in _sound(batch, using).values_list(*KEEPER_FIELDS)
    }


def _unmarked(verdicts: PairConstraints, key: int) -> set[int]:
    return set(verdicts.must_link.get(key, ())) - verdicts.marked - verdicts.cannot_link.get(key, set())


def _sound(keys: Collection[int], using: str) -> ImageAssetQuerySet[ImageAsset]:
    return ImageAsset.objects.using(using).hashed().filter(pk__in=keys, hash_error="")


def _has_file(keeper: Keeper, storage: Storage) -> bool:
    """Whether the file is there. One of another size was overwritten, or cut off."""
    try:
        if not keeper.name or not storage.exists(keeper.name):
            return False
        return keeper.size is None or storage.size(keeper.name) == keeper.size
    # Whatever a storage raises: what cannot be seen is not taken for a keeper.
    except Exception as error:
        logger.warning("%s cannot be looked at: %s", printable(keeper.name), first_line(error))
        return False
