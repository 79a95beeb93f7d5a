"""How a worker process, which has the site's settings, finds the storage of a file."""

from __future__ import annotations

import pickle
from functools import cache
from typing import Any, NamedTuple

from hashing.workers import reading
from hashing.workers.read_ahead import READING_THREADS


class StorageField(NamedTuple):
    """The storage of a model's file field."""

    app_label: str
    model_name: str
    field_name: str


class StorageAlias(NamedTuple):
    """A storage of the setting STORAGES."""

    alias: str


class PickledStorage(NamedTuple):
    """Any other storage."""

    content: bytes


StorageReference = StorageField | StorageAlias | PickledStorage


@cache
def open_storage(reference: StorageReference) -> Any:
    """Return the storage, with connections for all reading threads; one object for equal references."""
    storage = _find(reference)
    if reading.is_s3(storage):
        reading.prepare(storage, READING_THREADS)
    return storage


def _find(reference: StorageReference) -> Any:
    import django

    django.setup()
    from django.apps import apps
    from django.core.files.storage import storages

    if isinstance(reference, StorageAlias):
        return storages[reference.alias]
    if isinstance(reference, PickledStorage):
        # Written by the main process of this run, whose pipe nobody else has.
        return pickle.loads(reference.content)  # noqa: S301
    model = apps.get_model(reference.app_label, reference.model_name)
    return model._meta.get_field(reference.field_name).storage
