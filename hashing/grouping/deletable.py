"""Which marked duplicates can be deleted without losing the picture."""

from __future__ import annotations

from collections.abc import Collection

from hashing.grouping.verdicts import Verdicts, read_verdicts_around
from hashing.models.images import ImageAsset


def without_keeper(keys: Collection[int], using: str) -> set[int]:
    """Those of the marked duplicates that have nothing left to be a duplicate of: a picture that was called the same,
    is not marked itself, could be hashed, and has its file in the storage."""
    verdicts = read_verdicts_around(set(keys), using)
    kept = {other for key in keys for other in _unmarked(verdicts, key)}
    sound = ImageAsset.objects.using(using).hashed().filter(pk__in=kept, hash_error="")
    storage = ImageAsset.image.field.storage
    present = {key for key, name in sound.values_list("pk", "image") if name and storage.exists(name)}
    return {key for key in keys if present.isdisjoint(_unmarked(verdicts, key))}


def _unmarked(verdicts: Verdicts, key: int) -> set[int]:
    return set(verdicts.same.get(key, ())) - verdicts.marked
