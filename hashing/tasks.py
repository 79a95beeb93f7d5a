"""What the site may leave to a queue, whichever queue its `TASKS` setting names."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied

from hashing.backfill import BackfillResult, hash_key_range
from hashing.grouping.upkeep import follow_upload
from hashing.hash_row import hash_row
from hashing.models import HashedImage, ImageAsset
from hashing.task_queue import task


@task()
def hash_upload(model_label: str, pk: str, name: str, using: str) -> None:
    """Hash the file `name` of one row, unless the row has got another file by then, and let it join its duplicates."""
    model = apps.get_model(model_label)
    if not issubclass(model, HashedImage):
        raise TypeError(f"{model_label} has no hashes")
    key = model._meta.pk.to_python(pk)
    if hash_row(model, key, name, using):
        follow_upload(model, key, using)


@task()
def hash_range(arguments: dict[str, Any]) -> BackfillResult:
    """A key range of the backfill; `arguments` are those of `hash_key_range`."""
    return hash_key_range(**arguments)


@task()
def hash_selection(user_pk: str, title: str, query: str, keys: list[str] | None, rehash: bool) -> None:  # noqa: FBT001
    """Hash what a user of the admin has selected, as far as this user still may."""
    from hashing.admin.history import record_run
    from hashing.admin.runs import hash_rows
    from hashing.admin.selection import Selection

    user = get_user_model()._default_manager.get(pk=user_pk)
    if not (user.is_active and user.has_perm("hashing.change_imageasset")):
        raise PermissionDenied
    rows = Selection(query, keys).rows(admin.site.get_model_admin(ImageAsset), user)
    record_run(user.pk, title, hash_rows(rows, rehash=rehash))
