"""A file field of a model of the site, whose files are in the index."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.core.files.storage import Storage
from django.db.models import DateTimeField, FileField, Model, QuerySet
from django.urls import NoReverseMatch, reverse

from hashing.db.paging import batches
from hashing.sources.keys import SourceKey

_admin_site: ContextVar[str | None] = ContextVar("hashing_admin_site", default=None)


@contextmanager
def links_within(site_name: str) -> Iterator[None]:
    """Let `ImageSource.url` lead to pages of the admin site with this name."""
    token = _admin_site.set(site_name)
    try:
        yield
    finally:
        _admin_site.reset(token)


@dataclass(frozen=True, slots=True)
class OwnedFile:
    """The file that a row of a source has now. `overwritten`: it was stored under the name of the former one."""

    source_id: str
    name: str
    storage: Storage
    age: datetime | None = None
    overwritten: bool = False


class UnfitSource(Exception):
    """A label that names no file field of an installed model."""


class ImageSource:
    """The rows of a model that own files of the index, with one file field.

    Override what is different for the model of a site, and register the class with `hashing.sources.register`.
    """

    def __init__(self, model: type[Model], field: FileField) -> None:
        self.model = model
        self.field = field

    # What a site may override.

    def rows(self) -> QuerySet[Any]:
        """Return the rows that take part: by default all, also those that a default manager hides."""
        return self.model._base_manager.all()

    def storage(self, row: Any) -> Storage:  # noqa: ARG002 - for subclasses
        """Return the storage that has the file of a row: by default that of the field."""
        return self.field.storage

    def url(self, row: Any) -> str | None:
        """Return where an editor changes the row: by default its page of the admin, or None if it has none."""
        from django.contrib.admin.utils import quote

        for meta in [self.model._meta, *(proxy._meta for proxy in _proxies(self.model))]:
            try:
                name = f"admin:{meta.app_label}_{meta.model_name}_change"
                return reverse(name, args=(quote(row.pk),), current_app=_admin_site.get())
            except NoReverseMatch:
                continue
        return None

    def age(self, row: Any) -> datetime | None:
        """Return when the row was made, which decides between equally good copies; None if nobody knows."""
        return getattr(row, self.age_field) if self.age_field else None

    def merge(self, keeper: Any, duplicate: Any, user: Any) -> None:  # noqa: ARG002 - for subclasses
        """Delete the row of a marked duplicate, after the confirmation and with permission, in a transaction.

        `keeper` is the row of the image that stays, or None if no row of the site owns that. A site may let what
        refers to `duplicate` refer to `keeper` first. What raises `ProtectedError` or `ValidationError` leaves the row.
        """
        duplicate.delete()

    # What the app asks for.

    @property
    def source_type(self) -> str:
        return self.model._meta.label

    @property
    def source_field(self) -> str:
        return self.field.name

    @property
    def label(self) -> str:
        return f"{self.source_type}.{self.source_field}"

    @property
    def storage_differs(self) -> bool:
        """Whether `storage` was overridden, so that rows have to be read to know where their files are."""
        return type(self).storage is not ImageSource.storage

    @property
    def needs_instances(self) -> bool:
        """Whether registering a row takes more than its key, the name of its file, and its age."""
        return self.storage_differs or type(self).age is not ImageSource.age

    @property
    def age_field(self) -> str | None:
        """The name of a field that says when a row was made, if the model has one."""
        for field in self.model._meta.concrete_fields:
            if isinstance(field, DateTimeField) and field.auto_now_add:
                return field.name
        return None

    def key_of(self, row: Model) -> SourceKey:
        return self.key(row.pk)

    def key(self, pk: Any) -> SourceKey:
        return SourceKey(self.source_type, str(pk), self.source_field)

    def parse_pk(self, source_id: str) -> Any:
        """Return the key of a row from its text, or None for text that is no key of this model."""
        try:
            return self.model._meta.pk.to_python(source_id)
        except ValidationError:
            return None

    def file_of(self, row: Any) -> OwnedFile:
        """Return the file that a row has now."""
        name = getattr(row, self.field.attname).name
        return OwnedFile(str(row.pk), name, self.storage(row), self.age(row))

    def rows_of(self, source_ids: Iterable[str], using: str) -> dict[str, Any]:
        """Return the rows with these keys, also those that do not take part, by the text of the key."""
        pks = {pk for pk in map(self.parse_pk, source_ids) if pk is not None}
        rows = self.model._base_manager.using(using)
        return {str(row.pk): row for batch in batches(pks) for row in rows.filter(pk__in=batch)}


def _proxies(model: type[Model]) -> list[type[Model]]:
    from django.apps import apps

    return [each for each in apps.get_models() if each._meta.proxy and each._meta.concrete_model is model]


def find_file_field(label: str) -> tuple[type[Model], FileField]:
    """Return the model and the field that a label like "blog.Photo.original" names. Raises `UnfitSource`."""
    from django.apps import apps

    try:
        app_label, model_name, field_name = label.split(".")
        model = apps.get_model(app_label, model_name)
    except (AttributeError, ValueError) as error:
        raise UnfitSource(f"{label!r} is not of the form 'app.Model.field'.") from error
    except LookupError as error:
        raise UnfitSource(f"{label!r}: {str(error).rstrip('.')}.") from error
    if model._meta.swapped:
        raise UnfitSource(f"{label!r}: the model is swapped for {model._meta.swapped!r}.")
    if model._meta.abstract or model._meta.app_label == "hashing":
        raise UnfitSource(f"{label!r}: the model has no rows that could own images.")
    try:
        field = model._meta.get_field(field_name)
    except FieldDoesNotExist as error:
        raise UnfitSource(f"{label!r}: the model has no field {field_name!r}.") from error
    if not isinstance(field, FileField):
        raise UnfitSource(f"{label!r} is no file field.")
    # A proxy stands for its model.
    return model._meta.concrete_model, field
