# ruff: noqa: DJ008 - nobody reads their names
"""Models with image files as sites have them. No migrations: their tables are made with the database of the tests."""

from __future__ import annotations

import uuid
from typing import Any

from django.core.files.storage import FileSystemStorage
from django.db import models
from django.utils.text import slugify


def album_path(photo: Any, filename: str) -> str:
    return f"albums/{slugify(photo.title) or 'untitled'}/{filename}"


# Tests give it a folder of their own.
archive = FileSystemStorage(location="archive", base_url="/archive/")


class Published(models.Manager[Any]):
    def get_queryset(self) -> Any:
        return super().get_queryset().filter(deleted=False)


class Photo(models.Model):
    """A UUID for a key, a default manager that hides rows, a path of its own, and dimension fields."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    title = models.CharField(max_length=100, blank=True)
    original = models.ImageField(upload_to=album_path, width_field="width", height_field="height", blank=True)
    width = models.PositiveIntegerField(null=True, blank=True, editable=False)
    height = models.PositiveIntegerField(null=True, blank=True, editable=False)
    deleted = models.BooleanField(default=False)
    created = models.DateTimeField(auto_now_add=True)

    objects = Published()


class Comment(models.Model):
    """Goes with its photo."""

    photo = models.ForeignKey(Photo, models.CASCADE)


class Order(models.Model):
    """Protects its photo."""

    photo = models.ForeignKey(Photo, models.PROTECT)


class Product(models.Model):
    """A text for a key, and two file fields, one of which may be null."""

    sku = models.CharField(max_length=40, primary_key=True)
    front = models.ImageField(upload_to="products")
    back = models.FileField(upload_to="products", null=True, blank=True)


class Picture(models.Model):
    image = models.ImageField(upload_to="pictures")


class PictureProxy(Picture):
    class Meta:
        proxy = True


class Poster(Picture):
    """A child by multi-table inheritance."""

    format = models.CharField(max_length=10, default="A1")


class Scan(models.Model):
    """Files in two storages: those of archived rows are elsewhere."""

    file = models.ImageField(upload_to="scans", storage=archive)
    archived = models.BooleanField(default=True)
