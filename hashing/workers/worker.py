"""What happens in a worker process: from a stored file to its outcome. Nothing here touches the database."""

from __future__ import annotations

import os
import signal
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any, BinaryIO, NamedTuple

from PIL import Image
from threadpoolctl import threadpool_limits

from hashing.perceptual_hash import Fingerprint, compute_fingerprint
from hashing.pixels import open_regular_file


class Job(NamedTuple):
    """A file to hash: `path` where it is a plain local file, else it is opened by `name` through the storage.

    `refusal` is the error of a name that the storage will not have.
    """

    pk: Any
    name: str | None
    path: str | None = None
    refusal: str = ""


class Outcome(NamedTuple):
    """A file's fingerprint, or the error. `unread`: the storage did not give the file, so it was not looked at."""

    pk: Any
    name: str | None
    fingerprint: Fingerprint | None = None
    file_size: int | None = None
    error: str = ""
    unread: bool = False


class StorageField(NamedTuple):
    """Names the model field whose storage holds the files; a worker has the site's settings, and finds it there."""

    app_label: str
    model_name: str
    field_name: str


_storage: Any = None
_max_pixels = 0


def start_worker(field: StorageField | None, max_pixels: int) -> None:
    """Prepare this process. `field` is given when files are to be opened through a storage."""
    global _storage, _max_pixels
    _max_pixels = max_pixels
    if field is not None:
        _storage = _find_storage(field)
    # The pool ends a worker that hangs with SIGTERM; a Python handler would wait until the decoder returns.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # In this process our own limit is the only one, and nobody reads its warnings.
    Image.MAX_IMAGE_PIXELS = None
    warnings.simplefilter("ignore")
    threadpool_limits(1)
    _silence_decoders()


def hash_files(jobs: list[Job]) -> tuple[list[Outcome], float]:
    """The outcome of each job, and the seconds that all took."""
    started = time.perf_counter()
    return [hash_file(job) for job in jobs], time.perf_counter() - started


def hash_file(job: Job) -> Outcome:
    return hash_stored_file(job, _storage, _max_pixels)


def hash_stored_file(job: Job, storage: Any, max_pixels: int) -> Outcome:
    """In whatever process it is called: changes nothing outside itself. `storage` may be None for a job with a path."""
    if job.refusal or not job.name:
        return Outcome(job.pk, job.name, error=job.refusal or "ValueError: The row names no file")
    try:
        with _open(job, job.name, storage) as file:
            return _hash(job, file, max_pixels)
    except FileNotFoundError:
        return Outcome(job.pk, job.name, error=f"File not found at {job.name}", unread=True)
    # A storage raises what its client library raises.
    except (Exception, SystemExit) as error:
        reason = getattr(error, "strerror", None) or str(error)
        return Outcome(job.pk, job.name, error=f"{type(error).__name__}: {reason} at {job.name}", unread=True)


def _hash(job: Job, file: BinaryIO, max_pixels: int) -> Outcome:
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    try:
        return Outcome(job.pk, job.name, compute_fingerprint(file, max_pixels), size)
    except ValueError as error:
        return Outcome(job.pk, job.name, error=f"ValueError: {error}")


@contextmanager
def _open(job: Job, name: str, storage: Any) -> Iterator[BinaryIO]:
    if job.path is not None:
        with open_regular_file(job.path) as file:
            yield file
        return
    # Read at once: what the connection raises is told from what a decoder raises, and decoders may seek.
    with storage.open(name, "rb") as stored:
        content = stored.read()
    yield BytesIO(content)


def _find_storage(field: StorageField) -> Any:
    import django
    from django.apps import apps

    django.setup()
    return apps.get_model(field.app_label, field.model_name)._meta.get_field(field.field_name).storage


def _silence_decoders() -> None:
    """C libraries write to the terminal, past Python, and would tear the progress bar."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
