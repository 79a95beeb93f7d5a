"""Delete files that no row uses any more."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Iterator
from pathlib import Path

from django.apps import apps
from django.core.exceptions import SuspiciousOperation
from django.core.files.storage import Storage
from django.db import router
from django.db.models import FileField, Model

from hashing.paging import batches
from hashing.text import first_line, printable

logger = logging.getLogger(__name__)


def delete_unused(storage: Storage, names: Collection[str]) -> list[str]:
    """Delete stored files, but none that a row of any model names. Returns those that could not be deleted.

    For after the commit of what made them unused: a file that is gone comes back with no rollback.
    """
    refused = []
    for name in sorted(set(names) - {""} - _used(storage, names)):
        try:
            storage.delete(name)
        # Whatever a storage raises: the rows are gone, and the other files must go as well.
        except Exception as error:
            logger.error("%s cannot be deleted: %s", printable(name), first_line(error))
            refused.append(name)
    return refused


def _used(storage: Storage, names: Collection[str]) -> set[str]:
    """Those of the names that a file field somewhere has, in this storage or in one that may be the same."""
    used: set[str] = set()
    for model, field in _file_fields():
        there = {(other, name) for name in names for other in _names_in(field.storage, storage, name)}
        rows = model._base_manager.using(router.db_for_write(model)).order_by()
        for batch in batches({other for other, _name in there}):
            found = rows.filter(**{f"{field.attname}__in": batch})
            taken = set(found.values_list(field.attname, flat=True).distinct())
            used.update(name for other, name in there if other in taken)
    return used


def _file_fields() -> Iterator[tuple[type[Model], FileField]]:
    for model in apps.get_models(include_auto_created=True):
        if not model._meta.proxy and model._meta.managed:
            yield from ((model, field) for field in model._meta.local_fields if isinstance(field, FileField))


def _names_in(other: Storage, storage: Storage, name: str) -> set[str]:
    """What the same file may be called in another storage; nothing when it cannot be there.

    Storages that are not folders are taken to be the same one: a file too many is kept, and none is lost.
    """
    try:
        root, path = other.path(""), storage.path(name)
    except (NotImplementedError, SuspiciousOperation):
        return {name}
    is_same_folder = os.path.realpath(root) == os.path.realpath(storage.path(""))
    found = {name} if is_same_folder else set()
    # As it is written, and behind all links: a folder in the storage may be a link to another disk.
    for way in (os.path.abspath, os.path.realpath):
        place, folder = Path(way(path)), Path(way(root))
        if place.is_relative_to(folder):
            found.add(place.relative_to(folder).as_posix())
    return found
