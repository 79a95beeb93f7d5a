"""Decisions in the admin's history, of each picture that they are about."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType

from hashing.models import ImageAsset


def record_decision(user_pk: Any, assets: Iterable[ImageAsset], message: str) -> None:
    """The same message for all of them."""
    kind = ContentType.objects.get_for_model(ImageAsset, for_concrete_model=False)
    LogEntry.objects.bulk_create(
        LogEntry(
            user_id=user_pk,
            content_type=kind,
            object_id=str(asset.pk),
            object_repr=str(asset)[:200],
            action_flag=CHANGE,
            change_message=message,
        )
        for asset in assets
    )
