"""What happens in a worker process: from a stored file to its outcome. Nothing here touches the database."""

from __future__ import annotations

import hashlib
import os
import signal
import time
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from io import BytesIO
from typing import Any, BinaryIO, NamedTuple

from hashing.fingerprint.fingerprint import Fingerprint
from hashing.fingerprint.limits import DEFAULT_MAX_BYTES, FileTooLarge, refuse_too_large
from hashing.perceptual_hash import compute_fingerprint
from hashing.workers.read_ahead import ReadAhead
from hashing.workers.reading import Reserve, read_stored_file
from hashing.workers.storages import StorageReference, open_storage

# Of the time limit of a chunk, for reading: the rest is there to say which of its files did not come.
SHARE_FOR_READING = 0.9
# Bytes read at a time for the digest.
DIGEST_CHUNK = 1 << 18


class Job(NamedTuple):
    """A file to hash: `path` where it is a plain local file, else it is opened by `name` through the storage.

    `storage` says in which storage that is. `refusal` is the error of a name that the storage will not have.
    """

    pk: Any
    name: str | None
    path: str | None = None
    refusal: str = ""
    storage: StorageReference | None = None


class Outcome(NamedTuple):
    """A file's fingerprint, or the error. `unread`: the storage did not give the file, so it was not looked at.

    `missing`: because there is no such file, as the storage says. `died`: the process died that had the file.
    `file_size` and `file_digest` (SHA-256, in hexadecimal) are those of every file that was read, and `declared_size`
    is the width and height in the header of one that could not be decoded.
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


_max_pixels = 0
_max_bytes = 0
_seconds_to_read = 0.0


def start_worker(storages: Sequence[StorageReference], max_pixels: int, max_bytes: int, seconds: float) -> None:
    """Prepare this process. `storages` are those that files are to be opened through, as far as they are known.

    `seconds` is the time limit of a chunk, which the pool enforces.
    """
    # Before the limit of threads, which only reaches what is loaded. The process that starts the workers needs neither.
    from threadpoolctl import threadpool_limits

    from hashing.fingerprint import compute  # noqa: F401

    global _max_pixels, _max_bytes, _seconds_to_read
    _max_pixels, _max_bytes, _seconds_to_read = max_pixels, max_bytes, seconds * SHARE_FOR_READING
    # Setting up Django takes longer than a file may.
    for reference in storages:
        open_storage(reference)
    # The pool ends a worker that hangs with SIGTERM; a Python handler would wait until the decoder returns.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # Nobody reads them in this process.
    warnings.simplefilter("ignore")
    threadpool_limits(1)
    _silence_decoders()


def hash_files(jobs: list[Job]) -> tuple[list[Outcome], float]:
    """The outcome of each job, in any order, and the seconds that all took."""
    started = time.perf_counter()
    outcomes = [hash_file(job) for job in jobs if job.storage is None]
    if stored := [job for job in jobs if job.storage is not None]:
        # Not in the threads that read, which would each make one.
        for reference in {job.storage for job in stored if job.storage}:
            open_storage(reference)
        outcomes += _hash_read_ahead(stored)
    return outcomes, time.perf_counter() - started


def hash_file(job: Job) -> Outcome:
    storage = None if job.storage is None else open_storage(job.storage)
    return hash_stored_file(job, storage, _max_pixels, _max_bytes)


def hash_stored_file(job: Job, storage: Any, max_pixels: int, max_bytes: int = DEFAULT_MAX_BYTES) -> Outcome:
    """In whatever process it is called: changes nothing outside itself. `storage` may be None for a job with a path."""
    return _hash_what_opens(job, _open(job, storage, max_bytes), max_pixels)


def _hash_read_ahead(jobs: list[Job]) -> Iterator[Outcome]:
    """Decoded one at a time, here: hostile pictures must not share the memory."""
    readable = [job for job in jobs if job.name]
    yield from (hash_file(job) for job in jobs if not job.name)
    for job, content in _read_ahead().contents(readable, _seconds_to_read):
        yield _hash_what_opens(job, _arrived(content), _max_pixels)


@cache
def _read_ahead() -> ReadAhead[Job]:
    return ReadAhead(_read)


def _read(job: Job, reserve: Reserve) -> bytes:
    storage = None if job.storage is None else open_storage(job.storage)
    return read_stored_file(storage, job.name or "", _max_bytes, reserve)


def _hash_what_opens(job: Job, opening: AbstractContextManager[BinaryIO], max_pixels: int) -> Outcome:
    if job.refusal or not job.name:
        return Outcome(job.pk, job.name, error=job.refusal or "ValueError: The row names no file")
    try:
        with opening as file:
            return _hash(job, file, max_pixels)
    except FileTooLarge as error:
        return Outcome(job.pk, job.name, error=f"ValueError: Failed to process image: {error}")
    except FileNotFoundError:
        return Outcome(job.pk, job.name, error=f"File not found at {job.name}", unread=True, missing=True)
    # A storage raises what its client library raises.
    except (Exception, SystemExit) as error:
        reason = getattr(error, "strerror", None) or str(error)
        return Outcome(job.pk, job.name, error=f"{type(error).__name__}: {reason} at {job.name}", unread=True)


def _hash(job: Job, file: BinaryIO, max_pixels: int) -> Outcome:
    from hashing.fingerprint.decoding import declared_size

    digest = _digest(file)
    read = Outcome(job.pk, job.name, file_size=file.tell(), file_digest=digest)
    file.seek(0)
    try:
        return read._replace(fingerprint=compute_fingerprint(file, max_pixels))
    except (ValueError, MemoryError) as error:
        return read._replace(error=f"{type(error).__name__}: {error}", declared_size=declared_size(file))


def _digest(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    while chunk := file.read(DIGEST_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


@contextmanager
def _open(job: Job, storage: Any, max_bytes: int) -> Iterator[BinaryIO]:
    from hashing.fingerprint.opening import open_regular_file

    if job.path is not None:
        with open_regular_file(job.path) as file:
            refuse_too_large(os.fstat(file.fileno()).st_size, max_bytes)
            yield file
        return
    # Read at once: what the connection raises is told from what a decoder raises, and decoders may seek.
    yield BytesIO(read_stored_file(storage, job.name or "", max_bytes))


@contextmanager
def _arrived(content: Future[bytes]) -> Iterator[BinaryIO]:
    yield BytesIO(content.result())


def _silence_decoders() -> None:
    """C libraries write to the terminal, past Python, and would tear the progress bar."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
