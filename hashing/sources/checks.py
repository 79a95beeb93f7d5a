"""System checks of the sources of the site."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, register
from django.core.files.storage import InMemoryStorage
from django.db import models

from hashing.sources.key_columns import key_field
from hashing.sources.registry import all_sources, source_labels
from hashing.sources.source import ImageSource, UnfitSource, find_file_field
from hashing.sources.storages import is_shared

KEYS = (models.IntegerField, models.UUIDField, models.CharField, models.TextField)
HINT = "Name file fields like 'blog.Photo.original'. See docs/sources.md."


@register("hashing")
def check_sources(**_kwargs: Any) -> list[CheckMessage]:
    given = getattr(settings, "HASHING", {})
    listed = given.get("SOURCES", ()) if isinstance(given, dict) else ()
    if isinstance(listed, str) or not isinstance(listed, Iterable) or not all(isinstance(each, str) for each in listed):
        return [Error("HASHING['SOURCES'] must be a list of texts.", hint=HINT, id="hashing.E008")]
    return [*filter(None, map(_unfit, source_labels())), *filter(None, map(_unfit_rows, all_sources()))]


def _unfit(label: str) -> CheckMessage | None:
    try:
        find_file_field(label)
    except UnfitSource as error:
        return Error(f"A source is unfit. {error}", hint=HINT, id="hashing.E009")
    return None


def _unfit_rows(source: ImageSource) -> CheckMessage | None:
    if not isinstance(key_field(source.model), KEYS):
        message = f"The source {source.label} has rows whose keys are neither whole numbers, UUIDs nor texts."
        return Error(message, hint="Give the model another primary key.", id="hashing.E010")
    if isinstance(source.field.storage, InMemoryStorage) or not is_shared(source.field.storage):
        message = f"The files of the source {source.label} are in a storage that other processes cannot see."
        hint = "Use a storage that all processes share, except in tests."
        return checks.Warning(message, hint=hint, id="hashing.W005")
    return None
