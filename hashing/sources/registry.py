"""The sources of the site: those of `HASHING["SOURCES"]`, and those whose classes are registered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import cache
from typing import TypeVar

from django.conf import settings
from django.db.models import FileField, Model

from hashing.sources.keys import SourceKey
from hashing.sources.source import ImageSource, UnfitSource, find_file_field


class UnknownSource(ValueError):
    """A label that is no source of the site."""


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
    """Return the labels of the settings and of registered classes, fit or not."""
    given = getattr(settings, "HASHING", {})
    listed = given.get("SOURCES", ()) if isinstance(given, dict) else ()
    # What is wrong with other values is for the system check to say.
    texts = [label for label in listed if isinstance(label, str)] if isinstance(listed, Iterable) else []
    return list(dict.fromkeys([*texts, *_classes]))


def registered_classes() -> dict[str, list[str]]:
    """Return the names of the classes for each source: several where labels of one field were registered apart."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for label, source_class in _classes.items():
        try:
            model, field = find_file_field(label)
        except UnfitSource:
            continue
        name = f"{source_class.__module__}.{source_class.__qualname__}"
        names = found[f"{model._meta.label}.{field.name}"]
        if name not in names:
            names.append(name)
    return dict(found)


@cache
def all_sources() -> tuple[ImageSource, ...]:
    """Return the sources of the site, without those that the system check complains about."""
    found: dict[str, ImageSource] = {}
    for label in source_labels():
        try:
            source = _make_source(label)
        except UnfitSource:
            continue
        found.setdefault(source.label, source)
    return tuple(found.values())


def find_source(key: SourceKey) -> ImageSource | None:
    """Return the source of an asset, also one that is no longer registered, as long as its field is there."""
    return _source_by_label(key.source_label)


def find_sources(label: str) -> list[ImageSource]:
    """Return the sources that a label names: one with "blog.Photo.original", all of a model with "blog.Photo".

    Raises `UnknownSource`.
    """
    wanted = label.lower()
    found = [each for each in all_sources() if wanted in (each.label.lower(), each.source_type.lower())]
    if not found:
        known = ", ".join(each.label for each in all_sources()) or "none"
        raise UnknownSource(f"There is no source {label!r}. The sources of this site: {known}.")
    return found


def source_of_field(model: type[Model], field_name: str) -> ImageSource | None:
    """Return the source whose files this column of a model names, if it is one."""
    for source in all_sources():
        if source.field.model is model and source.field.name == field_name:
            return source
    return None


def sources_of_model(model: type[Model]) -> list[ImageSource]:
    """Return the sources whose files may change when an instance of this model is saved or deleted.

    Besides the model of the source these are its proxies, its children, and the parent that has the file field.
    """
    return [source for source in all_sources() if issubclass(model, source.field.model)]


def forget_sources() -> None:
    """Read the settings again when sources are next asked for."""
    all_sources.cache_clear()
    _source_by_label.cache_clear()


@cache
def _source_by_label(label: str) -> ImageSource | None:
    for source in all_sources():
        if source.label == label:
            return source
    try:
        return _make_source(label)
    except UnfitSource:
        return None


def _make_source(label: str) -> ImageSource:
    model, field = find_file_field(label)
    return _class_of(model, field)(model, field)


def _class_of(model: type[Model], field: FileField) -> type[ImageSource]:
    for label, source_class in _classes.items():
        try:
            if find_file_field(label) == (model, field):
                return source_class
        except UnfitSource:
            continue
    return ImageSource
