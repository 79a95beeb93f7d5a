from __future__ import annotations

from typing import Any

from django.core.files.base import File
from django.core.files.storage import Storage
from django.db import models, router
from django.db.models.fields.files import ImageFieldFile

from hashing.sources.storages import find_storage


class AssetImage(ImageFieldFile):
    """The file of an asset, in the storage of the row that owns it."""

    _storage: Storage | None = None

    @property
    def storage(self) -> Storage:
        """The storage that has the file. Raises `UnknownStorage` when the row that owned it is gone."""
        if self._storage is None:
            asset: Any = self.instance
            using = asset._state.db or router.db_for_read(type(asset), instance=asset)
            self._storage = find_storage(asset.source_key, using)
        return self._storage

    @storage.setter
    def storage(self, _of_field: Storage) -> None:
        """Ignore the storage of the field, which Django sets."""

    def save(self, name: str, content: File[Any], save: bool = True) -> None:  # noqa: FBT001, FBT002
        """Store an upload, and note it on the row: a storage may give it the name of the file that it replaces."""
        row: Any = self.instance
        row.has_upload = True
        super().save(name, content, save)

    save.alters_data = True  # type: ignore[attr-defined]


class AssetImageField(models.ImageField):
    """An `ImageField`, in the database and in migrations too, whose files may be in storages of the site's models."""

    attr_class = AssetImage

    def deconstruct(self) -> Any:
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.ImageField", args, kwargs
