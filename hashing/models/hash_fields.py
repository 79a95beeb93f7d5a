"""The fields of an image asset that describe the contents of its file, and are cleared when the file is replaced."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import models
from django.db.models import Case, F, Q, QuerySet, Value, When

from hashing.db.paging import batches
from hashing.models.image_file import is_upload
from hashing.signals import files_replaced

EMPTY_HASH_FIELDS: dict[str, Any] = {
    "perceptual_hash": None,
    "vertical_hash": None,
    "detail_hash": None,
    "hash_quality": None,
    "hash_version": None,
    "hash_error": "",
    "hashed_at": None,
    "width": None,
    "height": None,
    "file_size": None,
    "file_digest": None,
    "file_format": None,
    "jpeg_quality": None,
    "is_transparent": None,
    "exif_count": None,
    "taken_at": None,
    "inside_perceptual_hash": None,
    "inside_vertical_hash": None,
    "inside_detail_hash": None,
    "inside_quality": None,
    "inside_left": None,
    "inside_top": None,
    "inside_right": None,
    "inside_bottom": None,
}
HASH_FIELDS = tuple(EMPTY_HASH_FIELDS)

# Values for `update()` where the file is replaced.
REPLACED: dict[str, Any] = EMPTY_HASH_FIELDS | {"file_version": F("file_version") + 1}


def replaced_unless(is_same: Q, model: type[models.Model]) -> dict[str, Any]:
    """Return values for `update()` that clear the hash of rows for which `is_same` does not hold."""
    meta: Any = model._meta
    values = REPLACED | {name: Value(value, meta.get_field(name)) for name, value in EMPTY_HASH_FIELDS.items()}
    return {name: Case(When(is_same, then=F(name)), default=value) for name, value in values.items()}


def clear_replaced(rows: QuerySet[Any], objs: Sequence[models.Model], unique: Sequence[models.Field[Any, Any]]) -> None:
    """Clear the hash of the rows that are about to get another file from one of the objects, in both.

    The values of the `unique` fields say which row an object is written to. All these rows are locked until the end of
    the caller's transaction.
    """
    names = [field.attname for field in unique]
    objects = {tuple(getattr(each, name) for name in names): each for each in objs}
    locked = rows.order_by("pk").select_for_update(no_key=True)
    for batch in batches(objects):
        found = locked.filter(**{f"{names[0]}__in": [values[0] for values in batch]})
        stored = found.values_list("pk", "image", *names)
        pairs = [(pk, name, objects.get(tuple(values))) for pk, name, *values in stored]
        replaced = {pk: each for pk, name, each in pairs if each is not None and has_other_file(each, name)}
        rows.filter(pk__in=replaced).update(**REPLACED)
        for each in replaced.values():
            vars(each).update(EMPTY_HASH_FIELDS)
        files_replaced.send(rows.model, keys=list(replaced), using=rows.db)


def has_other_file(asset: Any, stored_name: str | None) -> bool:
    """Whether the file of the instance is an upload, or has another name than the stored one."""
    return is_upload(asset.image) or (asset.image.name or "") != (stored_name or "")
