from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import cache
from typing import TypeVar

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.db.models import FileField, Model

from hashing.conf import configured_values
from hashing.sources.keys import SourceKey
from hashing.sources.source import ImageSource


class UnknownSource(ValueError):
    """The site has no such source."""

    def __init__(self, problem: str) -> None:
        known = ", ".join(source.label for source in all_sources()) or "none"
        super().__init__(f"{problem} The sources of this site: {known}.")


class UnfitSource(Exception):
    """A label that names no file field of an installed model."""


C = TypeVar("C", bound=type[ImageSource])

_classes: dict[str, type[ImageSource]] = {}


def register(*labels: str) -> Callable[[C], C]:
    """Register an `ImageSource` class for file fields, each named like "blog.Photo.original".

    For the module `image_sources` of an app, which is imported when the site starts:

        @register("blog.Photo.original")
        class PhotoSource(ImageSource): ...
    """

    def add(source_class: C) -> C:
        _classes.update(dict.fromkeys(labels, source_class))
        forget_sources()
        return source_class

    return add


def unregister(*labels: str) -> None:
    for label in labels:
        _classes.pop(label, None)
    forget_sources()


def source_labels() -> list[str]:
    """Return the labels in `HASHING["SOURCES"]` and of registered classes, also unfit ones."""
    listed = configured_values().get("SOURCES", ())
    # The system check reports other values.
    texts = [label for label in listed if isinstance(label, str)] if isinstance(listed, Iterable) else []
    return list(dict.fromkeys([*texts, *_classes]))


def registered_classes() -> dict[str, list[str]]:
    """Return the names of the classes for each source: several if one field was registered under several labels."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for label, (model, field) in fit_fields(_classes):
        name = f"{_classes[label].__module__}.{_classes[label].__qualname__}"
        names = found[f"{model._meta.label}.{field.name}"]
        if name not in names:
            names.append(name)
    return dict(found)


@cache
def all_sources() -> tuple[ImageSource, ...]:
    """Return the sources of the site, without those that the system check reports as unfit."""
    found: dict[str, ImageSource] = {}
    for label, _field in fit_fields(source_labels()):
        source = make_source(label)
        found.setdefault(source.label, source)
    return tuple(found.values())


def group_by_source(keys: Iterable[SourceKey]) -> Iterator[tuple[ImageSource, list[SourceKey]]]:
    """Yield each source with its keys. Keys whose source is gone are left out."""
    by_label: defaultdict[str, list[SourceKey]] = defaultdict(list)
    for key in keys:
        by_label[key.source_label].append(key)
    for label, of_source in by_label.items():
        if source := source_by_label(label):
            yield source, of_source


def find_sources(label: str) -> list[ImageSource]:
    """Return the sources that a label names: one with "blog.Photo.original", all of a model with "blog.Photo".

    Raise `UnknownSource`.
    """
    wanted = label.lower()
    found = [each for each in all_sources() if wanted in (each.label.lower(), each.source_type.lower())]
    if not found:
        raise UnknownSource(f"There is no source {label!r}.")
    return found


def source_of_field(model: type[Model], field_name: str) -> ImageSource | None:
    """Return the source for a field of a model, if there is one."""
    for source in all_sources():
        if source.field.model is model and source.field.name == field_name:
            return source
    return None


def sources_of_model(model: type[Model]) -> list[ImageSource]:
    """Return the sources whose files may change when an instance of this model is saved or deleted.

    The model may be that of the source, a proxy or child of it, or the parent that has the file field.
    """
    return [source for source in all_sources() if issubclass(model, source.field.model)]


def forget_sources() -> None:
    """Clear the caches, so that the settings are read again."""
    all_sources.cache_clear()
    source_by_label.cache_clear()


@cache
def source_by_label(label: str) -> ImageSource | None:
    """Return a source, also one that was taken out of the settings, as long as its field exists."""
    for source in all_sources():
        if source.label == label:
            return source
    try:
        return make_source(label)
    except UnfitSource:
        return None


def make_source(label: str) -> ImageSource:
    """Return the source of a label, of the class that was registered for it. Raise `UnfitSource`."""
    model, field = find_file_field(label)
    registered = [_classes[other] for other, found in fit_fields(_classes) if found == (model, field)]
    return (registered or [ImageSource])[0](model, field)


def fit_fields(labels: Iterable[str]) -> Iterator[tuple[str, tuple[type[Model], FileField]]]:
    """Yield each label with its model and field, without unfit labels."""
    for label in labels:
        with suppress(UnfitSource):
            yield label, find_file_field(label)


def find_file_field(label: str) -> tuple[type[Model], FileField]:
    """Return the model and the field that a label like "blog.Photo.original" names. Raise `UnfitSource`."""
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
        raise UnfitSource(f"{label!r} is not a file field.")
    # A proxy stands for its model.
    return model._meta.concrete_model, field
