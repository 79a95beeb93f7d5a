from __future__ import annotations

from datetime import datetime, timedelta
from itertools import count

from django.utils import timezone

from hashing.models import BackfillRun, ImageAsset

HASHED = {"perceptual_hash": "0123456789abcdef"}
FAILED = {"hash_error": "ValueError: secret.jpg is empty"}
numbers = count()


def ago(seconds: float) -> datetime:
    return timezone.now() - timedelta(seconds=seconds)


def add_rows(number: int, **fields) -> list[ImageAsset]:
    """Add rows without files and without signals."""
    return ImageAsset.objects.bulk_create([ImageAsset(image=f"{next(numbers)}.jpg", **fields) for _ in range(number)])


def add_run(began: float = 100, beat: float = 1, ended: float | None = None, **fields) -> BackfillRun:
    """Add a run of which these moments were so many seconds ago."""
    known = {"worker": "secret:1", "model_label": "hashing.ImageAsset", "total": 500, "processed": 450, "failed": 50}
    times = {"started_at": ago(began), "heartbeat_at": ago(ended or beat), "ended_at": ended and ago(ended)}
    return BackfillRun.objects.create(**known | times | fields)
