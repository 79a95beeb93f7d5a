"""Whether the file of an image is there, so that others can be marked as its duplicates."""

from __future__ import annotations

from django.utils.translation import gettext as _

from hashing.backfill.outage import Outage, check_storage
from hashing.grouping.regroup import regroup
from hashing.models.duplicates import GroupMember
from hashing.models.images import ImageAsset
from hashing.text import first_line


class StorageUnavailable(Exception):
    """Nobody can say whether the file is there."""


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
    except Outage as outage:
        raise StorageUnavailable(str(outage)) from outage
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
