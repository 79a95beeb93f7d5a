"""The sources of the site."""

from __future__ import annotations

from collections import defaultdict
from itertools import permutations
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, register
from django.db import models

from hashing.checks.messages import error, warning
from hashing.indexing.registration import MAX_ID, MAX_NAME
from hashing.sources.keys import key_field
from hashing.sources.registry import all_sources, registered_classes, source_labels
from hashing.sources.source import ImageSource, UnfitSource, find_file_field
from hashing.sources.storages import is_shared

KEYS = (models.IntegerField, models.UUIDField, models.CharField, models.TextField)
HINT = "Name file fields like 'blog.Photo.original'."


@register("hashing")
def check_sources(**_kwargs: Any) -> list[CheckMessage]:
    given = getattr(settings, "HASHING", {})
    listed = given.get("SOURCES", ()) if isinstance(given, dict) else ()
    # An iterator would be empty when it is read for the second time.
    if not isinstance(listed, list | tuple | set | frozenset) or not all(isinstance(each, str) for each in listed):
        return [error("E008", "HASHING['SOURCES'] must be a list of texts.", HINT)]
    sources = all_sources()
    return [
        *filter(None, map(_unfit, source_labels())),
        *filter(None, map(_unfit_keys, sources)),
        *filter(None, map(_hidden_storage, sources)),
        *filter(None, map(_long_texts, sources)),
        *_named_twice(list(listed)),
        *_nested(sources),
        *_rival_classes(),
    ]


def _unfit(label: str) -> CheckMessage | None:
    try:
        find_file_field(label)
    except UnfitSource as reason:
        return error("E009", f"A source is unfit. {reason}", HINT)
    return None


def _unfit_keys(source: ImageSource) -> CheckMessage | None:
    if isinstance(key_field(source.model), KEYS):
        return None
    message = f"The source {source.label} has rows whose keys are neither whole numbers, UUIDs nor texts."
    return error("E010", message, "Give the model another primary key.")


def _hidden_storage(source: ImageSource) -> CheckMessage | None:
    if is_shared(source.field.storage):
        return None
    message = f"The files of the source {source.label} are in a storage that other processes cannot see."
    return warning("W005", message, "Use a storage that all processes share, except in tests.")


def _long_texts(source: ImageSource) -> CheckMessage | None:
    """Warn of columns that hold more than those of an asset. Registering leaves out what does not fit."""
    key = key_field(source.model)
    for field, limit in ((source.field, MAX_NAME), (key, MAX_ID)):
        if field.max_length and field.max_length > limit:
            message = f"Rows of {source.label} whose {field.name!r} has more than {limit} characters are left out."
            return warning("W010", message, f"Set max_length to {limit} or less, or keep the texts shorter.")
    return None


def _named_twice(labels: list[str]) -> list[CheckMessage]:
    by_field: defaultdict[Any, list[str]] = defaultdict(list)
    for label in labels:
        try:
            by_field[find_file_field(label)].append(label)
        except UnfitSource:
            continue
    return [
        warning("W007", f"These sources are one and the same: {', '.join(same)}.", "Name it once.")
        for same in by_field.values()
        if len(same) > 1
    ]


def _nested(sources: tuple[ImageSource, ...]) -> list[CheckMessage]:
    return [
        warning(
            "W008",
            f"The rows of the source {child.label} are rows of {parent.label} as well.",
            "Name the parent for all rows, or its children for theirs.",
        )
        for parent, child in permutations(sources, 2)
        if parent.field is child.field and issubclass(child.model, parent.model)
    ]


def _rival_classes() -> list[CheckMessage]:
    return [
        warning(
            "W009",
            f"Several classes are registered for the source {label}, and the first is used: {', '.join(names)}.",
            "Register one class for each field.",
        )
        for label, names in registered_classes().items()
        if len(names) > 1
    ]
