"""Which marked duplicates can be deleted without losing the picture."""

from __future__ import annotations

from collections.abc import Collection

from django.core.files.storage import Storage

from hashing.grouping.verdicts import Verdicts, read_verdicts_around
from hashing.models.images import ImageAsset
from hashing.paging import batches
from hashing.querysets import HashedImageQuerySet


def lock_with_keepers(keys: Collection[int], using: str) -> None:
    """Until the transaction ends, nobody deletes these rows or those they are the same as, or gives them a new file."""
    verdicts = read_verdicts_around(set(keys), using)
    rows = ImageAsset.objects.using(using).order_by("pk").select_for_update(of=("self",))
    for batch in batches(sorted({*keys, *verdicts.same})):
        list(rows.filter(pk__in=batch).values_list("pk"))


def without_keeper(keys: Collection[int], using: str) -> set[int]:
    """Those of the marked duplicates that have nothing left to be a duplicate of: a picture that was called the same,
    is not marked itself, could be hashed, and has its file in the storage, as long as it was then. And those whose own
    file was not looked at: it may be a new one.
    """
    verdicts = read_verdicts_around(set(keys), using)
    kept = {other for key in keys for other in _unmarked(verdicts, key)}
    storage = ImageAsset.image.field.storage
    present = {
        key
        for batch in batches(kept)
        for key, name, size in _sound(batch, using).values_list("pk", "image", "file_size")
        if _is_there(storage, name, size)
    }
    waiting = ImageAsset.objects.using(using).never_tried()
    new = {key for batch in batches(keys) for key in waiting.filter(pk__in=batch).values_list("pk", flat=True)}
    return {key for key in keys if key in new or present.isdisjoint(_unmarked(verdicts, key))}


def _unmarked(verdicts: Verdicts, key: int) -> set[int]:
    return set(verdicts.same.get(key, ())) - verdicts.marked - verdicts.different.get(key, set())


def _sound(keys: Collection[int], using: str) -> HashedImageQuerySet[ImageAsset]:
    return ImageAsset.objects.using(using).hashed().filter(pk__in=keys, hash_error="")


def _is_there(storage: Storage, name: str, size: int | None) -> bool:
    """A file of another size was overwritten, or cut off."""
    if not name or not storage.exists(name):
        return False
    return size is None or storage.size(name) == size
