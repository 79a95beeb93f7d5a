"""From a stored file's name to the job for whoever hashes it."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import SuspiciousOperation
from django.core.files.storage import Storage

from hashing.sources.storages import reference_to
from hashing.workers.worker import Job


def make_job(storage: Storage, pk: Any, name: str | None, *, local: bool) -> Job:
    """With a path where the storage is `local`: a worker then needs neither Django nor the site's settings."""
    if not name:
        return Job(pk, name)
    if not local:
        return Job(pk, name, storage=reference_to(storage))
    try:
        return Job(pk, name, path=storage.path(name))
    except (SuspiciousOperation, ValueError) as error:
        return Job(pk, name, refusal=f"{type(error).__name__}: {error}")
