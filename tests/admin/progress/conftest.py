from __future__ import annotations

from datetime import datetime, timedelta
from itertools import count

from django.utils import timezone

from hashing.models import BackfillRun, ImageAsset
from tests.admin.conftest import address

HASH = "0123456789abcdef"
MARKUP = '"><script>alert(1)</script>'
FAILED = {"hash_error": "ValueError: Failed to process image: the file is empty"}
numbers = count()


def ago(seconds: float) -> datetime:
    return timezone.now() - timedelta(seconds=seconds)


def add_rows(number: int, **fields) -> list[ImageAsset]:
    return ImageAsset.objects.bulk_create([ImageAsset(image=f"{next(numbers)}.jpg", **fields) for _ in range(number)])


def add_run(begun: float = 100, beat: float = 1, ended: bool = False, **fields) -> BackfillRun:
    """Add a run that began, and last sent a heartbeat, these numbers of seconds ago."""
    known = {"worker": "machine:1", "model_label": "hashing.ImageAsset", "total": 2000, "processed": 500}
    heartbeat = ago(beat)
    started = heartbeat - timedelta(seconds=begun - beat)
    times = {"started_at": started, "heartbeat_at": heartbeat, "ended_at": heartbeat if ended else None}
    return BackfillRun.objects.create(**known | times | fields)


def page(client):
    return client.get(address("progress"))


def progress(client):
    return page(client).context["status"]
