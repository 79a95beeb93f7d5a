from __future__ import annotations

import re
from typing import Any

from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import File
from django.core.files.storage import Storage
from django.db import models, router
from django.db.models.fields.files import ImageFieldFile
from django.utils import timezone
from django.utils.text import get_valid_filename

from hashing.sources.storages import find_storage
from hashing.text import truncated

FOLDER = "images/%Y/%m/"
# Encrypted file systems take 143 bytes; a storage adds 8 to a name that is taken.
MAX_NAME_BYTES = 135
MAX_SUFFIX_BYTES = 16
DEFAULT_STEM = "image"
_WINDOWS_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)", re.IGNORECASE)


def upload_path(_instance: Any, filename: str) -> str:
    """Return a path that every file system takes, for `ImageAsset.image`, whatever the file was called."""
    return timezone.now().strftime(FOLDER) + _valid_name(filename.replace("\\", "/").rpartition("/")[2])


def _valid_name(name: str) -> str:
    try:
        name = get_valid_filename(name)
    except SuspiciousFileOperation:
        return DEFAULT_STEM
    stem, dot, suffix = name.rpartition(".") if "." in name else (name, "", "")
    # Without a stem, the file would be hidden, and a storage would add its digits to the suffix.
    stem = stem.strip(".") or DEFAULT_STEM
    if _WINDOWS_DEVICE.match(stem):
        stem = f"{DEFAULT_STEM}-{stem}"
    ending = truncated(dot + suffix, MAX_SUFFIX_BYTES) if suffix else ""
    return truncated(stem, MAX_NAME_BYTES - len(ending.encode())) + ending


def is_upload(file: Any) -> bool:
    """Whether the value of a file field was assigned, and is not stored yet."""
    # Django has no public name for this attribute, by which FileField.pre_save decides whether to store the file.
    return not getattr(file, "_committed", False)


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
