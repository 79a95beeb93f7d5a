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
# Encrypted file systems allow 143 bytes; a storage appends 8 to a name that exists.
MAX_NAME_BYTES = 135
MAX_SUFFIX_BYTES = 16
DEFAULT_STEM = "image"
WINDOWS_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)", re.IGNORECASE)


def upload_path(_instance: Any, filename: str) -> str:
    """Return a path for an upload that is valid on every file system."""
    return timezone.now().strftime(FOLDER) + valid_name(filename.replace("\\", "/").rpartition("/")[2])


def valid_name(name: str) -> str:
    try:
        name = get_valid_filename(name)
    except SuspiciousFileOperation:
        return DEFAULT_STEM
    stem, dot, suffix = name.rpartition(".") if "." in name else (name, "", "")
    # Without a stem, the file would be hidden, and a storage would append to the suffix.
    stem = stem.strip(".") or DEFAULT_STEM
    if WINDOWS_DEVICE.match(stem):
        stem = f"{DEFAULT_STEM}-{stem}"
    ending = truncated(dot + suffix, MAX_SUFFIX_BYTES) if suffix else ""
    return truncated(stem, MAX_NAME_BYTES - len(ending.encode())) + ending


def is_upload(file: Any) -> bool:
    """Whether the value of a file field was assigned, and is not stored yet."""
    # Django has no public name for this attribute, by which FileField.pre_save decides whether to store the file.
    return not getattr(file, "_committed", False)


class AssetImage(ImageFieldFile):
    """The file of an asset, in the storage of its owner."""

    _storage: Storage | None = None

    @property
    def storage(self) -> Storage:
        """The storage of the file. Raise `UnknownStorage` if its owner no longer exists."""
        if self._storage is None:
            asset: Any = self.instance
            using = asset._state.db or router.db_for_read(type(asset), instance=asset)
            self._storage = find_storage(asset.source_key, using)
        return self._storage

    @storage.setter
    def storage(self, _of_field: Storage) -> None:
        """Ignore the storage of the field, which Django assigns."""

    def save(self, name: str, content: File[Any], save: bool = True) -> None:  # noqa: FBT001, FBT002
        """Extend Django's method: mark the row, because the name may be that of the file that is replaced."""
        row: Any = self.instance
        row.has_upload = True
        super().save(name, content, save)

    save.alters_data = True  # type: ignore[attr-defined]


class AssetImageField(models.ImageField):
    """An `ImageField` whose files may be in the storages of the site's models. In migrations, it is an `ImageField`."""

    # Not documented; Django's own fields for files name the class of their values in this way.
    attr_class = AssetImage

    def deconstruct(self) -> Any:
        name, _path, args, kwargs = super().deconstruct()
        # The database does not know the folder, so that a migration need not import it.
        return name, "django.db.models.ImageField", args, kwargs | {"upload_to": ""}
