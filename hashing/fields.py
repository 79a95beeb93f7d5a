from __future__ import annotations

from typing import Any

from django.core.files.base import File
from django.db import models
from django.db.models.fields.files import ImageFieldFile


class UploadedImage(ImageFieldFile):
    """Tells its row about an upload: the storage may have given it the name of the file that it replaces."""

    def save(self, name: str, content: File[Any], save: bool = True) -> None:  # noqa: FBT001, FBT002
        row: Any = self.instance
        row.has_upload = True
        super().save(name, content, save)

    save.alters_data = True  # type: ignore[attr-defined]


class UploadedImageField(models.ImageField):
    """An `ImageField`, in the database and in migrations too, whose row learns of every upload."""

    attr_class = UploadedImage

    def deconstruct(self) -> Any:
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.ImageField", args, kwargs
