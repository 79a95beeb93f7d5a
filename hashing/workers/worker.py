"""The work of a worker process: from a stored file to its outcome, without a database."""

from __future__ import annotations

import hashlib
import os
import signal
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager
from functools import cache, partial
from io import BytesIO
from typing import Any, BinaryIO, NamedTuple, TypeVar

# Not from modules that import Pillow: the pool reads outcomes in a thread that must not wait for imports.
from hashing.fingerprint.fingerprint import FileDetails, Fingerprint
from hashing.fingerprint.limits import DEFAULT_MAX_BYTES, DecodingLimit, FileTooLarge, check_file_size
from hashing.workers.memory import limit_memory, out_of_memory, used_memory
from hashing.workers.read_ahead import ReadAhead, Reserve
from hashing.workers.storages import StorageReference, open_storage, read_stored_file

T = TypeVar("T")

# Share of the time limit of a chunk. The rest is for reporting the files that did not arrive.
READING_SHARE = 0.9
# What the error of a file begins with that its storage does not have.
FILE_NOT_FOUND = "File not found at"
# Bytes read at a time for the digest.
DIGEST_CHUNK = 1 << 18


class Job(NamedTuple):
    """A file to hash: at `path` if it is a plain local file, otherwise `name` in the `storage`.

    `refusal` is the error if the storage refuses the name.
    """

    pk: Any
    name: str | None
    path: str | None = None
    refusal: str = ""
    storage: StorageReference | None = None


class Outcome(NamedTuple):
    """The fingerprint and the details of a file, or the error.

    `unread`: the storage could not read the file, so nothing is known about its content. `missing`: unread because
    the storage has no such file. `died`: the worker process died. `file_size` and `file_digest` (SHA-256, in
    hexadecimal) are set for every file that was read, `declared_size` is the width and height in the header of one that
    cannot be decoded.
    `deferred` says why the file is left to a backfill: it is too much for the limits of a page.
    """

    pk: Any
    name: str | None
    fingerprint: Fingerprint | None = None
    file_size: int | None = None
    error: str = ""
    unread: bool = False
    missing: bool = False
    died: bool = False
    file_digest: str | None = None
    declared_size: tuple[int, int] | None = None
    deferred: str = ""
    details: FileDetails | None = None


# Set once in each worker process.
_max_pixels = 0
_max_bytes = 0
_seconds_to_read = 0.0
_max_memory = 0  # no limit


def start_worker(
    storages: Sequence[StorageReference], max_pixels: int, max_bytes: int, seconds: float, max_memory: int | None = None
) -> None:
    """Prepare this process. `storages` are those known to hold files; `seconds` is the time limit of a chunk."""
    # Imported only in workers, and before threadpool_limits(), which affects only loaded libraries.
    from PIL import Image
    from threadpoolctl import threadpool_limits

    from hashing.fingerprint import compute  # noqa: F401

    global _max_pixels, _max_bytes, _seconds_to_read, _max_memory
    _max_pixels, _max_bytes = max_pixels, max_bytes
    _seconds_to_read, _max_memory = seconds * READING_SHARE, max_memory or 0
    # Opened now: setting up Django may take longer than the time limit of a file.
    for reference in storages:
        open_storage(reference)
    # Some decoders of Pillow compare with this limit, whatever `max_pixels` is.
    Image.MAX_IMAGE_PIXELS = None
    # The pool stops a hanging worker with SIGTERM. A Python handler would wait for the decoder.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    warnings.simplefilter("ignore")
    threadpool_limits(1)
    # C libraries write to the terminal, bypassing Python, and would tear the progress bar.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
    limit_memory(max_memory, used_memory())


def hash_files(jobs: list[Job]) -> tuple[list[Outcome], float]:
    """Return the outcome of each job, in any order, and the seconds that all took."""
    started = time.perf_counter()
    outcomes = [hash_file(job) for job in jobs if job.storage is None]
    if stored := [job for job in jobs if job.storage is not None]:
        # Before the threads read: each of them would open a storage of its own.
        for reference in {job.storage for job in stored if job.storage}:
            open_storage(reference)
        outcomes += hash_while_reading(stored)
    return outcomes, time.perf_counter() - started


def hash_file(job: Job) -> Outcome:
    storage = None if job.storage is None else open_storage(job.storage)
    return hash_stored_file(job, storage, _max_pixels, _max_bytes)


def hash_stored_file(job: Job, storage: Any, max_pixels: int, max_bytes: int = DEFAULT_MAX_BYTES) -> Outcome:
    """Hash a file in any process, without changing the process. `storage` may be None for a job with a path."""
    return hash_opening(job, open_file(job, storage, max_bytes), partial(hash_content, job, max_pixels=max_pixels))


def hash_while_reading(jobs: list[Job]) -> Iterator[Outcome]:
    """Read in threads, but decode in this one alone: two malicious pictures must not be in memory at once."""
    yield from (hash_file(job) for job in jobs if not job.name)
    for job, content in reader().contents([job for job in jobs if job.name], _seconds_to_read):
        yield hash_opening(job, open_content(content), partial(hash_content, job, max_pixels=_max_pixels))


@cache
def reader() -> ReadAhead[Job]:
    def read(job: Job, reserve: Reserve) -> bytes:
        storage = None if job.storage is None else open_storage(job.storage)
        return read_stored_file(storage, job.name or "", _max_bytes, reserve)

    return ReadAhead(read)


@contextmanager
def open_file(job: Job, storage: Any, max_bytes: int) -> Iterator[BinaryIO]:
    # Django starts faster without Pillow.
    from hashing.fingerprint.opening import open_regular_file

    if job.path is not None:
        with open_regular_file(job.path) as file:
            check_file_size(os.fstat(file.fileno()).st_size, max_bytes)
            yield file
        return
    # Read at once, to distinguish errors of the connection from those of a decoder, which may also seek.
    yield BytesIO(read_stored_file(storage, job.name or "", max_bytes))


@contextmanager
def open_content(content: Future[bytes]) -> Iterator[BinaryIO]:
    yield BytesIO(content.result())


def hash_opening(job: Job, opening: AbstractContextManager[T], hash_opened: Callable[[T], Outcome]) -> Outcome:
    """Hash what `opening` opens, and return any error as the outcome, except `DecodingLimit`."""
    if job.refusal or not job.name:
        return Outcome(job.pk, job.name, error=job.refusal or "ValueError: The row names no file")
    try:
        with opening as opened:
            return hash_opened(opened)
    except DecodingLimit:
        raise
    except FileTooLarge as error:
        return Outcome(job.pk, job.name, error=f"ValueError: Failed to process image: {error}")
    except FileNotFoundError:
        return Outcome(job.pk, job.name, error=f"{FILE_NOT_FOUND} {job.name}", unread=True, missing=True)
    # A storage may raise any error of its client library.
    except (Exception, SystemExit) as error:
        reason = getattr(error, "strerror", None) or str(error)
        return Outcome(job.pk, job.name, error=f"{type(error).__name__}: {reason} at {job.name}", unread=True)


def hash_content(job: Job, file: BinaryIO, max_pixels: int) -> Outcome:
    read = digest_content(job, file)
    try:
        return hash_picture(read, file, max_pixels)
    except ValueError as error:
        return describe_failure(read, file, error)
    except MemoryError:
        text = f"Failed to process image: {out_of_memory(_max_memory or None)}"
        # A setting has refused the file, like MAX_PIXELS. Without a limit, the machine had too little memory.
        refusal = ValueError(f"{text} (MAX_MEMORY)") if _max_memory else MemoryError(text)
        return describe_failure(read, file, refusal)


def hash_picture(read: Outcome, file: BinaryIO, max_pixels: int) -> Outcome:
    """Return the outcome with the fingerprint and the details. Raise the errors of `compute_fingerprint`."""
    from hashing.fingerprint.compute import hash_image_file

    return read._replace(**hash_image_file(file, max_pixels)._asdict())


def digest_content(job: Job, file: BinaryIO) -> Outcome:
    """Return an outcome with the size and the digest. The file is at its start afterwards."""
    digest = hashlib.sha256()
    while chunk := file.read(DIGEST_CHUNK):
        digest.update(chunk)
    read = Outcome(job.pk, job.name, file_size=file.tell(), file_digest=digest.hexdigest())
    file.seek(0)
    return read


def describe_failure(read: Outcome, file: BinaryIO, error: Exception) -> Outcome:
    from hashing.fingerprint.decoding import declared_size

    return read._replace(error=f"{type(error).__name__}: {error}", declared_size=declared_size(file))
