from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.apps import apps
from django.core.exceptions import ValidationError
from django.core.files.storage import Storage
from django.db import router
from django.db.models import DateTimeField, FileField, Model, Q, QuerySet
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
    """The current file of a row. `overwritten`: it has replaced another file of the same name."""

    source_id: str
    name: str
    storage: Storage
    age: datetime | None = None
    overwritten: bool = False


class ImageSource:
    """A file field of a model of the site, whose files are in the index.

    Subclass it where a model differs from the defaults, and register the class with `hashing.sources.register`.
    """

    def __init__(self, model: type[Model], field: FileField) -> None:
        self.model = model
        self.field = field

    # For subclasses to override.

    def rows(self) -> QuerySet[Any]:
        """Return the rows that take part: by default all, also those that a default manager hides."""
        return self.model._base_manager.all()

    def storage(self, row: Any) -> Storage:  # noqa: ARG002 - for subclasses
        """Return the storage that has the file of a row: by default that of the field."""
        return self.field.storage

    def url(self, row: Any) -> str | None:
        """Return the address where an editor changes the row: by default its page in the admin, or None."""
        # Most processes have no use for the admin and do not import it.
        from django.contrib.admin.utils import quote

        proxies = [each for each in apps.get_models() if each._meta.proxy and each._meta.concrete_model is self.model]
        for meta in (each._meta for each in [self.model, *proxies]):
            try:
                name = f"admin:{meta.app_label}_{meta.model_name}_change"
                return reverse(name, args=(quote(row.pk),), current_app=_admin_site.get())
            except NoReverseMatch:
                continue
        return None

    def age(self, row: Any) -> datetime | None:
        """Return when the row was created, which decides between equally good copies, or None if unknown."""
        return getattr(row, self.age_field) if self.age_field else None

    def merge(self, keeper: Any, duplicate: Any, user: Any) -> None:  # noqa: ARG002 - for subclasses
        """Delete the row of a marked duplicate, in a transaction, after the user was authorized and has confirmed.

        `keeper` is the row of the image that stays, or None if no row of the site owns it. An override may first point
        references to `duplicate` at `keeper`. The row stays if `ProtectedError` or `ValidationError` is raised.
        """
        duplicate.delete()

    # For the app to call.

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
    def owner_filter(self) -> Q:
        """A filter of the assets, or co-owners, that belong to rows of this source."""
        return Q(source_type=self.source_type, source_field=self.source_field)

    @property
    def storage_differs(self) -> bool:
        """Whether a row must be read to know which storage has its file."""
        return type(self).storage is not ImageSource.storage

    @property
    def needs_instances(self) -> bool:
        """Whether registering a row takes more than its key, the name of its file, and its age."""
        return self.storage_differs or type(self).age is not ImageSource.age

    @property
    def age_field(self) -> str | None:
        """The name of the field that is set when a row is created (`auto_now_add`), if the model has one."""
        for field in self.model._meta.concrete_fields:
            if isinstance(field, DateTimeField) and field.auto_now_add:
                return field.name
        return None

    def database(self, asset_database: str) -> str:
        """Return the database of the rows: that of the assets, unless a router separates them."""
        if router.allow_migrate_model(asset_database, self.model):
            return asset_database
        return router.db_for_write(self.model)

    def pk_of(self, row: Model) -> Any:
        """Return the key of the source's row, given an instance of its model or of a child, proxy or parent of it."""
        return getattr(row, self.model._meta.pk.attname) if isinstance(row, self.model) else row.pk

    def key_of(self, row: Model) -> SourceKey:
        return SourceKey(self.source_type, str(self.pk_of(row)), self.source_field)

    def parse_pk(self, source_id: str) -> Any:
        """Return the key of a row from its text, or None if the text is not a key of this model."""
        try:
            return self.model._meta.pk.to_python(source_id)
        except ValidationError:
            return None

    def file_of(self, row: Any) -> OwnedFile:
        return OwnedFile(str(row.pk), getattr(row, self.field.attname).name, self.storage(row), self.age(row))

    def rows_by_id(self, source_ids: Iterable[str], using: str) -> dict[str, Any]:
        """Return rows by the text of their keys, including those that do not take part."""
        pks = {pk for pk in map(self.parse_pk, source_ids) if pk is not None}
        rows = self.model._base_manager.using(using)
        return {str(row.pk): row for batch in batches(pks) for row in rows.filter(pk__in=batch)}

    def rows_by_key(self, keys: Collection[SourceKey], asset_database: str) -> dict[SourceKey, Any]:
        rows = self.rows_by_id((key.source_id for key in keys), self.database(asset_database))
        return {key: rows[key.source_id] for key in keys if key.source_id in rows}
