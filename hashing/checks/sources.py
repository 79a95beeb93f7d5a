from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import permutations
from typing import Any

from django.core.checks import CheckMessage, register
from django.db import models

from hashing.checks.messages import error, warning
from hashing.conf import configured_values
from hashing.indexing.registration import MAX_KEY_LENGTH, MAX_NAME_LENGTH
from hashing.sources.keys import key_field
from hashing.sources.registry import (
    UnfitSource,
    all_sources,
    find_file_field,
    fit_fields,
    registered_classes,
    source_labels,
)
from hashing.sources.source import ImageSource
from hashing.sources.storages import is_shared

SUPPORTED_KEYS = (models.IntegerField, models.UUIDField, models.CharField, models.TextField)
LABEL_HINT = "Name file fields like 'blog.Photo.original'."


@register("hashing")
def check_sources(**_kwargs: Any) -> list[CheckMessage]:
    listed = configured_values().get("SOURCES", ())
    # An iterator would be empty when it is read for the second time.
    if not isinstance(listed, list | tuple | set | frozenset) or not all(isinstance(each, str) for each in listed):
        return [error("E008", "HASHING['SOURCES'] must be a list of texts.", LABEL_HINT)]
    sources = all_sources()
    return [
        *unfit_labels(source_labels()),
        *(message for source in sources for message in source_problems(source)),
        *repeated_labels(listed),
        *nested_sources(sources),
        *rival_classes(),
    ]


def unfit_labels(labels: Iterable[str]) -> Iterator[CheckMessage]:
    for label in labels:
        try:
            find_file_field(label)
        except UnfitSource as reason:
            yield error("E009", f"A source is unfit. {reason}", LABEL_HINT)


def source_problems(source: ImageSource) -> Iterator[CheckMessage]:
    key = key_field(source.model)
    if not isinstance(key, SUPPORTED_KEYS):
        message = f"The source {source.label} has rows whose keys are neither whole numbers, UUIDs nor texts."
        yield error("E010", message, "Give the model another primary key.")
    if not is_shared(source.field.storage):
        message = f"The files of the source {source.label} are in a storage that other processes cannot see."
        yield warning("W005", message, "Use a storage that all processes share, except in tests.")
    for field, limit in ((source.field, MAX_NAME_LENGTH), (key, MAX_KEY_LENGTH)):
        if field.max_length and field.max_length > limit:
            message = f"Rows of {source.label} whose {field.name!r} has more than {limit} characters are left out."
            yield warning("W010", message, f"Set max_length to {limit} or less, or keep the texts shorter.")


def repeated_labels(labels: Iterable[str]) -> Iterator[CheckMessage]:
    by_field: defaultdict[Any, list[str]] = defaultdict(list)
    for label, found in fit_fields(labels):
        by_field[found].append(label)
    for same in by_field.values():
        if len(same) > 1:
            yield warning("W007", f"These sources are one and the same: {', '.join(same)}.", "Name it once.")


def nested_sources(sources: Iterable[ImageSource]) -> Iterator[CheckMessage]:
    for parent, child in permutations(sources, 2):
        if parent.field is child.field and issubclass(child.model, parent.model):
            message = f"The rows of the source {child.label} are rows of {parent.label} as well."
            yield warning("W008", message, "Name the parent for all rows, or its children for theirs.")


def rival_classes() -> Iterator[CheckMessage]:
    for label, names in registered_classes().items():
        if len(names) > 1:
            message = (
                f"Several classes are registered for the source {label}, and the first is used: {', '.join(names)}."
            )
            yield warning("W009", message, "Register one class for each field.")
